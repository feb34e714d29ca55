"""One request to a simulated DICENTIS, and what an operation of it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from drivers.sim.bosch_dicentis.booths import Booth
from drivers.sim.bosch_dicentis.hall import Hall, Seat, Turn
from drivers.sim.bosch_dicentis.meeting import Secretary

Json = dict[str, Any]
NAMES = {str: "System.String", bool: "System.Boolean", list: "System.String[]", float: "System.Double"}


class Failure(Exception):
    """The text of an ``error`` answer."""


class System(Protocol):
    """The server an operation works on."""

    hall: Hall
    secretary: Secretary
    booth: Booth
    room: str
    volume: float

    def changed(self, event: str) -> None:
        """Tell those who listen for it."""

    def switch(self, on: bool) -> None:
        """Switch the seats on, or off, which takes a while."""


@dataclass
class Call:
    """One request: what it is about, and ``later``, the effects that follow its answer."""

    name: str
    given: Json
    system: System
    later: list[Callable[[], None]] = field(default_factory=list)

    @property
    def hall(self) -> Hall:
        """The seats and the discussion."""
        return self.system.hall

    @property
    def secretary(self) -> Secretary:
        """The meeting, its agenda and votes."""
        return self.system.secretary

    def impossible(self) -> Failure:
        """What the server says when it cannot."""
        return Failure(f"Unable to perform the operation: {self.name}")

    def seat(self) -> Seat:
        """The seat of ``seatId``."""
        seat = self.hall.seats.get(self.given.get("seatId") or "")
        if seat is None:
            raise self.impossible()
        return seat

    def seats(self) -> list[Seat]:
        """The seats of ``seatIds`` and of where ``participantIds`` sit, or of ``seatId``."""
        if "seatId" in self.given:
            return [self.seat()]
        ids, people = self.given.get("seatIds") or [], self.given.get("participantIds") or []
        if "seatIds" not in self.given and "participantIds" not in self.given:
            raise Failure("Value cannot be null.\nParameter name: source")
        sat = {seat.seated: seat.id for seat in self.hall.seats.values() if seat.seated}
        found = [self.hall.seats.get(str(id_)) for id_ in ids]
        found += [self.hall.seats.get(sat.get(str(person), "")) for person in people]
        if not found or None in found:
            raise self.impossible()
        return [seat for seat in found if seat is not None]

    def turns(self) -> list[Turn]:
        """The rows of the list these seats have; all must have one."""
        found = [self.hall.turn(seat) for seat in self.seats()]
        if None in found:
            raise self.impossible()
        return [turn for turn in found if turn is not None]


Answering = Callable[[Call], Json]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """``takes``: the parameters' types; ``rearms``: the event heard again once this was asked."""

    name: str
    answer: Answering
    permission: str = ""
    takes: Mapping[str, type] = field(default_factory=dict)
    rearms: tuple[str, ...] = ()


def operation(
    name: str,
    answer: Answering,
    permission: str = "",
    takes: Mapping[str, type] | None = None,
    rearms: tuple[str, ...] = (),
) -> Operation:
    """An operation, short enough for a table."""
    return Operation(name=name, answer=answer, permission=permission, takes=takes or {}, rearms=rearms)


def says(**answer: Any) -> Answering:
    """An operation that always answers the same."""
    return lambda call: dict(answer)


def effect(act: Callable[[Call], Callable[[], None]]) -> Answering:
    """An operation answered at once and done right after."""

    def answer(call: Call) -> Json:
        call.later.append(act(call))
        return {}

    return answer


def done(move: Callable[[Call], bool]) -> Answering:
    """An operation that is done, or is impossible now."""

    def answer(call: Call) -> Json:
        if not move(call):
            raise call.impossible()
        return {}

    return answer


def read(operation: Operation, parameters: Json) -> Json:
    """The parameters by the names the operation knows; the server binds strictly, but not by case."""
    names = {name.lower(): name for name in operation.takes}
    found: Json = {}
    for given, value in parameters.items():
        name = names.get(given.lower())
        if name is None:
            raise Failure(
                f"Could not find member '{given}' on object of type '{operation.name}Request'. "
                f"Path 'parameters.{given}'."
            )
        kind = operation.takes[name]
        right = isinstance(value, int | float) if kind is float else isinstance(value, kind)
        if value is not None and (not right or (kind is float and isinstance(value, bool))):
            raise Failure(
                f"Error converting value {value!r} to type '{NAMES[kind]}'. Path 'parameters.{name}'."
            )
        found[name] = value
    return found
