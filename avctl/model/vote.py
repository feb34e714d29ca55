"""A question that a sitting votes on: when it was put, who voted what, and what that decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from avctl.events import Event, QuestionDecided, QuestionLost, QuestionPut

YES, NO, ABSTAIN, NOT_VOTING = "yes", "no", "abstain", "not_voting"
USUAL = (YES, NO, ABSTAIN, NOT_VOTING)


class Threshold(StrEnum):
    """What a decision needs."""

    ELECTED = "elected"
    PRESENT = "present"
    TWO_THIRDS = "two_thirds"


class Outcome(StrEnum):
    """What a vote decided. ``counted``: it was about something else than yes or no."""

    ADOPTED = "adopted"
    NOT_ADOPTED = "not_adopted"
    NO_QUORUM = "no_quorum"
    COUNTED = "counted"


class Standing(StrEnum):
    """Where a vote is in its life."""

    OPEN = "open"
    CLOSED = "closed"
    LOST = "lost"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """By what a body decides: how many were elected, how many must be there, how many must be for it."""

    elected: int
    quorum: int
    threshold: Threshold

    def needed(self, present: int) -> int:
        """The votes for it that a decision needs."""
        match self.threshold:
            case Threshold.ELECTED:
                return self.elected // 2 + 1
            case Threshold.PRESENT:
                return present // 2 + 1
            case Threshold.TWO_THIRDS:
                return -(-2 * self.elected // 3)

    def outcome(self, counts: Mapping[str, int], present: int) -> Outcome:
        """What so many votes decide where so many are present."""
        if present < self.quorum:
            return Outcome.NO_QUORUM
        if counts.keys() - set(USUAL) and not counts.keys() & {YES, NO}:
            return Outcome.COUNTED
        # A system may leave out what nobody chose.
        return Outcome.ADOPTED if counts.get(YES, 0) >= self.needed(present) else Outcome.NOT_ADOPTED


def voted(counts: Mapping[str, int]) -> int:
    """How many have voted."""
    return sum(count for choice, count in counts.items() if choice != NOT_VOTING)


@dataclass(frozen=True, kw_only=True)
class Ballot:
    """How somebody voted; a seat whose person is not known has no name."""

    seat: int
    name: str = ""
    group: str = ""
    choice: str


@dataclass(frozen=True, kw_only=True)
class Vote:
    """A vote as its events left it. ``round`` is the system's own id, ``closed_part``: it is not public."""

    session: str
    number: int
    device: str
    round: str
    title: str
    item: str = ""
    rule: Rule
    present: int | None = None
    state: Standing = Standing.OPEN
    counts: Mapping[str, int] = field(default_factory=dict)
    ballots: tuple[Ballot, ...] = ()
    outcome: Outcome | None = None
    reason: str = ""
    closed_part: bool = False
    opened_at: datetime
    closed_at: datetime | None = None

    @property
    def needed(self) -> int | None:
        """The votes for it that it needs; None while that depends on how many turn out to be there."""
        if self.rule.threshold is Threshold.PRESENT and self.present is None:
            return None
        return self.rule.needed(self.present or 0)

    @property
    def voted(self) -> int | None:
        """How many voted; None while it is not decided."""
        return voted(self.counts) if self.state is Standing.CLOSED else None

    def decided(
        self, counts: Mapping[str, int], ballots: tuple[Ballot, ...], present: int | None, closed_part: bool
    ) -> QuestionDecided:
        """What the system's result decides.

        Who is present: what the system counted, else what was said when the vote was opened, else those who
        voted; never fewer than these.
        """
        counts = dict(counts)
        said = present if present is not None else self.present
        there = max(said or 0, voted(counts))
        if ballots:
            missed = sum(ballot.choice == NOT_VOTING for ballot in ballots)
        else:
            missed = max(counts.get(NOT_VOTING, 0), there - voted(counts))
        if missed or NOT_VOTING in counts:
            counts[NOT_VOTING] = missed
        return QuestionDecided(
            session=self.session,
            vote=self.number,
            title=self.title,
            outcome=self.rule.outcome(counts, there),
            present=there,
            counts=counts,
            ballots={
                str(one.seat): {"name": one.name, "group": one.group, "choice": one.choice} for one in ballots
            },
            closed_part=closed_part or self.closed_part,
        )

    def lost(self, reason: str) -> QuestionLost:
        """It has no result that could be believed."""
        return QuestionLost(session=self.session, vote=self.number, title=self.title, reason=reason)

    @classmethod
    def put(cls, event: QuestionPut) -> Vote:
        """The vote that began."""
        return cls(
            session=event.session,
            number=event.vote,
            device=event.device,
            round=event.round,
            title=event.title,
            item=event.item,
            rule=Rule(elected=event.elected, quorum=event.quorum, threshold=Threshold(event.threshold)),
            present=event.present,
            closed_part=event.closed_part,
            opened_at=event.at,
        )

    def after(self, event: Event) -> Self:
        """The vote once ``event`` has happened; what is decided, or lost, changes no more."""
        if self.state is not Standing.OPEN:
            return self
        match event:
            case QuestionDecided():
                return replace(
                    self,
                    state=Standing.CLOSED,
                    counts=dict(event.counts),
                    ballots=tuple(_ballot(seat, row) for seat, row in event.ballots.items()),
                    present=event.present,
                    outcome=Outcome(event.outcome),
                    closed_part=event.closed_part,
                    closed_at=event.at,
                )
            case QuestionLost():
                return replace(self, state=Standing.LOST, reason=event.reason, closed_at=event.at)
        return self


def _ballot(seat: str, row: Mapping[str, Any]) -> Ballot:
    return Ballot(seat=int(seat), name=row["name"], group=row["group"], choice=row["choice"])


def ballots_of(choices: Mapping[str, str], seats: Mapping[str, Mapping[str, Any]]) -> tuple[Ballot, ...]:
    """Who voted what, by seat, out of the system's choices and who sits where.

    Whoever has a name, may vote and did not is among them; where the system tells nobody's choice there are
    none. A seat in which nobody is known to sit is a number, never somebody's name.
    """
    if not choices:
        return ()
    missed = {
        seat: NOT_VOTING for seat, row in seats.items() if row.get("name") and row.get("votes") is not False
    }
    return tuple(
        Ballot(
            seat=int(seat),
            name=str(seats.get(seat, {}).get("name", "")),
            group=str(seats.get(seat, {}).get("group", "")),
            choice=choice,
        )
        for seat, choice in sorted({**missed, **choices}.items(), key=lambda item: int(item[0]))
    )
