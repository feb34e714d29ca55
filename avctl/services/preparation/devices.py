"""The proof of a room's devices: asked now, and every seat, channel and feed looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from avctl.bus import Bus
from avctl.config import Config
from avctl.errors import NoAnswer, Unsupported
from avctl.events import Link, SoundMeasured
from avctl.model.preparation import Line
from avctl.model.preparation_words import (
    ANSWERED,
    METERS,
    NO_SEATS,
    NOT_ASKED,
    REASON,
    SEATS,
    SEATS_FAULTY,
    SEATS_LOW,
    SEATS_MISSING,
    SIGNAL,
    STILL,
    UNMEASURED,
)
from avctl.model.session import Session
from avctl.services.house import House
from avctl.services.preparation.proof import Keep, Result, failed, passed, warned

SOURCE = "streams.feed"
METER_SECONDS = 3.0
SIGNAL_SECONDS = 8.0  # an encoder that dials anew takes some
LOW_PERCENT = 20
NAMED = 12  # seats that are named one by one


class Devices:
    """Proves what each device's own capabilities promise."""

    kinds = ("answers", "seats", "meters", "signal")

    def __init__(self, config: Config, bus: Bus, house: House) -> None:
        self._config, self._bus, self._house = config, bus, house

    def lines(self, session: Session) -> Iterable[Line]:
        """Of each device: that it answers, and what else can be proven of it."""
        settings = self._config.preparation
        steps = self._config.steps(session.room, session.booking.kind.value)
        for device in self._config.in_room(session.room):
            values: dict[str, Any] = {"device": device.title or device.id}
            if device.driver == SOURCE:
                if session.broadcastable:
                    yield Line(
                        id=f"signal.{device.id}",
                        kind="signal",
                        subject=device.id,
                        values=values,
                        behind=("armed",),
                    )
                continue
            yield Line(
                id=f"answers.{device.id}",
                kind="answers",
                subject=device.id,
                values={**values, "seconds": f"{settings.answer_seconds:g}"},
                behind=tuple(f"step.{step.id}" for step in steps if step.device == device.id),
            )
            after = (f"answers.{device.id}",)
            can = self._house.state(device.id).capabilities
            if "Discussion" in can:
                seats = len(self._seats_wanted(device.id, session.room))
                yield Line(
                    id=f"seats.{device.id}",
                    kind="seats",
                    subject=device.id,
                    values={**values, "seats": seats},
                    after=after,
                )
            if "Mixing" in can:
                yield Line(
                    id=f"meters.{device.id}", kind="meters", subject=device.id, values=values, after=after
                )

    async def prove(self, session: Session, line: Line, keep: Keep) -> Result:
        """Look."""
        match line.kind:
            case "answers":
                return await self._answers(line.subject)
            case "seats":
                return self._seats(line.subject, session.room)
            case "meters":
                return await self._meters(line.subject)
            case _:
                return await self._signal(line.subject)

    async def put_back(self, line: Line) -> None:
        """Looking changes nothing."""

    async def _answers(self, device: str) -> Result:
        state = self._house.state(device)
        began = asyncio.get_running_loop().time()
        try:
            await self._house.driver(device).ask_now(self._config.preparation.answer_seconds)
        except Unsupported:
            return warned(NOT_ASKED)
        except NoAnswer as silence:
            reason = str(silence) if state.online else state.reason or str(silence)
            return failed(REASON, reason=reason)
        took = asyncio.get_running_loop().time() - began
        return passed(ANSWERED, milliseconds=round(took * 1000))

    def _seats_wanted(self, device: str, room: str) -> set[int]:
        """The seats the room's shots name; without any, those the system told of."""
        named: set[int] = set()
        for shot in self._config.room(room).shots:
            named.update(shot.seats)
            if shot.first is not None and shot.last is not None:
                named.update(range(shot.first, shot.last + 1))
        readings = self._house.state(device).readings
        return named or {int(seat) for seat in readings.get("seats", {})}

    def _seats(self, device: str, room: str) -> Result:
        seats = self._house.state(device).readings.get("seats")
        if not seats:
            return failed(NO_SEATS)
        missing = sorted(self._seats_wanted(device, room) - {int(seat) for seat in seats})
        faulty = [int(seat) for seat, one in seats.items() if one.get("fault")]
        low = [
            int(seat)
            for seat, one in seats.items()
            if isinstance(left := one.get("battery_percent"), int | float) and left < LOW_PERCENT
        ]
        count = len(seats) - len(faulty)
        if faulty:
            return failed(SEATS_FAULTY, count=count, faulty=_named(faulty))
        if missing:
            return failed(SEATS_MISSING, count=count, missing=_named(missing))
        if low:
            return warned(SEATS_LOW, count=count, low=_named(low))
        return passed(SEATS, count=count)

    async def _meters(self, device: str) -> Result:
        """A microphone that is open in an empty hall hears something: its meter does not stand still."""
        first: Mapping[str, float] = {}
        with self._bus.subscribe() as heard:
            try:
                async with asyncio.timeout(METER_SECONDS):
                    async for event in heard:
                        if not isinstance(event, SoundMeasured) or event.device != device:
                            continue
                        first = first or event.levels
                        moving = [one for one, level in event.levels.items() if first.get(one) != level]
                        if moving:
                            return passed(METERS, count=len(moving))
            except TimeoutError:
                pass
        return warned(STILL if first else UNMEASURED, seconds=f"{METER_SECONDS:g}")

    async def _signal(self, device: str) -> Result:
        if await self._until(lambda: self._house.state(device).online, SIGNAL_SECONDS):
            return passed(SIGNAL)
        state = self._house.state(device)
        reason = state.reason or ("no signal yet" if state.link is Link.CONNECTING else str(state.link))
        return failed(REASON, reason=reason)

    async def _until(self, fact: Callable[[], bool], seconds: float) -> bool:
        """Whether something becomes true in time, which an event of a device tells."""
        with self._bus.subscribe() as heard:
            try:
                async with asyncio.timeout(seconds):
                    while not fact():
                        await heard.next()
            except TimeoutError:
                return False
        return True


def _named(seats: list[int]) -> str:
    more = f" … ({len(seats)})" if len(seats) > NAMED else ""
    return ", ".join(map(str, seats[:NAMED])) + more
