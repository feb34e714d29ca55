"""Series: booked as a whole, and given another rule later; each occurrence is a session of its own."""

from __future__ import annotations

import asyncio
import secrets
from datetime import datetime, timedelta
from typing import Any

from avctl.commands import AmendSession, BookSeries, ChangeRule, Scope
from avctl.desk import Desk
from avctl.errors import BadArgument, Conflict
from avctl.model.booking import Booking, Place, booking_of
from avctl.model.series import Occurrence, moved, occurrences, rearranged
from avctl.model.session import BEFORE, Session
from avctl.services.sessions import Sessions

CHANGED = "повторення серії змінено"  # why an occurrence is called off that the new rule does not know


class Series:
    """Answers what concerns several sessions of one rule."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions, self._zone = sessions, sessions.config.site.zone

    def handle(self, desk: Desk) -> None:
        """Answer the commands about series."""
        desk.handle(BookSeries, self.book)
        desk.handle(ChangeRule, self.change_rule)

    async def book(self, command: BookSeries) -> tuple[Session, ...]:
        """Enter a session for each occurrence of a rule, all or none."""
        first = booking_of(command.details)
        series, wanted = secrets.token_hex(6), []
        for at in await self._occurrences(command.rule, self._clock(first)):
            wanted.append(self._there(first, at, series, command.rule).model_dump(mode="json"))
        return await self._sessions.book_all(wanted, command.actor, command.override)

    async def change_rule(self, command: ChangeRule) -> Session:
        """Give a series another rule, all of it or nothing."""
        this = self._sessions.get(command.session)
        place, scope = this.booking.place, command.scope
        if place is None or scope is Scope.THIS:
            return await self._alone(this, command)
        if not command.rule.strip():
            raise BadArgument("rule", "a rule, unless it is for this session alone")
        mine = [
            one
            for one in self._sessions
            if (its := one.booking.place) is not None
            and its.series == place.series
            and (scope is Scope.ALL or its.at >= place.at)
        ]
        regular = [one for one in mine if one.phase in BEFORE and not _own_time(one)]
        pattern = this if this in regular else next(iter(regular), this)
        # A change of all may have moved it from what its rule says, by the same for each.
        shift = self._clock(pattern.booking) - _place(pattern).at if pattern in regular else timedelta()
        there = [_occurrence(one, shift) for one in mine if one.cancelled_because != CHANGED]
        coming = [one.at for one in there if not one.stays]
        begins = place.at + shift if scope is Scope.FOLLOWING else min(coming, default=place.at + shift)
        wanted = await self._occurrences(command.rule, begins)
        plan = rearranged([one for one in there if one.at >= begins], wanted)
        details = {
            one: self._replaced(self._sessions.get(one), at, command.rule)
            for one, at in sorted(plan.kept.items(), key=lambda kept: kept[0] != this.id)
        }
        agendas = {one.booking.agenda for one in regular}
        booking = pattern.booking
        if len(agendas) > 1:  # each sitting has its own: a new one begins without
            booking = booking.model_copy(update={"agenda": ()})
        await self._sessions.amend_all(
            details,
            command.actor,
            version=command.version if this.id in details else None,
            override=command.override,
            reason=command.reason or CHANGED,
            added=[self._there(booking, at, place.series, command.rule) for at in plan.added],
            gone=plan.gone,
            gone_because=CHANGED,
        )
        return self._sessions.get(this.id)

    async def _alone(self, this: Session, command: ChangeRule) -> Session:
        """It leaves its series, and repeats by a rule of its own if it has one."""
        if this.phase not in BEFORE:
            raise Conflict(f"a session that is {this.phase} cannot be repeated otherwise")
        if not command.rule.strip():
            await self._sessions.amend(
                AmendSession(
                    actor=command.actor,
                    session=this.id,
                    details={"place": None},
                    version=command.version,
                    reason=command.reason,
                )
            )
            return self._sessions.get(this.id)
        begins, series = self._clock(this.booking), secrets.token_hex(6)
        first, *others = await self._occurrences(command.rule, begins)
        details = self._there(this.booking, first, series, command.rule).model_dump(mode="json")
        await self._sessions.amend_all(
            {this.id: details},
            command.actor,
            version=command.version,
            override=command.override,
            reason=command.reason or CHANGED,
            added=[self._there(this.booking, at, series, command.rule) for at in others],
        )
        return self._sessions.get(this.id)

    def _replaced(self, session: Session, at: datetime, rule: str) -> dict[str, Any]:
        """What another rule means for one that stays: its new time, unless it has one of its own."""
        booking = session.booking
        place = _place(session).model_copy(update={"rule": rule, "at": at})
        details: dict[str, Any] = {"place": place.model_dump(mode="json")}
        if not place.moved and at != self._clock(booking):
            details |= moved(booking, at, self._zone)
        return details

    def _there(self, booking: Booking, at: datetime, series: str, rule: str) -> Booking:
        place = {"series": series, "rule": rule, "at": at.isoformat()}
        fresh = {
            **booking.model_dump(mode="json"),
            **moved(booking, at, self._zone),
            "place": place,
            "key": "",
        }
        return booking_of(fresh)

    def _clock(self, booking: Booking) -> datetime:
        return booking.starts_at.astimezone(self._zone).replace(tzinfo=None)

    async def _occurrences(self, rule: str, begins: datetime) -> tuple[datetime, ...]:
        return await asyncio.to_thread(occurrences, rule, begins, self._zone)


def _place(session: Session) -> Place:
    assert session.booking.place is not None
    return session.booking.place


def _own_time(session: Session) -> bool:
    return _place(session).moved


def _occurrence(session: Session, shift: timedelta) -> Occurrence:
    return Occurrence(
        session=session.id,
        at=_place(session).at + shift,
        regular=not _own_time(session),
        stays=session.phase not in BEFORE,
    )
