"""A Shure MXCW access point that is not there: command strings for our driver and for other people's clients.

Knobs: ``indexed_audio`` (GET ALL tells AUX and DANTE keys with an index, which ends one well-known client),
``knows_all`` (whether GET ALL is known), ``votes_known`` (whether any key of votes is).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from avctl.config import Device
from drivers.shure_mxcw import Options
from drivers.sim.people import committee
from drivers.sim.polls import Polls
from drivers.sim.server import Peer, TcpSimulator, act

BOOLEANS = ("ON", "OFF")
SETTINGS: Mapping[str, tuple[str, ...]] = {
    "OPERATION_MODE": ("AUTO", "MANUAL", "FIFO", "HANDSFREE"),
    "INTERRUPT_MODE": ("NOT_ALLOWED", "HIGHER_PRIORITY", "EQUAL_AND_HIGHER_PRIORITY"),
    "GLOBAL_MUTE": BOOLEANS,
    "MAX_TOTAL_SPEAKERS": tuple(map(str, range(1, 9))),
    "MAX_DELEGATE_SPEAKERS": tuple(map(str, range(1, 9))),
    "MAX_NUM_REQUESTS": tuple(map(str, range(151))),
    "LOUDSPEAKER_VOLUME": tuple(f"{level:03}" for level in range(37)),
    "AUDIO_METER_RATE": (),  # 0 or 100 to 99999
    "RF_METER_RATE": (),
}
AUDIO = ("AUX_INPUT_GAIN 010", "AUX_OUTPUT_GAIN 010", "DANTE_INPUT_GAIN 010", "DANTE_OUTPUT_GAIN 010")


@dataclass
class Unit:
    """A seat with its wireless unit."""

    name: str
    chairman: bool
    available: str = "AVAILABLE"
    charge: int = 87
    minutes: int = 660
    signal: int = -52

    def told(self, key: str, speaks: bool, waits: bool) -> str:
        """The value of a key."""
        away = self.available != "AVAILABLE"
        values = {
            "UNIT_AVAILABLE": self.available,
            "SEAT_NAME": f"{{{self.name:<32}}}",
            "ROLE": "CHAIRMAN" if self.chairman else "DELEGATE",
            "MIC_STATUS": "ON" if speaks else "OFF",
            "SPEAK_LIST_STATUS": "IN_LIST" if speaks else "NOT_IN_LIST",
            "REQUEST_LIST_STATUS": "IN_LIST" if waits else "NOT_IN_LIST",
            "BATT_CHARGE": "UNKNOWN" if away else f"{self.charge:03}",
            "BATT_RUN_TIME": "UNKNOWN" if away else f"{self.minutes:05}",
            "BATT_CYCLE": "00012",
            "BATT_HEALTH": "255",
            "RSSI": "UNKNOWN" if away else str(self.signal),
            "MIC_PRIORITY": "3",
            "MIC_GAIN": "030",
        }
        return values.get(key, "")


SEAT_KEYS = (
    *("UNIT_AVAILABLE", "SEAT_NAME", "ROLE", "MIC_STATUS", "SPEAK_LIST_STATUS", "REQUEST_LIST_STATUS"),
    *("BATT_CHARGE", "BATT_RUN_TIME", "BATT_CYCLE", "BATT_HEALTH", "RSSI", "MIC_PRIORITY", "MIC_GAIN"),
)


class _Client(Peer):
    def __init__(self, writer: asyncio.StreamWriter) -> None:
        super().__init__(writer)
        self.kept = ""


class ShureMxcwSimulator(TcpSimulator):
    """An access point with a committee's units; the chair is in seat 1."""

    title = "Shure MXCW"
    port = 2202

    def __init__(self, device: Device, seats: int = 15) -> None:
        super().__init__(device)
        Options.model_validate(device.options)
        self.units = {
            place: Unit(name=person.name, chairman=person.chairman)
            for place, person in enumerate(committee().people[:seats], 1)
        }
        self.settings = {
            **{"OPERATION_MODE": "MANUAL", "INTERRUPT_MODE": "NOT_ALLOWED", "GLOBAL_MUTE": "OFF"},
            **{"MAX_TOTAL_SPEAKERS": "4", "MAX_DELEGATE_SPEAKERS": "4", "MAX_NUM_REQUESTS": "50"},
            **{"LOUDSPEAKER_VOLUME": "018", "AUDIO_METER_RATE": "0", "RF_METER_RATE": "0"},
        }
        self.speakers: list[int] = []
        self.waiting: list[int] = []
        self.polls = Polls(self._tell)
        self.votes_known = True
        self.indexed_audio = False
        self.knows_all = True
        self.heard: list[str] = []

    def meet(self, writer: asyncio.StreamWriter) -> Peer:
        return _Client(writer)

    async def received(self, peer: Peer, data: bytes) -> None:
        assert isinstance(peer, _Client)
        *whole, peer.kept = (peer.kept + data.decode(errors="replace")).split(">")
        for text in whole:
            if command := text.replace("<", "").strip():  # one client puts two brackets around a command
                self.heard.append(command)
                await self._command(peer, command)

    async def _command(self, peer: Peer, command: str) -> None:
        found = re.fullmatch(r"(GET|SET) (?:(\d+) )?(?:(\d+) )?([A-Z_]+)(?: (.+))?", command, re.DOTALL)
        if found is None:
            await self._answer(peer, "ERR")
            return
        verb, key, value = found[1], found[4], found[5] or ""
        index, second = (int(place) if place else None for place in found.group(2, 3))
        if verb == "GET":
            lines = self._get(index, key, second)
            await self._answer(peer, *(lines if lines is not None else ("ERR",)))
        elif self.refusing or not self._set(index, key, value):
            await self._answer(peer, "ERR")

    async def _answer(self, peer: Peer, *lines: str) -> None:
        if lines:
            await self.reply(peer, _bytes(*lines))

    def _get(self, index: int | None, key: str, second: int | None = None) -> list[str] | None:
        if key == "ALL":
            return self._all() if self.knows_all else None
        if key in SEAT_KEYS and index is not None:
            asked = (index,) if index else tuple(self.units)
            return [self._seat(seat, key) for seat in asked if self._told(seat, index)]
        if self.votes_known and (told := self.polls.get(index, second, key)) is not None:
            return told
        if key in self.settings:
            return [f"{key} {self.settings[key]}"]
        return {"MODEL": ["MODEL {MXCWAPT}"], "DEVICE_ID": [f"DEVICE_ID {{{self.device.id}}}"]}.get(key)

    def _told(self, seat: int, index: int) -> bool:
        """A seat that is away answers no question about itself, and is not among all."""
        return seat in self.units and (index != 0 or self.units[seat].available == "AVAILABLE")

    def _all(self) -> list[str]:
        lines = [f"{key} {value}" for key, value in self.settings.items()]
        lines += [f"1 {line}" for line in AUDIO] if self.indexed_audio else []
        return lines + [self._seat(seat, key) for seat in self.units for key in SEAT_KEYS]

    def _seat(self, seat: int, key: str) -> str:
        return f"{seat} {key} {self.units[seat].told(key, seat in self.speakers, seat in self.waiting)}"

    def _set(self, index: int | None, key: str, value: str) -> bool:
        if index is not None:
            return index in self.units and self._set_seat(index, key, value)
        match key, value:
            case "ALL_DELEGATE_MIC_OFF", "TRUE":
                self._change(lambda: _drop(self.speakers, lambda seat: not self.units[seat].chairman))
            case "CLEAR_REQUEST_LIST", "TRUE":
                self._change(self.waiting.clear)  # says nothing when nobody waited
            case "NEXT_MIC_ON", "TRUE":
                if self.waiting:
                    self._change(lambda: self._open(self.waiting[0]))
            case _ if self.votes_known and self.polls.set(key, value):
                pass
            case key, value if key in SETTINGS and (value in SETTINGS[key] or not SETTINGS[key]):
                self.settings[key] = value
                self._tell(f"{key} {value}")
                self._change(self._move_up)
            case _:
                return False
        return True

    def _set_seat(self, seat: int, key: str, value: str) -> bool:
        if self.units[seat].available != "AVAILABLE":
            return True  # and nothing is said
        match key, value:
            case "MIC_STATUS", "ON":
                self._change(lambda: self._open(seat))
            case "MIC_STATUS", "OFF":
                self._change(lambda: self._close(seat))
            case "SPEAK_REQUEST", "TRUE":
                self._change(lambda: self._ask(seat))
            case "SPEAK_RELEASE", "TRUE":
                self._change(lambda: self._close(seat))
            case "SEAT_NAME", _:
                self.units[seat].name = value.strip("{} ")
                self._tell(self._seat(seat, "SEAT_NAME"))
            case _:
                return False
        return True

    # --- the discussion ------------------------------------------------------------------------------

    def _open(self, seat: int) -> None:
        _drop(self.waiting, lambda one: one == seat)
        if seat not in self.speakers:
            if len(self.speakers) >= int(self.settings["MAX_TOTAL_SPEAKERS"]):
                self.speakers.pop(0)
            self.speakers.append(seat)

    def _close(self, seat: int) -> None:
        _drop(self.waiting, lambda one: one == seat)
        _drop(self.speakers, lambda one: one == seat)
        self._move_up()

    def _ask(self, seat: int) -> None:
        free = len(self.speakers) < int(self.settings["MAX_TOTAL_SPEAKERS"])
        if self.units[seat].chairman or (free and self.settings["OPERATION_MODE"] != "MANUAL"):
            self._open(seat)
        elif seat not in self.waiting and len(self.waiting) < int(self.settings["MAX_NUM_REQUESTS"]):
            self.waiting.append(seat)

    def _move_up(self) -> None:
        while (
            self.settings["OPERATION_MODE"] in ("AUTO", "FIFO")
            and self.waiting
            and len(self.speakers) < int(self.settings["MAX_TOTAL_SPEAKERS"])
        ):
            self._open(self.waiting[0])

    def _change(self, change: Any) -> None:
        """Change the lists, and tell every client of each seat that is affected."""
        spoke, waited = set(self.speakers), set(self.waiting)
        change()
        for seat in sorted(spoke ^ set(self.speakers)):
            self._tell(self._seat(seat, "MIC_STATUS"), self._seat(seat, "SPEAK_LIST_STATUS"))
        for seat in (*sorted(waited - set(self.waiting)), *(s for s in self.waiting if s not in waited)):
            self._tell(self._seat(seat, "REQUEST_LIST_STATUS"))

    def _tell(self, *lines: str) -> None:
        if lines and not self.muted:
            for peer in self.peers:
                peer.push(_bytes(*lines))

    # --- what a person or an accident does -----------------------------------------------------------

    @act
    def press(self, seat: int) -> None:
        """The button at a seat: ask for the floor, withdraw, or stop speaking."""
        self._known(seat)
        if seat in self.speakers or seat in self.waiting:
            self._change(lambda: self._close(seat))
        else:
            self._change(lambda: self._ask(seat))

    @act
    def cast(self, seat: int, choice: int) -> None:
        """The voting button at a seat, by its place from 0."""
        self._known(seat)
        self.polls.cast(seat, choice + 1)

    @act
    def sit(self, seat: int, name: str) -> None:
        """Somebody puts an NFC card on a unit: its name counts."""
        self._known(seat).name = name
        self._tell(self._seat(seat, "SEAT_NAME"))

    @act
    def connect_seat(self, seat: int, connected: bool = True) -> None:
        """A unit comes back, or its battery is taken out."""
        unit = self._known(seat)
        unit.available = "AVAILABLE" if connected else "OFFLINE"
        self._tell(self._seat(seat, "UNIT_AVAILABLE"))
        if not connected:
            self._change(lambda: self._close(seat))

    @act
    def drain(self, seat: int, charge: int, minutes: int) -> None:
        """A battery empties."""
        unit = self._known(seat)
        unit.charge, unit.minutes = charge, minutes
        self._tell(self._seat(seat, "BATT_CHARGE"), self._seat(seat, "BATT_RUN_TIME"))

    @act
    async def restart(self) -> None:
        """The access point starts again: the lists are empty, no vote is open."""
        await self.hang_up()
        self.polls.forget()
        self.speakers.clear()
        self.waiting.clear()
        await self.listen()

    def state(self) -> Mapping[str, Any]:
        return {
            **super().state(),
            "clients": len(self.peers),
            "seats": len(self.units),
            "speakers": list(self.speakers),
            "waiting": list(self.waiting),
            "mode": self.settings["OPERATION_MODE"],
            "voting": self.polls.state,
        }

    def _known(self, seat: int) -> Unit:
        if seat not in self.units:
            raise ValueError(f"a seat from 1 to {len(self.units)}")
        return self.units[seat]


def _bytes(*lines: str) -> bytes:
    return b"".join(f"< REP {line} >\r\n".encode() for line in lines)


def _drop(seats: list[int], which: Any) -> None:
    seats[:] = [seat for seat in seats if not which(seat)]


SIMULATOR = ShureMxcwSimulator
