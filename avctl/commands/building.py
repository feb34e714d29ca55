"""Requests about the building: emergencies on every screen, the lobby's content, blackouts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from avctl.commands.command import Command


@dataclass(frozen=True, kw_only=True)
class ShowEmergency(Command):
    """Have every screen show an emergency at once: ``text``, or the page of the air raid."""

    kind: str = "text"
    title: str = ""
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class LiftEmergency(Command):
    """End an emergency: every screen gets back what it had before, unless there is another one."""

    kind: str = "text"


@dataclass(frozen=True, kw_only=True)
class DismissSuggestion(Command):
    """A session is not to be suspended, or resumed, for the air raid's sake: somebody decided otherwise."""

    session: str


@dataclass(frozen=True, kw_only=True)
class KeepContent(Command):
    """Enter something that screens can show, or a new version of it. Answered with the content."""

    details: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ApproveContent(Command):
    """Let a version of a content be shown; never by the one who made it. Answered with the content."""

    content: str
    version: int


@dataclass(frozen=True, kw_only=True)
class RemoveContent(Command):
    """Take a content off the shelf; its versions stay in the record."""

    content: str


@dataclass(frozen=True, kw_only=True)
class KeepPlaylist(Command):
    """Enter what screens show, in which order and when. Answered with the playlist."""

    details: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class RemovePlaylist(Command):
    """Screens no longer show a playlist; its versions stay in the record."""

    playlist: str


@dataclass(frozen=True, kw_only=True)
class KeepBlackout(Command):
    """Enter hours without mains that were announced, or change them. Answered with the blackout."""

    details: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class RemoveBlackout(Command):
    """Hours without mains that were announced will not come."""

    blackout: str
