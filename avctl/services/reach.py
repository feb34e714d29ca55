"""What of all that happens a person may be told: their rooms only, and no votes of closed parts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pydantic import ValidationError

from avctl.errors import NotFound
from avctl.events import (
    AlertEvent,
    AlertRaised,
    EmergencyOrdered,
    Event,
    QuestionDecided,
    QuestionLost,
    QuestionPut,
    ReadingsChanged,
    VerbAsked,
    VerbDone,
    VerbRefused,
    VoteClosed,
    VoteLost,
    VoteOpened,
    decode,
    subject_of,
)
from avctl.model.account import Account, Act
from avctl.services.controller import Controller
from avctl.services.secrecy import VOTE_READINGS, without_vote
from avctl.store.records import JournalRow

# What a hall says of votes by itself does not say whether the public was out: it is for those who may know.
VERBS = frozenset({"open_vote", "close_vote"})
PROGRAMME = "programme-"


def room_of(controller: Controller, subject: str) -> str:
    """The room that a device or a session is in, also long ago's; empty: none, or not known."""
    if subject in controller.house:
        return controller.house.state(subject).room
    for device in controller.config.devices:
        if device.id == subject:
            return device.room
    try:
        return controller.sessions.get(subject.removeprefix(PROGRAMME)).room
    except NotFound:
        return ""


def must_reach_screens(
    controller: Controller, account: Account, playlist: str, screens: Iterable[str] = ()
) -> None:
    """Forbidden, unless all screens that a playlist has, and will have, are this person's affair."""
    had = next((one.screens for one in controller.lobby.playlists if one.id == playlist), ())
    for screen in (*had, *screens):
        account.must_be_allowed(Act.FILL_SCREENS, room_of(controller, screen))


class Reach:
    """Sorts events for one person. It learns which votes were public as it goes: feed it all, in order."""

    def __init__(self, controller: Controller, account: Account) -> None:
        self._controller, self._account = controller, account
        self._open_to_all = account.may(Act.CLOSE_PARTS)
        self._public: set[tuple[str, int]] = set()  # votes that were not closed: of a session, by number
        self._alerts: dict[str, str] = {}  # what alerts are about that came by

    def reaches(self, event: Event) -> bool:
        """Whether an event is about a room of this person's, or about none."""
        return not self._account.rooms or self._account.reaches(self.room_of(event))

    def told(self, event: Event) -> Event | None:
        """The event as this person may know it; None when they may not."""
        if not self.reaches(event):
            return None
        if isinstance(event, EmergencyOrdered):
            mine = {
                screen: had
                for screen, had in event.before.items()
                if self._account.reaches(room_of(self._controller, screen))
            }
            return replace(event, before=mine)
        return event if self._open_to_all else self._without_closed_votes(event)

    def has(self, row: JournalRow) -> bool:
        """Whether a line of the journal is about a room of this person's, or about none."""
        if not self._account.rooms:
            return True
        try:
            return self.reaches(decode({**row.data, "number": row.number}))
        except (KeyError, ValidationError):
            return False  # of another version: nobody can say whom it concerns

    def room_of(self, event: Event) -> str:
        """The room an event is about; empty when it is about none."""
        room = getattr(event, "room", None)
        if isinstance(room, str) and room:
            return room
        if isinstance(event, AlertRaised):
            self._alerts[event.alert] = event.subject
        if isinstance(event, AlertEvent):
            subject = self._alerts.get(event.alert) or self._subject_of(event.alert)
        else:
            subject = subject_of(event)
        return room_of(self._controller, subject) if subject else ""

    def _subject_of(self, alert: str) -> str:
        try:
            return self._controller.alerts.get(alert).subject
        except NotFound:
            return ""

    def _without_closed_votes(self, event: Event) -> Event | None:
        match event:
            case QuestionPut() | QuestionDecided() if event.closed_part:
                return None
            case QuestionPut():
                self._public.add((event.session, event.vote))
            case QuestionLost() if not self._was_public(event):
                return None
            case VoteOpened() | VoteClosed() | VoteLost():
                return None
            case VerbAsked() | VerbDone() | VerbRefused() if event.verb in VERBS:
                return None
            case ReadingsChanged() if not event.readings.keys().isdisjoint(VOTE_READINGS):
                left = without_vote(event.readings)
                return replace(event, readings=left) if left else None
        return event

    def _was_public(self, event: QuestionLost) -> bool:
        """It does not say so itself; who is not sure is not told."""
        votes = self._controller.votes.held(event.session)
        return (event.session, event.vote) in self._public or any(
            vote.number == event.vote and not vote.closed_part for vote in votes
        )
