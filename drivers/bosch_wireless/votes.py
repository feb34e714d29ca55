"""Votes on an access point: one round at a time, without an id; 0 closed, 1 open, 2 on hold."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from avctl.errors import NoAnswer, ProtocolError, Rejected
from drivers.bosch_wireless.line import Line, checked, rows
from drivers.voting import NOT_VOTING, Rounds, choice_of, counted

VOTING, STATE, RESULTS = "/api/voting", "/api/voting/state", "/api/voting/results"
CLOSED, OPEN, HOLD = 0, 1, 2
PRESENT = "present"
TOTALS = frozenset({PRESENT, "voted", "total"})  # rows of the results that are no choices
SUBJECT = 141  # letters
SEEN_TRIES = 6


class Votes(Line, Rounds):
    """The voting of an access point, where it has it."""

    async def open_vote(self, title: str) -> None:
        """Name the question and open the round; one that nobody answers for any more is ended first."""
        self.must_not_vote()
        settings = checked(await self._ask("GET", VOTING)).json()
        if not isinstance(settings, dict):
            raise ProtocolError("no settings of the voting")
        wanted = {**settings, "mode": self.options.voting_mode, "subject": title[:SUBJECT]}
        if isinstance(settings.get("individuals"), bool):
            wanted["individuals"] = True  # else nobody can say later who voted what
        if await self._state() != CLOSED:
            await self._write("PUT", STATE, {"state": CLOSED})
            await self._see_closed()
        await self._write("PUT", VOTING, wanted)
        self._asked = title
        try:
            await self._write("PUT", STATE, {"state": OPEN})
        except Rejected:
            self._asked = ""
            raise

    async def _see_closed(self) -> None:
        """Wait until the round before is over: its votes must not be taken for the next one's."""
        for _ in range(SEEN_TRIES):
            if await self._state() == CLOSED:
                self.round_rests()
                return
            await asyncio.sleep(self.stop_seconds)
        raise NoAnswer("the access point does not end the round that nobody answers for")

    async def close_vote(self) -> None:
        self.open_one()
        await self._write("PUT", STATE, {"state": CLOSED})

    async def _look_at_vote(self) -> None:
        state = await self._state()
        if state is None:
            return
        if state == CLOSED:
            if self.vote is None and not self._asked:
                self.round_rests()
            elif self.vote is not None:
                await self._read_result()
            return
        answer = await self._ask("GET", RESULTS)
        found = answer.json() if answer.ok else {}
        subject = str(found.get("subject") or "") if isinstance(found, dict) else ""
        self.round_runs(subject, paused=state == HOLD)
        self.vote_counted(_result(found)[0])

    async def _state(self) -> int | None:
        """Where the round is; None when this model has no votes."""
        answer = await self._ask("GET", STATE)
        if not answer.ok:
            return None
        found = answer.json()
        state = found.get("state") if isinstance(found, dict) else None
        if state not in (CLOSED, OPEN, HOLD):
            raise ProtocolError("no state of the voting")
        return int(state)

    async def _read_result(self) -> None:
        answer = await self._ask("GET", RESULTS)
        if not answer.ok:
            self.vote_lost(f"the result cannot be read: the access point answered {answer.status}")
            return
        found = answer.json()
        if isinstance(found, dict) and found.get("state") not in (CLOSED, None):
            self._news.set()  # what was written shows late: it is read once it is the end's
            return
        counts, present = _result(found)
        individuals = found.get("individuals") if isinstance(found, dict) else None
        self.vote_closed(counts, _choices(individuals), present)


def _result(found: Any) -> tuple[dict[str, int], int | None]:
    """Counts by choice, and how many are present."""
    told = {
        str(row.get("name")): value
        for row in rows(found.get("results", []) if isinstance(found, dict) else None)
        if isinstance(value := row.get("value"), int)
    }
    counts = counted((name, value) for name, value in told.items() if name.casefold() not in TOTALS)
    return counts, told.get(PRESENT)


def _choices(individuals: Any) -> dict[str, str]:
    """Who voted what. These rows were never seen filled: all that name a seat and a choice count."""
    found: dict[str, str] = {}
    for row in individuals if isinstance(individuals, list) else ():
        if not isinstance(row, Mapping):
            continue
        seat = next((row[name] for name in ("seatId", "id") if isinstance(row.get(name), int)), 0)
        words = (row.get(name) for name in ("vote", "answer", "choice", "value", "result"))
        word = next((one for one in words if isinstance(one, str) and one), "")
        if seat > 0 and word and choice_of(word) != NOT_VOTING:
            found[str(seat)] = choice_of(word)
    return found
