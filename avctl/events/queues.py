"""What happened in the visitors' queue, whatever system it runs on."""

from __future__ import annotations

from dataclasses import dataclass

from avctl.events.devices import DeviceEvent


@dataclass(frozen=True, kw_only=True)
class TicketEvent(DeviceEvent):
    """Something that happened to a ticket; its number is a text such as ``A012``."""

    ticket: str
    service: str = ""
    counter: str = ""


@dataclass(frozen=True, kw_only=True)
class TicketTaken(TicketEvent):
    """A visitor took a ticket."""


@dataclass(frozen=True, kw_only=True)
class TicketCalled(TicketEvent):
    """A ticket was called to a counter."""


@dataclass(frozen=True, kw_only=True)
class TicketRecalled(TicketEvent):
    """A ticket was called once more."""


@dataclass(frozen=True, kw_only=True)
class TicketServed(TicketEvent):
    """The visitor of a ticket came to the counter and is being served."""


@dataclass(frozen=True, kw_only=True)
class TicketTransferred(TicketEvent):
    """A ticket waits for another service now."""


@dataclass(frozen=True, kw_only=True)
class TicketEnded(TicketEvent):
    """A ticket is over: ``outcome`` is done, no_show or removed."""

    outcome: str


@dataclass(frozen=True, kw_only=True)
class CounterOpened(DeviceEvent):
    """A counter was opened for visitors."""

    counter: str


@dataclass(frozen=True, kw_only=True)
class CounterClosed(DeviceEvent):
    """A counter was closed."""

    counter: str
