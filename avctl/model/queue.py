"""The visitors' queue, whatever system it runs on: services, counters, tickets, and what happens to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from avctl.events import (
    CounterClosed,
    CounterOpened,
    DeviceEvent,
    TicketCalled,
    TicketEnded,
    TicketRecalled,
    TicketServed,
    TicketTaken,
    TicketTransferred,
)

OVER = ("done", "no_show", "removed")
Readings = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Service:
    """Something people come for; ``average_wait`` in seconds, None where nobody knows."""

    device: str
    id: str
    name: str
    waiting: int
    average_wait: float | None


@dataclass(frozen=True, kw_only=True)
class Counter:
    """Where people are served; its id is unique in the house, ``counter`` in its system."""

    id: str
    device: str
    counter: str
    name: str
    open: bool
    ticket: str
    acts: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """A visitor's place in the queue. Its number is text: nothing is counted with it."""

    device: str
    number: str
    service: str
    service_name: str
    state: str
    since: datetime
    counter: str
    counter_name: str
    calls: int


def services_of(device: str, readings: Readings) -> Iterator[Service]:
    """The services of a system."""
    for name, row in _rows(readings, "services"):
        waiting, average = row.get("waiting"), row.get("average_wait")
        yield Service(
            device=device,
            id=name,
            name=str(row.get("name") or name),
            waiting=waiting if isinstance(waiting, int) else 0,
            average_wait=float(average) if isinstance(average, int | float) else None,
        )


def counters_of(device: str, readings: Readings) -> Iterator[Counter]:
    """The counters of a system."""
    acts = tuple(map(str, readings.get("acts", ())))
    for name, row in _rows(readings, "counters"):
        yield Counter(
            id=f"{device}:{name}",
            device=device,
            counter=name,
            name=str(row.get("name") or name),
            open=row.get("open") is True,
            ticket=str(row.get("ticket") or ""),
            acts=acts,
        )


def tickets_of(device: str, readings: Readings) -> Iterator[Ticket]:
    """The tickets of a system, as it orders them."""
    services, counters = dict(_rows(readings, "services")), dict(_rows(readings, "counters"))
    for row in readings.get("tickets", ()):
        service, counter = str(row.get("service", "")), str(row.get("counter", ""))
        yield Ticket(
            device=device,
            number=str(row["number"]),
            service=service,
            service_name=str(services.get(service, {}).get("name") or service),
            state=str(row["state"]),
            since=datetime.fromisoformat(str(row["since"])),
            counter=counter,
            counter_name=str(counters.get(counter, {}).get("name") or counter),
            calls=int(row.get("calls", 0)),
        )


def happened(device: str, before: Readings, after: Readings) -> Iterator[DeviceEvent]:
    """What must have happened between two looks at a system."""
    counters = dict(_rows(before, "counters"))
    for name, row in _rows(after, "counters"):
        if name in counters and (counters[name].get("open") is True) != (row.get("open") is True):
            kind = CounterOpened if row.get("open") is True else CounterClosed
            yield kind(device=device, counter=name)
    known = {ticket.number: ticket for ticket in tickets_of(device, before) if ticket.state not in OVER}
    tickets = tuple(tickets_of(device, after))
    for ticket in tickets:
        if ticket.state not in OVER:
            yield from _of_ticket(known.pop(ticket.number, None), ticket)
    for ticket in tickets:  # numbers begin anew each day: one that is over may be another's by now
        if ticket.state in OVER and (was := known.pop(ticket.number, None)) is not None:
            yield TicketEnded(**{**_told(was), "counter": ticket.counter}, outcome=ticket.state)
    for gone in known.values():
        yield TicketEnded(**_told(gone), outcome="removed" if gone.state == "waiting" else "done")


def _of_ticket(before: Ticket | None, ticket: Ticket) -> Iterator[DeviceEvent]:
    told = _told(ticket)
    if before is None:
        yield TicketTaken(**{**told, "counter": ""})
    elif ticket.service != before.service and ticket.state == "waiting":
        yield TicketTransferred(**told)
    same = before is not None and before.counter == ticket.counter
    if ticket.state == "called":
        if not same or before is None or before.state != "called":
            yield TicketCalled(**told)
        elif ticket.calls > before.calls:
            yield TicketRecalled(**told)
    if ticket.state == "serving":
        if before is None or before.state == "waiting" or not same:
            yield TicketCalled(**told)
        if not same or before is None or before.state != "serving":
            yield TicketServed(**told)


def _told(ticket: Ticket) -> dict[str, Any]:
    return {
        "device": ticket.device,
        "ticket": ticket.number,
        "service": ticket.service,
        "counter": ticket.counter,
    }


def _rows(readings: Readings, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    rows = readings.get(name, {})
    yield from ((str(key), row) for key, row in rows.items())
