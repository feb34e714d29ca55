"""What a status of a runner means to everybody else: the events that follow, and what its feeds report."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from avctl.events import (
    BroadcastArmed,
    BroadcastDegraded,
    BroadcastWentLive,
    Event,
    QualityReduced,
    QualityRestored,
    StandInTaken,
    now,
)
from avctl.model.broadcast import Broadcast, State
from streams.held import Held
from streams.status import RunnerStatus

FIRST_CONTACT = timedelta(seconds=10)


def learned(held: Held, broadcast: Broadcast, status: RunnerStatus) -> Iterator[Event]:
    """Take a status in; the events are to be published one by one, as they come."""
    held.writes = status.writes
    yield from _of_feeds(held, status)
    if status.phase == "armed" and broadcast.state not in (State.ARMED, State.ENDING):
        yield BroadcastArmed(session=held.session)
    elif status.phase == "live" and broadcast.state not in (State.LIVE, State.ENDING):
        yield BroadcastWentLive(session=held.session)
    elif status.phase == "degraded" and broadcast.reason != status.reason:
        yield BroadcastDegraded(session=held.session, reason=status.reason)
    if status.encoder.reduced != held.reduced:
        held.reduced = to = status.encoder.reduced
        yield QualityReduced(session=held.session, to=to) if to else QualityRestored(session=held.session)
    if status.encoder.alive:
        held.up.set()


def _of_feeds(held: Held, status: RunnerStatus) -> Iterator[Event]:
    # A runner that has just begun to listen has not missed anything yet.
    fresh = now() - status.started_at < FIRST_CONTACT
    for feed in held.feeds:
        name = feed.device.id
        source = status.sources.get(name)
        if source is None:
            continue
        if source.using and source.using != held.using.get(name):
            if source.using != name:
                yield StandInTaken(session=held.session, source=name, using=source.using)
            held.using[name] = source.using
            feed.report(using=source.using)
        if source.present or source.frames or not fresh:
            feed.seen(source.present, source.reason, source.restarts)
