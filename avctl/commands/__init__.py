"""Requests, imperative. Each has one handler on the desk; a refusal is raised.

``actor`` is the name of the account that asks, or of the part of avctl that acts by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from avctl.commands.command import Command as Command
from avctl.events import Reason


class Scope(StrEnum):
    """How much of a series is meant."""

    THIS = "this"
    FOLLOWING = "following"
    ALL = "all"


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
class CallNext(Command):
    """Call the next ticket to a counter, by the counter's id; answered with the call itself."""

    counter: str


@dataclass(frozen=True, kw_only=True)
class BookSession(Command):
    """Enter a session in the schedule; Clashing names what it clashes with. Answered with the session.

    ``override`` is the reason of somebody who may book all the same; empty: a clash is refused.
    """

    details: Mapping[str, Any]
    override: str = ""


@dataclass(frozen=True, kw_only=True)
class BookSeries(Command):
    """Enter a session for each occurrence of a rule (RFC 5545); all or none. Answered with the sessions."""

    details: Mapping[str, Any]
    rule: str
    override: str = ""


@dataclass(frozen=True, kw_only=True)
class AmendSession(Command):
    """Change fields of a booking.

    ``version`` is the one that was looked at: Stale when there is a newer one; None does not ask. ``scope``
    says how much of a series is meant.
    """

    session: str
    details: Mapping[str, Any]
    version: int | None = None
    override: str = ""
    reason: str = ""
    scope: Scope = Scope.THIS


@dataclass(frozen=True, kw_only=True)
class ChangeRule(Command):
    """Let a series go by another rule, all or nothing; ``this`` one leaves it, for its own rule or none."""

    session: str
    rule: str
    version: int | None = None
    override: str = ""
    reason: str = ""
    scope: Scope = Scope.THIS


@dataclass(frozen=True, kw_only=True)
class PrepareSession(Command):
    """Bring the room to its wanted state and arm the broadcast."""

    session: str


@dataclass(frozen=True, kw_only=True)
class RerunLine(Command):
    """Do one line of a session's preparation again, and what was left out for its sake."""

    session: str
    line: str


@dataclass(frozen=True, kw_only=True)
class CancelPreparation(Command):
    """End a preparation; whatever it moved or sounded is put back before this is answered."""

    session: str


@dataclass(frozen=True, kw_only=True)
class OpenSession(Command):
    """Begin the sitting; a session whose policy is live also goes live."""

    session: str


@dataclass(frozen=True, kw_only=True)
class SuspendSession(Command):
    """Interrupt the sitting; the programme shows the slate of the reason.

    ``until`` is when it goes on. None is "not known" when ``timed``; else nobody said anything about it: a
    break that begins has its usual length, an interruption that goes on keeps its time.
    """

    session: str
    reason: Reason
    until: datetime | None = None
    timed: bool = False


@dataclass(frozen=True, kw_only=True)
class ResumeSession(Command):
    """Go on after an interruption; a closed part ends only when ``confirmed``: viewers see the hall again.

    ``move_end``: whether the planned end moves by what an alarm or a power cut took; None: it does.
    """

    session: str
    confirmed: bool = False
    move_end: bool | None = None


@dataclass(frozen=True, kw_only=True)
class BeginItem(Command):
    """Take up the item at a ``place`` of the agenda, from 1 and once; None: the next one."""

    session: str
    place: int | None = None


@dataclass(frozen=True, kw_only=True)
class NoteQuorum(Command):
    """Keep in the minutes how many members are there."""

    session: str
    present: int


@dataclass(frozen=True, kw_only=True)
class AnnounceSession(Command):
    """Make the programme of a live session public before it opens, with the slate *starting soon*."""

    session: str


@dataclass(frozen=True, kw_only=True)
class CloseSession(Command):
    """End the sitting; broadcast and recording end with it."""

    session: str


@dataclass(frozen=True, kw_only=True)
class CancelSession(Command):
    """The sitting will not take place."""

    session: str
    reason: str = ""
    scope: Scope = Scope.THIS


@dataclass(frozen=True, kw_only=True)
class KeepBody(Command):
    """Enter a body in the list of those who sit, or change it. Answered with the body."""

    details: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class RemoveBody(Command):
    """Take a body off the list; its sessions keep its name."""

    body: str


@dataclass(frozen=True, kw_only=True)
class ArmBroadcast(Command):
    """Start the runner of a session; nothing is public yet."""

    session: str


@dataclass(frozen=True, kw_only=True)
class GoLive(Command):
    """Make the programme public; the recording starts with it, unless the sitting is still to begin."""

    session: str
    record: bool = True


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
class HoldCameras(Command):
    """Let a person have the cameras of a room: they no longer follow the floor until released."""

    room: str


@dataclass(frozen=True, kw_only=True)
class ReleaseCameras(Command):
    """Let the cameras of a room follow the floor again."""

    room: str


@dataclass(frozen=True, kw_only=True)
class StoreShot(Command):
    """Keep what a camera shows now as its shot of a seat; without a preset, under a free number."""

    room: str
    seat: int
    camera: str
    preset: int | None = None


@dataclass(frozen=True, kw_only=True)
class ForgetShot(Command):
    """Use a stored shot of a seat no more; the configuration's table is used instead."""

    room: str
    seat: int
    camera: str


@dataclass(frozen=True, kw_only=True)
class PutToVote(Command):
    """Open a vote at the seats. Answered with the vote; the same question asked again gives the same.

    An empty title is that of the agenda item; an empty threshold that of the body. ``present``: how many are
    registered as present, where the system does not count them.
    """

    session: str
    title: str = ""
    threshold: str = ""
    present: int | None = None


@dataclass(frozen=True, kw_only=True)
class EndVote(Command):
    """Close a vote and read its result. Answered with the vote; done once."""

    session: str
    vote: int


@dataclass(frozen=True, kw_only=True)
class ListParticipants(Command):
    """Make a list that was looked at the people of a session; ``preview`` is its id."""

    session: str
    preview: str


@dataclass(frozen=True, kw_only=True)
class SubstituteParticipant(Command):
    """Say who sits at a seat of a session now; an empty name: its number is shown."""

    session: str
    seat: int
    name: str
    group: str = ""


@dataclass(frozen=True, kw_only=True)
class RestoreSeat(Command):
    """Take a substitution at a seat back."""

    session: str
    seat: int


@dataclass(frozen=True, kw_only=True)
class MuteSound(Command):
    """Silence what a room's configuration calls its microphones or its programme, or let it sound again."""

    room: str
    what: str
    on: bool


@dataclass(frozen=True, kw_only=True)
class SaveGolden(Command):
    """Keep the settings of a room's devices as they are now: they are known to be good."""

    room: str


@dataclass(frozen=True, kw_only=True)
class RestoreGolden(Command):
    """Bring settings back to what is known to be good; none named: all that differ."""

    room: str
    settings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AcknowledgeAlert(Command):
    """Take an alert in hand."""

    alert: str
    reason: str
