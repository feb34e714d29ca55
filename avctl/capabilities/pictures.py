"""Cameras, mixers, matrices and what is sent out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from avctl.capabilities.proofs import proved_by, reads
from avctl.settings import ROUTES, STRIPS, Settings, plain


class Camera(ABC):
    """Reports ``preset: int | None`` (last recalled, None once moved by hand), ``moving: bool``,
    ``pan``, ``tilt``, ``zoom`` in the device's own steps, and ``tally: bool``."""

    @proved_by(reads("preset", "preset"))
    @abstractmethod
    async def recall_preset(self, preset: int) -> None:
        """Go to a stored shot."""

    @abstractmethod
    async def store_preset(self, preset: int) -> None:
        """Keep the present shot under a number."""

    @abstractmethod
    async def drive(
        self,
        pan: Literal["left", "right", "stop"] = "stop",
        tilt: Literal["up", "down", "stop"] = "stop",
        speed: int = 8,
    ) -> None:
        """Move until told to stop; ``speed`` 1 to 24."""

    @abstractmethod
    async def zoom(self, direction: Literal["tele", "wide", "stop"], speed: int = 3) -> None:
        """Zoom until told to stop; ``speed`` 0 to 7."""

    @proved_by(reads("tally", "on"))
    @abstractmethod
    async def set_tally(self, on: bool) -> None:
        """Light the on-air lamp."""


def _strip(readings: Mapping[str, Any], channel: int | str) -> Mapping[str, Any]:
    strip: Mapping[str, Any] = readings.get("channels", {}).get(str(channel), {})
    return strip


class Mixing(ABC):
    """A sound mixer. Channel 0 is its main output; ``bus-1``, ``matrix-1``, ``dca-1`` are what they say.

    Publishes SoundMeasured. Reports ``channels: Mapping[str, Mapping]`` (number or name as text ->
    ``name``, ``muted``, ``level`` in dB, None for silence), ``scene: int | None`` (last recalled) and
    ``signal: tuple[int, ...]`` (those that sound).
    """

    keeps: ClassVar[Settings] = (plain("scene", "recall_scene", "number"), STRIPS)

    @proved_by(lambda readings, said: _strip(readings, said["channel"]).get("muted") is said["on"])
    @abstractmethod
    async def mute_channel(self, channel: int | str, on: bool) -> None:
        """Silence a channel, or let it sound again."""

    @abstractmethod
    async def set_level(self, channel: int | str, decibels: float) -> None:
        """Set the fader of a channel."""

    @proved_by(reads("scene", "number"))
    @abstractmethod
    async def recall_scene(self, number: int) -> None:
        """Set the whole mixer as it was stored."""


class Routing(ABC):
    """What goes where: a matrix, or a vision mixer, whose outputs are ``program`` and ``preview``.

    Reports ``outputs: Mapping[str, str]`` and ``sources: Mapping[str, str]`` (id -> name; numbers from 1, as
    text) and ``routes: Mapping[str, str]`` (output -> source, empty for none).
    """

    keeps: ClassVar[Settings] = (ROUTES,)

    @proved_by(lambda readings, said: readings.get("routes", {}).get(said["output"]) == said["source"])
    @abstractmethod
    async def route(self, output: str, source: str) -> None:
        """Put a source on an output, both by their ids; an empty source: nothing."""

    @abstractmethod
    async def recall_routes(self, number: int) -> None:
        """Switch everything as it was stored under a number."""

    @abstractmethod
    async def cut(self) -> None:
        """Put on air what is in the preview."""


class Streaming(ABC):
    """Reports ``live: bool``, ``programme: str`` (live, or the slate's name) and ``outputs``."""

    @proved_by(lambda readings, _: readings.get("live") is True)
    @abstractmethod
    async def go_live(self) -> None:
        """Make the programme public."""

    @proved_by(lambda readings, _: readings.get("phase") == "ended")
    @abstractmethod
    async def end(self) -> None:
        """End the programme and close every output."""


class Recording(ABC):
    """Reports ``recording: bool``, and where it is told ``recorded: int`` in bytes."""

    @proved_by(lambda readings, _: readings.get("recording") is True)
    @abstractmethod
    async def start_recording(self) -> None:
        """Write the programme to disk."""

    @proved_by(lambda readings, _: readings.get("recording") is False)
    @abstractmethod
    async def stop_recording(self) -> None:
        """Write no more; what is written stays."""


class Scenes(ABC):
    """Reports ``showing: str``: ``source:ID`` or ``slate:NAME``, and ``lower_third: str``."""

    @proved_by(reads("showing", "scene"))
    @abstractmethod
    async def show(self, scene: str) -> None:
        """Put a source or a slate in the programme."""

    @proved_by(reads("lower_third", "name"))
    @abstractmethod
    async def show_lower_third(self, name: str, role: str = "") -> None:
        """Write a name in the programme; an empty one takes it off."""
