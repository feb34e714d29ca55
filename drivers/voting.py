"""What systems with voting buttons share: a vote as the house hears of it, with a result or without."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from avctl.capabilities import Voting
from avctl.config import Device
from avctl.driver import Driver, Publish
from avctl.errors import Conflict
from avctl.events import VoteClosed, VoteLost, VoteOpened

STOP_TRIES = 3
NOT_VOTING = "not_voting"
WORDS: Mapping[str, tuple[str, ...]] = {
    "yes": ("yes", "for", "за", "так"),
    "no": ("no", "against", "проти", "ні"),
    "abstain": ("abstain", "abst", "abstained", "утримався", "утрималась", "утримались", "утримуюсь"),
    NOT_VOTING: (
        *("notvoted", "notvoting", "didnotvote", "novote", "none", "dnpv", "donotparticipate", "absent"),
        *("неголосував", "неголосувала", "неголосували", "неголосую", "відсутній", "відсутня", "відсутні"),
    ),
}
"""Our words for choices, and the makers'; both without case, blanks and signs."""
NEUTRAL = {theirs: ours for ours, all_of_them in WORDS.items() for theirs in all_of_them}
CUT = "the link was lost while the vote was open, and the system has no number that would tell it again"
RESTARTED = (
    "avctl was restarted while the vote was open, and the system has no number that would tell it again"
)


def choice_of(word: str) -> str:
    """Our word for a choice; one that means something else stays as the maker, or the house, named it."""
    return NEUTRAL.get(re.sub(r"[\W_]", "", word).casefold(), word.strip())


def counted(rows: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Counts by our words out of a maker's, of which several may mean the same."""
    found: Counter[str] = Counter()
    for word, count in rows:
        found[choice_of(word)] += count
    return dict(found)


def voted(counts: Mapping[str, int]) -> int:
    """How many of those counted have voted."""
    return sum(count for choice, count in counts.items() if choice != NOT_VOTING)


@dataclass(frozen=True, kw_only=True)
class Vote:
    """The vote that is open; ``id`` is the system's own, and tells one vote's result from another's."""

    id: str
    title: str


class VotingSystem(Driver, Voting):
    """A driver of votes. A vote is kept while the link is away: its result is told only under its own id."""

    stop_seconds = 0.5
    """How long after a stop that the system confirmed it is looked at again whether it did."""

    def __init__(self, device: Device, publish: Publish) -> None:
        super().__init__(device, publish)
        self.vote: Vote | None = None

    def expect_vote(self, vote: str, title: str) -> None:
        self.vote = Vote(id=vote, title=title)
        self.report(vote="open", vote_title=title, voted=None, vote_counts={})

    def no_vote(self) -> None:
        """The system can vote, and does not; what became of the last one stays."""
        self.report(vote=self.readings.get("vote") or "none")

    def vote_opened(self, vote: Vote) -> None:
        """A vote began, here or at the system."""
        self.vote = vote
        self.report(vote="open", vote_title=vote.title, voted=None, vote_counts={})
        self.publish(VoteOpened(device=self.device.id, vote=vote.id, title=vote.title))

    def vote_counted(self, counts: Mapping[str, int], total: int | None = None, sure: bool = False) -> None:
        """What the system tells while it is open. Zeros mean nothing yet, unless it is ``sure`` to count."""
        total = voted(counts) if total is None else total
        if self.vote is not None and (total or sure or self.readings.get("voted")):
            self.report(voted=total, vote_counts=dict(counts))

    def vote_closed(
        self, counts: Mapping[str, int], choices: Mapping[str, str], present: int | None = None
    ) -> None:
        """The system told the result of the vote that was open."""
        vote, self.vote = self.open_one(), None
        self.publish(
            VoteClosed(
                device=self.device.id,
                vote=vote.id,
                title=vote.title,
                counts=dict(counts),
                choices=dict(choices),
                present=present,
            )
        )
        self.report(vote="closed", voted=voted(counts), vote_counts=dict(counts))

    def vote_lost(self, reason: str) -> None:
        """The vote that was open has no result that could be believed."""
        vote, self.vote = self.open_one(), None
        self.publish(VoteLost(device=self.device.id, vote=vote.id, title=vote.title, reason=reason))
        self.report(vote="lost", voted=None, vote_counts={})

    def open_one(self) -> Vote:
        """The vote that is open; Conflict when none is."""
        if self.vote is None:
            raise Conflict("no vote is open")
        return self.vote

    def must_not_vote(self) -> None:
        """Conflict while a vote is open."""
        if self.vote is not None:
            raise Conflict(f"the vote {self.vote.title!r} is open")


class Rounds(VotingSystem):
    """Votes of a system that has no ids for them: after a cut, nobody knows whether it is still the same one.

    So the vote is lost with the link, and what still runs at the system afterwards is nobody's, until the
    system has been seen at rest.
    """

    def __init__(self, device: Device, publish: Publish) -> None:
        super().__init__(device, publish)
        self._asked = ""  # the title of the vote that we have asked for
        self._nobodys = False

    def expect_vote(self, vote: str, title: str) -> None:
        super().expect_vote(vote, title)
        self.vote_lost(RESTARTED)
        self._nobodys = True

    def cut_off(self) -> None:
        """The link ended."""
        self._asked = ""
        if self.vote is not None:
            self.vote_lost(CUT)
            self._nobodys = True

    def round_runs(self, title: str, paused: bool = False) -> None:
        """The system says that a vote runs; ``title`` is what it calls it."""
        if self.vote is None and not self._nobodys:
            asked, self._asked = self._asked, ""
            self.vote_opened(Vote(id=uuid.uuid4().hex, title=asked or title))
        if self.vote is not None:
            self.report(vote="paused" if paused else "open")

    def round_rests(self) -> None:
        """The system says that none runs, and the result of the last one, if any, has been read."""
        self._nobodys = False
        self.no_vote()
