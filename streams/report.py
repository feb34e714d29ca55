"""What a runner says of itself: its parts asked, and put together as one status."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from streams.authority import Authority
from streams.encoder import Encoder
from streams.loudness import Loudness
from streams.plan import Plan
from streams.programme import Programme
from streams.push import Push
from streams.reader import Reader
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
from streams.takeover import Takeover
from streams.wanted import Memory
from streams.watch import Watch


class Report:
    """Asks the parts of one runner how they are. ``phase`` is where the runner is in its life."""

    def __init__(
        self,
        plan: Plan,
        memory: Memory,
        readers: Mapping[str, Reader],
        programme: Programme,
        encoder: Encoder,
        authority: Authority,
        pushes: tuple[Push, ...],
        takeovers: Mapping[str, Takeover],
        watch: Watch,
        loudness: Loudness,
    ) -> None:
        self.phase: RunnerPhase = "arming"
        self.fps = 0.0
        self._plan, self._memory = plan, memory
        self._readers, self._programme = readers, programme
        self._encoder, self._authority = encoder, authority
        self._pushes, self._takeovers, self._watch = pushes, takeovers, watch
        self._loudness = loudness
        self._started_at = datetime.now().astimezone()

    def news(self) -> dict[str, Any]:
        """The status as it is pushed to whoever listens."""
        return {"event": "status", **self.status().model_dump(mode="json")}

    def meters(self) -> dict[str, Any]:
        """What is measured of the programme now, as it is pushed."""
        levels, loud = self._programme.levels, self._loudness.now
        return {
            "event": "meters",
            "rms_db": list(levels.rms_db),
            "peak_db": list(levels.peak_db),
            "momentary": loud.momentary,
            "short": loud.short,
            "integrated": loud.integrated,
            "true_peak": loud.true_peak,
            "loudness_since": loud.since.isoformat(),
            "wrong": sorted(self._watch.conditions),
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
            showing=self._programme.showing,
            wanted=wanted.scene,
            closed=wanted.closed,
            closed_at=wanted.closed_at,
            lower_third=LowerThird(name=wanted.name, role=wanted.role),
            published=wanted.published_at is not None,
            recording=wanted.recording_started_at is not None,
            sources={name: self._source(name, reader) for name, reader in self._readers.items()},
            outputs=self._outputs(),
            wrong=self._watch.conditions,
            encoder=EncoderStatus(
                alive=self._encoder.alive,
                restarts=self._encoder.restarts,
                fps=self.fps,
                dropped=self._encoder.dropped,
            ),
            frames=self._programme.frames,
            repeated=self._programme.repeated,
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
        return "degraded", self._encoder.reason or "the playlist does not advance"

    def _source(self, name: str, reader: Reader) -> SourceStatus:
        pair = self._takeovers.get(name)
        return SourceStatus(
            using=pair.used.id if pair is not None else "",
            present=reader.present,
            since=reader.since,
            frames=reader.frames,
            restarts=reader.restarts,
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
