"""Votes in the programme: the count while one is open, as far as it is told, then the result for a while."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from avctl.bus import Bus
from avctl.commands import ShowOverlay
from avctl.config import Config
from avctl.desk import Desk
from avctl.errors import AvctlError, NotFound, Unsupported
from avctl.events import (
    DeviceEvent,
    LinkChanged,
    QuestionDecided,
    QuestionLost,
    QuestionPut,
    ReadingsChanged,
    SessionEvent,
    SessionSuspended,
    now,
)
from avctl.model.vote import ABSTAIN, NO, NOT_VOTING, YES, Outcome, Standing, Vote
from avctl.services.sessions import Sessions
from avctl.services.votes import Count, Votes

log = logging.getLogger(__name__)

ACTOR = "votes"
GAP = 1.0  # seconds between two pictures of a count: drawing one takes a tenth
SETTLE = 5.0  # seconds after a start until a programme can be told anything
TAKEN: Mapping[Outcome, str] = {
    Outcome.ADOPTED: "yes",
    Outcome.NOT_ADOPTED: "no",
    Outcome.NO_QUORUM: "quorum",
    Outcome.COUNTED: "",
}
COUNTED = frozenset(("voted", "vote_counts", "vote"))
OTHERS = 4  # choices of another kind that have room
Values = dict[str, str | int]


class Scoreboard:
    """Shows the votes of each session over its programme; never one of a closed part."""

    def __init__(self, config: Config, bus: Bus, desk: Desk, sessions: Sessions, votes: Votes) -> None:
        self._settings, self._desk, self._sessions, self._votes = config.voting, desk, sessions, votes
        self._wanted: dict[str, Values | None] = {}
        self._working: dict[str, asyncio.Task[None]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        if self._settings.overlay == "off":
            return
        bus.listen(self._changed, QuestionPut, QuestionDecided, QuestionLost)
        bus.listen(self._suspended, SessionSuspended)
        if self._settings.overlay == "live":
            bus.listen(self._counted, ReadingsChanged, LinkChanged)

    def resume(self) -> None:
        """Take off what a restart has left in a programme, when its time is over."""
        for session in self._sessions if self._settings.overlay != "off" else ():
            last = self._votes.last(session.id)
            if last is not None and last.closed_at is not None:
                shown = (now() - last.closed_at).total_seconds()
                self._take_off_in(last.session, max(SETTLE, self._settings.result_seconds - shown))

    async def close(self) -> None:
        """Let every timer and picture go."""
        for timer in self._timers.values():
            timer.cancel()
        for task in self._working.values():
            task.cancel()
        await asyncio.gather(*self._working.values(), return_exceptions=True)

    def _changed(self, event: SessionEvent) -> None:
        vote = self._votes.last(event.session)
        session = self._sessions.get(event.session)
        if vote is None or not session.broadcastable:
            return
        if vote.closed_part or session.closed_part or vote.state is Standing.LOST:
            self._want(session.id, None)
        elif vote.state is Standing.CLOSED:
            self._want(session.id, values_of(vote))
            self._take_off_in(session.id, self._settings.result_seconds)
        else:
            live = self._settings.overlay == "live"
            self._want(session.id, values_of(vote, self._votes.count(vote)) if live else None)

    def _suspended(self, event: SessionSuspended) -> None:
        if self._sessions.get(event.session).closed_part and self._votes.last(event.session) is not None:
            self._want(event.session, None)

    def _counted(self, event: DeviceEvent) -> None:
        if isinstance(event, ReadingsChanged) and COUNTED.isdisjoint(event.readings):
            return
        for vote in self._votes.open_ones():
            session = self._sessions.get(vote.session)
            public = not vote.closed_part and not session.closed_part
            if vote.device == event.device and public and session.broadcastable:
                self._want(session.id, values_of(vote, self._votes.count(vote)))

    def _take_off_in(self, session: str, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._stop_timer(session)
        self._timers[session] = loop.call_later(seconds, self._want, session, None)

    def _stop_timer(self, session: str) -> None:
        if (timer := self._timers.pop(session, None)) is not None:
            timer.cancel()

    def _want(self, session: str, values: Values | None) -> None:
        """Show this next, in place of whatever waits to be shown."""
        self._stop_timer(session)
        self._wanted[session] = values
        if session not in self._working:
            self._working[session] = asyncio.get_running_loop().create_task(self._work(session))

    async def _work(self, session: str) -> None:
        try:
            while session in self._wanted:
                values = self._wanted.pop(session)
                show = ShowOverlay(
                    actor=ACTOR, session=session, kind="vote", show=values is not None, values=values or {}
                )
                await self._try(show)
                await asyncio.sleep(GAP if values is not None else 0)
        finally:
            self._working.pop(session, None)

    async def _try(self, command: ShowOverlay) -> None:
        try:
            await self._desk.obey(command)
        except (NotFound, Unsupported) as refusal:  # no programme now, or one that nothing can be written in
            log.debug("the vote is not in the programme: %s", refusal)
        except AvctlError as refusal:
            log.warning("the vote is not in the programme: %s", refusal)


def values_of(vote: Vote, count: Count | None = None) -> Values:
    """What the overlay is given of a vote; ``count`` while it is open; none that may be old is seen."""
    if count is not None and not count.known:
        count = Count()
    counts = vote.counts if count is None else count.counts
    values: Values = {"question": vote.title, "taken": TAKEN[vote.outcome] if vote.outcome else ""}
    values["open"] = "yes" if count is not None else ""
    if count is not None and count.voted is not None:
        values["voted"] = count.voted
    if count is not None and not counts:
        values["counted"] = "no"
    elif YES in counts or not counts:
        values |= {
            "votes_for": counts.get(YES, 0),
            "votes_against": counts.get(NO, 0),
            "abstained": counts.get(ABSTAIN, 0),
            "not_voted": counts.get(NOT_VOTING, 0),
        }
    else:
        others = [one for one in counts if one != NOT_VOTING][:OTHERS]
        for place, choice in enumerate(others, 1):
            values |= {f"choice_{place}": choice, f"count_{place}": counts[choice]}
    return values
