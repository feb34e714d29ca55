"""The keys of ``[notices]``: how people are told what concerns them."""

from __future__ import annotations

from pydantic import Field, SecretStr

from avctl.config.section import Section


class Notices(Section):
    """How people on duty are told of what changes."""

    channels: tuple[SecretStr, ...] = Field(
        (), description="Addresses of Apprise that are told everything, such as a group's chat."
    )
    mail: SecretStr = Field(
        SecretStr(""),
        description="The mail server as an address of Apprise (mailtos://…), for people's own mail.",
    )
