"""Who goes first when the machine has too little of something: what is on air, then everything else.

Within a broadcast: the runner, which keeps time; readers, which are little work and would be seen to stand
still; the encoder, most of the work, which may be late (see ``ladder.py``); last, what is measured, drawn and
published. What the machine does not allow is said once, and the broadcast goes on without it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

from avctl.child import ORDINARY, Rank
from streams.cgroups import Group
from streams.plan import LimitsPlan

log = logging.getLogger(__name__)

ARMED_NICE = 5  # of a broadcast that is neither seen nor recorded, beside those that are
ARMED_WEIGHT = 4  # such a broadcast has a fourth
RUNNER_OOM = -400
PROC = Path("/proc/self")


LATER = Rank(nice=10, oom=600)
LAST = Rank(nice=15, oom=800, idle=True)
# By the first word of a child's name.
RANKS = {
    "encoder": Rank(nice=2, oom=100),
    "sealed": Rank(nice=2, oom=100),
    "reader": ORDINARY,
    "intake": Rank(nice=0, oom=100),
    "look": LATER,
    "push": ORDINARY,
    "loudness": LATER,
    "paint": LATER,
    "standin": LATER,
    "remux": LAST,
    "length": LAST,
}


def rank_of(name: str) -> Rank:
    """The rank of a child."""
    return RANKS.get(name.partition(" ")[0], ORDINARY)


class Priority:
    """The place of one broadcast beside the others; ``matters`` when it is seen or recorded."""

    def __init__(self, name: str, limits: LimitsPlan) -> None:
        self._name, self._limits = name, limits
        self._matters: bool | None = None
        self._group: Group | None = None
        self._refused: list[str] = []

    def begin(self) -> None:
        """Take the place; called once by the runner, for itself and all its children to come."""
        limits = self._limits
        self._try("nice", lambda: os.setpriority(os.PRIO_PROCESS, 0, limits.nice))
        # The killer of processes takes the greatest first: children before the runner, whoever we are.
        self._try("oom_score_adj", lambda: _write(PROC / "oom_score_adj", RUNNER_OOM))
        wanted = {"cpu", "memory"} if limits.memory_mb else {"cpu"}
        self._group = group = Group.join(self._name, wanted)
        if group is None:
            self._refused.extend(["cpu_weight", *(["memory_mb"] if limits.memory_mb else [])])
        elif limits.memory_mb:
            self._try("memory_mb", lambda: group.bound(limits.memory_mb * 1_000_000))
        self.mind(matters=True)
        if self._refused:
            log.info("this machine does not let a broadcast set: %s", ", ".join(self._refused))

    def mind(self, *, matters: bool) -> None:
        """Go before those that matter less."""
        if matters is self._matters:
            return
        limits = self._limits
        try:
            _weigh_session(limits.nice if matters else max(limits.nice, ARMED_NICE))
        except BlockingIOError:  # it may be set ten times a second
            return
        self._matters = matters
        if (group := self._group) is not None:
            weight = limits.cpu_weight if matters else max(1, limits.cpu_weight // ARMED_WEIGHT)
            self._try("cpu_weight", lambda: group.weigh(weight))

    def end(self) -> None:
        """Leave nothing behind."""
        if self._group is not None:
            self._group.leave()

    def _try(self, what: str, act: Callable[[], object]) -> None:
        try:
            act()
        except OSError:
            self._refused.append(what)


def _weigh_session(nice: int) -> None:
    """Each runner has a session of its own, and so, where the kernel groups by sessions (sched(7)), a share
    of its own, which only this weighs."""
    for wanted in (nice, 0):  # less than 0 needs a permission
        try:
            _write(PROC / "autogroup", wanted)
        except BlockingIOError:
            raise
        except OSError:
            continue
        return


def _write(path: Path, value: int) -> None:
    path.write_text(str(value), encoding="ascii")
