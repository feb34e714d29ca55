"""Votes on a CoCon server: looked at, not believed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from avctl.config import Device
from avctl.driver import Publish
from avctl.errors import NoAnswer, ProtocolError, Rejected
from drivers.televic_cocon.line import Line
from drivers.televic_cocon.messages import content, number, rows
from drivers.voting import STOP_TRIES, Vote, VotingSystem, choice_of, counted


class Votes(Line, VotingSystem):
    """The votes of a room; ``_items`` is its agenda, as last told."""

    def __init__(self, device: Device, publish: Publish) -> None:
        super().__init__(device, publish)
        self._items: tuple[Mapping[str, Any], ...] = ()
        self._title = ""

    async def open_vote(self, title: str) -> None:
        """Let the seats vote; the server names an instant vote itself, the title is ours."""
        self.must_not_vote()
        added = await self._find(f"Voting/AddInstantVote/?VotingTemplate={quote(self.options.template)}")
        if not (isinstance(added, dict) and added.get("Result") is True):
            raise Rejected(f"the server adds no vote: {str(added)[:200]}")
        self._title = title
        await self._do("Voting/SetVotingState/?State=Start")

    async def close_vote(self) -> None:
        """Stop the vote: a stop may be answered with 0 and not happen, so it is looked at and tried again."""
        self.open_one()
        for _ in range(STOP_TRIES):
            await self._do("Voting/SetVotingState/?State=Stop")
            for _ in range(2):
                if await self._voting_state() == "VotingStopped":
                    return  # the look that the stop asked for reads the result
                await asyncio.sleep(self.stop_seconds)
        raise NoAnswer("the server says that it stopped the vote, and did not")

    async def _voting_state(self) -> str:
        found = await self._find("Voting/GetVotingState")
        return str(found.get("State", "")) if isinstance(found, dict) else ""

    async def _look_at_vote(self) -> None:
        state = await self._voting_state()
        if not state:
            return  # a bare Plixus has no votes
        known = self.vote
        if state in ("VotingStarted", "VotingPaused"):
            item = self._voting_item()
            if item is not None and (known is None or known.id != str(item["IdInDb"])):
                if known is not None:
                    self.vote_lost("another vote runs on the server")
                title, self._title = self._title or str(item.get("Title", "")), ""
                self.vote_opened(Vote(id=str(item["IdInDb"]), title=title))
            amount = await self._find("Voting/GetAmountOfVotes")
            told = amount.get("Total voted") if isinstance(amount, dict) else None
            self.vote_counted({}, told if isinstance(told, int) else 0)
            if self.vote is not None:
                self.report(vote="paused" if state == "VotingPaused" else "open")
        elif known is None:
            self.no_vote()
        elif state == "VotingStopped":
            await self._read_result(known)
        else:
            self.vote_lost("the server does not know the vote any more")

    def _voting_item(self) -> Mapping[str, Any] | None:
        """The vote that runs, among the agenda's items; results need its number in the database."""
        votes = [row for row in self._items if row.get("Type") == "VotingAgendaItem" and "IdInDb" in row]
        return next((row for row in votes if str(row.get("State")).lower() == "active"), None)

    def _named(self, vote: Vote) -> Mapping[str, str]:
        """What its choices are called: a result may leave the names to the agenda."""
        item = next((row for row in self._items if str(row.get("IdInDb")) == vote.id), None)
        return {str(row.get("Id")): str(row.get("Name") or "") for row in rows(item, "VotingOptions")}

    async def _read_result(self, vote: Vote) -> None:
        general = await self._find(f"Voting/GetGeneralVotingResults/?Id={vote.id}")
        results = general.get("VotingResults") if isinstance(general, dict) else None
        if not isinstance(results, dict) or str(general.get("Id")) != vote.id:
            self.vote_lost("the server tells no result of the vote")
            return
        options = rows(results, "Options")
        known = self._named(vote)
        marks = {str(row.get("Id")): str(row.get("Name") or "") for row in options}
        names = {mark: choice_of(name or known.get(mark) or mark) for mark, name in marks.items()}
        counts = counted((names[str(row.get("Id"))], _votes(row)) for row in options)
        single = content(await self._get(f"Voting/GetIndividualVotingResults/?Id={vote.id}"))
        told = single.get("IndividualVotingResults") if isinstance(single, dict) else None
        choices = {
            str(seat): ", ".join(names.get(str(one), str(one)) for one in _listed(row.get("VotingOptionId")))
            for row in rows(told, "VotingResults")
            if (seat := number(row.get("SeatNumber"))) is not None
        }
        self.vote_closed(counts, choices)


def _votes(row: Mapping[str, Any]) -> int:
    votes = row.get("Votes")
    count = votes.get("Count") if isinstance(votes, dict) else None
    if not isinstance(count, int):
        raise ProtocolError("a result without counts")
    return count


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
