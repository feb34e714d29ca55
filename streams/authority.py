"""From the encoder's private segments to the public lists and the recording."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from avctl.errors import ProtocolError
from streams.encoder import Run
from streams.ffmpeg import PRIVATE_PLAYLIST
from streams.plan import AUDIO_ONLY, Plan
from streams.playlist import MediaPlaylist, Segment, codec_of, write_master
from streams.push import Push
from streams.recording import Recording
from streams.reserve import Reserve, free_bytes
from streams.way import Segments, StandInMaker

log = logging.getLogger(__name__)

LIVE = "live"
STILL = 1.5  # lengths of a segment without a new one before it counts as standing still
SLACK = 2.0
SHORTEST = 600.0  # seconds viewers can still go back on a disk below its floor
LEAST = 60.0  # and on one that is full to the last byte
HOLE = timedelta(seconds=0.09)
CLOSED_RECORDED = timedelta(seconds=5)
DISK_SECONDS = 5.0


class Authority:
    """Lists what the public may see and records what is to be kept, the same segments for every rendition."""

    def __init__(self, folder: Path, plan: Plan, encoder: Segments, stand_ins: StandInMaker) -> None:
        self.publish_from: datetime | None = None
        self.record_from: datetime | None = None
        self.listed_at: datetime | None = None
        self.seen = 0
        self.withdrawn = 0
        self.pushes: tuple[Push, ...] = ()
        self.kbps: dict[str, float] = {}
        second = plan.record.second_folder
        self.recording = Recording(folder, None if second is None else Path(second) / plan.session)
        self._plan, self._encoder, self._stand_ins = plan, encoder, stand_ins
        self._closed: tuple[datetime, datetime | None] | None = None
        self._live = folder / LIVE
        self._live.mkdir(exist_ok=True)
        self._lists = {
            name: MediaPlaylist(
                self._live / name,
                plan.segment_seconds,
                plan.dvr_seconds,
                fragmented=plan.segments == "fmp4",
            )
            for name in plan.names
        }
        self._done: dict[Path, tuple[int, int]] = {}
        encoder.settle = self.collect
        self._jump_listed = self._jump_recorded = True
        self._listed_until: datetime | None = None
        self._codecs: dict[str, str] = {}
        self._last_listed = time.monotonic()
        self._collecting = threading.Lock()
        self._reserve = Reserve(folder, plan.disk_reserve_mb * 1_000_000)
        self._minded = time.monotonic()

    @property
    def listed(self) -> int:
        """How many segments the public list has now."""
        return len(self._lists[self._plan.programme.name].segments)

    @property
    def advancing(self) -> bool:
        """Whether the public list really goes on."""
        return self.listed > 0 and self._lately(self._last_listed)

    @property
    def growing(self) -> bool:
        """Whether the recording really grows."""
        return self.recording.bytes > 0 and self._lately(self.recording.written_at)

    def _lately(self, moment: float) -> bool:
        longest = self._lists[self._plan.programme.name].target
        return time.monotonic() - moment < longest * STILL + SLACK

    def collect(self) -> bool:
        """Take over every segment that is finished in all renditions; true when there was one."""
        found = False
        with self._collecting:
            for run in tuple(self._encoder.runs):
                over = run.over
                found = self._collect(run) or found
                if over:
                    self._encoder.runs.remove(run)
                    self._jump_listed = self._jump_recorded = True
        return found

    def close(self, at: datetime) -> None:
        """A closed part began: what is not listed now and was taken before never will be.

        The encoder has been told to discard; when this returns whoever was listing has seen that.
        """
        with self._collecting:
            if self._closed is None or self._closed[1] is not None:
                self._closed = at, None

    def open(self, at: datetime) -> None:
        """The closed part ended."""
        if self._closed is not None:
            self._closed = self._closed[0], at

    def withdraw(self, since: datetime, until: datetime) -> Callable[[], None]:
        """Take back the segments of a time, from viewers and from the recording.

        They are gone when this returns. Their names stay in the lists, which must not change: what is
        returned puts stand-ins under them.
        """
        taken: list[tuple[str, Segment, Path, float | None]] = []
        with self._collecting:
            for name, playlist in self._lists.items():
                for segment, path in playlist.between(since, until):
                    taken.append((name, segment, path, playlist.begins(segment)))
                    path.unlink(missing_ok=True)
            self._take_back(since, until)
        self.withdrawn += len(taken)

        def replace() -> None:
            for name, segment, path, begins in taken:
                if begins is not None:
                    self._stand_in(name, segment, path, begins)

        return replace

    def _stand_in(self, name: str, segment: Segment, path: Path, begins: float) -> None:
        playlist = self._lists[name]
        if playlist.packager is None:
            self._stand_ins.place(name, begins, path, segment.seconds)
            return
        draft = path.with_name(f".{path.stem}.ts")
        # A list may have had segments of another rung; what was read before them must do for a stand-in too.
        for one in sorted(self._lists, key=lambda other: other != name):
            with suppress(OSError, ProtocolError):
                placed = self._stand_ins.place(one, begins, draft, segment.seconds)
                if placed and playlist.replace(segment, draft, begins):
                    break
        else:
            log.error("%s/%s was withdrawn and has no stand-in", name, segment.name)
        draft.unlink(missing_ok=True)

    def mind_the_disk(self) -> None:
        """Without room for more, what is in reserve is used, and viewers can go back less far."""
        full = not self._reserve.mind()
        if time.monotonic() - self._minded < DISK_SECONDS:
            return
        self._minded = time.monotonic()
        if full or free_bytes(self._live) < self._plan.disk_floor_mb * 1_000_000:
            with self._collecting:
                for one in self._lists.values():
                    one.shorten(LEAST if full else SHORTEST)

    def _take_back(self, since: datetime, until: datetime) -> None:
        try:
            self.recording.cut(since, until)
        except OSError as fault:
            log.error("what is to be taken back from the recording cannot be kept: %s", fault.strerror)

    def finish(self) -> None:
        """Take over the last segments and close the lists."""
        self.collect()
        for one in self._lists.values():
            if one.segments:
                one.end()
        self.recording.close()
        self._reserve.close()

    def _collect(self, run: Run) -> bool:
        encoded = set(run.origins.values())
        finished = {name: _finished(run.folder / name / PRIVATE_PLAYLIST) for name in encoded}
        count, pictures = self._done.get(run.folder, (0, 0))
        # Sound alone is cut where its own frames end: of the very last run it may have a segment less. What
        # it lacks of another run is encoded again by the next, so that all lists have the same numbers.
        counted = [name for name in finished if name != AUDIO_ONLY or not (run.over and run.final)]
        ready = min(_count(finished[name]) for name in counted)
        found = False
        own = {name: dict(entries) for name, entries in finished.items()}
        lengths = {one: own[origin] for one, origin in run.origins.items()}
        while count < ready and not run.discarded:
            name = f"{count:06d}.ts"
            usual = float(self._plan.segment_seconds)
            seconds = lengths[self._plan.programme.name].get(name, usual)
            at = self._encoder.moment(run.first + pictures)
            if at is None:
                break
            self._take(run, name, {one: lengths[one].get(name, seconds) for one in self._lists}, at)
            count, pictures, found = count + 1, pictures + round(seconds * self._plan.fps), True
            self._done[run.folder] = (count, pictures)
            self._encoder.finished(run.first + pictures)
        return found

    def _take(self, run: Run, name: str, lengths: Mapping[str, float], at: datetime) -> None:
        self.seen += 1
        seconds = lengths[self._plan.programme.name]
        places = {one: run.folder / origin / name for one, origin in run.origins.items()}
        paths = {one: path for one, path in places.items() if path.exists()}
        if self._is_recorded(at, at + timedelta(seconds=seconds)):
            try:
                best = paths[self._plan.programme.name]
                self.recording.append(best, at, seconds, jump=self._jump_recorded)
                self._jump_recorded = False
            except OSError as fault:  # a full disk: it shows as not growing, and viewers go on
                log.error("the recording cannot be written: %s", fault.strerror)
        else:
            self._jump_recorded = True
        # What began before the public was let in stays private.
        if self.publish_from is not None and at >= self.publish_from:
            try:
                if self.pushes:
                    data = paths[self._plan.programme.name].read_bytes()
                    for push in self.pushes:
                        push.put(data)
                self._list(paths, lengths, at)
            except (OSError, ProtocolError) as fault:
                log.error("a segment cannot be listed: %s", fault)
                self._jump_listed = True
        for path in paths.values():
            path.unlink(missing_ok=True)

    def _is_recorded(self, begins: datetime, ends: datetime) -> bool:
        """Not before it is wanted; of a closed part only so much slate that it is seen to be one."""
        if self.record_from is None or ends <= self.record_from:
            return False
        if self._closed is None:
            return True
        closed, opened = self._closed
        return begins < closed + CLOSED_RECORDED or (opened is not None and ends > opened)

    def _list(self, paths: Mapping[str, Path], lengths: Mapping[str, float], at: datetime) -> None:
        if self._listed_until is not None and at - self._listed_until > HOLE:
            self._jump_listed = True  # everything stood still for a while: players are told
        self._listed_until = at + timedelta(seconds=lengths[self._plan.programme.name])
        for one, path in paths.items():
            seconds = lengths[one]
            self.kbps[one] = round(path.stat().st_size * 8 / 1000 / max(seconds, 0.04), 1)
            if self._jump_listed or one not in self._codecs:
                self._codecs[one] = codec_of(path.read_bytes()[:65536])
            self._lists[one].begin(self._encoder.target)
            self._lists[one].add(path, seconds, at, jump=self._jump_listed)
        if self._jump_listed:
            write_master(self._live, self._encoder.plan, {n: c for n, c in self._codecs.items() if c})
        self._jump_listed = False
        self._last_listed = time.monotonic()
        self.listed_at = datetime.now().astimezone()


def _count(entries: list[tuple[str, float]]) -> int:
    return int(entries[-1][0].split(".")[0]) + 1 if entries else 0


def _finished(playlist: Path) -> list[tuple[str, float]]:
    """The finished segments of a private list and their lengths in seconds."""
    try:
        lines = playlist.read_text(encoding="ascii").splitlines()
    except OSError:
        return []
    entries, seconds = [], 0.0
    for line in lines:
        if line.startswith("#EXTINF:"):
            seconds = float(line[8:].rstrip(","))
        elif line and not line.startswith("#"):
            entries.append((line, seconds))
    return entries
