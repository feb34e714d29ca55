"""The recording: every finished segment of the best rendition, appended to a transport stream and made safe.

A transport stream has no index that could be missing: whatever is cut off, what was written plays. Each disk
has a writer of its own, so that one that hangs or is full holds up neither the lists nor the other disk. What
waits for a writer lies in a spool: a runner that begins again goes on with it.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

log = logging.getLogger(__name__)

FOLDER = "recording"
SPOOL = "spool"
INDEX = "index.jsonl"
CUTS = "cuts.jsonl"  # in the broadcast's folder: what was taken back
RETRY_SECONDS = 1.0
MOST_WAITING = 900  # segments a disk may be behind: half an hour; then the oldest is lost to it
_PART = re.compile(r"^part-(\d{4})\.ts$")


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One segment to be written. ``jump``: it does not follow from the one before."""

    path: Path
    at: datetime
    seconds: float
    jump: bool


class Recording:
    """Hands finished segments to the writers of one or two disks. Called by one thread."""

    def __init__(self, folder: Path, second: Path | None = None) -> None:
        self._root, self._spool = folder, folder / SPOOL
        self._number = 0
        folders = (folder / FOLDER, *(() if second is None else (second / FOLDER,)))
        self._disks = tuple(Disk(one, self._written) for one in folders)
        self._left: dict[Path, int] = {}
        self._leaving = threading.Lock()
        for piece in self._found():
            self._give(piece)

    @property
    def bytes(self) -> int:
        """What is on the first disk."""
        return self._disks[0].bytes

    @property
    def file(self) -> str:
        """The part being written, relative to the broadcast's folder."""
        part = self._disks[0].part
        return "" if part is None else str(part.relative_to(self._root))

    @property
    def written_at(self) -> float:
        """When a disk last took something, by the monotonic clock; 0 when none did."""
        return max(disk.written_at for disk in self._disks)

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with each disk that does not take what it is given."""
        return tuple(f"{disk.folder}: {disk.fault}" for disk in self._disks if disk.fault)

    def append(self, segment: Path, at: datetime, seconds: float, *, jump: bool) -> None:
        """Have a segment written. ``at`` is when its first picture was taken, ``seconds`` its length."""
        self._spool.mkdir(exist_ok=True)
        self._number += 1
        name = f"{self._number:08d}_{at.timestamp():.6f}_{seconds:.6f}_{int(jump)}.ts"
        os.link(segment, self._spool / name)
        self._give(Piece(path=self._spool / name, at=at, seconds=seconds, jump=jump))

    def cut(self, since: datetime, until: datetime) -> None:
        """Take back what was taken in a time, as if it had never been recorded; kept for ``settle`` too."""
        with (self._root / CUTS).open("a", encoding="utf-8") as cuts:
            cuts.write(json.dumps([since.isoformat(), until.isoformat()]) + "\n")
        for disk in self._disks:
            disk.cut(since, until)

    def close(self) -> None:
        """Let the writers finish what waits, for a while, and end them."""
        for disk in self._disks:
            disk.close()
        if self._spool.is_dir() and not any(self._spool.iterdir()):
            self._spool.rmdir()

    def _found(self) -> Iterator[Piece]:
        """What a runner before us left in the spool."""
        with suppress(OSError):
            for path in sorted(self._spool.iterdir()):
                with suppress(ValueError):
                    _, at, seconds, jump = path.stem.split("_")
                    moment = datetime.fromtimestamp(float(at)).astimezone()
                    yield Piece(path=path, at=moment, seconds=float(seconds), jump=jump == "1")
                    self._number = int(path.stem.split("_")[0])

    def _give(self, piece: Piece) -> None:
        with self._leaving:
            self._left[piece.path] = len(self._disks)
        for disk in self._disks:
            disk.give(piece)

    def _written(self, piece: Piece) -> None:
        """A disk is done with a piece; when all are, it leaves the spool."""
        with self._leaving:
            self._left[piece.path] -= 1
            if self._left[piece.path]:
                return
            del self._left[piece.path]
        with suppress(OSError):
            piece.path.unlink()


class Disk:
    """One folder with the parts of a recording, and the thread that writes them."""

    def __init__(self, folder: Path, done: object) -> None:
        assert callable(done)
        self.folder = folder
        self.bytes = 0
        self.part: Path | None = None
        self.fault = ""
        self.written_at = 0.0
        self._done = done
        self._fresh = True
        self._known: set[tuple[float, float]] = set()
        self._work: queue.Queue[Piece | tuple[datetime, datetime] | None] = queue.Queue()
        self._closing = threading.Event()
        with suppress(OSError):
            self.bytes = sum(part.stat().st_size for part in folder.glob("part-*.ts"))
            self._known = {(round(line.at.timestamp(), 6), line.seconds) for line in lines_of(folder)}
        self._thread = threading.Thread(target=self._run, name=f"recording {folder}", daemon=True)
        self._thread.start()

    def give(self, piece: Piece) -> None:
        """Have it write one; the oldest that waits is lost when it is hopelessly behind."""
        if self._work.qsize() > MOST_WAITING:
            with self._work.mutex:
                waiting = [at for at, work in enumerate(self._work.queue) if isinstance(work, Piece)]
                lost = self._work.queue[waiting[0]]
                del self._work.queue[waiting[0]]
            self._fresh = True
            self._done(lost)
        self._work.put(piece)

    def cut(self, since: datetime, until: datetime) -> None:
        """Have it take back what was taken in a time; nothing is written before that is done."""
        self._work.put((since, until))

    def close(self, seconds: float = 10.0) -> None:
        """Let it write what waits, and end."""
        self._closing.set()
        self._work.put(None)
        self._thread.join(seconds)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            if isinstance(work, Piece):
                if self._persist(work):
                    self._done(work)
            else:
                self._tried(partial(self._take_back, *work))

    def _persist(self, piece: Piece) -> bool:
        """Write one; false when we end before the disk takes it."""
        if (round(piece.at.timestamp(), 6), piece.seconds) in self._known or not piece.path.exists():
            return True
        return self._tried(lambda: self._write(piece))

    def _tried(self, work: Callable[[], None]) -> bool:
        """Do something again and again while the disk does not take it; false when we end before it does."""
        while True:
            try:
                work()
            except OSError as fault:
                if not self.fault:
                    log.error("the recording cannot be written in %s: %s", self.folder, fault.strerror)
                self.fault = fault.strerror or "it cannot be written"
                self._fresh = True
            else:
                self.fault = ""
                return True
            if self._closing.wait(RETRY_SECONDS):
                return False

    def _write(self, piece: Piece) -> None:
        """One segment; it is on the disk, not in a cache, when this returns."""
        data = piece.path.read_bytes()
        if self.part is None or piece.jump or self._fresh:
            self.folder.mkdir(exist_ok=True, parents=True, mode=0o700)
            numbers = [int(found[1]) for one in self.folder.iterdir() if (found := _PART.match(one.name))]
            self.part = self.folder / f"part-{max(numbers, default=0) + 1:04d}.ts"
            self._fresh = False
        with self.part.open("ab") as part:
            begin = part.tell()
            try:
                part.write(data)
                part.flush()
                os.fdatasync(part.fileno())
                self._note(piece, begin)
            except OSError:
                with suppress(OSError):
                    os.truncate(self.part, begin)
                raise
        self.bytes += len(data)
        self.written_at = time.monotonic()

    def _note(self, piece: Piece, begin: int) -> None:
        """A line of the index; a torn one before it, of a power loss, is closed and left out."""
        assert self.part is not None
        line = {"part": self.part.name, "at": piece.at.isoformat(), "seconds": piece.seconds, "from": begin}
        with (self.folder / INDEX).open("ab+") as index:
            if index.tell():
                index.seek(-1, os.SEEK_END)
                torn = index.read(1) != b"\n"
            else:
                torn = False
            index.write((b"\n" if torn else b"") + json.dumps(line).encode() + b"\n")
            index.flush()
            os.fdatasync(index.fileno())

    def _take_back(self, since: datetime, until: datetime) -> None:
        self.bytes -= take_back(self.folder, since, until)
        self._fresh = True


@dataclass(frozen=True)
class Line:
    """A line of the index: which part, when, how long, and where in the part it begins."""

    part: str
    at: datetime
    seconds: float
    begin: int
    text: str


def lines_of(recording: Path) -> Iterator[Line]:
    """The index of a recording's folder; a line cut off by a power loss is left out."""
    with suppress(OSError), (recording / INDEX).open(encoding="utf-8") as index:
        for text in index:
            try:
                entry = json.loads(text)
                at = datetime.fromisoformat(entry["at"])
                yield Line(entry["part"], at, float(entry["seconds"]), int(entry.get("from", 0)), text)
            except (ValueError, KeyError, TypeError):
                continue


def parts_of(folder: Path) -> list[Path]:
    """The parts of a broadcast's recording, in order; those that were taken back whole are none."""
    return sorted(part for part in (folder / FOLDER).glob("part-*.ts") if part.stat().st_size)


def take_back(recording: Path, since: datetime, until: datetime) -> int:
    """Take what was recorded in a time off the end of its parts; how many bytes. Again, it does nothing."""
    kept, gone = [], 0
    for line in lines_of(recording):
        if line.at >= until or line.at + timedelta(seconds=line.seconds) <= since:
            kept.append(line)
            continue
        path = recording / line.part
        if path.exists() and path.stat().st_size > line.begin:
            gone += path.stat().st_size - line.begin
            os.truncate(path, line.begin)
    if gone:
        beside = recording / f".{INDEX}.new"
        beside.write_text("".join(line.text for line in kept), encoding="utf-8")
        os.replace(beside, recording / INDEX)
    return gone


def settle(root: Path, recordings: Iterable[Path]) -> None:
    """Take back what a disk that was away at that moment still has, before anybody makes use of it."""
    with suppress(FileNotFoundError), (root / CUTS).open(encoding="utf-8") as cuts:
        for text in cuts:
            since, until = (datetime.fromisoformat(moment) for moment in json.loads(text))
            for recording in recordings:
                take_back(recording / FOLDER, since, until)


def fullest(folders: Sequence[Path]) -> Path:
    """Where the recording is most complete, of the folders that have it."""
    return max(folders, key=lambda folder: sum(line.seconds for line in lines_of(folder / FOLDER)))


def moments(folder: Path, wanted: Iterable[datetime]) -> list[float]:
    """Where in the recording these moments are, in seconds; one in a gap is where the picture goes on."""
    segments = [(line.at, line.seconds) for line in lines_of(folder / FOLDER)]
    return [_moment(segments, moment) for moment in wanted]


def _moment(segments: list[tuple[datetime, float]], moment: datetime) -> float:
    passed = 0.0
    for at, seconds in segments:
        if moment < at:
            break
        if moment < at + timedelta(seconds=seconds):
            return passed + (moment - at).total_seconds()
        passed += seconds
    return passed
