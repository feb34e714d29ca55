"""Whether avctl can do its work, and its figures for Prometheus; no log-in, and nothing secret in either."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from pydantic import BaseModel, Field

from avctl.api.asking import controller_of
from avctl.api.problems import documented, problem
from avctl.events import Link, Severity, now
from avctl.model.session import OVER, Phase
from avctl.services.controller import Controller

FULL_BYTES = 256 * 1024 * 1024  # less is free: neither the record nor a recording can be written for long
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class DeviceCount(BaseModel):
    """How many devices answer."""

    online: int
    total: int


class Health(BaseModel):
    """All is well."""

    status: Literal["ok"] = "ok"
    version: str = Field(description="Version of avctl.")
    started_at: datetime
    uptime: float = Field(description="Seconds since the start.")
    devices: DeviceCount = Field(description="A device that is away is no fault of avctl.")
    broadcasts: int = Field(description="Programmes on air now.")
    sessions: int = Field(description="Sittings that are not over.")
    alerts: int = Field(description="Alerts raised now.")


router = APIRouter(tags=["health"])


@router.get("/health", response_model=Health, responses=documented(503))
async def health(request: Request) -> Health | Response:
    """Whether avctl can do its work; 503 says what is wrong."""
    controller = controller_of(request)
    faults = [fault async for fault in _faults(controller)]
    if faults:
        answer = problem(request.url.path, 503, "; ".join(faults))
        answer.headers["Cache-Control"] = "no-store"
        return answer
    states = tuple(controller.house)
    return Health(
        version=version("avctl"),
        started_at=controller.started_at,
        uptime=round((now() - controller.started_at).total_seconds(), 3),
        devices=DeviceCount(online=sum(state.online for state in states), total=len(states)),
        broadcasts=sum(one.on_air for one in controller.broadcasts),
        sessions=sum(one.phase not in OVER for one in controller.sessions),
        alerts=len(controller.alerts.raised()),
    )


async def _faults(controller: Controller) -> Any:
    if controller.journal.fault:
        yield f"the journal cannot be written: {controller.journal.fault}"
    try:
        free = await asyncio.to_thread(_free, controller.broadcasts.folder("space"))
    except OSError as fault:
        yield f"the data folder cannot be read: {fault.strerror}"
    else:
        if free < FULL_BYTES:
            yield f"the disk is full: {free // 1024 // 1024} MiB are free"


def _free(folder: Path) -> int:
    """Free bytes where a folder is, or will be."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


# A balancer in front asks for the head only.
router.add_api_route("/health", health, methods=["HEAD"], response_model=Health, include_in_schema=False)


class Figures(Collector):
    """What the controller knows, counted when it is asked."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def describe(self) -> list[Metric]:
        """Nothing: a description would be a whole look."""
        return []

    def collect(self) -> Iterator[Metric]:
        """One look at everything."""
        controller = self._controller
        yield _gauge(
            "avctl_devices", "Devices by link.", "link", Link, (one.link for one in controller.house)
        )
        yield _gauge(
            "avctl_sessions", "Sessions by phase.", "phase", Phase, (one.phase for one in controller.sessions)
        )
        raised = (alert.severity for alert in controller.alerts.raised())
        yield _gauge("avctl_alerts_raised", "Alerts raised now.", "severity", Severity, raised)
        on_air = sum(one.on_air for one in controller.broadcasts)
        yield GaugeMetricFamily("avctl_broadcasts_on_air", "Programmes that are public now.", value=on_air)
        yield GaugeMetricFamily(
            "avctl_journal_fault",
            "1 while the journal cannot be written.",
            value=1 if controller.journal.fault else 0,
        )
        yield CounterMetricFamily(
            "avctl_event_number", "Number of the last event.", value=controller.bus.last_number
        )
        yield GaugeMetricFamily(
            "avctl_started_seconds", "When the controller started.", value=controller.started_at.timestamp()
        )
        yield from _programmes(controller)
        yield from _senders(controller)


SENDS = {
    "live": ("avctl_sender_live", "1 while a device such as OBS sends its stream."),
    "fps": ("avctl_sender_fps", "Pictures each second that it makes."),
    "dropped": ("avctl_sender_dropped_pictures", "Pictures that it was too slow to make or to send."),
    "congestion": ("avctl_sender_congestion", "How congested its connection is, 0 to 1."),
}


def _senders(controller: Controller) -> Iterator[Metric]:
    """The figures of each device that makes a stream; a programme has more, and its own."""
    known = controller.config.devices
    states = [state for state in controller.house if "Streaming" in state.capabilities]
    senders = [state for state in states if any(state.id == device.id for device in known)]
    for reading, (name, text) in SENDS.items():
        yield _numbers(name, text, {one.id: one.readings.get(reading) for one in senders}, "device")


MEASURED = {
    "momentary": ("avctl_loudness_momentary_lufs", "Loudness of a programme over 0.4 s in LUFS."),
    "short": ("avctl_loudness_short_lufs", "Loudness of a programme over 3 s in LUFS."),
    "integrated": ("avctl_loudness_lufs", "Integrated loudness of a programme in LUFS."),
    "true_peak": ("avctl_true_peak_dbtp", "True peak of a programme in dBTP."),
    "fps": ("avctl_encoder_fps", "Pictures each second that the encoder of a programme takes."),
    "repeated": ("avctl_repeated_pictures", "Pictures shown again because none came."),
    "dropped": ("avctl_dropped_pictures", "Pictures the encoder was too slow for."),
    "behind": ("avctl_encoder_behind_seconds", "Seconds of pictures that wait for the encoder."),
    "quality_step": ("avctl_quality_step", "Steps of quality given up because the machine is too slow."),
    "segments": ("avctl_listed_segments", "Segments in the public list."),
    "latency": ("avctl_latency_seconds", "Seconds from source to playlist."),
    "segment_age": ("avctl_segment_age_seconds", "Seconds since the newest segment was written."),
    "gaps": ("avctl_playlist_gaps", "Holes seen in the public list."),
}


def _programmes(controller: Controller) -> Iterator[Metric]:
    """The figures of each programme that goes on."""
    meters = {one.session: one.meters for one in controller.broadcasts if one.meters}
    for key, (name, text) in MEASURED.items():
        yield _numbers(name, text, {session: found.get(key) for session, found in meters.items()})
    rates = GaugeMetricFamily(
        "avctl_rendition_kbps", "Bitrate of a rendition in kbit/s.", labels=["session", "rendition"]
    )
    wrong = GaugeMetricFamily(
        "avctl_programme_wrong", "What is wrong with a programme.", labels=["session", "what"]
    )
    for session, found in meters.items():
        for rendition, rate in dict(found.get("kbps") or {}).items():
            rates.add_metric([session, rendition], float(rate))
        for what in found.get("wrong") or ():
            wrong.add_metric([session, what], 1)
    yield rates
    yield wrong
    yield from _sources(meters)
    # Sessions that are watched or on air: labels come and go with them.
    counts = {one.session: 0 for one in controller.broadcasts if one.on_air}
    counts.update(controller.viewers.counts())
    yield _numbers("avctl_viewers", "Who fetched a playlist in the last 15 seconds.", counts)
    yield GaugeMetricFamily("avctl_viewers_total", "Who watches anything.", value=controller.viewers.total())


SOURCES = {
    "fps": ("avctl_source_fps", "Pictures each second that a source really sends."),
    "dropped": ("avctl_source_dropped_pictures", "Pictures of a source that came too fast."),
    "repeated": ("avctl_source_repeated_pictures", "Pictures of a source that came too late."),
}


def _sources(meters: Mapping[str, Mapping[str, Any]]) -> Iterator[Metric]:
    """The figures of each source of a programme, and what sound it has."""
    for key, (name, text) in SOURCES.items():
        family = GaugeMetricFamily(name, text, labels=["session", "source"])
        for session, source, figures in _each_source(meters):
            family.add_metric([session, source], float(figures.get(key) or 0))
        yield family
    sound = GaugeMetricFamily(
        "avctl_source_audio", "Channels of a source.", labels=["session", "source", "audio"]
    )
    for session, source, figures in _each_source(meters):
        sound.add_metric([session, source, str(figures.get("audio") or "unknown")], 1)
    yield sound


def _each_source(meters: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for session, found in meters.items():
        for source, figures in dict(found.get("sources") or {}).items():
            yield session, source, figures


def _numbers(name: str, text: str, values: Mapping[str, object], label: str = "session") -> Metric:
    """One figure of each programme or device; one that is not known is left out."""
    family = GaugeMetricFamily(name, text, labels=[label])
    for of, value in values.items():
        if isinstance(value, int | float):
            family.add_metric([of], value)
    return family


def _gauge(name: str, text: str, label: str, values: Any, found: Iterator[str]) -> Metric:
    counted = Counter(str(value) for value in found)
    family = GaugeMetricFamily(name, text, labels=[label])
    for value in values:
        family.add_metric([str(value)], counted[str(value)])
    return family


class Metrics:
    """The figures of one application, in a registry of its own."""

    def __init__(self, controller: Controller) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(Figures(controller))
        ProcessCollector(registry=self.registry)
        self.requests = Histogram(
            "avctl_http_request_seconds",
            "Time to the first byte of an answer.",
            ["method", "route", "status"],
            registry=self.registry,
            buckets=BUCKETS,
        )


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    """Figures for Prometheus: counts, never a title or a name."""
    found: Metrics = request.app.state.metrics
    return Response(generate_latest(found.registry), media_type=CONTENT_TYPE_LATEST)
