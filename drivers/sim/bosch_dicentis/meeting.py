"""The meetings, agenda and votes of a simulated DICENTIS."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from drivers.sim.people import Roster

NEXT: dict[str, tuple[frozenset[str], str]] = {
    "OpenVoting": (frozenset({"ready"}), "opened"),
    "HoldVoting": (frozenset({"opened"}), "onHold"),
    "ResumeVoting": (frozenset({"onHold"}), "opened"),
    "CloseVoting": (frozenset({"opened", "onHold"}), "done"),
    "AbortVoting": (frozenset({"ready", "opened", "onHold"}), "canceled"),
    "AcceptVoting": (frozenset({"done"}), "accepted"),
    "RejectVoting": (frozenset({"done"}), "rejected"),
}
"""Each step of a vote: from which states, to which."""


@dataclass
class Topic:
    """A point of the agenda."""

    id: str
    subject: str
    opened: bool = False


@dataclass
class Meeting:
    """A prepared meeting. ``state`` is deactivated, activated, opened or closed."""

    id: str
    title: str
    topics: list[Topic] = field(default_factory=list)
    state: str = "deactivated"
    default: bool = False
    identification: str = "none"


@dataclass
class Voting:
    """One question put to the vote, and each participant's answer."""

    id: str
    subject: str
    description: str = ""
    number: str = ""
    state: str = "ready"
    votes: dict[str, str] = field(default_factory=dict)

    answers = ("yes", "no", "abstain")

    def counted(self) -> list[tuple[str, int]]:
        """How often each answer was given."""
        count = Counter(self.votes.values())
        return [(answer, count[answer]) for answer in self.answers]


class Secretary:
    """Opens and closes meetings, topics and votes; ``changed`` is told of each change."""

    def __init__(self, name: str, roster: Roster, changed: Callable[[str], None]) -> None:
        self._changed = changed
        self._name = name
        self._made = 0
        self.default = Meeting(id=self._id("meeting/default"), title="Default", state="opened", default=True)
        topics = [Topic(id=self._id(f"topic/{subject}"), subject=subject) for subject in roster.agenda]
        meeting = Meeting(id=self._id("meeting/1"), title=roster.meeting, topics=topics, state="opened")
        self.meetings = [meeting]
        self.voting: Voting | None = None

    @property
    def meeting(self) -> Meeting:
        """The meeting under way; the built-in one when none is."""
        active = (meeting for meeting in self.meetings if meeting.state in ("activated", "opened"))
        return next(active, self.default)

    @property
    def topic(self) -> Topic | None:
        """The topic under discussion."""
        return next((topic for topic in self.meeting.topics if topic.opened), None)

    def move(self, meeting: Meeting | None, state: str) -> bool:
        """Bring a meeting to a state; false when it cannot be."""
        if meeting is None or meeting.default or meeting.state == state:
            return False
        for other in self.meetings:
            if state in ("activated", "opened") and other.state in ("activated", "opened"):
                other.state = "deactivated"
        meeting.state = state
        if state not in ("activated", "opened"):
            for topic in meeting.topics:
                topic.opened = False
        self._tell("MeetingInfoChanged", "AgendaTopicsChanged")
        return True

    def find(self, meeting_id: str) -> Meeting | None:
        """A meeting by its id."""
        return next((meeting for meeting in self.meetings if meeting.id == meeting_id), None)

    def open_topic(self, topic_id: str) -> bool:
        """Take up a topic, closing the one before; false when there is no such topic."""
        wanted = next((topic for topic in self.meeting.topics if topic.id == topic_id), None)
        if wanted is None:
            return False
        for topic in self.meeting.topics:
            topic.opened = topic is wanted
        self._tell("AgendaTopicsChanged")
        return True

    def close_topic(self) -> bool:
        """Leave the topic under discussion; false when there is none."""
        if self.topic is None:
            return False
        self.topic.opened = False
        self._tell("AgendaTopicsChanged")
        return True

    def add_topic(self, subject: str) -> Topic:
        """A topic with this subject: the one there is, or a new one at the end."""
        for topic in self.meeting.topics:
            if topic.subject == subject:
                return topic
        self._made += 1
        topic = Topic(id=self._id(f"topic/{self._made}"), subject=subject)
        self.meeting.topics.append(topic)
        return topic

    def put_to_vote(self, subject: str, description: str, number: str) -> None:
        """Make a question ready."""
        self._made += 1
        self.voting = Voting(
            id=self._id(f"voting/{self._made}"), subject=subject, description=description, number=number
        )
        self._tell("VotingStateChanged", "VotingInfoChanged", "VotingResultChanged")

    def step(self, operation: str) -> bool:
        """Take the vote a step further; false when that is not the next one."""
        before, after = NEXT[operation]
        if self.voting is None or self.voting.state not in before:
            return False
        self.voting.state = after
        self._tell("VotingStateChanged", "VotingInfoChanged")
        return True

    def vote(self, participant: str, answer: str) -> None:
        """A deputy presses a voting button; counts only while the vote is open."""
        if self.voting is not None and self.voting.state == "opened" and answer in self.voting.answers:
            self.voting.votes[participant] = answer
            self._tell("VotingResultChanged", "IndividualVotingResultsChanged")

    def _id(self, name: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"dicentis:{self._name}/{name}"))

    def _tell(self, *events: str) -> None:
        for event in events:
            self._changed(event)
