"""Tells the people on duty what became of their sessions, and the journal that they were told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from sqlalchemy.exc import SQLAlchemyError

from avctl.bus import Bus
from avctl.config import Config
from avctl.errors import BadArgument
from avctl.events import DutyTold, Event, SessionAmended, SessionBooked, SessionCancelled, SessionEvent
from avctl.model.booking import Booking, amended
from avctl.services.contacts import Contacts
from avctl.services.sessions import Sessions
from avctl.store.engine import cause_of

log = logging.getLogger(__name__)

TOLD = ("starts_at", "ends_at", "room", "off_site", "remote_link", "setup_minutes")
HEADINGS: Mapping[str, str] = {
    "booked": "Вас призначено черговим",
    "moved": "Засідання змінено",
    "released": "Ви більше не чергуєте",
    "cancelled": "Засідання скасовано",
}


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What one person is to hear of one session. ``before`` is there when its time or place was another."""

    session: str
    person: str
    change: str
    booking: Booking
    before: Booking | None = None
    reason: str = ""


class Notices:
    """Hears what changes and has it sent: several changes made at once are one message to each person."""

    def __init__(self, config: Config, bus: Bus, sessions: Sessions, contacts: Contacts) -> None:
        self._config, self._bus, self._sessions, self._contacts = config, bus, sessions, contacts
        # Below this, Apprise writes addresses with their tokens.
        logging.getLogger("apprise").setLevel(logging.WARNING)

    async def run(self) -> None:
        """Until cancelled."""
        with self._bus.subscribe() as heard:
            while True:
                events = (await heard.next(), *heard.waiting())
                notices = [notice for event in events for notice in self._of(event)]
                try:
                    await self._tell(notices)
                except SQLAlchemyError as fault:
                    log.error("Nobody could be told of %d changes: %s", len(notices), cause_of(fault))

    def _of(self, event: Event) -> Iterator[Notice]:
        """What an event means for each person on duty."""
        if not isinstance(event, SessionBooked | SessionAmended | SessionCancelled):
            return
        now = self._sessions.get(event.session).booking
        match event:
            case SessionBooked():
                yield from self._each(event, "booked", now.on_duty, now)
            case SessionCancelled():
                yield from self._each(event, "cancelled", now.on_duty, now, reason=event.reason)
            case SessionAmended():
                before = _before(now, event)
                fresh = [name for name in now.on_duty if name not in before.on_duty]
                stay = [name for name in now.on_duty if name in before.on_duty]
                gone = [name for name in before.on_duty if name not in now.on_duty]
                yield from self._each(event, "booked", fresh, now)
                yield from self._each(event, "released", gone, before, reason=event.reason)
                if set(TOLD) & set(event.details):
                    yield from self._each(event, "moved", stay, now, before, event.reason)

    @staticmethod
    def _each(
        event: SessionEvent,
        change: str,
        people: Iterable[str],
        booking: Booking,
        before: Booking | None = None,
        reason: str = "",
    ) -> Iterator[Notice]:
        for person in people:
            if person != event.actor:  # who did it knows
                yield Notice(
                    session=event.session,
                    person=person,
                    change=change,
                    booking=booking,
                    before=before,
                    reason=reason,
                )

    async def _tell(self, notices: list[Notice]) -> None:
        people = tuple(dict.fromkeys(notice.person for notice in notices))
        contacts = await self._contacts.of(people)
        for person in people:
            mine = [notice for notice in notices if notice.person == person]
            addresses = [self._address(one) for one in contacts.get(person, ())]
            addresses += [one.get_secret_value() for one in self._config.notices.channels]
            wanted = [one for one in addresses if one]
            text = f"{person}\n\n" + "\n\n".join(map(self._said, mine))
            heading = HEADINGS[mine[0].change] + (f" (+{len(mine) - 1})" if len(mine) > 1 else "")
            taken = [await asyncio.to_thread(_send, one, heading, text) for one in wanted]
            problem = ""
            if not wanted:
                problem = "no address is known"
            elif not all(taken):
                problem = f"{taken.count(False)} of {len(taken)} addresses did not take it"
            if problem:
                log.warning("%s was not told of a change on duty: %s", person, problem)
            for notice in mine:
                self._bus.publish(
                    DutyTold(
                        session=notice.session,
                        person=person,
                        change=notice.change,
                        told=any(taken),
                        problem=problem,
                    )
                )

    def _address(self, contact: str) -> str:
        """Where a contact is sent; empty when it is mail and there is no server for it."""
        if "://" in contact:
            return contact
        server = self._config.notices.mail.get_secret_value()
        return f"{server}{'&' if '?' in server else '?'}to={quote(contact)}" if server else ""

    def _said(self, notice: Notice) -> str:
        """A notice in the words of the council."""
        lines = [f"{HEADINGS[notice.change]}: {notice.booking.title}"]
        if notice.before is not None:
            lines.append(f"Було: {self._when(notice.before)}")
            lines.append(f"Стало: {self._when(notice.booking)}")
        else:
            lines.append(self._when(notice.booking))
        if notice.reason:
            lines.append(f"Причина: {notice.reason}")
        return "\n".join(lines)

    def _when(self, booking: Booking) -> str:
        def local(moment: datetime) -> str:
            return f"{moment.astimezone(self._config.site.zone):%d.%m.%Y %H:%M}"

        rooms = {room.id: room.title for room in self._config.rooms}
        place = "виїзне" if booking.off_site else rooms.get(booking.room, booking.room)
        setup = f", у залі з {local(booking.since)}" if booking.setup_minutes else ""
        return f"{local(booking.starts_at)} – {local(booking.ends_at)}, {place}{setup}"


def _before(now: Booking, event: SessionAmended) -> Booking:
    """The booking as it was; when it was changed again meanwhile, as near as can be said."""
    try:
        return amended(now, event.before)
    except BadArgument:
        return now


def _send(address: str, heading: str, text: str) -> bool:
    from apprise import Apprise  # see contacts

    service = Apprise()
    return bool(service.add(address) and service.notify(body=text, title=heading))
