"""Scenes people play at the simulators: a sitting of the council that goes on and on."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import NoReturn

from drivers.sim.behringer_x32 import BehringerX32Simulator
from drivers.sim.bosch_dicentis import BoschDicentisSimulator
from drivers.sim.qmatic_orchestra import QmaticOrchestraSimulator
from drivers.sim.server import Simulator
from drivers.sim.shure_mxcw import ShureMxcwSimulator

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
    if isinstance(simulator, QmaticOrchestraSimulator):  # no sitting: the ordinary day of a visitors' hall
        simulator.open_doors(pace)
        await asyncio.Event().wait()
    if isinstance(simulator, ShureMxcwSimulator):
        await _in_turn(simulator, pace, random.Random(seed))
    if not isinstance(simulator, BoschDicentisSimulator):
        raise TypeError(f"nobody knows how to hold a sitting at {device}")
    mixers = [
        one
        for one in simulators.values()
        if isinstance(one, BehringerX32Simulator) and one.device.room == simulator.device.room
    ]
    scene = _Sitting(simulator, pace, random.Random(seed), mixers)
    while True:
        await scene.day()


async def _in_turn(simulator: ShureMxcwSimulator, pace: float, chance: random.Random) -> NoReturn:
    """Hold a committee: a press opens the microphone; one speaks after another, now and then in silence."""
    simulator.settings["OPERATION_MODE"] = "FIFO"
    last = 0
    while True:
        seat = chance.choice([one for one in simulator.units if one != last])
        if not simulator.speakers:  # somebody else may be at the simulator
            simulator.press(seat)
            await asyncio.sleep(chance.uniform(8, 15) / pace)
            if seat in simulator.speakers:
                simulator.press(seat)
        last = seat
        await asyncio.sleep(chance.choice((0.5, 1, 2, 8)) / pace)


class _Sitting:
    def __init__(
        self,
        simulator: BoschDicentisSimulator,
        pace: float,
        chance: random.Random,
        mixers: list[BehringerX32Simulator],
    ) -> None:
        self._at = simulator
        self._mixers = mixers
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
            self._be_heard()

    def _serve_guests(self, now: float) -> None:
        guests = [seat for seat in self._waiting() if seat not in self._cast]
        self._asked = {seat: self._asked.get(seat, now) for seat in guests}
        for seat in guests:
            if now - self._asked[seat] >= COURTESY / self._pace:
                self._at.speak(seat)

    def _be_heard(self) -> None:
        """Whoever speaks is heard at the hall's mixer on its first channel; the hall itself on the second."""
        for mixer in self._mixers:
            mixer.speak(1, self._chance.uniform(0.08, 0.4) if self._speaking() else 0.001)
            mixer.speak(2, self._chance.uniform(0.002, 0.01))

    def _speaking(self) -> list[int]:
        return [seat.number for seat in self._hall.speaking()]

    def _waiting(self) -> list[int]:
        return [seat.number for seat in self._hall.waiting()]
