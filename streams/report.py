"""What a runner says of itself: its parts asked, and put together as one status."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

from streams.authority import Authority
from streams.plan import Plan
from streams.push import Push
from streams.status import (
    EncoderStatus,
    HlsStatus,
    LowerThird,
    Outputs,
    PushStatus,
    RecordingStatus,
    RenditionStatus,
    RunnerPhase,
    RunnerStatus,
    SourceStatus,
)
from streams.wanted import Memory
from streams.way import Source, Way


class Report:
    """Asks the parts of one runner how they are. ``phase`` is where the runner is in its life."""

    def __init__(
        self,
        plan: Plan,
        memory: Memory,
        way: Way,
        authority: Authority,
        pushes: tuple[Push, ...],
    ) -> None:
        self.phase: RunnerPhase = "arming"
        self.fps = 0.0
        self._plan, self._memory = plan, memory
        self._way, self._authority, self._pushes = way, authority, pushes
        self._started_at = datetime.now().astimezone()

    def news(self, status: RunnerStatus | None = None) -> dict[str, Any]:
        """The status, as it is now by default, as it is pushed to whoever listens."""
        return {"event": "status", **dict(status or self.status())}

    def meters(self) -> dict[str, Any]:
        """What is measured of the programme now, as it is pushed."""
        levels, loud = self._way.picture.levels, self._way.loudness.now
        return {
            "event": "meters",
            "rms_db": list(levels.rms_db),
            "peak_db": list(levels.peak_db),
            "momentary": loud.momentary,
            "short": loud.short,
            "integrated": loud.integrated,
            "true_peak": loud.true_peak,
            "loudness_since": loud.since.isoformat(),
            "wrong": sorted(self._way.watch.conditions),
        }

    def status(self) -> RunnerStatus:
        """How everything is now."""
        wanted = self._memory.wanted
        phase, reason = self._judged()
        return RunnerStatus(
            pid=os.getpid(),
            session=self._plan.session,
            phase=phase,
            reason=reason,
            showing=self._way.picture.showing,
            wanted=wanted.scene,
            closed=wanted.closed,
            closed_at=wanted.closed_at,
            lower_third=LowerThird(name=wanted.name, role=wanted.role),
            times=dict(wanted.times),
            published=wanted.published_at is not None,
            recording=wanted.recording_started_at is not None,
            sources={name: self._source(name, reader) for name, reader in self._way.readers.items()},
            outputs=self._outputs(),
            wrong=self._way.watch.conditions,
            encoder=EncoderStatus(
                chip=self._way.segments.chip,
                fault=self._way.segments.fault,
                alive=self._way.segments.alive,
                restarts=self._way.segments.restarts,
                fps=self.fps,
                dropped=self._way.segments.dropped,
                behind=round(self._way.segments.behind, 2),
                step=self._way.segments.ladder.at,
                reduced=self._way.segments.ladder.reduced,
            ),
            music_fault=self._way.music_fault,
            writes=self._way.writes,
            frames=self._way.picture.frames,
            repeated=self._way.picture.repeated,
            started_at=self._started_at,
            published_at=wanted.published_at,
            recording_started_at=wanted.recording_started_at,
            planned_end=wanted.planned_end,
        )

    def _judged(self) -> tuple[RunnerPhase, str]:
        if self.phase == "arming" and self._authority.seen:
            self.phase = "armed"
        if self.phase != "armed" or self._memory.wanted.published_at is None:
            return self.phase, ""
        if not self._authority.listed:
            return "armed", ""
        if self._authority.advancing:
            return "live", ""
        return "degraded", self._way.segments.reason or "the playlist does not advance"

    def _source(self, name: str, reader: Source) -> SourceStatus:
        pair = self._way.takeovers.get(name)
        return SourceStatus(
            using=pair.used if pair is not None else "",
            present=reader.present,
            since=reader.since,
            frames=reader.frames,
            restarts=reader.restarts,
            fps=reader.tally.fps,
            dropped=reader.dropped,
            repeated=reader.repeated,
            audio=reader.tally.audio,
            reason="" if reader.present else reader.reason,
        )

    @staticmethod
    def _push(push: Push) -> PushStatus:
        return PushStatus(
            title=push.plan.title,
            live=push.live,
            since=push.since,
            bytes=push.bytes,
            restarts=push.restarts,
            reason="" if push.live else push.reason,
        )

    def _outputs(self) -> Outputs:
        authority = self._authority
        return Outputs(
            hls=HlsStatus(
                advancing=authority.advancing,
                segments=authority.listed,
                last_segment_at=authority.listed_at,
                renditions={
                    name: RenditionStatus(segments=authority.listed, kbps=kbps)
                    for name, kbps in authority.kbps.items()
                },
            ),
            recording=RecordingStatus(
                growing=authority.growing,
                bytes=authority.recording.bytes,
                file=authority.recording.file,
                reason="; ".join(authority.recording.faults),
            ),
            pushes={push.plan.id: self._push(push) for push in self._pushes},
        )
