"""The calendar of announced hours without mains."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta

from pydantic import ValidationError

from avctl.bus import Bus
from avctl.commands.building import (
    KeepBlackout,
    RemoveBlackout,
)
from avctl.desk import Desk
from avctl.errors import BadArgument, NotFound
from avctl.events import BlackoutEvent, BlackoutKept, BlackoutRemoved, Event, now
from avctl.faults import faults_of
from avctl.model.booking import Booking
from avctl.model.playing import Blackout
from avctl.services.journal import Journal, Write
from avctl.store import Store, building

KEPT = timedelta(days=62)  # how long those that are over are still known


class Blackouts:
    """Holds those that are to come, and lately were."""

    def __init__(self, bus: Bus, store: Store, journal: Journal) -> None:
        self._bus, self._store, self._settled = bus, store, journal.settled
        self._known: dict[str, Blackout] = {}
        bus.listen(self._fold, BlackoutEvent)
        journal.keep(_kept, BlackoutEvent)

    def handle(self, desk: Desk) -> None:
        """Answer the commands that concern the calendar."""
        desk.handle(KeepBlackout, self.keep)
        desk.handle(RemoveBlackout, self.remove)

    async def restore(self) -> None:
        """Take in what the record holds, at start."""
        async with self._store.read() as connection:
            found = await building.blackouts_after(connection, now() - KEPT)
        self._known = {one.id: one for one in found}

    def __iter__(self) -> Iterator[Blackout]:
        return iter(sorted(self._known.values(), key=lambda one: one.begins_at))

    def coming(self) -> tuple[Blackout, ...]:
        """Those that are not over."""
        return tuple(one for one in self if one.ends_at > now())

    def at(self, moment: datetime) -> Blackout | None:
        """The one that was announced for a moment."""
        return next((one for one in self if one.holds(moment)), None)

    def during(self, booking: Booking) -> tuple[Blackout, ...]:
        """Those that are not over and hit a sitting, with its minutes of setting up and clearing."""
        until = booking.ends_at + timedelta(minutes=booking.breakdown_minutes)
        return (
            () if booking.off_site else tuple(one for one in self.coming() if one.hits(booking.since, until))
        )

    async def keep(self, command: KeepBlackout) -> Blackout:
        """Enter one, or change it."""
        details = {"id": f"blackout-{secrets.token_hex(4)}", **command.details}
        try:
            blackout = Blackout.model_validate(details)
        except ValidationError as problem:
            raise BadArgument(*next(faults_of(problem, Blackout))) from problem
        if self._known.get(blackout.id) != blackout:
            details = blackout.model_dump(mode="json")
            self._bus.publish(BlackoutKept(blackout=blackout.id, actor=command.actor, details=details))
            await self._settled()
        return blackout

    async def remove(self, command: RemoveBlackout) -> None:
        """It will not come."""
        if command.blackout not in self._known:
            raise NotFound(f"there is no blackout {command.blackout!r}")
        self._bus.publish(BlackoutRemoved(blackout=command.blackout, actor=command.actor))
        await self._settled()

    def _fold(self, event: BlackoutEvent) -> None:
        if isinstance(event, BlackoutKept):
            self._known[event.blackout] = Blackout.model_validate(event.details)
        else:
            self._known.pop(event.blackout, None)


def _kept(event: Event) -> Write | None:
    match event:
        case BlackoutKept():
            return Write(building.save_blackout, Blackout.model_validate(event.details))
        case BlackoutRemoved():
            return Write(building.forget_blackout, event.blackout)
        case _:
            return None
