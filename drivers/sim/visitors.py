"""A hall of visitors that is not there: services, tickets, counters and clerks, behind any queue system."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

SERVICES = {1: ("Довідки", "А"), 2: ("Реєстрація місця проживання", "Б"), 3: ("Звернення громадян", "В")}
COUNTERS = 4


@dataclass(kw_only=True)
class Visit:
    """A visitor with a ticket."""

    id: int
    number: str
    service: int
    state: str = "waiting"
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    counter: int = 0

    @property
    def seconds(self) -> int:
        """How long it has been what it is."""
        return int((datetime.now(UTC) - self.at).total_seconds())

    def become(self, state: str) -> None:
        """Change, from now on."""
        self.state, self.at = state, datetime.now(UTC)


@dataclass(kw_only=True)
class Desk:
    """A counter; ``clerk`` empty: nobody is there."""

    id: int
    name: str
    clerk: str = ""
    visit: Visit | None = None
    called_at: float = 0.0


Heard = Callable[[str, Visit | None, Desk | None], None]


class Hall:
    """What happens in it, told to ``heard`` in Qmatic's words for events."""

    def __init__(self, heard: Heard = lambda *_: None) -> None:
        self.services = dict(SERVICES)
        self.desks = {number: Desk(id=number, name=str(number)) for number in range(1, COUNTERS + 1)}
        self.waiting: list[Visit] = []
        self.heard = heard
        self._ids = count(1001)
        self._numbers = dict.fromkeys(self.services, 0)

    def take(self, service: int) -> Visit:
        """Take a ticket; ValueError for a service that is not offered."""
        if service not in self.services:
            raise ValueError(f"service: one of {', '.join(map(str, self.services))}")
        self._numbers[service] += 1
        number = f"{self.services[service][1]}{self._numbers[service]:03d}"
        visit = Visit(id=next(self._ids), number=number, service=service)
        self.waiting.append(visit)
        self.heard("VISIT_CREATE", visit, None)
        return visit

    def desk(self, counter: int) -> Desk:
        """A counter; ValueError when there is none."""
        if counter not in self.desks:
            raise ValueError(f"counter: one of {', '.join(map(str, self.desks))}")
        return self.desks[counter]

    def open(self, counter: int, clerk: str) -> None:
        """A clerk sits down."""
        desk = self.desk(counter)
        desk.clerk = clerk
        self.heard("SERVICE_POINT_OPEN", None, desk)

    def close(self, counter: int) -> None:
        """The clerk leaves; who is being served has been served."""
        desk = self.desk(counter)
        self.end(counter)
        desk.clerk = ""
        self.heard("SERVICE_POINT_CLOSE", None, desk)

    def call(self, counter: int) -> Visit | None:
        """Call the next; whoever is there has been served."""
        desk = self.desk(counter)
        self.end(counter)
        if not desk.clerk or not self.waiting:
            return None
        visit = self.waiting.pop(0)
        visit.counter, desk.visit = counter, visit
        visit.become("called")
        self.heard("VISIT_CALL", visit, desk)
        return visit

    def recall(self, counter: int) -> Visit | None:
        """Call once more."""
        desk = self.desk(counter)
        if desk.visit is not None:
            self.heard("VISIT_CALL", desk.visit, desk)
        return desk.visit

    def confirm(self, counter: int) -> None:
        """The visitor came."""
        desk = self.desk(counter)
        if desk.visit is not None:
            desk.visit.become("serving")
            self.heard("VISIT_CONFIRM", desk.visit, desk)

    def end(self, counter: int, outcome: str = "VISIT_END") -> None:
        """The visit is over, or nobody came (VISIT_NOSHOW)."""
        desk = self.desk(counter)
        if (visit := desk.visit) is not None:
            desk.visit = None
            visit.become("done" if outcome == "VISIT_END" else "no_show")
            self.heard(outcome, visit, desk)

    def remove(self, number: str) -> None:
        """A visitor leaves; ValueError when nobody waits with this ticket."""
        visit = next((one for one in self.waiting if one.number == number), None)
        if visit is None:
            raise ValueError("number: of a ticket that waits")
        self.waiting.remove(visit)
        visit.become("removed")
        self.heard("VISIT_REMOVE", visit, None)

    def transfer(self, visit: int, service: int) -> None:
        """Let a visitor wait for another service; ValueError when nobody has this visit."""
        if service not in self.services:
            raise ValueError(f"service: one of {', '.join(map(str, self.services))}")
        held = next((desk for desk in self.desks.values() if desk.visit and desk.visit.id == visit), None)
        found = held.visit if held else next((one for one in self.waiting if one.id == visit), None)
        if found is None:
            raise ValueError("visit: of somebody who waits or is at a counter")
        if held is not None:
            held.visit, found.counter = None, 0
            found.become("waiting")
            self.waiting.append(found)
        found.service = service
        self.heard("VISIT_TRANSFER_TO_QUEUE", found, held)

    def moment(self, chance: random.Random) -> None:
        """What happens in some seconds of an ordinary day: somebody comes, somebody is called or served."""
        if len(self.waiting) < 12 and chance.random() < 0.5:
            self.take(chance.choice(sorted(self.services)))
        for desk in self.desks.values():
            if not desk.clerk:
                continue
            if desk.visit is None:
                if chance.random() < 0.6:
                    self.call(desk.id)
            elif desk.visit.state == "called":
                if desk.visit.seconds > 40:
                    self.end(desk.id, "VISIT_NOSHOW")
                elif desk.visit.seconds > 6 and chance.random() < 0.5:
                    self.confirm(desk.id)
            elif desk.visit.seconds > 20 and chance.random() < 0.2:
                self.end(desk.id)
