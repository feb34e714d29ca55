"""A Samsung display that is not there: MDC on TCP, for our driver and for other people's clients.

Knobs beyond the acts: ``boot_style`` (what it does while starting: silent, refuses, drops), ``twins`` (it
reports the PC or video twin of its input); ``pins`` has every PIN tried, ``heard`` every valid request.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any, Literal

from avctl.config import Device
from avctl.errors import ProtocolError
from drivers.samsung_mdc import (
    ACKNOWLEDGED,
    ANSWER,
    EVERY_DISPLAY,
    FAILED,
    INPUTS,
    PASSED,
    REFUSED,
    SECURED,
    TWINS,
    Codec,
    Frame,
    Options,
    SamsungMdc,
    encode,
    input_name,
)
from drivers.sim.certificate import self_signed
from drivers.sim.server import Peer, TcpSimulator, act

# One-byte settings a client may read and write: code -> (value at first, greatest value).
SETTINGS: Mapping[int, tuple[int, int]] = {
    0x11: (0, 2),  # power
    0x12: (20, 100),  # volume
    0x13: (0, 1),  # mute
    0x14: (0x21, 0xFF),  # input
    0x15: (0x10, 0xFF),  # aspect
    0x1D: (1, 1),  # control path
    0x24: (50, 100),  # contrast
    0x25: (60, 100),  # brightness
    0x26: (50, 100),  # sharpness
    0x27: (50, 100),  # colour
    0x28: (50, 100),  # tint
    0x36: (1, 1),  # hears its remote control
    0x5C: (0, 1),  # wall picture: natural, full
    0x5D: (0, 1),  # safety lock
    0x5F: (0, 1),  # panel lock
    0x77: (0, 1),  # all keys lock
    0x84: (0, 1),  # video wall
    0xB5: (1, 1),  # network standby
    0xF9: (0, 1),  # panel: 0 on, 1 off
}
TEXTS: Mapping[int, bytes] = {0x0B: b"0H4KHCKT900001", 0x0E: b"T-KTM2ELAKUC-1234.5", 0x8A: b"QM55C"}
NAME, REMOTE_KEY, HIDDEN = 0x67, 0xB0, 0xFE
SCREEN_MUTE = 0x51  # of HIDDEN
KEYS: Mapping[int, tuple[int, int]] = {0x07: (0x12, 1), 0x0B: (0x12, -1)}  # volume up, down
POWER_KEY = 0x02
KEYS_KNOWN = {*KEYS, POWER_KEY, 0x01, 0x1A, 0x2D, 0x58, 0x60, 0x61, 0x65, 0x62, 0x68, 0x79}
OF_ITS_OWN = {0x20, 0x60}  # inputs on which a wall is not cut: MagicInfo
STATUS, ERRORS, POWER, VOLUME, MUTE, INPUT, ASPECT = 0x00, 0x0D, 0x11, 0x12, 0x13, 0x14, 0x15
BRIGHTNESS, REMOTE, WALL_MODE, WALL, LAYOUT, STANDBY = 0x25, 0x36, 0x5C, 0x84, 0x89, 0xB5
TIMER = 0xA4
TIMER_AT_FIRST = bytes.fromhex(
    "0C 00 01 00 0C 00 01 00 01 00 01 00 0A 21 00"
)  # none, daily, volume 10, HDMI 1
IN_STANDBY = {STATUS, POWER, STANDBY}
TWIN_OF = {code: twin for twin, code in TWINS.items()}


class _Talk(Peer):
    def __init__(self, writer: asyncio.StreamWriter) -> None:
        super().__init__(writer)
        self.codec = Codec()


class SamsungMdcSimulator(TcpSimulator):
    """One display, off when the program starts."""

    title = "Samsung display"
    port = SamsungMdc.port

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.options = Options.model_validate(device.options)
        self.settings = {code: first for code, (first, _) in SETTINGS.items()}
        self.layout = (0x11, 1)
        self.timer = TIMER_AT_FIRST
        self.name = b"DISPLAY"
        self.screen_muted = 0xFF  # 00 is muted
        self.lamp_broken = self.fan_broken = self.signal_lost = False
        self.temperature = 36
        self.twins = False
        self.boot_style: Literal["silent", "refuses", "drops"] = "silent"
        self.heard: deque[Frame] = deque(maxlen=1000)
        self.pins: list[str] = []
        self._booted_at = 0.0

    def meet(self, writer: asyncio.StreamWriter) -> Peer:
        return _Talk(writer)

    async def greet(self, reader: asyncio.StreamReader, peer: Peer) -> bool:
        if self.options.pin is None:
            return True
        peer.push(SECURED)
        await peer.writer.start_tls(self_signed(self.device.id))
        pin = (await reader.readexactly(4)).decode("ascii", "replace")
        self.pins.append(pin)
        passed = pin == self.options.pin.get_secret_value().rjust(4, "0")
        peer.push(PASSED if passed else FAILED + b"0x0001>>")
        return passed

    async def received(self, peer: Peer, data: bytes) -> None:
        assert isinstance(peer, _Talk)
        while True:
            try:
                for frame in peer.codec.feed(data):
                    await self._answer(peer, frame)
                return
            except ProtocolError:  # a wrong checksum: silence, and on with what follows it
                data = b""

    @act
    def press_power(self) -> None:
        """Press the power button of the remote control."""
        self._switch(not self.settings[POWER])

    @act
    def press_source(self, name: str) -> None:
        """Choose an input with the remote control."""
        if name not in INPUTS:
            raise ValueError(f"name: one of {', '.join(INPUTS)}")
        self.settings[INPUT] = INPUTS[name]

    @act
    def break_lamp(self, on: bool = True) -> None:
        """Break the backlight, or mend it."""
        self.lamp_broken = on

    @act
    def stop_fan(self, on: bool = True) -> None:
        """Stop the fan, or let it turn again."""
        self.fan_broken = on

    @act
    def overheat(self, celsius: int = 85) -> None:
        """Bring the inside to a temperature; it is an error from 75 °C."""
        self.temperature = max(0, min(celsius, 255))

    @act
    def lose_signal(self, on: bool = True) -> None:
        """Take the picture off the input, or bring it back."""
        self.signal_lost = on

    @act
    def restart(self) -> None:
        """Cut the mains and give them back: connections break and it starts anew."""
        self.drop()
        self._switch(False)
        self._switch(True)

    @property
    def booting(self) -> bool:
        """Whether it is on but not ready yet."""
        return self.settings[POWER] == 1 and asyncio.get_running_loop().time() < self._booted_at

    def state(self) -> Mapping[str, Any]:
        rows_columns, tile = self.layout
        return {
            **super().state(),
            "power": self.settings[POWER] == 1,
            "booting": self.booting,
            "input": input_name(self.settings[INPUT]),
            "volume": self.settings[VOLUME],
            "muted_sound": self.settings[MUTE] == 1,
            "brightness": self.settings[BRIGHTNESS],
            "remote_dead": self.settings[REMOTE] == 0,
            "timer": self.timer.hex(" "),
            "wall": self.settings[WALL] == 1,
            "rows": rows_columns >> 4,
            "columns": rows_columns & 15,
            "tile": tile,
            "temperature": self.temperature,
            "lamp_broken": self.lamp_broken,
            "fan_broken": self.fan_broken,
            "signal_lost": self.signal_lost,
        }

    async def _answer(self, peer: Peer, frame: Frame) -> None:
        if frame.display not in (self.options.display_id, EVERY_DISPLAY):
            return
        self.heard.append(frame)
        if self.booting and self.boot_style == "silent":
            return
        if self.booting and self.boot_style == "drops":
            peer.writer.transport.abort()
            return
        told = None if self.booting or (self.refusing and frame.data) else self._obey(frame)
        status = bytes((REFUSED, frame.command, 1)) if told is None else bytes((ACKNOWLEDGED, frame.command))
        if frame.display == EVERY_DISPLAY and isinstance(self.bound, str):
            return  # on a chain all would speak at once
        answer = Frame(command=ANSWER, display=frame.display, data=status + (told or b""))
        await self.reply(peer, encode(answer))  # in one segment: clients read fragments poorly

    def _obey(self, frame: Frame) -> bytes | None:
        """The data of the answer, None to refuse."""
        code, data = frame.command, frame.data
        if self.settings[POWER] != 1 and code not in IN_STANDBY:
            return None
        if code == HIDDEN:
            return self._hidden(data)
        if not data:
            return self._read(code)
        if code == NAME and len(data) <= 60:
            self.name = data
            return data
        if code == REMOTE_KEY:
            return self._press(data)
        if code == LAYOUT:
            return self._set_layout(data)
        if code == TIMER and len(data) == len(self.timer):
            self.timer = data
            return data
        if code not in SETTINGS or len(data) != 1 or data[0] > SETTINGS[code][1]:
            return None
        if code == POWER:
            self._switch(data[0] != 0)
        elif code == INPUT and data[0] not in INPUTS.values():
            return None  # the twins are read only
        elif (code == ASPECT and self.settings[WALL]) or (code == WALL_MODE and not self._cut()):
            return None
        else:
            self.settings[code] = data[0]
        return data

    def _read(self, code: int) -> bytes | None:
        shown = self.settings[INPUT]
        if self.twins:
            shown = TWIN_OF.get(shown, shown)
        match code:
            case 0x00:
                basics = (self.settings[POWER], self.settings[VOLUME], self.settings[MUTE], shown)
                return bytes((*basics, self.settings[ASPECT], 0, 0))
            case 0x0D:
                hot = self.temperature >= 75
                return bytes((self.lamp_broken, hot, 2, self.signal_lost, self.temperature, self.fan_broken))
            case 0x10:
                return b"\x01\x62\x00"  # model code: species, model, television support
            case 0x14:
                return bytes((shown,))
            case 0x83:
                return b"\x12\x34"  # panel-on time in units of ten minutes
            case 0x67:
                return self.name
            case 0xA4:
                return self.timer
            case 0x89:
                return bytes(self.layout)
        if code in TEXTS:
            return TEXTS[code]
        return bytes((self.settings[code],)) if code in self.settings else None

    def _set_layout(self, data: bytes) -> bytes | None:
        if not self._cut() or len(data) != 2:
            return None
        rows, columns = data[0] >> 4, data[0] & 15
        if not rows or not columns or not 1 <= data[1] <= rows * columns:
            return None
        self.layout = (data[0], data[1])
        return data

    def _cut(self) -> bool:
        """Whether its picture is cut for a wall: of what comes from outside only."""
        return self.settings[WALL] == 1 and self.settings[INPUT] not in OF_ITS_OWN

    def _press(self, data: bytes) -> bytes | None:
        """A button of the remote control, pressed by the line."""
        if len(data) != 1 or data[0] not in KEYS_KNOWN:
            return None
        if data[0] in KEYS:
            code, step = KEYS[data[0]]
            self.settings[code] = max(0, min(self.settings[code] + step, 100))
        elif data[0] == POWER_KEY:
            self._switch(not self.settings[POWER])
        return data

    def _hidden(self, data: bytes) -> bytes | None:
        """What has a code below the code: it is said again in the answer."""
        if data[:1] != bytes((SCREEN_MUTE,)) or len(data) > 2:
            return None
        if len(data) == 2:
            if data[1] not in (0x00, 0xFF):
                return None
            self.screen_muted = data[1]
        return bytes((SCREEN_MUTE, self.screen_muted))

    def _switch(self, on: bool) -> None:
        if on and self.settings[POWER] != 1:
            self._booted_at = asyncio.get_running_loop().time() + self.options.boot_seconds
        self.settings[POWER] = int(on)


SIMULATOR = SamsungMdcSimulator
