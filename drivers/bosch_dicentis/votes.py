"""Votes on a DICENTIS server: what it says of the one that is open, and its result once that is over."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from avctl.config import Device
from avctl.driver import Publish
from avctl.errors import LinkError, NoAnswer, ProtocolError, Rejected
from drivers.bosch_dicentis.line import Line
from drivers.bosch_dicentis.messages import id_of, number_of, rows, text_of
from drivers.voting import Vote, VotingSystem, choice_of, counted, voted

OPEN: Mapping[str, str] = {"opened": "open", "onhold": "paused"}
OVER = frozenset({"done", "accepted", "rejected"})
READY_TRIES = 20
REFUSALS = 4  # after so many, one after the other, a vote is lost: before, a server may be busy
RIGHT = "cancontrolvoting"  # there is none without the licence


class Votes(VotingSystem):
    """The voting of a hall, where the account has the right to it; ``seat_of`` gives a seat its number."""

    def __init__(self, device: Device, publish: Publish) -> None:
        super().__init__(device, publish)
        self._line: Line | None = None
        self._due: dict[str, None] = {}
        self._news = asyncio.Event()
        self._voting: Mapping[str, Any] = {}
        self._refusals = 0  # to tell of the vote, one after the other
        self._unread = 0  # refusals to tell its result

    @abstractmethod
    def seat_of(self, seat: str) -> int:
        """The number of a seat, by the server's id."""

    @abstractmethod
    def place_of(self, participant: str) -> int:
        """The number of the seat in which a participant sits."""

    async def open_vote(self, title: str) -> None:
        """Put a question to the vote, and open it once the server has it ready."""
        self.must_not_vote()
        question = {"subject": title, "description": "", "number": ""}
        await self._open_line.ask("ActivateAdHocVoting", question)
        for _ in range(READY_TRIES):
            await self._open_line.ask("GetVotingInfo")
            if (text_of(self._voting, "subject"), text_of(self._voting, "state").lower()) == (title, "ready"):
                break
            await asyncio.sleep(self.stop_seconds / 5)
        else:
            raise NoAnswer("the server took the question, and does not get it ready")
        await self._open_line.ask("OpenVoting")
        self._need("VotingStateChanged")

    async def close_vote(self) -> None:
        self.open_one()
        await self._open_line.ask("CloseVoting")
        self._need("VotingStateChanged")

    def _bears_refusal(self) -> bool:
        """Whether a vote is open that one more refusal to tell of it does not end: a server may be busy."""
        self._refusals += 1
        return self.vote is not None and self._refusals < REFUSALS

    def _learn_voting(self, parameters: Mapping[str, Any]) -> None:
        self._refusals = 0
        info = parameters.get("votingInfo")
        self._voting = info if isinstance(info, dict) else {}
        vote, state = id_of(self._voting, "votingId"), text_of(self._voting, "state").lower()
        if self.vote is not None and (self.vote.id != vote or state not in {*OPEN, *OVER}):
            self.vote_lost("the server cancelled the vote, or does not know it any more")
        if vote and state in OPEN:
            if self.vote is None:
                self._unread = 0
                self.vote_opened(Vote(id=vote, title=text_of(self._voting, "subject")))
            self.report(vote=OPEN[state])
        elif self.vote is None and self._may_vote():
            self.no_vote()
        elif self.vote is None:
            self.report(vote="")

    def _learn_votes(self, parameters: Mapping[str, Any]) -> None:
        if self.readings.get("vote") in OPEN.values() and (counts := self._counted(parameters)) is not None:
            self.vote_counted(counts)

    async def _finish_vote(self) -> None:
        """Read the result of the vote that was open. Results bear no id: it is looked at before and after."""
        if not self._over():
            return
        try:
            counts = self._counted(await self._open_line.ask("GetVotingResults"))
        except Rejected as refusal:
            self._unread += 1
            if self._unread >= REFUSALS:
                self.vote_lost(f"the result cannot be read: {refusal}")
            return  # until the next look
        choices = await self._choices("GetSeatVotingResults", "seatId", self.seat_of)
        if not choices and (counts is None or voted(counts)):
            choices = await self._choices("GetIndividualVotingResults", "participantId", self.place_of)
        await self._open_line.ask("GetVotingInfo")
        if not self._over():
            return
        if counts is None and not choices:
            self.vote_lost("the server tells no result of the vote")
        else:
            cast = ((choice, 1) for choice in choices.values())
            self.vote_closed(self._with_all(cast) if counts is None else counts, choices)

    async def _choices(self, operation: str, key: str, number: Callable[[str], int]) -> dict[str, str]:
        """Who voted what, by seat; empty where the server does not tell it so."""
        try:
            told = await self._open_line.ask(operation)
        except Rejected as refusal:  # a secret vote, or an account without the right
            self.log.debug("the server does not tell who voted what: %s", refusal)
            return {}
        return {
            str(number(id_of(row, key))): choice_of(text_of(row, "votingAnswer"))
            for found in told.values()  # the name of the list is not known for sure
            for row in (found if isinstance(found, list) else ())
            if isinstance(row, dict) and id_of(row, key) and text_of(row, "votingAnswer")
        }

    def _counted(self, parameters: Mapping[str, Any]) -> dict[str, int] | None:
        """The counts by choice; None when they cannot be read."""
        if parameters.get("votingResults") is None:
            return None
        try:
            found = rows(parameters, "votingResults")
        except ProtocolError:
            return None
        told = [(text_of(row, "answer"), number_of(row, "count")) for row in found]
        sure = [(answer, count) for answer, count in told if answer and count is not None]
        return self._with_all(sure) if len(sure) == len(found) else None

    def _with_all(self, told: Iterable[tuple[str, int]]) -> dict[str, int]:
        """Counts by choice, with those that the vote has and nobody chose."""
        answers = self._voting.get("votingAnswers")
        found = [one for one in answers if isinstance(one, str)] if isinstance(answers, list) else []
        return counted((*((answer, 0) for answer in found), *told))

    def _may_vote(self) -> bool:
        rights = [right.lower() for right in self.readings.get("permissions", ())]
        return not rights or RIGHT in rights

    def _over(self) -> bool:
        return (
            self.vote is not None
            and self.vote.id == id_of(self._voting, "votingId")
            and text_of(self._voting, "state").lower() in OVER
        )

    def _need(self, *events: str) -> None:
        self._due.update(dict.fromkeys(events))
        self._news.set()

    @property
    def _open_line(self) -> Line:
        if self._line is None:
            raise LinkError("there is no connection")
        return self._line
