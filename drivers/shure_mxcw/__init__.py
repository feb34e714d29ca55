"""Shure Microflex Complete Wireless over TCP 2202 (source: Shure, command strings for MXCW).

ASCII: ``< GET|SET [index] KEY [value] >``, answered and changed with ``< REP [index] KEY value >``; a text is
in braces, index 0 means all seats. The access point speaks unasked, and does not answer a command without
effect, so what is asked is followed by a question it always answers.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from avctl.capabilities import lacking
from avctl.config import Device
from avctl.driver import Publish, Turns, together
from avctl.errors import LinkError, Rejected
from avctl.wire import tcp
from drivers.discussion import OWN_ORDER, DiscussionSystem, mode_for, seat_row, within
from drivers.shure_mxcw.messages import Codec, Message, encode
from drivers.shure_mxcw.votes import Votes

FENCE = "AUDIO_METER_RATE"
"""Answered at any time and about no seat: whatever the access point had to say to a command came before."""

MODES: Mapping[str, str] = {"AUTO": "open", "FIFO": "queue", "MANUAL": "request", "HANDSFREE": "handsfree"}
ROW_KEYS = ("UNIT_AVAILABLE", "SEAT_NAME", "ROLE", "BATT_CHARGE", "BATT_RUN_TIME", "RSSI")
SEAT_KEYS = ("MIC_STATUS", "SPEAK_LIST_STATUS", "REQUEST_LIST_STATUS", *ROW_KEYS)
GLOBAL_KEYS = ("OPERATION_MODE", "MAX_TOTAL_SPEAKERS", "GLOBAL_MUTE")
FAULTS: Mapping[str, str] = {"OFFLINE": "disconnected", "NOT_REGISTERED": "not registered"}
UNKNOWN_HEALTH, UNKNOWN_MINUTES = 255, 65535


@dataclass
class Seat:
    """What the access point said of a seat."""

    told: dict[str, str] = field(default_factory=dict)

    def row(self) -> dict[str, object]:
        """As the reading has it."""
        charge, minutes = self._number("BATT_CHARGE"), self._number("BATT_RUN_TIME")
        return seat_row(
            self.told.get("SEAT_NAME", ""),
            self.told.get("ROLE") == "CHAIRMAN",
            FAULTS.get(self.told.get("UNIT_AVAILABLE", ""), ""),
            battery_percent=charge if charge is not None and charge < UNKNOWN_HEALTH else None,
            battery_hours=round(minutes / 60, 1) if minutes not in (None, UNKNOWN_MINUTES) else None,
            signal_dbm=self._number("RSSI"),
        )

    def _number(self, key: str) -> int | None:
        found = re.fullmatch(r"-?\d+", self.told.get(key, ""))
        return int(found[0]) if found else None


class Options(BaseModel):
    """How to watch the access point."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    poll: float = Field(
        3, gt=0, le=60, description="Seconds between two questions whether it is still there."
    )
    answer_seconds: float = Field(2, gt=0, le=30, description="Silence after which the link is given up.")
    configuration: int = Field(1, ge=1, le=50, description="Voting configuration that votes are opened with.")


class ShureMxcw(DiscussionSystem, Votes):
    """An access point with its wireless conference units."""

    title = "Shure Microflex Complete Wireless"
    port = 2202
    Options = Options

    def __init__(self, device: Device, publish: Publish) -> None:
        super().__init__(device, publish)
        self._turns: Turns[Message] | None = None
        self._turn = asyncio.Lock()
        self._seats: dict[int, Seat] = {}
        self._speakers: list[int] = []
        self._waiting: list[int] = []
        self._settled = False
        self._errors = 0

    async def serve(self) -> None:
        async with tcp(self.device.host, int(self.device.port or self.port), self.log) as wire:
            self._turns, self._settled = Turns(wire.send), False
            self._seats = {}
            order, self._speakers, self._waiting = self._waiting, [], []
            codec = Codec()

            def hear(data: bytes) -> None:
                for message in codec.feed(data):
                    self._heard(message)

            try:
                await together(wire.listen(hear), self._attend(order), self._turns.ended())
            finally:
                self._turns = None
                self.cut_off()

    async def _attend(self, order: list[int]) -> None:
        # Some firmware does not know GET ALL: each key is asked for too, and an error here means nothing.
        everything = b"".join(
            (
                encode(Message(verb="GET", key="ALL")),
                *(encode(Message(verb="GET", key=key)) for key in GLOBAL_KEYS),
                *(encode(Message(verb="GET", index=0, key=key)) for key in SEAT_KEYS),
                *map(encode, self.questions()),
            )
        )
        await self._exchange(everything)
        # GET ALL tells the fence too: the first may be that one, with the seats still to come. After a second
        # everything was told; after an answer that was asked for once since, no fence is on its way any more.
        await self._exchange(b"")
        await self._exchange(b"", GLOBAL_KEYS[0])
        # The lists of the snapshot have no order of their own: who waited before keeps the place.
        self._waiting.sort(key=lambda seat: order.index(seat) if seat in order else len(order))
        self._settled = True
        self._tell()
        while True:
            await self.rest(self.options.poll, self._over)
            await self._exchange(b"")
            await self._finish_vote()

    async def _exchange(self, request: bytes, fence: str = FENCE) -> int:
        """Send, and wait until all that it leads to was heard; gives the number of errors among it."""
        async with self._turn:
            if self._turns is None:
                raise LinkError("there is no connection")
            self._errors = 0
            await self._turns.ask(
                request + encode(Message(verb="GET", key=fence)),
                self.options.answer_seconds,
                fits=lambda message: message.key == fence,
            )
            return self._errors

    def _heard(self, message: Message) -> None:
        if message.verb != "REP":  # SAMPLE: levels
            return
        if message.key == "ERR":
            self._errors += 1
        elif message.index is not None and message.key in SEAT_KEYS:
            if message.index and message.value not in ("", "UNKNOWN"):  # a seat that is away has no value
                self._learn(message.index, message.key, message.value)
        elif self.told_of_vote(message):
            pass
        elif message.key in GLOBAL_KEYS:
            self._learn_setting(message.key, message.value)
        if message.key in (FENCE, GLOBAL_KEYS[0]) and self._turns is not None:
            self._turns.heard(message)

    def _learn(self, seat: int, key: str, value: str) -> None:
        told = self._seats.setdefault(seat, Seat()).told
        told[key] = value
        match key, value:
            case "MIC_STATUS", "ON":
                _into(self._speakers, seat)
                _out_of(self._waiting, seat)
            case ("MIC_STATUS", "OFF") | ("SPEAK_LIST_STATUS", "NOT_IN_LIST"):
                _out_of(self._speakers, seat)
            case "REQUEST_LIST_STATUS", "IN_LIST":
                _into(self._waiting, seat)
            case "REQUEST_LIST_STATUS", _:
                _out_of(self._waiting, seat)
            case "UNIT_AVAILABLE", "OFFLINE" | "NOT_REGISTERED":
                _out_of(self._speakers, seat)
                _out_of(self._waiting, seat)
        self._tell(seat, row_news=key in ROW_KEYS)

    def _learn_setting(self, key: str, value: str) -> None:
        match key:
            case "OPERATION_MODE":
                self.report(mode=MODES.get(value, value.lower()), modes=tuple(MODES.values()))
            case "MAX_TOTAL_SPEAKERS" if value.isdecimal():
                self.report(max_open=int(value))
            case "GLOBAL_MUTE" if value in ("ON", "OFF"):
                self.report(all_muted=value == "ON")

    def _tell(self, seat: int = 0, row_news: bool = True) -> None:
        if not self._settled:
            return
        known = self.readings.get("seats", {})
        if not row_news and str(seat) in known:
            seats = known  # a press says nothing of who sits there
        elif seat:
            row = self._seats[seat].row()
            seats = known if known.get(str(seat)) == row else {**known, str(seat): row}
        else:
            seats = {str(number): one.row() for number, one in sorted(self._seats.items())}
        self.tell_floor(tuple(self._speakers), tuple(self._waiting), seats=seats)

    async def _set(self, key: str, value: str, seat: int | None = None) -> None:
        if await self._exchange(encode(Message(verb="SET", index=seat, key=key, value=value))):
            raise Rejected(f"the access point refused {key}", code="ERR")

    # --- verbs ---------------------------------------------------------------------------------------

    async def open_mic(self, seat: int) -> None:
        self.must_be_seat(seat)
        await self._set("MIC_STATUS", "ON", seat)

    async def close_mic(self, seat: int) -> None:
        self.must_be_seat(seat)
        await self._set("MIC_STATUS", "OFF", seat)

    async def grant_request(self, seat: int) -> None:
        self.must_wait(seat)
        await self._set("MIC_STATUS", "ON", seat)

    async def deny_request(self, seat: int) -> None:
        self.must_wait(seat)
        await self._set("SPEAK_RELEASE", "TRUE", seat)

    async def close_all_mics(self) -> None:
        """Take the floor from everybody, also from chairmen; the list is cleared where it would move up."""
        if self.readings.get("mode") != "request":
            await self.clear_requests()
        await self._set("ALL_DELEGATE_MIC_OFF", "TRUE")
        for seat in tuple(self._speakers):
            await self._set("MIC_STATUS", "OFF", seat)

    async def clear_requests(self) -> None:
        await self._set("CLEAR_REQUEST_LIST", "TRUE")

    async def next_speaker(self) -> None:
        self.first_waiting()
        await self._set("NEXT_MIC_ON", "TRUE")

    async def mute_all(self, on: bool) -> None:
        await self._set("GLOBAL_MUTE", "ON" if on else "OFF")

    async def set_mode(self, mode: str) -> None:
        await self._set("OPERATION_MODE", mode_for(MODES, mode))

    async def set_max_open(self, count: int) -> None:
        await self._set("MAX_TOTAL_SPEAKERS", str(within("count", count, 1, 8)))

    move_up = lacking(OWN_ORDER)
    take_priority = lacking("priority is a level that each unit is given in the access point")


def _into(seats: list[int], seat: int) -> None:
    if seat not in seats:
        seats.append(seat)


def _out_of(seats: list[int], seat: int) -> None:
    if seat in seats:
        seats.remove(seat)


DRIVER = ShureMxcw
