"""What is said of a channel, from all that was measured of it."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

from drivers.tv_channel.fragments import Fragments
from drivers.tv_channel.judge import SYNC_SECONDS, Judge, Minute
from drivers.tv_channel.options import Options
from drivers.tv_channel.tables import Programme, Show
from drivers.tv_channel.transport import NUMBERS, Transport

BITRATE_SECONDS = 5.0
BITRATE_SHARE = 0.1  # a rate that differs by less is no news
LOUDER = 1.0  # LU
COUNTED_EVERY = (
    10  # looks: while it is bad, counts are other ones each second, and the journal keeps them all
)
NOTHING_SECONDS = 10.0  # black and silent: no programme
BROKEN = "its segments are not whole (fragmented MP4)"
UNHEARD = "its sound comes apart (a rendition of its own) and is not listened to"
UNREAD = "encrypted: nothing of it can be read"
UNSEEN = {"black": None, "frozen": None, "silent": None, "loudness": None}


class Measured:
    """The measuring of one channel."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._rates: deque[tuple[float, int]] = deque()
        self.web_fault = ""
        self.stopped = False  # a web stream of which nothing more comes
        self.sound_apart = False  # its sound is a stream of its own, which is not followed
        self.sealed = False  # of which nothing can be read: it is encrypted, and not for us
        self.heard_at = time.monotonic()
        self.media_rate: int | None = None  # of segments: they come all at once
        self.begin()

    def begin(self) -> None:
        """Know nothing of the stream that is to come."""
        self.transport = Transport(self._options.programme)
        self.fragments: Fragments | None = None  # instead, where it is no transport stream
        self._judge = Judge(self._options.alarm_seconds, self._options.clear_seconds)
        self._minute = Minute()
        self._counts: Counter[str] = Counter()
        self._looks = 0
        self._own_lost = self.network_lost = 0
        self._bytes = 0
        self._rates.clear()

    @property
    def nonsense(self) -> str:
        """Why nothing of it can be seen; empty: nothing has come yet, or all is well."""
        if self.stream.synced or self.sealed:
            return ""
        if self.fragments is not None:
            return BROKEN
        return "what comes is no transport stream" if self._bytes else self.web_fault

    @property
    def stream(self) -> Transport | Fragments:
        """What comes, as it has been measured."""
        return self.fragments or self.transport

    @property
    def encrypted(self) -> bool:
        """Whether picture and sound cannot be looked at: that is known from elsewhere than their packets."""
        return self.sealed or (self.fragments is not None and self.fragments.encrypted)

    def take(self, data: bytes, at: float) -> None:
        """Bytes that arrived at ``at``."""
        self.heard_at = time.monotonic()
        self._bytes += len(data)
        self.fragments = None
        self.transport.feed(data, at)

    def take_fragment(self, begin: bytes, data: bytes) -> None:
        """A segment that arrived, and what stands before it (fragmented MP4)."""
        self.heard_at = time.monotonic()
        self._bytes += len(data)
        if self.fragments is None:
            self.begin()
            self.fragments = Fragments()
        self.fragments.take(begin, data)

    def dropped(self, datagrams: int) -> None:
        """This machine was too slow: that is no fault of the channel."""
        self._own_lost += datagrams
        self.transport.lost()

    def look(self, now: float, seen: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
        """The readings, after another look; ``seen`` by ffmpeg, ``before``: what was reported last."""
        stream = self.stream
        if self.stopped:
            seen = UNSEEN
        losses = {"own": self._own_lost, "network": self.network_lost}
        new = self._minute.add({**stream.errors, **losses}, now)
        scrambled = self._scrambled(before.get("scrambled") is True)
        self._see(now, new, seen, scrambled)
        programme, guide, fault = stream.programme, stream.guide, self._judge.fault()
        self._looks += 1
        if self._looks % COUNTED_EVERY == 0 or fault != before.get("fault") or not any(self._counts.values()):
            self._counts = self._minute.counts()
        minute = self._counts
        unread = self.sealed and not stream.synced
        uncounted = UNREAD if unread else stream.unmeasured
        unheard = UNHEARD if self.sound_apart and programme and not programme.of("sound") else ""
        return {
            "present": (stream.synced or self.sealed) and not self.stopped,
            "bitrate": 0 if self.stopped else self._bitrate(now, before.get("bitrate")),
            "continuity_errors": None if uncounted else minute["continuity"],
            "pat": None if unread else stream.pat,
            "pmt": None if unread else stream.pmt,
            "unmeasured": "; ".join(filter(None, (uncounted, unheard))),
            "scrambled": scrambled,
            "black": seen["black"],
            "frozen": seen["frozen"],
            "silent": seen["silent"],
            "loudness": _steady(seen["loudness"], before.get("loudness")),
            "now": guide.now.name if guide.now else "",
            "next": guide.next.name if guide.next else "",
            "next_at": _moment(guide.next),
            "service": guide.name,
            "streams": _streams(programme),
            "missing": stream.missing,
            "errors": {NUMBERS[name]: minute[name] for name in NUMBERS if minute[name]},
            "own_losses": minute["own"],
            "network_losses": minute["network"],
            "fault": fault,
        }

    def _see(self, now: float, new: Mapping[str, int], seen: Mapping[str, Any], scrambled: bool) -> None:
        """Every condition, the gravest first."""
        see, stream = self._judge.see, self.stream
        black, frozen, silent = (seen[name] is True for name in ("black", "frozen", "silent"))
        see("web", self.web_fault, bool(self.web_fault), now, 0)
        whole = self.fragments is None or not self.fragments.broken
        see("fragments", BROKEN, not whole, now, 0)
        lost = whole and not stream.synced and not self.sealed
        see("sync", "no transport stream in it (sync loss)", lost, now, SYNC_SECONDS)
        see("nothing", "no programme: black and silent", black and silent, now, NOTHING_SECONDS)
        see("pat", "no list of programmes (PAT)", stream.synced and stream.pat is False, now)
        unlisted = bool(stream.pat) and not stream.listed
        see("programme", "the programme is not among those that are listed (PAT)", unlisted, now)
        lacking = bool(stream.pat) and stream.listed and not stream.pmt
        see("pmt", "no list of the programme's parts (PMT)", lacking, now)
        see("scrambled", "it is scrambled", scrambled, now)
        see("pid", "parts of the programme do not come", bool(stream.missing), now, 0)
        see("black", "the picture is black", black, now, 0)  # it stands still, too
        see("frozen and silent", "the picture stands still and there is no sound", frozen and silent, now, 0)
        see("silent", "there is no sound", silent, now, 0)
        # Before what it does to the counters of the stream.
        see("network", "the network loses packets (RTP)", bool(new.get("network")), now)
        self._judge.count(new, now)
        see("own", "this machine is too slow for it and loses packets", bool(new.get("own")), now)
        see("frozen", "the picture stands still", frozen, now, 0)

    def _scrambled(self, before: bool) -> bool:
        """Whether most of what came since the last look is."""
        if self.encrypted or self.fragments is not None:
            return self.encrypted
        transport = self.transport
        whole, part = transport.of_programme, transport.scrambled
        transport.of_programme = transport.scrambled = 0
        return part * 2 > whole if whole else before

    def _bitrate(self, now: float, before: object) -> int:
        if self.media_rate is not None:
            rate = self.media_rate
        else:
            self._rates.append((now, self._bytes))
            while len(self._rates) > 2 and now - self._rates[0][0] > BITRATE_SECONDS:
                self._rates.popleft()
            (began, first), (ended, last) = self._rates[0], self._rates[-1]
            rate = round(8 * (last - first) / (ended - began)) if ended > began else 0
        if isinstance(before, int) and before and abs(rate - before) <= BITRATE_SHARE * before:
            return before
        return round(rate, -4)


def _steady(level: float | None, before: object) -> float | None:
    if level is None:
        return None
    if isinstance(before, float) and abs(level - before) < LOUDER:
        return before
    return round(level, 1)


def _moment(show: Show | None) -> str:
    return show.starts_at.isoformat() if show is not None and show.starts_at is not None else ""


def _streams(programme: Programme | None) -> tuple[str, ...]:
    if programme is None:
        return ()
    told = (stream for stream in programme.streams if stream.kind)
    return tuple(" ".join(filter(None, (one.kind, one.codec, one.language))) for one in told)
