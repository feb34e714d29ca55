"""Televic D-Cerno central units over TCP 5011.

Frame: STX, a header (``02:``, three letters of kind, packet number, priority, sender, receiver, room,
length), ``:``, one JSON object, ETX. The unit speaks unasked; it knows microphones by serial number only.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from avctl.capabilities import lacking
from avctl.config import Device
from avctl.driver import Publish, Turns, together
from avctl.errors import LinkError, ProtocolError, Rejected
from avctl.wire import tcp
from drivers.discussion import OWN_ORDER, DiscussionSystem, Numbers, mode_for, seat_row, within

STX, ETX = 0x02, 0x03
GREETING = {"typ": "CoCon", "nam": "CoCon Emulator", "ver": "0.01", "inf": "", "svr": 0, "tim": ""}
MODES: Mapping[str, str] = {"0": "request", "1": "open", "2": "group"}
OFF, ON, REQUEST = 0, 1, 2
STATES: Mapping[int, int] = {0: OFF, 1: ON, 2: REQUEST, 4: REQUEST, 8: ON}
"""What a status means: 4 is the next of those who ask, 8 a chairman's priority."""
CHAIRMAN = "11"  # how their serial numbers begin
LONGEST = 65536
MOST = 9999  # seats; a longer number is a serial number in the wrong place
_FRAME = re.compile(r"02:([a-z]{3})[^{]*(\{.*)", re.DOTALL)
_read_object = json.JSONDecoder().raw_decode


@dataclass(frozen=True, kw_only=True)
class Packet:
    """One frame of either direction: con, get, set from us; rep, evt, err from the unit."""

    kind: str
    data: Mapping[str, Any]
    number: int = 0


def encode(packet: Packet) -> bytes:
    """The bytes of a frame to the unit."""
    text = json.dumps(packet.data, ensure_ascii=False, separators=(",", ":"))
    header = f"02:{packet.kind}{packet.number:04}021O00000C00000000000000:"
    return bytes((STX,)) + f"{header}{text}".encode() + bytes((ETX,))


class Codec:
    """Frames out of bytes that come in any portions."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def feed(self, data: bytes) -> Iterator[Packet]:
        """The frames complete so far; ProtocolError for what is none."""
        self._kept += data
        while (end := self._kept.find(ETX)) >= 0:
            frame = bytes(self._kept[:end])
            del self._kept[: end + 1]
            yield _packet(frame)
        begun = self._kept.lstrip()
        if len(self._kept) > LONGEST or (begun and begun[0] != STX):
            self._kept.clear()
            raise ProtocolError("these are not frames of a central unit")


def _packet(frame: bytes) -> Packet:
    text = frame.decode(errors="replace").strip("\r\n ")
    found = _FRAME.fullmatch(text[1:]) if text.startswith(chr(STX)) else None
    if found is None:
        raise ProtocolError(f"not a frame: {text[:80]!r}")
    try:
        data, _ = _read_object(found[2])
    except (ValueError, RecursionError) as fault:
        raise ProtocolError(f"not JSON: {found[2][:80]!r}") from fault
    return Packet(kind=found[1], data=data)


def _serials(seats: dict[str, int]) -> dict[str, int]:
    wrong = [number for number in seats.values() if not 1 <= number <= MOST]
    if wrong:
        raise ValueError(f"a seat from 1 to {MOST} for each serial number (got {wrong[0]})")
    if len(set(seats.values())) < len(seats):
        raise ValueError("a number of its own for each serial number")
    return {serial.lower(): number for serial, number in seats.items()}


class Options(BaseModel):
    """Which seat each microphone stands at."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seats: Annotated[dict[str, int], AfterValidator(_serials)] = Field(
        {}, description="Seat of each microphone by its serial number; others get a number of five digits."
    )
    poll: float = Field(3, gt=0, le=60, description="Seconds between two questions about mode and limits.")
    answer_seconds: float = Field(2, gt=0, le=30, description="Silence after which the link is given up.")


class TelevicDcerno(DiscussionSystem):
    """A D-Cerno central unit. It knows no names and no lost microphones."""

    title = "Televic D-Cerno"
    port = 5011
    Options = Options

    def __init__(self, device: Device, publish: Publish) -> None:
        super().__init__(device, publish)
        self._turns: Turns[Packet] | None = None
        self._turn = asyncio.Lock()
        self._numbers = Numbers()
        self._numbers.learn({serial: str(seat) for serial, seat in self.options.seats.items()})
        self._serials = dict.fromkeys(self.options.seats)
        self._rows: dict[str, dict[str, Any]] = {}
        self._speakers: list[int] = []
        self._waiting: list[int] = []
        self._sent = 0
        self._mode: dict[str, Any] = {}
        self._error = ""
        self._settled = False

    async def serve(self) -> None:
        async with tcp(self.device.host, int(self.device.port or self.port), self.log) as wire:
            self._turns, self._sent, self._settled = Turns(wire.send), 0, False
            order, self._speakers, self._waiting = self._waiting, [], []
            codec = Codec()

            def hear(data: bytes) -> None:
                for packet in codec.feed(data):
                    self._heard(packet)

            try:
                await together(wire.listen(hear), self._attend(order), self._turns.ended())
            finally:
                self._turns = None

    async def _attend(self, order: list[int]) -> None:
        await self._exchange(("con", GREETING), ("get", {"nam": "gmicstat", "uid": 0}))
        # The answer tells who waits, not since when: who waited before keeps the place.
        self._waiting.sort(key=lambda seat: order.index(seat) if seat in order else len(order))
        self._settled = True
        self._tell()
        while True:
            await self.rest(self.options.poll)
            await self._exchange()

    async def _exchange(self, *packets: tuple[str, Mapping[str, Any]]) -> str:
        """Send, and ask for the limit last: what the packets led to was heard before its answer."""
        async with self._turn:
            if self._turns is None:
                raise LinkError("there is no connection")
            self._error = ""
            request = b"".join(
                self._numbered(kind, data)
                for kind, data in (*packets, ("get", {"nam": "gmmo"}), ("get", {"nam": "gmam"}))
            )
            await self._turns.ask(
                request,
                self.options.answer_seconds,
                fits=lambda packet: packet.kind == "rep" and packet.data.get("nam") == "mam",
            )
            return self._error

    def _numbered(self, kind: str, data: Mapping[str, Any]) -> bytes:
        number, self._sent = self._sent, (self._sent + 1) % 10_000
        return encode(Packet(kind=kind, number=number, data=data))

    def _heard(self, packet: Packet) -> None:
        if packet.kind == "err":
            self._error = json.dumps(packet.data, ensure_ascii=False)
            return
        match packet.data:
            case {"nam": "micstat"}:
                for row in _microphones(packet.data):
                    self._learn(str(row["uid"]).lower(), _number(row["stat"]))
                self._tell()
            case {"nam": "mmo", "mmo": mode}:
                self._mode = {name: packet.data.get(name, 0) for name in ("mio", "mat")}
                self.report(mode=MODES.get(str(mode), str(mode)), modes=tuple(MODES.values()))
            case {"nam": "mam", "mam": most}:
                self.report(max_open=_number(most))
        if self._turns is not None:
            self._turns.heard(packet)

    def _learn(self, serial: str, status: int | None) -> None:
        if not serial.strip("0"):  # nobody's: the unit tells a change of its mode in this way
            return
        self._serials[serial] = None
        seat, state = self._numbers.of(serial), STATES.get(OFF if status is None else status)
        for seats, member in ((self._speakers, ON), (self._waiting, REQUEST)):
            if state != member and seat in seats:
                seats.remove(seat)
            elif state == member and seat not in seats:
                seats.append(seat)

    def _tell(self) -> None:
        if not self._settled:
            return
        if len(self._rows) != len(self._serials):  # a microphone is never forgotten
            serials = sorted(self._serials, key=self._numbers.of)
            self._rows = {
                str(self._numbers.of(one)): seat_row(chairman=one.startswith(CHAIRMAN)) for one in serials
            }
        self.tell_floor(tuple(self._speakers), tuple(self._waiting), seats=self._rows)

    async def _set(self, **data: Any) -> None:
        if error := await self._exchange(("set", data)):
            raise Rejected(f"the central unit refused {data['nam']}", code=error)

    async def _switch(self, seat: int, state: int) -> None:
        await self._set(nam="smicstat", uid=self._numbers.seat(seat), stat=str(state))

    # --- verbs ---------------------------------------------------------------------------------------

    async def open_mic(self, seat: int) -> None:
        self.must_be_seat(seat)
        await self._switch(seat, ON)

    async def close_mic(self, seat: int) -> None:
        self.must_be_seat(seat)
        if seat in self._speakers:  # the same order would take a request off the list
            await self._switch(seat, OFF)

    async def grant_request(self, seat: int) -> None:
        self.must_wait(seat)
        await self._switch(seat, ON)

    async def deny_request(self, seat: int) -> None:
        self.must_wait(seat)
        await self._switch(seat, OFF)

    async def close_all_mics(self) -> None:
        """Take the floor from everybody; where the queue moves up by itself it is cleared too."""
        if self.readings.get("mode") != "request":
            await self.clear_requests()
        await self._set(nam="smicstat", uid=0, stat=str(OFF))  # the delegates
        for seat in tuple(self._speakers):
            await self._switch(seat, OFF)

    async def clear_requests(self) -> None:
        for seat in tuple(self._waiting):
            await self._switch(seat, OFF)

    async def set_mode(self, mode: str) -> None:
        await self._set(nam="smmo", mmo=int(mode_for(MODES, mode)), **self._mode)

    async def set_max_open(self, count: int) -> None:
        await self._set(nam="smam", mam=within("count", count, 1, 8))

    move_up = lacking(OWN_ORDER)
    take_priority = lacking("priority is taken at the chairman's own device")
    mute_all = lacking("its microphones are closed, not muted")


def _microphones(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Each microphone of a status, whether it tells one or lists them: only the former was seen."""
    if "uid" in data and "stat" in data:
        yield data
    for value in data.values():
        for row in value if isinstance(value, list) else ():
            if isinstance(row, dict) and "uid" in row and "stat" in row:
                yield row


def _number(value: object) -> int | None:
    return int(str(value)) if re.fullmatch(r"\d{1,4}", str(value)) else None


DRIVER = TelevicDcerno
