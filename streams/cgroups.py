"""A control group of the kernel for one broadcast, where this machine lets us have one.

Version 2 (cgroup-v2.rst of the kernel): below our own group, when that was delegated to us or is the top
one, as in a container. Processes may be in leaves only, so that all that are in our own group are moved to
a leaf of it. Version 1: below our own group of ``cpu`` and ``memory``, when we may write there.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
MINE = Path("/proc/self/cgroup")
LEAF = "avctl-others"
DELEGATED = ("user.delegate", "trusted.delegate")  # what systemd writes on a group (Delegate=yes)
OURS = "avctl-"
TRIES = 3


class Group:
    """Where this process and its children are; ``folders`` by what they control."""

    def __init__(self, folders: dict[str, Path], *, unified: bool) -> None:
        self.folders = folders
        self._unified = unified

    @classmethod
    def join(cls, name: str, wanted: set[str], root: Path = ROOT, mine: Path = MINE) -> Group | None:
        """Make the group of a name, or find it, and be in it; None where that is not allowed.

        ``wanted``: what it is to control, ``cpu`` or ``memory`` or both.
        """
        try:
            lines = [line.split(":", 2) for line in mine.read_text(encoding="utf-8").splitlines()]
        except OSError:
            return None
        for make in (_second, _first):
            folders = make(OURS + name, wanted, root, lines)
            if folders:
                return cls(folders, unified=make is _second)
        return None

    def weigh(self, weight: int) -> None:
        """Its share of the processor, beside others; 100 is what everybody has."""
        if (folder := self.folders.get("cpu")) is not None:
            if self._unified:
                _write(folder / "cpu.weight", weight)
            else:
                _write(folder / "cpu.shares", weight * 1024 // 100)

    def bound(self, most: int) -> None:
        """The most memory it may have, in bytes."""
        if (folder := self.folders.get("memory")) is not None:
            _write(folder / ("memory.max" if self._unified else "memory.limit_in_bytes"), most)

    def leave(self) -> None:
        """Go back to where we came from, and leave no group behind."""
        for folder in set(self.folders.values()):
            above = folder.parent / LEAF if self._unified else folder.parent
            with suppress(OSError):
                _write(above / "cgroup.procs", os.getpid())
                folder.rmdir()


def _second(name: str, wanted: set[str], root: Path, lines: list[list[str]]) -> dict[str, Path]:
    own = next((root / path.lstrip("/") for number, _, path in lines if number == "0"), None)
    if own is None:
        return {}
    own = own.parent if own.name == LEAF else own
    try:
        there = (own / "cgroup.controllers").read_text().split()
        if not wanted <= set(there) or not (own == root or _delegated(own)):
            return {}
        if not wanted <= set((own / "cgroup.subtree_control").read_text().split()):
            _move(own, own / LEAF)
            _write(own / "cgroup.subtree_control", " ".join(f"+{one}" for one in sorted(wanted)))
        _enter(own / name)
    except OSError:
        return {}
    return dict.fromkeys(wanted, own / name)


def _first(name: str, wanted: set[str], root: Path, lines: list[list[str]]) -> dict[str, Path]:
    found = {}
    for _, controllers, path in lines:
        for one in set(controllers.split(",")) & wanted:
            own = root / controllers / path.lstrip("/")
            own = own.parent if own.name.startswith(OURS) else own
            with suppress(OSError):
                _enter(own / name)
                found[one] = own / name
    return found


def _enter(folder: Path) -> None:
    """Be in a group. Those that a killed runner left empty go; one that is just made may go with them."""
    for old in folder.parent.glob(f"{OURS}*"):
        if old.name != LEAF:
            with suppress(OSError):
                old.rmdir()
    for left in reversed(range(TRIES)):
        try:
            folder.mkdir(exist_ok=True)
            _write(folder / "cgroup.procs", os.getpid())
            return
        except FileNotFoundError:
            if not left:
                raise


def _delegated(folder: Path) -> bool:
    for name in DELEGATED:
        with suppress(OSError):
            if os.getxattr(folder, name) == b"1":
                return True
    return False


def _move(own: Path, leaf: Path) -> None:
    leaf.mkdir(exist_ok=True)
    for pid in (own / "cgroup.procs").read_text().split():
        with suppress(ProcessLookupError):
            _write(leaf / "cgroup.procs", pid)


def _write(path: Path, value: int | str) -> None:
    path.write_text(str(value), encoding="ascii")
