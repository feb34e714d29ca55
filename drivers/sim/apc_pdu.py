"""An APC power strip that is not there: its objects as a table, by SNMP v1 and v2c.

Knobs beyond the acts: ``objects`` (value by name), ``lag_seconds`` (until a switch shows), ``to_lose``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from avctl.config import Device
from avctl.errors import ProtocolError
from drivers.apc_pdu import FAMILIES, MODEL, REBOOT, ROOT, SERIAL, ApcPdu, Options
from drivers.apc_pdu.snmp import Message, Value, decode, encode, numbers
from drivers.sim.server import UdpSimulator, act

NO_SUCH_NAME, NO_ACCESS = 2, 6
DESCRIPTION = "1.3.6.1.2.1.1.1.0"
NAME, OUTLETS = f"{ROOT}.12.1.1.0", f"{ROOT}.12.1.8.0"
REBOOT_SECONDS = f"{ROOT}.26.9.2.1.1.7"  # of each outlet: it belongs to the device
CANCEL = 0
DELAYED: Mapping[str, Mapping[int, int]] = {  # commands that wait, and which of 1 to 3 they are then
    "rpdu": {4: 1, 5: 2, 6: REBOOT, 7: CANCEL},
    "rpdu2": {5: 1, 6: 2, 7: REBOOT, 8: CANCEL},
}


class ApcPduSimulator(UdpSimulator):
    """The power strip."""

    title = "Power strip"
    port = ApcPdu.port

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.options = Options.model_validate(device.options)
        self.family = FAMILIES[self.options.family]
        self.objects: dict[str, Value] = {
            DESCRIPTION: "APC Web/SNMP Management Card",
            MODEL: "AP8953",
            SERIAL: "ZA1234567890",
            NAME: "RackPDU",
            OUTLETS: self.options.outlets,
        }
        for outlet in range(1, self.options.outlets + 1):
            self.objects[f"{self.family.name}.{outlet}"] = f"Outlet {outlet}"
            self._put(outlet, True)
            if self.options.family == "rpdu2":
                self.objects[f"{REBOOT_SECONDS}.{outlet}"] = 5
        if self.family.load:
            self.objects[self.family.load] = 42
        self.lag_seconds = 0.0
        self.delay_seconds = 0.5
        self._turn: dict[int, int] = {}
        self.reboot_seconds = 0.2
        self.to_lose = 0

    @act
    def press(self, outlet: int) -> None:
        """Switch an outlet by the unit's own page."""
        self._put(self._must_be(outlet), not self._on(outlet))

    @act
    def lose(self, count: int = 1) -> None:
        """Lose the next datagrams on their way here."""
        self.to_lose = count

    def state(self) -> Mapping[str, Any]:
        outlets = range(1, self.options.outlets + 1)
        return {**super().state(), "on": {str(outlet): self._on(outlet) for outlet in outlets}}

    async def received(self, peer: tuple[str, int], data: bytes) -> None:
        if self.to_lose:
            self.to_lose -= 1
            return
        try:
            asked = decode(data)
        except ProtocolError:
            return
        read, write = (
            one.get_secret_value() for one in (self.options.community, self.options.write_community)
        )
        if asked.community not in (read, write):
            return  # silence
        answer = self._answer(asked, asked.community == write)
        await self.reply(peer, encode(answer))

    def _answer(self, asked: Message, writes: bool) -> Message:
        answer = replace(asked, kind="answer")
        match asked.kind:
            case "get":
                found = {name: self.objects.get(name) for name in asked.values}
            case "next":
                found = dict(self._next(name) for name in asked.values)
            case _:
                return self._set(asked, answer, writes)
        if asked.version == "1" and None in found.values():
            return replace(answer, values=asked.values, error=NO_SUCH_NAME)
        return replace(answer, values=found)

    def _next(self, name: str) -> tuple[str, Value]:
        after = sorted((one for one in self.objects if numbers(one) > numbers(name)), key=numbers)
        return (after[0], self.objects[after[0]]) if after else (name, None)

    def _set(self, asked: Message, answer: Message, writes: bool) -> Message:
        outlets = {f"{self.family.command}.{at}": at for at in range(1, self.options.outlets + 1)}
        for name, value in asked.values.items():
            if not writes or self.refusing or name not in outlets or value not in self._commands:
                return replace(answer, error=NO_SUCH_NAME if asked.version == "1" else NO_ACCESS)
            self.spawn(self._switch(outlets[name], int(value or 0)))
        return answer

    @property
    def _commands(self) -> Mapping[int, int]:
        """What a command does at once or, later, after the delay of its outlet; 0: end a delay."""
        return {1: 1, 2: 2, REBOOT: REBOOT, **DELAYED.get(self.options.family, {})}

    async def _switch(self, outlet: int, command: int) -> None:
        self._turn[outlet] = turn = self._turn.get(outlet, 0) + 1
        await asyncio.sleep(self.lag_seconds + (self.delay_seconds if command > REBOOT else 0))
        does = self._commands[command]
        if does == CANCEL or turn != self._turn[outlet]:
            return  # another command came meanwhile
        self._put(outlet, does == 1)
        if does == REBOOT:
            await asyncio.sleep(self.reboot_seconds)
            self._put(outlet, True)

    def _put(self, outlet: int, on: bool) -> None:
        # A command object reads as the state does, but in the words of commands: 1 on, 2 off.
        self.objects[f"{self.family.command}.{outlet}"] = 1 if on else 2
        self.objects[f"{self.family.state}.{outlet}"] = self.family.on if on else self.family.off

    def _on(self, outlet: int) -> bool:
        return self.objects[f"{self.family.state}.{outlet}"] == self.family.on

    def _must_be(self, outlet: int) -> int:
        if not 1 <= outlet <= self.options.outlets:
            raise ValueError(f"outlet: a number from 1 to {self.options.outlets}")
        return outlet


SIMULATOR = ApcPduSimulator
