"""The time of a broadcast: what the wall clock said when it began, and evenly on from there.

Somebody may set the machine's clock while it is on air. Segments would lie in the future or twice in the
past, and what a closed part takes back would be looked for at the wrong hour. This clock is the same for
every runner of a broadcast until the machine is started anew; the clocks on slates are the wall's.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from streams.status import replace_file

log = logging.getLogger(__name__)

CLOCK_FILE = "clock.json"
SET_FILE = "clock-set.jsonl"  # what was told while the wall clock was another's
NOTICED = 0.5  # seconds between the two clocks
BOOT_FILE = Path("/proc/sys/kernel/random/boot_id")  # another after each start of the machine


class Clock:
    """``zero`` is when the monotonic clock was at nothing."""

    def __init__(self, zero: datetime) -> None:
        self.zero = zero

    def now(self) -> datetime:
        """In UTC; what was asked later is never earlier."""
        return self.zero + timedelta(seconds=time.monotonic())


def clock_of(folder: Path, not_before: datetime | None = None) -> Clock:
    """The clock that a broadcast's first runner began, or a new one that goes on after ``not_before``."""
    boot = ""
    with suppress(OSError):
        boot = BOOT_FILE.read_text(encoding="ascii").strip()
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads((folder / CLOCK_FILE).read_bytes())
        if boot and kept["boot"] == boot:
            return Clock(datetime.fromisoformat(kept["zero"]).astimezone(UTC))
    wall = datetime.now(UTC)
    at = wall if not_before is None else max(wall, not_before)
    clock = Clock(at - timedelta(seconds=time.monotonic()))
    try:
        replace_file(folder / CLOCK_FILE, json.dumps({"boot": boot, "zero": clock.zero.isoformat()}).encode())
    except OSError as fault:  # the next runner begins one of its own
        log.error("the clock of the broadcast cannot be kept: %s", fault.strerror)
    return clock


def note(folder: Path, at: datetime) -> None:
    """Remember how far the wall clock was ahead when it gave this time to something of the broadcast."""
    if not (folder / CLOCK_FILE).exists():
        return
    ahead = (datetime.now(UTC) - clock_of(folder).now()).total_seconds()
    if abs(ahead) > NOTICED:
        with suppress(OSError), (folder / SET_FILE).open("a", encoding="ascii") as file:
            file.write(json.dumps({"at": at.isoformat(), "ahead": ahead}) + "\n")


def corrected(folder: Path, times: Iterable[datetime]) -> list[datetime]:
    """Times that the wall clock gave, as the broadcast's own clock would have given them."""
    ahead: dict[datetime, float] = {}
    with suppress(OSError):
        for line in (folder / SET_FILE).read_text(encoding="ascii").splitlines():
            with suppress(ValueError, KeyError, TypeError):  # torn by a power loss
                noted = json.loads(line)
                ahead[datetime.fromisoformat(noted["at"])] = float(noted["ahead"])
    return [at - timedelta(seconds=ahead.get(at, 0.0)) for at in times]
