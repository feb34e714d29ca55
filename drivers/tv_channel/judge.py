"""What of all that is counted is a fault: by rate and by duration, never by one error (TR 101 290, annex)."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping

RATE_SECONDS = 1.0  # an error in each second is a rate of one
GAP_SECONDS = 1.6  # between two bad looks that are still one trouble
SYNC_SECONDS = 1.0
MINUTE = 60.0

# What is judged by how many errors there are; what can be seen to last is judged by that.
BY_RATE = {
    "continuity": "packets are lost (continuity counters)",
    "transport": "packets are damaged (transport error)",
    "crc": "tables are damaged (CRC)",
    "pcr": "its clock jumps or comes too rarely (PCR)",
    "pts": "pictures or sound have no time (PTS)",
}


class Lasting:
    """Something bad is a fault once it has lasted, and is none when it has been well for long enough."""

    def __init__(self, seconds: float, clear_seconds: float) -> None:
        self._seconds, self._clear = seconds, clear_seconds
        self._since: float | None = None
        self._bad_at = 0.0
        self.raised = False

    def see(self, bad: bool, now: float, began: float | None = None) -> bool:
        """Whether it is a fault, after this look; ``began``: since when it is bad, where that is known."""
        if bad:
            if self._since is None or (not self.raised and now - self._bad_at > GAP_SECONDS):
                self._since = now if began is None else began
            self._bad_at = now
            self.raised = self.raised or now - self._since >= self._seconds
        elif now - self._bad_at >= (self._clear if self.raised else GAP_SECONDS):
            self._since, self.raised = None, False
        return self.raised


class Minute:
    """Counts of the last minute."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, Counter[str]]] = deque()
        self._before: Counter[str] = Counter()

    def add(self, totals: Mapping[str, int], now: float) -> Counter[str]:
        """Take in totals; how many came since the last look."""
        new = Counter(totals)
        new.subtract(self._before)
        self._before = Counter(totals)
        self._looks.append((now, new))
        while now - self._looks[0][0] > MINUTE:
            self._looks.popleft()
        return new

    def counts(self) -> Counter[str]:
        """All of the last minute."""
        found: Counter[str] = Counter()
        for _, new in self._looks:
            found.update(new)
        return found


class Judge:
    """Holds every condition of a channel; ``fault`` is the gravest of those that last."""

    def __init__(self, alarm_seconds: float, clear_seconds: float) -> None:
        self._alarm, self._clear = alarm_seconds, clear_seconds
        self._lasting: dict[str, Lasting] = {}
        self._erred_at: dict[str, float] = {}
        self._seen: dict[str, str] = {}

    def see(self, name: str, text: str, bad: bool, now: float, seconds: float | None = None) -> None:
        """A condition as it is now; in the order of gravity."""
        wait = self._alarm if seconds is None else seconds
        lasting = self._lasting.setdefault(name, Lasting(wait, self._clear))
        if lasting.see(bad, now):
            self._seen[name] = text if bad else self._seen.get(name, text)
        else:
            self._seen.pop(name, None)

    def count(self, new: Mapping[str, int], now: float) -> None:
        """Errors that came since the last look."""
        for name, text in BY_RATE.items():
            if new.get(name):
                self._erred_at[name] = now
            bad = now - self._erred_at.get(name, float("-inf")) <= RATE_SECONDS
            self.see(name, text, bad, now)

    def fault(self, order: tuple[str, ...] = ()) -> str:
        """What is wrong, the gravest first; empty when nothing is."""
        first = next((name for name in (*order, *self._lasting) if name in self._seen), "")
        return self._seen.get(first, "")
