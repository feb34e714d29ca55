"""What discussion systems share: the floor as the house hears of it, and which seats and modes there are."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from avctl.capabilities import Discussion
from avctl.driver import Driver
from avctl.errors import BadArgument, Conflict
from avctl.events import FloorRequested, FloorRequestEnded, Link, MicClosed, MicOpened

OWN_ORDER = "the system keeps its own order; the floor can be given to anybody who waits"
"""Why no make moves somebody up: taking those before off the list for a moment could lose their place."""


class DiscussionSystem(Driver, Discussion):
    """A driver of the microphones of a hall."""

    def tell_floor(
        self, speakers: tuple[int, ...], waiting: tuple[int, ...], **readings: Any
    ) -> tuple[int, ...]:
        """Say who speaks and who waits now, as readings and as events; gives the seats that are new there.

        Whoever vanished while the link was away is told too: the comparison is with what was last said.
        """
        spoke, waited = self.readings.get("speakers", ()), self.readings.get("waiting", ())
        self.report(**readings, speakers=speakers, waiting=waiting)
        if self.link is not Link.ONLINE:
            self.online()
        device = self.device.id
        # Sets, not the lists: in a storm hundreds wait, and each press comes through here.
        speak, wait, did_speak, did_wait = set(speakers), set(waiting), set(spoke), set(waited)
        for seat in spoke:
            if seat not in speak:
                self.publish(MicClosed(device=device, seat=seat))
        for seat in waited:
            if seat not in wait:
                self.publish(FloorRequestEnded(device=device, seat=seat))
        opened = tuple(seat for seat in speakers if seat not in did_speak)
        asked = tuple(seat for seat in waiting if seat not in did_wait)
        for seat in opened:
            self.publish(MicOpened(device=device, seat=seat))
        for seat in asked:
            self.publish(FloorRequested(device=device, seat=seat))
        return opened + asked

    async def next_speaker(self) -> None:
        await self.grant_request(self.first_waiting())

    def first_waiting(self) -> int:
        """The seat that waits longest; Conflict when nobody does."""
        waiting: tuple[int, ...] = self.readings.get("waiting", ())
        if not waiting:
            raise Conflict("nobody waits for the floor")
        return waiting[0]

    def must_be_seat(self, seat: int) -> None:
        """BadArgument unless the hall has this seat."""
        if str(seat) not in self.readings.get("seats", {}):
            raise BadArgument("seat", f"a seat of this hall, {seat} is not")

    def must_wait(self, seat: int) -> None:
        """Conflict unless this seat waits for the floor."""
        self.must_be_seat(seat)
        if seat not in self.readings.get("waiting", ()):
            raise Conflict(f"seat {seat} does not wait for the floor")


def seat_row(
    name: str = "", chairman: bool = False, fault: str = "", group: str = "", **more: Any
) -> dict[str, Any]:
    """A seat as the reading ``seats`` has it; of ``more`` only what is known."""
    known = {key: value for key, value in more.items() if value is not None}
    return {"name": name, "group": group, "chairman": chairman, "fault": fault, **known}


def mode_for(modes: Mapping[str, str], mode: str) -> str:
    """The maker's word for a mode, out of a table maker's word -> ours; BadArgument names ours."""
    for theirs, ours in modes.items():
        if ours == mode:
            return theirs
    raise BadArgument("mode", f"one of {', '.join(dict.fromkeys(modes.values()))} (got {mode!r})")


def within(name: str, value: int, least: int, most: int) -> int:
    """The value; BadArgument when it is out of range."""
    if not least <= value <= most:
        raise BadArgument(name, f"a number from {least} to {most} (got {value})")
    return value


@dataclass
class Numbers:
    """The number people know a seat by, for each of a system's own identifiers."""

    _number: dict[str, int] = field(default_factory=dict)
    _seat: dict[int, str] = field(default_factory=dict)

    def learn(self, labels: Mapping[str, str]) -> None:
        """Number these seats: the first number in a label counts, then stability, then order."""
        before = self._number
        self._number, self._seat = {}, {}
        wanted = {seat: _first_number(label) for seat, label in labels.items()}
        for seat, number in sorted(wanted.items(), key=lambda item: before.get(item[0]) != item[1]):
            if number is not None and number not in self._seat:
                self._give(seat, number)
        for seat in (*labels, *before):
            if seat not in self._number:
                self._give_free(seat, before.get(seat))

    def of(self, seat: str) -> int:
        """The number of a seat, a new one when it is not known."""
        if seat not in self._number:
            self._give_free(seat, None)
        return self._number[seat]

    def seat(self, number: int) -> str | None:
        """The seat of a number."""
        return self._seat.get(number)

    def _give(self, seat: str, number: int) -> None:
        self._number[seat] = number
        self._seat[number] = seat

    def _give_free(self, seat: str, before: int | None) -> None:
        # From the identifier itself, so that it is the same after a restart.
        number = before if before is not None else 10_000 + zlib.crc32(seat.encode()) % 90_000
        while number in self._seat:
            number += 1
        self._give(seat, number)


def _first_number(label: str) -> int | None:
    found = re.search(r"\d{1,9}", label)
    return int(found[0]) if found else None
