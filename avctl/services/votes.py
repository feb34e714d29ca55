"""The votes of sittings: put at the seats or found there, counted by the system, decided once, kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from avctl.bus import Bus
from avctl.capabilities import Voting
from avctl.commands import EndVote, Operate, PutToVote
from avctl.config import Config
from avctl.desk import Desk
from avctl.errors import BadArgument, Conflict, NotFound, Unsupported
from avctl.events import (
    DeviceEvent,
    Event,
    QuestionDecided,
    QuestionLost,
    QuestionPut,
    SessionClosed,
    SessionEvent,
    VoteClosed,
    VoteLost,
    VoteOpened,
)
from avctl.model.account import Act, Role, permitted
from avctl.model.device import DeviceState
from avctl.model.session import RUNNING, Phase, Session
from avctl.model.vote import Rule, Standing, Threshold, Vote, ballots_of
from avctl.services.house import House
from avctl.services.journal import Journal, Write
from avctl.services.participants import Participants
from avctl.services.sessions import Sessions
from avctl.store import Store, records
from avctl.store.records import Filter

log = logging.getLogger(__name__)

LONGEST = 1000  # letters of a question
KINDS = tuple(kind.__name__ for kind in (QuestionPut, QuestionDecided, QuestionLost))
GONE = "the discussion system is not in the configuration any more"
ENDED = "the session ended before the vote did"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A vote that somebody asks for and that the system has not opened yet."""

    actor: str
    title: str
    rule: Rule
    present: int | None


@dataclass(frozen=True, kw_only=True)
class Count:
    """What is known of a vote that is open. ``voted`` None: the system keeps it to itself."""

    voted: int | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    paused: bool = False
    known: bool = True  # false: the system is away, and what stands here is old


def visible(session: Session, vote: Vote, role: Role | None) -> bool:
    """Whether somebody with this role (None: the public) may see a vote.

    The public sees those of public sessions; what was voted in a closed part, or is being voted while one
    goes on, is for those who may close parts.
    """
    if vote.closed_part or (vote.state is Standing.OPEN and session.closed_part):
        return role is not None and permitted(role, Act.CLOSE_PARTS)
    return session.public or role is not None


class Votes:
    """Holds the votes of every session that runs, or ran since the start."""

    def __init__(
        self,
        config: Config,
        bus: Bus,
        desk: Desk,
        store: Store,
        journal: Journal,
        house: House,
        sessions: Sessions,
        participants: Participants,
    ) -> None:
        self._config, self._bus, self._desk = config, bus, desk
        self._store, self._journal = store, journal
        self._house, self._sessions, self._participants = house, sessions, participants
        self._rooms = {device.id: device.room for device in config.devices}
        self._votes: dict[str, dict[int, Vote]] = {}
        self._asked: dict[str, Asked] = {}  # by device
        self._ending: dict[str, str] = {}  # who ends the vote of a device
        self._turns: dict[str, asyncio.Lock] = {}
        bus.listen(self._fold, QuestionPut, QuestionDecided, QuestionLost)
        bus.listen(self._hear, VoteOpened, VoteClosed, VoteLost)
        bus.listen(self._over, SessionClosed)
        journal.keep(self._kept, QuestionDecided, QuestionLost)

    def handle(self, desk: Desk) -> None:
        """Answer the commands that concern votes."""
        desk.handle(PutToVote, self.put)
        desk.handle(EndVote, self.end)

    async def restore(self) -> None:
        """Take in the votes of the sittings that run, at start."""
        for session in self._sessions:
            if session.phase in RUNNING:
                which = Filter(kinds=KINDS, subject=session.id)
                async for event in self._journal.replay(0, which):
                    if isinstance(event, SessionEvent):
                        self._fold(event)

    def expect(self) -> None:
        """Tell each system which of its votes was open before the restart; before it is connected."""
        for vote in self.open_ones():
            driver = self._house.driver(vote.device) if vote.device in self._house else None
            try:
                if not isinstance(driver, Voting):
                    raise Unsupported(GONE)
                driver.expect_vote(vote.round, vote.title)
            except Unsupported as refusal:
                self._bus.publish(vote.lost(str(refusal)))

    # --- what is known -------------------------------------------------------------------------------

    async def of(self, session: str) -> tuple[Vote, ...]:
        """The votes of a session in order, also of one long ago."""
        if session in self._votes:
            return self.held(session)
        await self._journal.settled()
        async with self._store.read() as connection:
            return await records.votes_of(connection, session)

    async def get(self, session: str, number: int) -> Vote:
        """A vote by its number; NotFound when there is none."""
        for vote in await self.of(session):
            if vote.number == number:
                return vote
        raise NotFound(f"session {session!r} has no vote {number}")

    def held(self, session: str) -> tuple[Vote, ...]:
        """The votes of a session that runs, or ran since the start."""
        return tuple(self._votes.get(session, {}).values())

    def last(self, session: str) -> Vote | None:
        """The newest vote of a session."""
        return next(reversed(self.held(session)), None)

    def open_ones(self) -> tuple[Vote, ...]:
        """Every vote that is open."""
        return tuple(
            vote for votes in self._votes.values() for vote in votes.values() if vote.state is Standing.OPEN
        )

    def open_in(self, session: str) -> Vote | None:
        """The vote that is open in a session."""
        return next((vote for vote in self.open_ones() if vote.session == session), None)

    def system(self, room: str) -> DeviceState | None:
        """The system on which a room votes; None when it does not."""
        systems = self._house.in_room(room, "Voting")
        return next((state for state in systems if state.readings.get("vote")), None)

    def rule_of(self, session: Session) -> Rule:
        """By what a session decides, unless said otherwise."""
        return self._config.voting.rule_of(session.booking.body)

    def count(self, vote: Vote) -> Count:
        """What is known of a vote that is open."""
        if vote.device not in self._house:
            return Count(known=False)
        system = self._house.state(vote.device)
        readings: Mapping[str, Any] = system.readings
        told = readings.get("vote") in ("open", "paused")
        return Count(
            voted=readings.get("voted") if told else None,
            counts=readings.get("vote_counts", {}) if told else {},
            paused=readings.get("vote") == "paused",
            known=system.online,
        )

    def veiled(self, device: str, role: Role | None) -> bool:
        """Whether what a system now tells of its vote is not for somebody with this role."""
        mine = [vote for votes in self._votes.values() for vote in votes.values() if vote.device == device]
        if not mine:
            return False
        last = max(mine, key=lambda vote: vote.opened_at)
        return not visible(self._sessions.get(last.session), last, role)

    # --- what is asked -------------------------------------------------------------------------------

    async def put(self, command: PutToVote) -> Vote:
        """Open a vote; the same question asked again while it is open is the same vote."""
        session = self._sessions.get(command.session)
        title = (command.title or session.item).strip()[:LONGEST]
        rule = self._rule(session, command)
        async with self._turn(session.id):
            session = self._sessions.get(command.session)
            if (running := self.open_in(session.id)) is not None:
                if running.title == title:
                    return running
                raise Conflict(f"vote {running.number}, {running.title!r}, is open; close it first")
            if session.phase is not Phase.OPEN and not session.closed_part:
                raise Conflict(f"a session that is {session.reason or session.phase} cannot vote")
            if not title:
                raise BadArgument("title", "what is put to the vote (no agenda item is under way)")
            system = self.system(session.room)
            if system is None:
                raise Unsupported("the discussion system of this room does not vote")
            if system.readings.get("vote") in (
                "open",
                "paused",
            ):  # of no session: nobody waits for its result
                await self._desk.obey(self._operate(command.actor, system.id, "close_vote"))
            self._asked[system.id] = Asked(
                actor=command.actor, title=title, rule=rule, present=command.present
            )
            try:
                await self._desk.obey(self._operate(command.actor, system.id, "open_vote", title=title))
            finally:
                self._asked.pop(system.id, None)
            await self._journal.settled()
            vote = self.open_in(session.id) or self.last(session.id)
            if vote is None:
                raise Conflict("the vote was opened, and the session ended meanwhile")
            return vote

    async def end(self, command: EndVote) -> Vote:
        """Close a vote and give it as it was decided; one that is closed already is given as it is."""
        async with self._turn(command.session):
            vote = await self.get(command.session, command.vote)
            if vote.state is Standing.LOST:
                raise Conflict(f"vote {vote.number} is lost: {vote.reason}")
            if vote.state is Standing.CLOSED:
                return vote
            self._ending[vote.device] = command.actor
            try:
                await self._desk.obey(self._operate(command.actor, vote.device, "close_vote"))
            finally:
                self._ending.pop(vote.device, None)
            await self._journal.settled()
            return await self.get(command.session, command.vote)

    def _rule(self, session: Session, command: PutToVote) -> Rule:
        rule = self.rule_of(session)
        if command.present is not None and not 0 <= command.present <= rule.elected:
            raise BadArgument("present", f"a number from 0 to {rule.elected} (got {command.present})")
        if not command.threshold:
            return rule
        try:
            return replace(rule, threshold=Threshold(command.threshold))
        except ValueError:
            raise BadArgument(
                "threshold", f"one of {', '.join(Threshold)} (got {command.threshold!r})"
            ) from None

    def _operate(self, actor: str, device: str, verb: str, **arguments: str) -> Operate:
        return Operate(actor=actor, device=device, verb=verb, arguments=arguments)

    def _turn(self, session: str) -> asyncio.Lock:
        return self._turns.setdefault(session, asyncio.Lock())

    # --- what happens --------------------------------------------------------------------------------

    def _hear(self, event: DeviceEvent) -> None:
        match event:
            case VoteOpened():
                self._opened(event)
            case VoteClosed():
                self._closed(event)
            case VoteLost() if (vote := self._known(event.device, event.vote)) is not None:
                self._bus.publish(vote.lost(event.reason))

    def _opened(self, event: VoteOpened) -> None:
        session = self._sessions.running_in(self._rooms.get(event.device, ""))
        if session is None or self._known(event.device, event.vote) is not None:
            return  # nobody's vote, or one that a system tells again after a restart of ours
        asked = self._asked.pop(event.device, None)
        rule = asked.rule if asked is not None else self.rule_of(session)
        self._bus.publish(
            QuestionPut(
                session=session.id,
                actor=asked.actor if asked is not None else "",
                at=event.at,
                vote=max(self._votes.get(session.id, {0: None})) + 1,
                title=asked.title if asked is not None else event.title or session.item,
                device=event.device,
                round=event.vote,
                threshold=rule.threshold,
                elected=rule.elected,
                quorum=rule.quorum,
                item=session.item,
                present=asked.present if asked is not None else None,
                closed_part=session.closed_part,
            )
        )

    def _closed(self, event: VoteClosed) -> None:
        vote = self._known(event.device, event.vote)
        if vote is None:
            log.info("A vote ended that is of no session: %s", event.title)
            return
        session = self._sessions.get(vote.session)
        ballots = ballots_of(event.choices, self._seats(event, session.room))
        decided = vote.decided(event.counts, ballots, event.present, session.closed_part)
        actor = self._ending.get(event.device, "")
        self._bus.publish(replace(decided, actor=actor, at=event.at))

    def _seats(self, event: VoteClosed, room: str) -> Mapping[str, Mapping[str, Any]]:
        """What the system says of each seat, with the names known now: lists and substitutions count."""
        told: Mapping[str, Mapping[str, Any]] = self._house.state(event.device).readings.get("seats", {})
        found: dict[str, Mapping[str, Any]] = {}
        for seat in {*told, *event.choices}:
            who = self._participants.who(room, int(seat))
            found[seat] = {**told.get(seat, {}), "name": who.name, "group": who.group}
        return found

    def _over(self, event: SessionClosed) -> None:
        if (vote := self.open_in(event.session)) is not None:
            self._bus.publish(vote.lost(ENDED))

    def _known(self, device: str, round_: str) -> Vote | None:
        """The open vote that a system tells of."""
        return next(
            (vote for vote in self.open_ones() if (vote.device, vote.round) == (device, round_)), None
        )

    def _fold(self, event: Event) -> None:
        match event:
            case QuestionPut():
                self._votes.setdefault(event.session, {})[event.vote] = Vote.put(event)
            case QuestionDecided() | QuestionLost():
                votes = self._votes.get(event.session, {})
                if event.vote in votes:
                    votes[event.vote] = votes[event.vote].after(event)

    def _kept(self, event: Event) -> Write | None:
        if not isinstance(event, QuestionDecided | QuestionLost):
            return None
        vote = self._votes.get(event.session, {}).get(event.vote)
        return None if vote is None else Write(records.save_vote, vote)
