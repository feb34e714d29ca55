"""Relay boards over Modbus/TCP, on port 502 (source: Modbus specification; Advantech ADAM-6000, pymodbus).

Relays are coils, counted from an address that is the board's (16 on an ADAM-6050), contacts are discrete
inputs. pymodbus makes and reads the messages; the connection is ours.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress

from pydantic import Field
from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerSocket
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsRequest, ReadDiscreteInputsRequest, WriteSingleCoilRequest

from avctl.capabilities import Outlets
from avctl.config import Device
from avctl.driver import Publish
from avctl.errors import BadArgument, ProtocolError, Rejected
from drivers.polled import Codec, Options, Polled

LONGEST = 260  # bytes of a message
HEADER = 7
FAULTS: Mapping[int, str] = {
    1: "it has no such function",
    2: "it has no such address",
    3: "it does not take this value",
    4: "it has a fault",
    6: "it is busy",
    10: "the gateway has no way to it",
    11: "no unit of this number answers the gateway",
}


class Messages:
    """Messages out of bytes that come in any portions."""

    def __init__(self, at_server: bool = False) -> None:
        self._framer = FramerSocket(DecodePDU(at_server))
        self._kept = b""

    def feed(self, data: bytes) -> Iterator[ModbusPDU]:
        """The messages complete so far; ProtocolError for what cannot be one."""
        self._kept += data
        while len(self._kept) >= HEADER:
            length = int.from_bytes(self._kept[4:6], "big")
            if self._kept[2:4] != b"\0\0" or not 2 <= length <= LONGEST - 6:
                shown, self._kept = self._kept[:HEADER].hex(" "), b""
                raise ProtocolError(f"not Modbus: {shown}")
            if len(self._kept) < length + 6:
                return
            frame, self._kept = self._kept[: length + 6], self._kept[length + 6 :]
            try:
                _, message = self._framer.handleFrame(frame, 0, 0)
            except (ModbusException, struct.error, IndexError, ValueError) as fault:
                raise ProtocolError(f"not Modbus: {frame.hex(' ')}") from fault
            if message is None:
                raise ProtocolError(f"not Modbus: {frame.hex(' ')}")
            yield message


def encode(message: ModbusPDU) -> bytes:
    """The bytes of a message."""
    return FramerSocket(DecodePDU(False)).buildFrame(message)


LAST_NUMBER = 65535


class BoardOptions(Options):
    """What a relay board can be told in the configuration."""

    unit: int = Field(1, ge=0, le=255, description="Its unit number.")
    relays: int = Field(6, ge=1, le=64, description="How many relays it has.")
    first_relay: int = Field(
        16, ge=0, le=65535, description="Address of its first relay (coil); ADAM-6050: 16."
    )
    contacts: int = Field(0, ge=0, le=64, description="How many contacts (inputs) are watched.")
    first_contact: int = Field(0, ge=0, le=65535, description="Address of its first contact.")
    names: tuple[str, ...] = Field((), description="What hangs on each relay, from the first.")
    off_seconds: float = Field(5, ge=0.1, le=600, description="Seconds a relay is off when it is cycled.")
    poll: float = Field(2, gt=0, le=60, description="Seconds between two looks; some boards let go without.")


class ModbusRelays(Polled[ModbusPDU], Outlets):
    """A relay board; also reports contacts (those that are closed, counted from 1)."""

    title = "Relay board (Modbus/TCP)"
    port = 502
    told_apart_by = "unit"
    Options = BoardOptions

    def codec(self) -> Codec[ModbusPDU]:
        return Messages()

    def __init__(self, device: Device, publish: Publish) -> None:
        super().__init__(device, publish)
        self._due: dict[int, float] = {}  # when which relay is to be on again

    async def serve(self) -> None:
        """Look at the board until it fails to answer."""
        self._number = 0
        await super().serve()

    async def switch_outlet(self, outlet: int, on: bool) -> None:
        self._due.pop(outlet, None)
        await self._switch(self._known(outlet), on)

    async def cycle_outlet(self, outlet: int) -> None:
        await self._switch(self._known(outlet), False)
        # Whoever asked may leave and the link may break: it is given back by whoever looks next.
        loop = asyncio.get_running_loop()
        self._due[outlet] = loop.time() + self.options.off_seconds
        loop.call_later(self.options.off_seconds, self.look_again)

    def _known(self, outlet: int) -> int:
        if not 1 <= outlet <= self.options.relays:
            raise BadArgument("outlet", f"a number from 1 to {self.options.relays} (got {outlet})")
        return outlet

    async def _switch(self, outlet: int, on: bool) -> None:
        address = self.options.first_relay + outlet - 1
        await self._say(WriteSingleCoilRequest(address=address, bits=[on], dev_id=self.options.unit))
        self.look_again()

    async def _say(self, request: ModbusPDU) -> ModbusPDU:
        self._number = self._number % LAST_NUMBER + 1
        request.transaction_id = self._number
        said = await self.ask(
            encode(request), fits=lambda answer: answer.transaction_id == request.transaction_id
        )
        if isinstance(said, ExceptionResponse):
            code = said.exception_code
            raise Rejected(f"the board refuses: {FAULTS.get(code, 'an error')}", str(code))
        if said.function_code != request.function_code:
            raise ProtocolError(f"an answer to another question: function {said.function_code}")
        return said

    async def _bits(self, request: ModbusPDU, count: int) -> list[bool]:
        bits = list((await self._say(request)).bits)
        if len(bits) < count:
            raise ProtocolError(f"{len(bits)} bits where {count} were asked for")
        return bits[:count]

    async def look(self) -> None:
        for outlet, at in tuple(self._due.items()):
            if asyncio.get_running_loop().time() >= at:
                with suppress(Rejected):
                    await self._switch(outlet, True)
                    self._due.pop(outlet, None)
        options = self.options
        relays = ReadCoilsRequest(address=options.first_relay, count=options.relays, dev_id=options.unit)
        states = await self._bits(relays, options.relays)
        names = (*options.names, *[""] * options.relays)
        self.report(outlets={str(at): {"name": names[at - 1], "on": on} for at, on in enumerate(states, 1)})
        if options.contacts:
            contacts = ReadDiscreteInputsRequest(
                address=options.first_contact, count=options.contacts, dev_id=options.unit
            )
            closed = await self._bits(contacts, options.contacts)
            self.report(contacts=tuple(at for at, on in enumerate(closed, 1) if on))


DRIVER = ModbusRelays
