"""How long people speak in a hall, and what its mixer has on which channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from avctl.config.section import Channel, Identifier, Section
from avctl.model.booking import Kind


class FloorRules(Section):
    """How long people may speak."""

    speaking_limit: float = Field(0, ge=0, le=86400, description="Seconds one may speak; 0: no limit.")
    speaking_limits: Mapping[Kind, Annotated[float, Field(ge=0, le=86400)]] = Field(
        default_factory=dict, description="The same for kinds of sessions that differ."
    )
    chairman_limited: bool = Field(False, description="Whether the limit is the chairman's too.")
    close_at_limit: bool = Field(False, description="Close the microphone when the time is over.")


class Sound(Section):
    """The mixer of a room, and what its channels are."""

    mixer: Identifier = Field(description="Id of the mixer.")
    microphones: tuple[Channel, ...] = Field((), description="Its channels, buses or groups of microphones.")
    programme: Channel = Field(0, description="What the programme gets; 0 is the main output.")
    closed_mutes: tuple[Channel, ...] = Field(
        (), description="What is silenced in a closed part: the feeds of broadcast and hall relay."
    )
