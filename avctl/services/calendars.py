"""The schedule as calendars read it (RFC 5545): everybody's, a room's, a person's own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from avctl.bus import Bus
from avctl.config import Config
from avctl.events import SessionAmended, SessionBooked, SessionCancelled, SessionEvent, now
from avctl.model.booking import Policy
from avctl.model.series import placed
from avctl.model.session import Phase, Session
from avctl.services.sessions import Sessions

if TYPE_CHECKING:  # it takes a quarter of a second, and no start should wait for it
    from icalendar import Calendar, Event

BEHIND, AHEAD = timedelta(days=100), timedelta(days=800)
KEPT = 200  # feeds held ready
REFRESH = timedelta(minutes=15)
WORDS: Mapping[str, Mapping[str, str]] = {
    "uk": {
        "cancelled": "Скасовано",
        "off_site": "виїзне засідання",
        "closed": "закрите",
        "without_public": "питання розглядається без присутності публіки",
        "duty": "Чергують",
        "remote": "Для дистанційних учасників",
        "setup": "Зала потрібна з",
        "release": "Запис буде оприлюднено",
        Policy.LIVE: "Пряма трансляція",
        Policy.DELAYED: "Відеозапис, буде оприлюднений пізніше",
        Policy.RECORD: "Відеозапис, буде оприлюднений після погодження",
        Policy.NONE: "Без трансляції",
    },
    "en": {
        "cancelled": "Cancelled",
        "off_site": "off-site",
        "closed": "closed",
        "without_public": "considered without the public",
        "duty": "On duty",
        "remote": "For remote participants",
        "setup": "Room needed from",
        "release": "Recording public on",
        Policy.LIVE: "Live broadcast",
        Policy.DELAYED: "Recorded, published later",
        Policy.RECORD: "Recorded, published after approval",
        Policy.NONE: "No broadcast",
    },
}


@dataclass(frozen=True, kw_only=True)
class Feed:
    """Which calendar: everybody's when both are empty. ``person`` gets what is not public too."""

    room: str = ""
    person: str = ""


@dataclass(frozen=True, kw_only=True)
class Made:
    """A calendar as it is sent, with a tag that changes when it does."""

    body: bytes
    tag: str


class Calendars:
    """Makes feeds and holds them ready until a booking changes."""

    def __init__(self, config: Config, bus: Bus, sessions: Sessions) -> None:
        self._config, self._sessions = config, sessions
        self._made: dict[tuple[Feed, date], Made] = {}
        self._changes = 0
        bus.listen(self._changed, SessionEvent)

    async def feed(self, which: Feed) -> Made:
        """A calendar as it is now."""
        today = now().astimezone(self._config.site.zone).date()
        made = self._made.get((which, today))
        if made is None:
            changes = self._changes
            found = await self._sessions.between(now() - BEHIND, now() + AHEAD)
            body = self._calendar(which, today, found).to_ical()
            made = Made(body=body, tag=hashlib.sha256(body).hexdigest()[:20])
            if changes != self._changes:  # while it was read: what was read may be old already
                return made
            while len(self._made) >= KEPT:
                del self._made[next(iter(self._made))]
            self._made[which, today] = made
        return made

    def _changed(self, event: SessionEvent) -> None:
        if isinstance(event, SessionBooked | SessionAmended | SessionCancelled):
            self._changes += 1
            self._made.clear()

    def _calendar(self, which: Feed, today: date, sessions: tuple[Session, ...]) -> Calendar:
        calendar = head(self._config, self._title(which))
        for session in sessions:
            if _concerns(which, session):
                calendar.add_component(self._event(session, own=bool(which.person)))
        # Whole years, so that the feed is the same from one day to the next.
        calendar.add_missing_timezones(date(today.year - 1, 1, 1), date(today.year + 4, 1, 1))
        return calendar

    def _title(self, which: Feed) -> str:
        site = self._config.site
        council = site.council_en if site.language == "en" else site.council
        if which.room:
            return f"{council}: {self._rooms()[which.room]}"
        return f"{council}: {which.person}" if which.person else council

    def _rooms(self) -> dict[str, str]:
        english = self._config.site.language == "en"
        return {room.id: (room.title_en if english else "") or room.title for room in self._config.rooms}

    def _event(self, session: Session, own: bool) -> Event:
        from icalendar import Event

        site, booking = self._config.site, session.booking
        words, zone = WORDS[site.language], site.zone
        cancelled = session.phase is Phase.CANCELLED
        stamp = session.changed_at or session.since
        event = Event()
        event.add("uid", f"{session.id}@avctl")
        event.add("dtstamp", _whole(stamp))
        event.add("last-modified", _whole(stamp))
        event.add("sequence", session.sequence)
        event.add("dtstart", _clear(booking.starts_at, zone))
        event.add("dtend", _clear(booking.ends_at, zone))
        event.add("summary", f"{words['cancelled']}: {session.title}" if cancelled else session.title)
        event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
        event.add("transp", "TRANSPARENT" if cancelled else "OPAQUE")
        event.add("categories", [booking.kind.value])
        place = words["off_site"] if booking.off_site else self._rooms().get(session.room, session.room)
        event.add("location", place)
        event.add("description", "\n".join(self._said(session, own)))
        if self._config.web.url:
            event.add("url", f"{self._config.web.url.rstrip('/')}/watch/{session.id}")
        return event

    def _said(self, session: Session, own: bool) -> list[str]:
        """What a calendar shows below the title. Links of remote participants are for those on duty only."""
        site, booking = self._config.site, session.booking
        words = WORDS[site.language]

        def local(moment: datetime) -> str:
            return f"{moment.astimezone(site.zone):%d.%m.%Y %H:%M}"

        lines = [booking.body] if booking.body else []
        if session.cancelled_because:
            lines.append(f"{words['cancelled']}: {session.cancelled_because}")
        lines.append(words[Policy.NONE if booking.off_site else booking.policy])
        if session.release_at is not None:
            lines.append(f"{words['release']}: {local(session.release_at)}")
        if own:
            lines.append(f"{words['duty']}: {', '.join(booking.on_duty)}")
            if booking.setup_minutes:
                lines.append(f"{words['setup']} {local(booking.since)}")
            if booking.remote_link is not None:
                lines.append(f"{words['remote']}: {booking.remote_link}")
        for item in booking.agenda:
            if item.closed and not own:
                lines.append(f"{item.number}. {words['without_public']}")
                continue
            speaker = f" ({item.speaker})" if item.speaker else ""
            closed = f" [{words['closed']}]" if item.closed else ""
            document = f" {item.document}" if item.document is not None else ""
            lines.append(f"{item.number}. {item.title}{speaker}{closed}{document}")
        return lines


def head(config: Config, title: str) -> Calendar:
    """A calendar that says what it is and how often to look again, and has no event yet."""
    from icalendar import Calendar

    calendar = Calendar()
    for name, value in (
        ("prodid", "-//avctl//schedule//UK"),
        ("version", "2.0"),
        ("calscale", "GREGORIAN"),
        ("method", "PUBLISH"),
        ("name", title),
        ("x-wr-calname", title),
        ("x-wr-timezone", config.site.timezone),
    ):
        calendar.add(name, value)
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT15M")
    return calendar


def _concerns(which: Feed, session: Session) -> bool:
    booking = session.booking
    if which.person:
        return which.person in booking.on_duty
    return not which.room or (booking.room == which.room and not booking.off_site)


def _clear(moment: datetime, zone: ZoneInfo) -> datetime:
    """A moment on the council's clock; in UTC where that shows it twice: calendars take the first."""
    first = placed(moment.astimezone(zone).replace(tzinfo=None, fold=0), zone)
    same = first.astimezone(UTC) == moment.astimezone(UTC)
    return first if same else _whole(moment)


def _whole(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
