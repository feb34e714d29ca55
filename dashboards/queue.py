"""The visitors' queue: the page of those who look after it, and the big screen in the hall."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from avctl.model.account import Act, Role
from avctl.model.device import DeviceState
from avctl.model.queue import OVER, Counter, Ticket
from avctl.services.controller import Controller
from dashboards import views
from dashboards.buttons import may
from dashboards.room import reached
from dashboards.words import LINKS, TICKETS, _

BIG = 6  # calls that have room on the big screen
LINES = 6  # services that have room there
ENDED = 8
VERBS: tuple[tuple[str, str, str], ...] = (
    ("call_next", _("Call the next"), ""),
    ("recall", _("Call again"), ""),
    ("open_counter", _("Open the counter"), ""),
    ("close_counter", _("Close the counter"), _("Press again: close")),
)
# Spoken in the hall whatever language its page is read in: letters and digits one by one.
CALL = "Талон {number}. {counter}."
COUNTER = "Вікно {name}"


def queue(
    controller: Controller, subject: str, role: Role | None, language: str, seen: tuple[str, ...] = ()
) -> views.QueueView:
    """Every queue system of the house, or one."""
    able = may(role, Act.OPERATE_DEVICES)
    return views.QueueView(
        systems=tuple(
            _system(controller, state, able)
            for state in controller.queues.devices(subject)
            if reached(state.room, seen)
        )
    )


def calls(controller: Controller, subject: str, role: Role | None, language: str) -> views.Calls:
    """What the hall's big screen shows: who is called where, and how many wait. Nothing of it is secret."""
    site = controller.config.site
    states = controller.queues.devices(subject)
    tickets = [one for one in controller.queues.tickets(subject) if one.state in ("called", "serving")]
    # Who is called now stands on top; who is being served only until the room is needed.
    tickets.sort(key=lambda one: (one.state == "called", one.since), reverse=True)
    away = [state for state in states if not state.online]
    return views.Calls(
        council=site.council_en if language == "en" else site.council,
        known=any("tickets" in state.readings or "services" in state.readings for state in states),
        old_since=min((state.since for state in away), default=None),
        called=tuple(map(_ticket, tickets[:BIG])),
        services=tuple(_services(controller, subject))[:LINES],
        more=max(0, len(tickets) - BIG),
    )


def _system(controller: Controller, state: DeviceState, able: bool) -> views.QueueSystem:
    queues = controller.queues
    tickets = tuple(queues.tickets(state.id))
    at = {one.counter: one for one in tickets if one.state in ("called", "serving")}
    services = tuple(_services(controller, state.id))
    return views.QueueSystem(
        id=state.id,
        title=state.title,
        online=state.online,
        link=LINKS[state.link],
        since=state.since,
        waiting=sum(one.waiting for one in services),
        services=services,
        counters=tuple(
            _counter(one, at.get(one.counter), able and state.online) for one in queues.counters(state.id)
        ),
        tickets=tuple(_ticket(one) for one in tickets if one.state == "waiting"),
        over=tuple(_ticket(one) for one in reversed(tickets) if one.state in OVER)[:ENDED],
    )


def _services(controller: Controller, device: str) -> Iterator[views.ServiceRow]:
    first: dict[tuple[str, str], datetime] = {}
    for ticket in controller.queues.tickets(device):
        if ticket.state == "waiting":
            key = ticket.device, ticket.service
            first[key] = min(first.get(key, ticket.since), ticket.since)
    for one in controller.queues.services(device):
        yield views.ServiceRow(
            name=one.name,
            waiting=one.waiting,
            minutes=None if one.average_wait is None else max(1, round(one.average_wait / 60)),
            first=first.get((one.device, one.id)),
        )


def _counter(one: Counter, ticket: Ticket | None, able: bool) -> views.CounterCard:
    fits: Mapping[str, bool] = {
        "call_next": one.open,
        "recall": one.open and ticket is not None,
        "open_counter": not one.open,
        "close_counter": one.open,
    }
    buttons = tuple(
        views.Button(
            id=f"counter-{one.device}-{one.counter}-{verb}",
            url=f"/queue/{one.device}/{one.counter}/{verb}",
            label=label,
            kind="next" if verb == "call_next" else "",
            again=again,
        )
        for verb, label, again in VERBS
        if able and verb in one.acts and fits[verb]
    )
    return views.CounterCard(
        id=one.id.replace(":", "-"),
        name=one.name,
        open=one.open,
        word=_("open") if one.open else _("closed"),
        ticket=_ticket(ticket) if ticket is not None else None,
        buttons=buttons,
    )


def _ticket(one: Ticket) -> views.TicketRow:
    return views.TicketRow(
        id=f"{one.device}-{one.number}",
        number=one.number,
        service=one.service_name,
        word=TICKETS[one.state],
        state=one.state,
        since=one.since,
        counter=one.counter_name,
        calls=one.calls,
        say=spoken(one.number, one.counter_name) if one.state == "called" else "",
    )


def spoken(number: str, counter: str) -> str:
    """A call as it is spoken: ``А012`` is А, нуль, один, два."""
    letters = " ".join(one for one in number if one.isalnum())
    place = COUNTER.format(name=counter) if counter.isdigit() else counter
    return CALL.format(number=letters, counter=place)
