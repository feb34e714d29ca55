"""A transport stream, measured packet by packet after ETSI TR 101 290; opens nothing.

188 bytes: 47, PID, continuity counter, content. Whole datagrams are looked at together, as one array; one by
one are only the few packets that say something: tables, clock references, beginnings of pictures.
Time is the stream's own (its clock references): a machine that is late finds no fault that is its own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from drivers.tv_channel import tables
from drivers.tv_channel.continuity import NULL, SIZE, Continuity, Due, Packets
from drivers.tv_channel.tables import Programme, Sections, Show

SYNC = 0x47
REACHED = 5  # sync bytes in a row until they are believed (TR 101 290, 1.1)
PAT_PID, CAT_PID, SDT_PID, EIT_PID = 0x00, 0x01, 0x11, 0x12
PAT_SECONDS = PMT_SECONDS = 0.5  # 1.3.a, 1.5.a
PID_SECONDS = 5.0  # 1.6
PCR_SECONDS = 0.1  # 2.3
PTS_SECONDS = 0.7  # 2.5
CLOCK = 27_000_000
AT_ONCE = 256
CLOCK_WRAPS = (1 << 33) * 300
CLOCKLESS_SECONDS = 0.5  # without a clock reference time is that of arrival

# The numbers of TR 101 290, by what is counted.
NUMBERS = {
    **{"sync_loss": "1.1", "sync_byte": "1.2", "pat": "1.3", "continuity": "1.4", "pmt": "1.5"},
    **{"pid": "1.6", "transport": "2.1", "crc": "2.2", "pcr": "2.3", "pts": "2.5", "cat": "2.6"},
}


@dataclass
class Guide:
    """What the network's tables say of our programme."""

    name: str = ""
    now: Show | None = None
    next: Show | None = None


@dataclass
class Transport:
    """Measures a stream; ``number`` is the programme to look at, 0 for the first one."""

    number: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    packets: int = 0
    scrambled: int = 0  # packets of our programme that are, and all of its
    of_programme: int = 0
    clock: float = 0.0
    synced: bool = False
    programme: Programme | None = None
    guide: Guide = field(default_factory=Guide)

    unmeasured = ""  # why it is not measured; empty: it is

    def __post_init__(self) -> None:
        self._rest = b""
        self._continuity = Continuity()
        self._sections: dict[int, Sections] = {}
        self._known: dict[tuple[int, int, bytes], bytes] = {}
        self._looked_into = np.zeros(NULL + 1, np.bool_)
        self._ours = np.zeros(NULL + 1, np.bool_)
        self._seen = np.zeros(NULL + 1)
        self._pids: dict[int, Due] = {}
        self._pictures: dict[int, Due] = {}
        self._pat, self._pmt, self._cat = Due(PAT_SECONDS), Due(PMT_SECONDS), Due(PAT_SECONDS)
        self._pmt_pid = -1
        self._pcr: int | None = None
        self._at: float | None = None
        self._referred_at = self._now = 0.0
        self._before = (0, 0)
        for pid in (PAT_PID, CAT_PID, SDT_PID, EIT_PID):
            self._look_into(pid)

    def lists_within(self, seconds: float) -> None:
        """Expect PAT, PMT and CAT only so often: where a stream comes in segments, each begins with them."""
        for due in (self._pat, self._pmt, self._cat):
            due.seconds = max(PAT_SECONDS, seconds)

    @property
    def pat(self) -> bool:
        """Whether the list of programmes comes as often as it must."""
        return self.synced and self._pat.heard and not self._pat.missing

    @property
    def listed(self) -> bool:
        """Whether our programme is in that list."""
        return self._pmt_pid >= 0

    @property
    def pmt(self) -> bool:
        """Whether the list of our programme's parts does."""
        return self.synced and self.programme is not None and not self._pmt.missing

    @property
    def missing(self) -> tuple[int, ...]:
        """The PIDs of our programme that do not come."""
        return tuple(pid for pid, due in self._pids.items() if due.missing)

    def feed(self, data: bytes, at: float) -> None:
        """Look at bytes that arrived at ``at``, in seconds of any clock that only goes on."""
        self._rest = self._rest + data if self._rest else data
        self._now = at
        while self._rest:
            if not self.synced and not self._find():
                break
            count = len(self._rest) // SIZE
            packets = np.frombuffer(self._rest, np.uint8, count * SIZE).reshape(count, SIZE)
            wrong = packets[:, 0] != SYNC
            if not wrong.any():
                self._rest = self._rest[count * SIZE :]
                self._take(packets)
                break
            if not self._take_until_lost(packets, wrong):
                break
        self._tick(at)

    def lost(self) -> None:
        """Something of it was not received, by our own doing: what follows is no fault of the stream."""
        self._continuity.forget()
        for sections in self._sections.values():
            sections.lost()
        self._rest, self._pcr = b"", None

    # --- synchronisation ----------------------------------------------------------------------------

    def _find(self) -> bool:
        """Find five sync bytes, each a packet after the other; what is before them is no packet."""
        heads = np.frombuffer(self._rest, np.uint8) == SYNC
        span = len(heads) - (REACHED - 1) * SIZE
        if span <= 0:
            return False
        found = np.logical_and.reduce([heads[step * SIZE : step * SIZE + span] for step in range(REACHED)])
        first = int(found.argmax())
        if not found[first]:
            self._rest = self._rest[span:]
            return False
        self._rest = self._rest[first:]
        self.synced = True
        self._again()
        return True

    def _again(self) -> None:
        """While there was no sync nothing else was looked for: it all begins now."""
        self._continuity.forget()
        self._pcr = None
        for due in (self._pat, self._pmt, self._cat, *self._pids.values(), *self._pictures.values()):
            due.since = self.clock

    def _take_until_lost(self, packets: Packets, wrong: NDArray[np.bool_]) -> bool:
        """A wrong sync byte is an error, two in a row the end of sync; false when more must come first."""
        pairs = np.flatnonzero(wrong[1:] & wrong[:-1])
        end = int(pairs[0]) if len(pairs) else len(packets) - int(wrong[-1])
        self.errors["sync_byte"] += int(np.count_nonzero(wrong[:end]))
        self._rest = self._rest[end * SIZE :]
        if end:
            self._take(packets[:end])
        if not len(pairs):
            return False  # the last one is wrong: whether the next is, too, is seen later
        self.errors["sync_byte"] += 2
        self.errors["sync_loss"] += 1
        self.synced = False
        self._rest = self._rest[2 * SIZE :]
        return True

    # --- packets ------------------------------------------------------------------------------------

    def _take(self, packets: Packets) -> None:
        """A few at a time: what a table says holds for what comes after it, and segments are long."""
        for first in range(0, len(packets), AT_ONCE):
            self._take_few(packets[first : first + AT_ONCE])

    def _take_few(self, packets: Packets) -> None:
        self.packets += len(packets)
        second, third = packets[:, 1], packets[:, 3]
        pids = (second & 0x1F).astype(np.int16) << 8 | packets[:, 2]
        damaged = second & 0x80 != 0
        if damaged.any():
            self.errors["transport"] += int(np.count_nonzero(damaged))
            kept = ~damaged
            packets, pids, second, third = packets[kept], pids[kept], second[kept], third[kept]
        adapted = third & 0x20 != 0
        room = packets[:, 4]
        flags = np.where(adapted & (room > 0), packets[:, 5], 0)
        for pid in self._continuity.broken(packets, pids, flags):
            self.errors["continuity"] += 1
            if (sections := self._sections.get(pid)) is not None:
                sections.lost()
        ours = self._ours[pids]
        self.of_programme += int(np.count_nonzero(ours))
        self.scrambled += int(np.count_nonzero(ours & (third & 0xC0 != 0)))
        reference = self.programme.pcr_pid if self.programme else -1
        telling = (
            self._looked_into[pids]
            | ((flags & 0x10 != 0) & (pids == reference))
            | (ours & (second & 0x40 != 0))
        )
        for at in np.flatnonzero(telling).tolist():
            self._read(int(pids[at]), packets[at].tobytes(), int(flags[at]))
        self._seen[pids] = self.clock

    def _read(self, pid: int, packet: bytes, flags: int) -> None:
        control = packet[3] >> 4 & 3
        begin = 4 + (1 + packet[4] if control & 2 else 0)
        programme = self.programme
        if flags & 0x10 and programme is not None and pid == programme.pcr_pid and packet[4] >= 7:
            self._refer(packet, discontinuous=flags & 0x80 != 0)
        if not control & 1 or begin >= SIZE:
            return
        starts = packet[1] & 0x40 != 0
        if (sections := self._sections.get(pid)) is not None:
            if packet[3] & 0xC0:
                if pid in (PAT_PID, self._pmt_pid):
                    self.errors["pat" if pid == PAT_PID else "pmt"] += 1
                return
            for section in sections.feed(packet[begin:], starts):
                self._hear(pid, section)
        elif starts and (due := self._pictures.get(pid)) is not None:
            head = packet[begin : begin + 9]
            if packet[3] & 0xC0 or (head[:3] == b"\0\0\1" and len(head) > 7 and head[7] & 0x80):
                due.came(self.clock)  # of what is scrambled nothing is known

    def _refer(self, packet: bytes, discontinuous: bool) -> None:
        """A clock reference: how far the stream has come."""
        base = int.from_bytes(packet[6:11]) >> 7
        value = base * 300 + ((packet[10] & 1) << 8 | packet[11])
        if self._pcr is not None and not discontinuous:
            passed = (value - self._pcr) % CLOCK_WRAPS / CLOCK
            if passed > PCR_SECONDS:
                self.errors["pcr"] += 1
            if passed < PID_SECONDS:
                self.clock += passed
        self._pcr = value
        self._referred_at = self._now

    def _tick(self, at: float) -> None:
        """Let time go on where the stream has none, and count what is missing by now."""
        passed = 0.0 if self._at is None else at - self._at
        self._at = at
        if self._pcr is None or at - self._referred_at > CLOCKLESS_SECONDS:
            self.clock += max(0.0, passed)
        if not self.synced:
            return
        now = self.clock
        self.errors["pat"] += self._pat.missed(now)
        if self._pmt_pid >= 0:
            self.errors["pmt"] += self._pmt.missed(now)
        for pid, due in self._pids.items():
            due.since = max(due.since, float(self._seen[pid]))
            if now - due.since < due.seconds:
                due.told = 0
            self.errors["pid"] += due.missed(now)
        for due in self._pictures.values():
            self.errors["pts"] += due.missed(now)
        if self.scrambled != self._before[0]:
            self.errors["cat"] += self._cat.missed(now)
        elif self.of_programme != self._before[1]:
            self._cat.came(now)
        self._before = self.scrambled, self.of_programme

    # --- tables -------------------------------------------------------------------------------------

    def _hear(self, pid: int, section: bytes) -> None:
        table = section[0]
        if pid == PAT_PID and table != tables.PAT:
            self.errors["pat"] += 1
            return
        known = self._known.get((pid, table, section[3:8])) == section
        if not known:
            if table not in tables.CHECKED or len(section) < 12:
                return
            if tables.crc(section):
                self.errors["crc"] += 1
                return
            if len(self._known) > 256:  # a network's guide is long
                self._known.clear()
            self._known[pid, table, section[3:8]] = section
        match pid, table:
            case 0x00, tables.PAT:
                self._pat.came(self.clock)
                if not known:
                    self._list(tables.programmes_of(section))
            case 0x01, tables.CAT:
                self._cat.came(self.clock)
            case 0x11, tables.SDT if not known and self.programme is not None:
                self.guide.name = tables.services_of(section).get(self.programme.number, self.guide.name)
            case 0x11, tables.SDT if self.programme is None:
                self._known.pop((pid, table, section[3:8]), None)  # to be read once it is known what is ours
            case 0x12, tables.EIT_NOW:
                self._guide(section)
            case _, tables.PMT if pid == self._pmt_pid:
                self._parts(section, known)

    def _list(self, programmes: dict[int, int]) -> None:
        number = self.number or next(iter(programmes), 0)
        pid = programmes.get(number, -1)
        if pid != self._pmt_pid:
            self._forget(self._pmt_pid)
            self._pmt_pid, self.programme = pid, None
            self._pmt.came(self.clock)
            if pid >= 0:
                self._look_into(pid)

    def _parts(self, section: bytes, known: bool) -> None:
        number = section[3] << 8 | section[4]
        if self.number and number != self.number:
            return
        self._pmt.came(self.clock)
        if known and self.programme is not None:
            return
        self.programme = programme = tables.programme_of(section)
        watched = {stream.pid for stream in programme.streams if stream.kind}
        if programme.pcr_pid != NULL:
            watched.add(programme.pcr_pid)
        self._ours[:] = False
        self._ours[[stream.pid for stream in programme.streams]] = True
        self._pids = {pid: self._pids.get(pid, Due(PID_SECONDS, self.clock)) for pid in watched}
        pictures = {stream.pid for stream in programme.streams if stream.kind}
        self._pictures = {pid: self._pictures.get(pid, Due(PTS_SECONDS, self.clock)) for pid in pictures}
        self._pcr = None

    def _guide(self, section: bytes) -> None:
        if len(section) < 18 or self.programme is None:
            return
        number, place, show = tables.show_of(section)
        if number == self.programme.number:
            if place == 0:
                self.guide.now = show
            elif place == 1:
                self.guide.next = show

    def _look_into(self, pid: int) -> None:
        self._sections[pid] = Sections()
        self._looked_into[pid] = True

    def _forget(self, pid: int) -> None:
        if pid >= 0:
            self._sections.pop(pid, None)
            self._looked_into[pid] = False
