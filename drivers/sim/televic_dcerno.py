"""A Televic D-Cerno central unit that is not there, for our driver and for other people's clients.

Knob: ``lists`` (the answer about all microphones is one list; else it is one packet for each).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any

from avctl.config import Device
from drivers.sim.server import Peer, TcpSimulator, act
from drivers.televic_dcerno import Options

OFF, ON, REQUEST, TOGGLE = range(4)
VALUES: Mapping[str, Mapping[str, range]] = {
    "smmo": {"mmo": range(3), "mio": range(8), "mat": range(3)},
    "smam": {"mam": range(1, 9)},
    "slsvol": {"vol": range(25)},
    "shpvol": {"vol": range(25)},
    "srecstat": {"stat": range(1, 4)},
}


class _Client(Peer):
    def __init__(self, writer: asyncio.StreamWriter) -> None:
        super().__init__(writer)
        self.kept = b""
        self.sent = 0


class TelevicDcernoSimulator(TcpSimulator):
    """A central unit with the microphones of the options, or fifteen; a chair's serial begins with 11."""

    title = "Televic D-Cerno"
    port = 5011

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        seats = Options.model_validate(device.options).seats
        made = {f"{'11' if seat == 1 else '10'}{seat:06x}": seat for seat in range(1, 16)}
        self.serials = {seat: serial for serial, seat in (seats or made).items()}
        self.states = dict.fromkeys(self.serials.values(), OFF)
        self.waiting: list[str] = []
        self.speakers: list[str] = []
        self.settings: dict[str, dict[str, int]] = {
            "mmo": {"mmo": 0, "mio": 0, "mat": 0},
            "mam": {"mam": 4},
            "lsvol": {"vol": 12},
            "hpvol": {"vol": 12},
            "recstat": {"stat": 1},
        }
        self.lists = False
        self.heard: list[str] = []

    def meet(self, writer: asyncio.StreamWriter) -> Peer:
        return _Client(writer)

    async def received(self, peer: Peer, data: bytes) -> None:
        assert isinstance(peer, _Client)
        *frames, peer.kept = (peer.kept + data).split(b"\x03")
        for frame in frames:
            text = frame.decode(errors="replace")
            self.heard.append(text.lstrip("\x02"))
            found = re.fullmatch(r"\x02?02:(con|get|set)[^{]*(\{.*\})", text, re.DOTALL)
            if found is None:
                await self._say(peer, "err", {"inf": "bad packet"})
                continue
            try:
                await self._packet(peer, found[1], json.loads(found[2]))
            except ValueError:
                await self._say(peer, "err", {"inf": "bad packet"})

    async def _packet(self, peer: _Client, kind: str, data: dict[str, Any]) -> None:
        name = str(data.get("nam"))
        if kind == "con":
            con = {"typ": "CU", "nam": "D-Cerno CU", "ver": "2.00", "svr": 1}
            await self._say(peer, "rep", {"inf": "connected", "con": con})
        elif kind == "get" and name == "gmicstat":
            for answer in self._microphones(str(data.get("uid", 0)).lower()):
                await self._say(peer, "rep", answer)
        elif kind == "get" and name.removeprefix("g") in self.settings:
            await self._say(peer, "rep", self._setting(name.removeprefix("g")))
        elif kind != "set" or self.refusing or not self._set(name, data):
            await self._say(peer, "err", {"nam": name, "inf": "refused"})

    def _microphones(self, serial: str) -> list[dict[str, Any]]:
        order = [*self.speakers, *self.waiting]  # then those who are silent
        wanted = [one for one in dict.fromkeys((*order, *self.states)) if serial in ("0", one)]
        rows = [{"uid": one, "stat": self.states[one]} for one in wanted]
        if self.lists:
            return [{"nam": "micstat", "mics": rows}]
        return [{"nam": "micstat", **row} for row in rows]

    def _setting(self, name: str) -> dict[str, Any]:
        return {"nam": name, **self.settings[name]}

    def _set(self, name: str, data: Mapping[str, Any]) -> bool:
        if name == "smicstat":
            return self._switch(str(data.get("uid")).lower(), int(data.get("stat", 9)))
        limits = VALUES.get(name)
        if limits is None or any(int(data.get(key, -1)) not in within for key, within in limits.items()):
            return False
        self.settings[name[1:]] = {key: int(data[key]) for key in limits}
        self._tell("evt", self._setting(name[1:]))
        return True

    def _switch(self, serial: str, state: int) -> bool:
        if serial == "0" and state == OFF:
            for one in [one for one in self.speakers if not one.startswith("11")]:
                self._become(one, OFF)
            return True
        if serial not in self.states or state not in (OFF, ON, REQUEST, TOGGLE):
            return False
        self._become(serial, state if state != TOGGLE else OFF if self.states[serial] == ON else ON)
        return True

    def _become(self, serial: str, state: int) -> None:
        if self.states[serial] == state:
            return
        for seats in (self.speakers, self.waiting):
            if serial in seats:
                seats.remove(serial)
        if state == ON:
            if len(self.speakers) >= self.settings["mam"]["mam"]:
                self._become(self.speakers[0], OFF)
            self.speakers.append(serial)
        elif state == REQUEST:
            self.waiting.append(serial)
        self.states[serial] = state
        self._tell("evt", {"nam": "micstat", "uid": serial, "stat": state})

    async def _say(self, peer: _Client, kind: str, data: Mapping[str, Any]) -> None:
        await self.reply(peer, self._frame(peer, kind, data))

    def _tell(self, kind: str, data: Mapping[str, Any]) -> None:
        for peer in self.peers if not self.muted else ():
            assert isinstance(peer, _Client)
            peer.push(self._frame(peer, kind, data))

    def _frame(self, peer: _Client, kind: str, data: Mapping[str, Any]) -> bytes:
        peer.sent += 1
        text = json.dumps(data, separators=(",", ":"))
        return f"\x0202:{kind}{peer.sent % 10000:04}021C00000O00000000000000:{text}\x03".encode()

    # --- what a person or an accident does -----------------------------------------------------------

    @act
    def press(self, seat: int) -> None:
        """The button at a seat: ask for the floor, withdraw, or stop speaking."""
        if seat not in self.serials:
            raise ValueError(f"one of the seats {', '.join(map(str, self.serials))}")
        serial = self.serials[seat]
        if self.states[serial] != OFF:
            self._become(serial, OFF)
        elif serial.startswith("11") or self.settings["mmo"]["mmo"] != 0:
            self._become(serial, ON)
        else:
            self._become(serial, REQUEST)

    @act
    async def restart(self) -> None:
        """The central unit starts again: every microphone is off."""
        await self.hang_up()
        self.states = dict.fromkeys(self.states, OFF)
        self.speakers.clear()
        self.waiting.clear()
        await self.listen()

    def state(self) -> Mapping[str, Any]:
        seat = {serial: number for number, serial in self.serials.items()}
        return {
            **super().state(),
            "clients": len(self.peers),
            "seats": len(self.serials),
            "speakers": [seat[one] for one in self.speakers],
            "waiting": [seat[one] for one in self.waiting],
            "mode": ("operator", "direct", "group")[self.settings["mmo"]["mmo"]],
        }


SIMULATOR = TelevicDcernoSimulator
