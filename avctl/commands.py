"""Requests, imperative. Each has one handler on the desk; a refusal is raised.

``actor`` is the name of the account that asks, or of the part of avctl that acts by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from avctl.events import Reason


@dataclass(frozen=True, kw_only=True)
class Command:
    """Something somebody wants done."""

    actor: str


@dataclass(frozen=True, kw_only=True)
class Operate(Command):
    """Use a verb of a device; answered with the event that confirmed it."""

    device: str
    verb: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Reconnect(Command):
    """Try a device again now, also one that refused our secret."""

    device: str


@dataclass(frozen=True, kw_only=True)
class BookSession(Command):
    """Enter a session in the schedule; Conflict names the clash. Answered with the session."""

    details: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class AmendSession(Command):
    """Change fields of a booking."""

    session: str
    details: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class PrepareSession(Command):
    """Bring the room to its wanted state and arm the broadcast."""

    session: str


@dataclass(frozen=True, kw_only=True)
class OpenSession(Command):
    """Begin the sitting; a session whose policy is live also goes live."""

    session: str


@dataclass(frozen=True, kw_only=True)
class SuspendSession(Command):
    """Interrupt the sitting; the programme shows the slate of the reason."""

    session: str
    reason: Reason


@dataclass(frozen=True, kw_only=True)
class ResumeSession(Command):
    """Go on after an interruption; a closed part ends only when ``confirmed``: viewers see the hall again."""

    session: str
    confirmed: bool = False


@dataclass(frozen=True, kw_only=True)
class CloseSession(Command):
    """End the sitting; broadcast and recording end with it."""

    session: str


@dataclass(frozen=True, kw_only=True)
class CancelSession(Command):
    """The sitting will not take place."""

    session: str


@dataclass(frozen=True, kw_only=True)
class ArmBroadcast(Command):
    """Start the runner of a session; nothing is public yet."""

    session: str


@dataclass(frozen=True, kw_only=True)
class GoLive(Command):
    """Make the programme public; the recording starts with it."""

    session: str


@dataclass(frozen=True, kw_only=True)
class StartRecording(Command):
    """Record the programme without making it public."""

    session: str


@dataclass(frozen=True, kw_only=True)
class GoDark(Command):
    """End the programme and the recording."""

    session: str


@dataclass(frozen=True, kw_only=True)
class ShowSlate(Command):
    """Show a slate in the programme; an empty name shows the hall again."""

    session: str
    slate: str


@dataclass(frozen=True, kw_only=True)
class CutTo(Command):
    """Make another source the hall: another camera, or remote participants."""

    session: str
    source: str


@dataclass(frozen=True, kw_only=True)
class RestoreSource(Command):
    """Use the main feed of a source again, after its stand-in was taken."""

    session: str
    source: str


@dataclass(frozen=True, kw_only=True)
class EnterClosedPart(Command):
    """Take the hall out of every output."""

    session: str


@dataclass(frozen=True, kw_only=True)
class LeaveClosedPart(Command):
    """Let the hall be seen again."""

    session: str


@dataclass(frozen=True, kw_only=True)
class ShowSpeaker(Command):
    """Put a name in the lower third; an empty name takes it off."""

    session: str
    name: str
    role: str = ""


@dataclass(frozen=True, kw_only=True)
class ShowOverlay(Command):
    """Write something over the hall's picture, or take it off: item, vote, logo, clock, live."""

    session: str
    kind: str
    show: bool = True
    values: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AcknowledgeAlert(Command):
    """Take an alert in hand."""

    alert: str
    reason: str
