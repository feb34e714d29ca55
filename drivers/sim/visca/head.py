"""The camera itself, whatever carries its packets: what it does, how it moves, what it says.

It moves with a finite speed, so that completion comes later and positions show progress. Knobs beyond the
acts: ``steps_per_second``, ``queues`` (a second move waits instead of ending the first), ``executed`` (every
command carried out, in order), ``heard`` (every packet).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from avctl.config import Device
from drivers.sim.server import Simulator, act
from drivers.visca import PORTS, Options
from drivers.visca.codec import BUFFER_FULL, CANCELLED, NO_SOCKET, NOT_EXECUTABLE, SYNTAX, nibbles, number

Say = Callable[[bytes], Awaitable[None]]
Position = tuple[float, float, float]

LIMITS = ((-7700, 7700), (-1800, 5400), (0, 0x4000))  # pan, tilt, zoom in the camera's steps
VERSION = bytes.fromhex("0001 0513 0100 02")  # Sony, SRG-300H, ROM 1.00, two sockets
ZOOM_DRIVE_STEPS = 700  # steps each second for each of the eight speeds


def _stored(preset: int) -> Position:
    """The shot an owner would have stored under a number: each a different one."""
    return (-7000 + preset * 1117 % 14000, -1500 + preset * 397 % 6000, preset * 1709 % 0x4000)


@dataclass(eq=False, kw_only=True)
class _Move:
    """A way from one position to another; ``say`` is whoever asked for it."""

    start: Position
    end: Position
    began: float
    seconds: float
    socket: int = 0
    say: Say | None = None

    def at(self, time: float) -> Position:
        part = 1.0 if self.seconds <= 0 else min(1.0, max(0.0, (time - self.began) / self.seconds))
        pan, tilt, zoom = (a + (b - a) * part for a, b in zip(self.start, self.end, strict=True))
        return pan, tilt, zoom


class Head(Simulator):
    """The camera itself, whatever the transport."""

    title = "PTZ camera"

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.options = Options.model_validate(device.options)
        if device.port is None:
            self.bound = PORTS[self.options.transport]
        self.power = True
        self.tally = False
        self.lamp = self.options.family == "sony"  # whether it has one that Sony's command lights
        self.presets: dict[int, Position] = {preset: _stored(preset) for preset in range(256)}
        self.steps_per_second = 12000.0
        self.queues = False
        self.late_accepting = self.never_completing = False
        self.heard: list[bytes] = []
        self.executed: list[bytes] = []
        self.sockets: dict[int, _Move] = {}
        self._move = _Move(start=(0, 0, 0), end=(0, 0, 0), began=0, seconds=0)
        self._under_way: asyncio.Task[None] | None = None

    @property
    def position(self) -> Position:
        """Where it looks now: pan, tilt, zoom."""
        return self._move.at(asyncio.get_running_loop().time())

    @property
    def moving(self) -> bool:
        """Whether it is between two positions."""
        return asyncio.get_running_loop().time() < self._move.began + self._move.seconds

    # --- what a person or an accident does ---------------------------------------------------------

    @act
    def joystick(self, pan: int = 0, tilt: int = 0, zoom: int = 0) -> None:
        """Move it by hand, by so many steps, at once."""
        self.spawn(self._tell(self._give_up()))
        moved = [value + by for value, by in zip(self.position, (pan, tilt, zoom), strict=True)]
        self._set(_within(moved[0], moved[1], moved[2]))

    @act
    def press_power(self) -> None:
        """Switch it on or to standby with its own remote control."""
        self.power = not self.power

    @act
    def late_accept(self, on: bool = True) -> None:
        """Say "accepted" only when the move has ended, as some cameras do."""
        self.late_accepting = on

    @act
    def no_completion(self, on: bool = True) -> None:
        """Never say "completed"."""
        self.never_completing = on

    @act
    def busy(self, on: bool = True) -> None:
        """Keep both sockets taken, as a second controller would."""
        if on:
            self.sockets |= {socket: self._move for socket in (1, 2) if socket not in self.sockets}
        else:
            self.sockets.clear()

    def state(self) -> Mapping[str, Any]:
        pan, tilt, zoom = (round(value) for value in self.position)
        return {
            **super().state(),
            "power": self.power,
            "pan": pan,
            "tilt": tilt,
            "zoom": zoom,
            "moving": self.moving,
            "tally": self.tally,
            "late_accepting": self.late_accepting,
            "never_completing": self.never_completing,
            "executed": len(self.executed),
        }

    # --- packets -----------------------------------------------------------------------------------

    async def obey(self, packet: bytes, say: Say) -> None:
        """Carry out one packet and say what a camera says."""
        self.heard.append(packet)
        body = packet[1:-1]
        if packet[0] != 0x81:
            return
        if body[:1] == b"\x09":
            await say(self._inquiry(body[1:]))
        elif body[:1] == b"\x01":
            await self._command(body[1:], say)
        elif body[:3] == b"\x0a\x02\x02" and len(body) == 4 and self.options.family == "ptzoptics":
            self.tally = body[3] == 0x02
            await say(b"\x90\x41\xff")
            await say(b"\x90\x51\xff")
        elif len(body) == 1 and body[0] >> 4 == 2:
            running = self.sockets.get(body[0] & 0x0F)
            if running is None or running.say is None:
                await say(error(NO_SOCKET))
            else:
                await self._tell(self._give_up())
        else:
            await say(error(SYNTAX))

    def _inquiry(self, body: bytes) -> bytes:
        pan, tilt, zoom = (round(value) for value in self.position)
        if body not in (b"\x04\x00", b"\x00\x02") and not self.power:
            return error(NOT_EXECUTABLE)
        match body:
            case b"\x04\x00":
                return _answer(0x02 if self.power else 0x03)
            case b"\x04\x47":
                return _answer(*nibbles(zoom))
            case b"\x06\x12":
                return _answer(*nibbles(pan), *nibbles(tilt))
            case b"\x06\x10" if self.options.family == "sony":
                return _answer(*(0x2000 | (0x0400 if self.moving else 0x0800)).to_bytes(2, "big"))
            case b"\x04\x38":
                return _answer(0x02)
            case b"\x04\x48":
                return _answer(*nibbles(0x1000))
            case b"\x7e\x01\x0a" if self.options.family == "sony":
                return _answer(0x02 if self.tally else 0x03)
            case b"\x00\x02":
                return _answer(*VERSION)
        return error(SYNTAX)

    async def _command(self, body: bytes, say: Say) -> None:
        if body == b"\x00\x01":  # clear: the sockets are free again
            self._halt()
            self.sockets.clear()
            await say(b"\x90\x50\xff")
            return
        power = body[:2] == b"\x04\x00"
        if self.refusing or (not self.power and not power):
            await say(error(NOT_EXECUTABLE))
            return
        target = self._target(body)
        if isinstance(target, tuple):
            await self._go(body, target, say)
        elif target and self._immediate(body):
            self.executed.append(body)
            await say(b"\x90\x41\xff")
            if not self.never_completing:
                await say(b"\x90\x51\xff")
        else:
            await say(error(SYNTAX))

    def _target(self, body: bytes) -> Position | bool:
        """Where a command goes; true for one that goes nowhere."""
        pan, tilt, zoom = self.position
        match body[0], body[1], len(body):
            case 0x04, 0x3F, 4 if body[2] == 0x02:
                return self.presets[body[3]]
            case 0x04, 0x47, 6:
                return _within(pan, tilt, number(body[2:]))
            case 0x06, 0x02, 12:
                return _within(number(body[4:8], signed=True), number(body[8:], signed=True), zoom)
            case 0x06, 0x03, 12:
                by = number(body[4:8], signed=True), number(body[8:], signed=True)
                return _within(pan + by[0], tilt + by[1], zoom)
            case (0x06, 0x04 | 0x05, 2):
                return 0, 0, zoom
        return True

    def _immediate(self, body: bytes) -> bool:
        """Carry out what needs no time; false for a command it does not know."""
        match tuple(body):
            case (0x04, 0x00, (0x02 | 0x03) as power):
                self.power = power == 0x02
            case (0x04, 0x3F, (0x00 | 0x01) as how, preset):
                self.presets[preset] = self.position if how else _stored(preset)
            case (0x06, 0x01, fast, steep, (1 | 2 | 3) as way, (1 | 2 | 3) as slope):
                self._drive((0, -1, 1, 0)[way] * fast * 300, (0, 1, -1, 0)[slope] * steep * 300, 0)
            case (0x04, 0x07, zoom):
                steps = ZOOM_DRIVE_STEPS * ((zoom & 7) + 1)
                self._drive(0, 0, {0: 0, 2: steps, 3: -steps}[zoom >> 4 & 3])
            case (0x06, 0x01, _, _) if self.options.family == "ptzoptics":
                pass  # the speed of a preset
            case (0x7E, 0x01, 0x0A, 0x00, (0x02 | 0x03) as lamp) if self.lamp:
                self.tally = lamp == 0x02
            case (0x04, 0x38 | 0x18 | 0x08 | 0x48 | 0x06 | 0x0E | 0x35 | 0x10, *_):
                pass  # focus, exposure, white balance: nothing to see here
            case (0x7E, kind, *_) if self.options.family == "sony" and kind != 0x01:
                pass
            case _:
                return False
        return True

    # --- moving ------------------------------------------------------------------------------------

    async def _go(self, body: bytes, target: Position, say: Say) -> None:
        free = [socket for socket in (1, 2) if socket not in self.sockets]
        if not free:
            await say(error(BUFFER_FULL))
            return
        waits_for = self._under_way if self.queues else None
        if waits_for is None:
            await self._tell(self._give_up())
        self.executed.append(body)
        move = _Move(start=target, end=target, began=0, seconds=0, socket=free[0], say=say)
        self.sockets[move.socket] = move
        if not self.late_accepting:
            await say(bytes((0x90, 0x40 | move.socket, 0xFF)))
        self._under_way = self.spawn(self._travel(move, waits_for))

    async def _travel(self, move: _Move, after: asyncio.Task[None] | None) -> None:
        if after is not None:
            await asyncio.wait((after,))
        move.start, move.began = self.position, asyncio.get_running_loop().time()
        farthest = max(abs(a - b) for a, b in zip(move.start, move.end, strict=True))
        move.seconds = farthest / self.steps_per_second
        self._move = move
        await asyncio.sleep(move.seconds)
        self.sockets.pop(move.socket, None)
        assert move.say is not None
        if self.late_accepting:
            await move.say(bytes((0x90, 0x40 | move.socket, 0xFF)))
        if not self.never_completing:
            await move.say(bytes((0x90, 0x50 | move.socket, 0xFF)))

    def _give_up(self) -> list[_Move]:
        """Stop where it is; the moves whose owners must hear of it."""
        self._halt()
        given_up = [move for move in self.sockets.values() if move.say is not None]
        for move in given_up:
            del self.sockets[move.socket]
        return given_up

    async def _tell(self, given_up: list[_Move]) -> None:
        for move in given_up:
            if move.say is not None:
                await move.say(bytes((0x90, 0x60 | move.socket, CANCELLED, 0xFF)))

    def _drive(self, pan: float, tilt: float, zoom: float) -> None:
        """Move with these speeds, in steps each second, until an end is reached or told otherwise."""
        self.spawn(self._tell(self._give_up()))
        start = self.position
        seconds = 60.0
        ways = zip(start, (pan, tilt, zoom), LIMITS, strict=True)
        end = [min(max(at + speed * seconds, low), high) for at, speed, (low, high) in ways]
        for at, to, speed in zip(start, end, (pan, tilt, zoom), strict=True):
            if speed:
                seconds = min(seconds, (to - at) / speed)
        pan_end, tilt_end, zoom_end = (
            at + speed * seconds for at, speed in zip(start, (pan, tilt, zoom), strict=True)
        )
        if pan or tilt or zoom:
            now = asyncio.get_running_loop().time()
            self._move = _Move(start=start, end=(pan_end, tilt_end, zoom_end), began=now, seconds=seconds)

    def _halt(self) -> None:
        if self._under_way is not None:
            self._under_way.cancel()
            self._under_way = None
        self._set(self.position)

    def _set(self, position: Position) -> None:
        self._move = _Move(start=position, end=position, began=0, seconds=0)


def _answer(*digits: int) -> bytes:
    return bytes((0x90, 0x50, *digits, 0xFF))


def error(code: int) -> bytes:
    return bytes((0x90, 0x60 if code in (SYNTAX, BUFFER_FULL) else 0x61, code, 0xFF))


def _within(pan: float, tilt: float, zoom: float) -> Position:
    limits = zip((pan, tilt, zoom), LIMITS, strict=True)
    kept = [float(min(max(value, low), high)) for value, (low, high) in limits]
    return kept[0], kept[1], kept[2]
