"""Scenes people play at the simulators: a sitting of the council that goes on and on."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import NoReturn

from drivers.sim.bosch_dicentis import BoschDicentisSimulator
from drivers.sim.server import Simulator

STEP = 0.25  # seconds between two looks at the hall
COURTESY = 1.0  # seconds until somebody outside the script gets the floor he asked for


async def sitting(
    simulators: Mapping[str, Simulator], device: str, pace: float = 1.0, seed: int = 1
) -> NoReturn:
    """Play a sitting at a simulated DICENTIS until cancelled; ``pace`` 2 is twice as fast.

    The chairman opens; items are taken up; deputies press, wait, get the floor, speak 8 to 20 s and stop;
    after every second item there is a break. The same ``seed`` plays the same sitting. Whoever presses a
    button without being in the script is given the floor after a moment and keeps it until he stops.
    """
    simulator = simulators[device]
    if not isinstance(simulator, BoschDicentisSimulator):
        raise TypeError(f"{device} is not a simulated DICENTIS")
    scene = _Sitting(simulator, pace, random.Random(seed))
    while True:
        await scene.day()


class _Sitting:
    def __init__(self, simulator: BoschDicentisSimulator, pace: float, chance: random.Random) -> None:
        self._at = simulator
        self._hall = simulator.hall
        self._pace, self._chance = pace, chance
        self._cast: set[int] = set()
        self._asked: dict[int, float] = {}

    async def day(self) -> None:
        """From the opening to the closing of one sitting."""
        self._at.set_mode("manual", max_speakers=4)
        await self._chairman(6, 10)
        for item in range(1, len(self._at.secretary.meeting.topics) + 1):
            if item > len(self._at.secretary.meeting.topics):
                break  # another meeting was opened meanwhile
            self._at.open_item(item)
            await self._chairman(3, 6)
            await self._debate(self._chance.randint(3, 5))
            self._at.close_item()
            if item % 2 == 0:
                await self._chairman(3, 4)
                await self._pause(30)
        await self._chairman(4, 6)
        await self._pause(15)

    async def _chairman(self, least: float, most: float) -> None:
        chair = self._hall.chair
        if self._hall.turn(chair) is None:
            self._at.chairman()
        await self._pause(self._chance.uniform(least, most))
        if self._hall.turn(chair) is not None:
            self._at.chairman()
        await self._pause(0.5)

    async def _debate(self, speeches: int) -> None:
        for seat in self._volunteers(speeches):
            self._ask(seat)
            await self._pause(self._chance.uniform(0.4, 1.5))
        if self._cast and self._chance.random() < 0.25:
            self._withdraw(self._chance.choice(sorted(self._cast)))
        while self._cast:
            await self._speech()
        await self._pause(1)

    async def _speech(self) -> None:
        """The first of the cast who has the floor, or waits for it, speaks and stops."""
        speaking = [seat for seat in self._speaking() if seat in self._cast]
        waiting = [seat for seat in self._waiting() if seat in self._cast]
        if not speaking and not waiting:
            self._cast.clear()  # the operator took them off, or the hall is off
            return
        seat = (speaking or waiting)[0]
        if not speaking:
            self._at.speak(seat)
        for _ in range(4):
            await self._pause(self._chance.uniform(2, 5))
            if seat not in self._speaking():
                break
        if seat in self._speaking():
            self._at.press(seat)
        self._cast.discard(seat)
        await self._pause(self._chance.uniform(0.5, 1.5))

    def _ask(self, seat: int) -> None:
        self._cast.add(seat)
        self._at.press(seat)

    def _withdraw(self, seat: int) -> None:
        if seat in self._waiting():
            self._at.press(seat)
        self._cast.discard(seat)

    def _volunteers(self, count: int) -> list[int]:
        free = [
            seat.number
            for seat in self._hall.seats.values()
            if seat.connected and seat.seated and not seat.chairman and self._hall.turn(seat) is None
        ]
        return self._chance.sample(free, min(count, len(free)))

    async def _pause(self, seconds: float) -> None:
        """Let time pass, with an eye on the hall."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds / self._pace
        while (left := until - loop.time()) > 0:
            await asyncio.sleep(min(STEP / self._pace, left))
            self._serve_guests(loop.time())

    def _serve_guests(self, now: float) -> None:
        guests = [seat for seat in self._waiting() if seat not in self._cast]
        self._asked = {seat: self._asked.get(seat, now) for seat in guests}
        for seat in guests:
            if now - self._asked[seat] >= COURTESY / self._pace:
                self._at.speak(seat)

    def _speaking(self) -> list[int]:
        return [seat.number for seat in self._hall.speaking()]

    def _waiting(self) -> list[int]:
        return [seat.number for seat in self._hall.waiting()]
