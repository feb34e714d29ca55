"""What the drivers of visitor queues share: tickets over time, where a system only says how it stands now."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from avctl.events import now

ENDED = 20  # tickets that are over and still told
WAITING, CALLED, SERVING = "waiting", "called", "serving"
DONE, NO_SHOW, REMOVED = "done", "no_show", "removed"
STATES = (WAITING, CALLED, SERVING, DONE, NO_SHOW, REMOVED)
OVER = (DONE, NO_SHOW, REMOVED)


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A ticket as a system lists it now; what is empty it does not say. ``ago``: seconds in this state."""

    number: str
    state: str
    service: str = ""
    counter: str = ""
    ago: float | None = None


class Book:
    """Keeps the tickets of a hall: since when each is what it is, how often it was called, how it ended."""

    def __init__(self) -> None:
        self._tickets: dict[str, dict[str, Any]] = {}
        self._ended: deque[dict[str, Any]] = deque(maxlen=ENDED)
        self._outcomes: dict[str, str] = {}

    def take(self, listed: Mapping[str, Listed]) -> tuple[Mapping[str, Any], ...]:
        """All tickets, those that are over first, after a look at what the system lists, each by its key."""
        moment = now()
        tickets: dict[str, dict[str, Any]] = {}
        for key, one in listed.items():
            if one.state in OVER:
                self._outcomes[key] = one.state
            else:
                tickets[key] = _row(one, self._tickets.get(key), moment)
        for key, row in self._tickets.items():
            if key not in tickets:
                usual = REMOVED if row["state"] == WAITING else DONE
                outcome = self._outcomes.pop(key, usual)
                self._ended.append({**row, "state": outcome, "since": _iso(moment)})
        self._outcomes = {key: one for key, one in self._outcomes.items() if key in tickets}
        # In the order in which they were first seen, whatever the system sorts by.
        known = [key for key in self._tickets if key in tickets]
        self._tickets = {key: tickets[key] for key in (*known, *(key for key in tickets if key not in known))}
        return (*self._ended, *self._tickets.values())

    def ends_as(self, key: str, outcome: str) -> None:
        """What becomes of a ticket once the system lists it no more."""
        if key in self._tickets:
            self._outcomes[key] = outcome

    def called_again(self, key: str) -> None:
        """A ticket that had been called was called once more."""
        if (row := self._tickets.get(key)) is not None and row["state"] == CALLED:
            self._tickets[key] = {**row, "calls": row["calls"] + 1}

    def state(self, key: str) -> str:
        """What a ticket was at the last look; empty when it was not there."""
        return str(self._tickets.get(key, {}).get("state", ""))


def _row(one: Listed, before: Mapping[str, Any] | None, moment: datetime) -> dict[str, Any]:
    same = before is not None and (before["state"], before["counter"]) == (one.state, one.counter)
    calls = before["calls"] if before is not None else 0
    newly = one.state == CALLED and not same
    since = moment if one.ago is None else moment - timedelta(seconds=one.ago)
    return {
        "number": one.number,
        "service": one.service or (before["service"] if before is not None else ""),
        "state": one.state,
        # What a system counts in whole seconds would be another moment at each look.
        "since": before["since"] if same and before is not None else _iso(since),
        "counter": one.counter,
        "calls": max(calls + newly, int(one.state != WAITING)),
    }


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
