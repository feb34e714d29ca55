"""A relay board that is not there, with the relays and contacts that its device's options name.

Knobs beyond the acts: ``coils`` and ``inputs`` (by address), ``said`` (the last messages).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from pymodbus.pdu import ExceptionResponse, ModbusPDU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadCoilsResponse,
    ReadDiscreteInputsRequest,
    ReadDiscreteInputsResponse,
    WriteMultipleCoilsRequest,
    WriteMultipleCoilsResponse,
    WriteSingleCoilRequest,
    WriteSingleCoilResponse,
)

from avctl.config import Device
from drivers.modbus_relays import BoardOptions, Messages, ModbusRelays, encode
from drivers.polled import Codec
from drivers.sim.frames import FramedSimulator
from drivers.sim.server import Peer, act

NO_FUNCTION, NO_ADDRESS, FAULT = 1, 2, 4


class ModbusRelaysSimulator(FramedSimulator[ModbusPDU]):
    """The board."""

    title = "Relay board"
    port = ModbusRelays.port

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.options = BoardOptions.model_validate(device.options)
        self.coils = {self.options.first_relay + at: False for at in range(self.options.relays)}
        self.inputs = {self.options.first_contact + at: False for at in range(max(1, self.options.contacts))}
        self.said: deque[ModbusPDU] = deque(maxlen=100)

    def codec(self) -> Codec[ModbusPDU]:
        return Messages(at_server=True)

    async def heard(self, peer: Peer, frame: ModbusPDU) -> None:
        if frame.dev_id != self.options.unit:
            return
        self.said.append(frame)
        answer = self._obey(frame)
        answer.dev_id, answer.transaction_id = frame.dev_id, frame.transaction_id
        await self.reply(peer, encode(answer))

    async def nonsense(self, peer: Peer) -> None:
        peer.writer.close()

    @act
    def press(self, relay: int) -> None:
        """Press the button of a relay, counted from 1."""
        address = self.options.first_relay + relay - 1
        if address not in self.coils:
            raise ValueError(f"relay: a number from 1 to {self.options.relays}")
        self.coils[address] = not self.coils[address]

    @act
    def close_contact(self, contact: int, on: bool = True) -> None:
        """Close a contact, or open it; counted from 1."""
        address = self.options.first_contact + contact - 1
        if address not in self.inputs:
            raise ValueError(f"contact: a number from 1 to {len(self.inputs)}")
        self.inputs[address] = on

    def state(self) -> Mapping[str, Any]:
        return {
            **super().state(),
            "relays": list(self.coils.values()),
            "contacts": list(self.inputs.values()),
        }

    def _obey(self, asked: ModbusPDU) -> ModbusPDU:
        match asked:
            case ReadDiscreteInputsRequest():
                return self._read(asked, self.inputs, ReadDiscreteInputsResponse)
            case ReadCoilsRequest():
                return self._read(asked, self.coils, ReadCoilsResponse)
            case WriteSingleCoilRequest() | WriteMultipleCoilsRequest() if self.refusing:
                return ExceptionResponse(asked.function_code, FAULT)
            case WriteSingleCoilRequest():
                if asked.address not in self.coils:
                    return ExceptionResponse(asked.function_code, NO_ADDRESS)
                self.coils[asked.address] = bool(asked.bits[0])
                return WriteSingleCoilResponse(address=asked.address, bits=asked.bits)
            case WriteMultipleCoilsRequest():
                wanted = dict(enumerate(asked.bits[: asked.count], asked.address))
                if not wanted.keys() <= self.coils.keys():
                    return ExceptionResponse(asked.function_code, NO_ADDRESS)
                self.coils |= {address: bool(on) for address, on in wanted.items()}
                return WriteMultipleCoilsResponse(address=asked.address, count=asked.count)
        return ExceptionResponse(asked.function_code, NO_FUNCTION)

    def _read(self, asked: ModbusPDU, table: Mapping[int, bool], answer: type[ModbusPDU]) -> ModbusPDU:
        addresses = range(asked.address, asked.address + asked.count)
        if not set(addresses) <= table.keys():
            return ExceptionResponse(asked.function_code, NO_ADDRESS)
        return answer(bits=[table[address] for address in addresses])


SIMULATOR = ModbusRelaysSimulator
