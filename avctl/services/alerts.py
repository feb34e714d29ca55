"""Alerts: rules from events; one alert per rule and subject while its cause lasts."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from avctl.bus import Bus
from avctl.commands import AcknowledgeAlert
from avctl.config import Config
from avctl.errors import BadArgument, NotFound
from avctl.events import (
    AlertCleared,
    AlertEvent,
    AlertRaised,
    BroadcastDegraded,
    BroadcastEnded,
    BroadcastFailed,
    BroadcastMeasured,
    ClosedPartDoubted,
    ClosedPartLeft,
    ClosedPartProven,
    DiskSpaceChanged,
    Event,
    Link,
    LinkChanged,
    ReadingsChanged,
    Room,
    SessionEvent,
    Severity,
)
from avctl.model.alert import Alert
from avctl.model.session import OVER
from avctl.services.house import House
from avctl.services.journal import Journal, Write
from avctl.services.sessions import Sessions
from avctl.store import Store, records

SOURCE = "streams.feed"
LOUD_AFTER = 60.0  # seconds of sound before its loudness is judged
TOLD_SECONDS = 60.0  # how long it is said that a part was replaced: it is over sooner than anybody looks


@dataclass(frozen=True, kw_only=True)
class ReadingRule:
    """An alert while a reading of a device has a value."""

    rule: str
    reading: str
    bad: object
    severity: Severity
    text: str


READING_RULES = (
    ReadingRule(
        rule="broadcast_stalled",
        reading="advancing",
        bad=False,
        severity=Severity.CRITICAL,
        text="The public playlist does not advance",
    ),
    ReadingRule(
        rule="recording_stalled",
        reading="growing",
        bad=False,
        severity=Severity.CRITICAL,
        text="The recording does not grow",
    ),
    ReadingRule(
        rule="stream_stalled",
        reading="sending",
        bad=False,
        severity=Severity.WARNING,
        text="It is to send and nothing leaves it",
    ),
)


WRONG_RULES = {
    "black": "The programme is black",
    "freeze": "The picture of the programme stands still",
    "silence": "The programme is silent",
    "clipping": "The sound of the programme is at full scale",
    "channel_dead": "One channel of the programme has no sound",
    "out_of_phase": "Left and right cancel each other: who hears both in one speaker hears nothing",
}


JUDGED = frozenset(
    {
        *(rule.reading for rule in READING_RULES),
        *WRONG_RULES,
        *("reduced", "encoder_fault", "encoder_restarts", "playlist_faults"),
    }
)


class Alerts:
    """Holds what is raised, and what was cleared since the start."""

    def __init__(
        self, config: Config, bus: Bus, store: Store, journal: Journal, house: House, sessions: Sessions
    ) -> None:
        self._config, self._bus = config, bus
        self._store, self._house, self._sessions = store, house, sessions
        self._alerts: dict[str, Alert] = {}
        self._raised: dict[tuple[str, str], str] = {}
        self._grace: dict[str, asyncio.TimerHandle] = {}
        self._told: dict[str, asyncio.TimerHandle] = {}
        self._restarts: dict[str, int] = {}
        bus.listen(self._fold, AlertEvent)
        journal.keep(self._kept, AlertEvent)
        bus.listen(self._link, LinkChanged)
        bus.listen(self._readings, ReadingsChanged)
        bus.listen(self._failed, BroadcastFailed)
        bus.listen(self._degraded, BroadcastDegraded)
        bus.listen(self._measured, BroadcastMeasured)
        bus.listen(self._ended, BroadcastEnded)
        bus.listen(self._disk, DiskSpaceChanged)
        bus.listen(self._closed_part, ClosedPartDoubted)
        bus.listen(self._closed_part, ClosedPartProven)
        bus.listen(self._closed_part, ClosedPartLeft)

    async def restore(self) -> None:
        """Take in what the record says is raised, at start."""
        async with self._store.read() as connection:
            raised = await records.raised_alerts(connection)
        for alert in raised:
            self._alerts[alert.id] = alert
            self._raised[alert.rule, alert.subject] = alert.id

    def __iter__(self) -> Iterator[Alert]:
        """Raised ones first, the gravest first, then the latest."""
        order = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)
        return iter(
            sorted(
                self._alerts.values(),
                key=lambda alert: (
                    not alert.raised,
                    order.index(alert.severity),
                    -alert.raised_at.timestamp(),
                ),
            )
        )

    def raised(self) -> tuple[Alert, ...]:
        """What is raised now."""
        return tuple(alert for alert in self if alert.raised)

    def get(self, alert: str) -> Alert:
        """The alert of an id; NotFound when there is none."""
        try:
            return self._alerts[alert]
        except KeyError:
            raise NotFound(f"there is no alert {alert!r}") from None

    async def acknowledge(self, command: AcknowledgeAlert) -> Alert:
        """Take an alert in hand, with a reason."""
        if not command.reason.strip():
            raise BadArgument("reason", "why, in a few words")
        event = self.get(command.alert).acknowledge(command.reason.strip(), command.actor)
        if event is not None:
            self._bus.publish(event)
        return self.get(command.alert)

    def forget_strangers(self, others: Iterable[str] = ()) -> None:
        """Clear what was raised about what is no more; once, when all are known. ``others``: what is, beside
        devices and sittings."""
        known = {*others, *(session.id for session in self._sessions if session.phase not in OVER)}
        for rule, subject in tuple(self._raised):
            if subject not in self._house and subject not in known:
                self._clear(rule, subject)

    def close(self) -> None:
        """Let every timer go."""
        for timer in (*self._grace.values(), *self._told.values()):
            timer.cancel()

    def _link(self, event: LinkChanged) -> None:
        if (timer := self._grace.pop(event.device, None)) is not None:
            timer.cancel()
        match event.link:
            case Link.REFUSED:
                self._raise("wrong_password", event.device, Severity.CRITICAL, event.reason)
            case Link.OFFLINE:
                loop = asyncio.get_running_loop()
                after = self._config.alerts.offline_after
                self._grace[event.device] = loop.call_later(after, self._offline, event.device)
            case Link.ONLINE:
                for rule in ("wrong_password", "device_offline", "source_lost"):
                    self._clear(rule, event.device)
            case Link.CONNECTING:
                self._clear("source_lost", event.device)

    def _offline(self, device: str) -> None:
        if device not in self._house:
            return
        state = self._house.state(device)
        rule = "source_lost" if state.driver == SOURCE else "device_offline"
        text = f"{state.title}: {state.reason or 'no connection'}"
        self._raise(rule, device, self._weight(state.room), text)

    def _readings(self, event: ReadingsChanged) -> None:
        if JUDGED.isdisjoint(event.readings) or self._is_channel(event.device):
            return
        for rule in READING_RULES:
            if rule.reading in event.readings:
                if event.readings[rule.reading] == rule.bad:
                    self._raise(rule.rule, event.device, rule.severity, rule.text)
                else:
                    self._clear(rule.rule, event.device)

        for wrong, text in WRONG_RULES.items():
            if wrong in event.readings:
                if event.readings[wrong] is True:
                    self._raise(wrong, event.device, self._gravity(wrong, event.device), text)
                else:
                    self._clear(wrong, event.device)
        if isinstance(reduced := event.readings.get("reduced"), str):
            text = f"The machine is too slow: quality reduced to {reduced}" if reduced else ""
            self.say("quality_reduced", event.device, text)
        if isinstance(fault := event.readings.get("encoder_fault"), str):
            text = f"The chip does not encode, the processor does: {fault}" if fault else ""
            self.say("encoder_fault", event.device, text)
        if isinstance(count := event.readings.get("encoder_restarts"), int):
            if count > self._restarts.get(event.device, count):
                self._replaced(event.device, f"An encoder ended and another goes on: {count} so far")
            self._restarts[event.device] = count
        faults = event.readings.get("playlist_faults")
        if isinstance(faults, tuple | list):
            if faults:
                self._raise("playlist_faults", event.device, Severity.WARNING, str(faults[0]))
            else:
                self._clear("playlist_faults", event.device)

    def _is_channel(self, device: str) -> bool:
        """A TV channel's picture is no programme's: ``channels`` judges it."""
        return device in self._house and "Channel" in self._house.state(device).capabilities

    def _gravity(self, rule: str, device: str) -> Severity:
        """What viewers miss now is grave; silence is so while somebody has the floor."""
        room = self._house.state(device).room if device in self._house else ""
        if rule == "silence":
            halls = self._house.in_room(room, "Discussion")
            speaking = any(hall.readings.get("speakers") for hall in halls)
            return Severity.CRITICAL if speaking else Severity.WARNING
        return Severity.CRITICAL if rule in ("black", "freeze") else Severity.WARNING

    def _measured(self, event: BroadcastMeasured) -> None:
        """Latency of the public list, and loudness of at least a minute that is far from what is wanted."""
        watch, subject = self._config.broadcast.watch, f"programme-{event.session}"
        latency = event.meters.get("latency")
        if isinstance(latency, float) and latency > watch.latency_seconds:
            text = f"{latency:.0f} s from source to playlist"
            self._raise("latency", subject, Severity.WARNING, text)
        elif isinstance(latency, float):
            self._clear("latency", subject)
        integrated, since = event.meters.get("integrated"), event.meters.get("loudness_since")
        if not isinstance(integrated, float) or not isinstance(since, str) or subject not in self._house:
            return
        off = abs(integrated - watch.loudness) > watch.loudness_off
        if off and (event.at - datetime.fromisoformat(since)).total_seconds() > LOUD_AFTER:
            text = f"{integrated:.1f} LUFS, wanted are {watch.loudness:.0f}"
            self._raise("loudness", subject, Severity.WARNING, text)
        elif not off:
            self._clear("loudness", subject)

    def _degraded(self, event: BroadcastDegraded) -> None:
        self._replaced(f"programme-{event.session}", event.reason)

    def _replaced(self, subject: str, text: str) -> None:
        """A part of a broadcast died. Viewers did not notice; whoever looks after it does, for a while."""
        if (timer := self._told.pop(subject, None)) is not None:
            timer.cancel()
        self.say("part_replaced", subject, text)
        loop = asyncio.get_running_loop()
        self._told[subject] = loop.call_later(TOLD_SECONDS, self._clear, "part_replaced", subject)

    def _failed(self, event: BroadcastFailed) -> None:
        self._raise("broadcast_failed", event.session, Severity.CRITICAL, event.reason)

    def _disk(self, event: DiskSpaceChanged) -> None:
        self._clear("disk_full", event.folder)
        if event.room is not Room.ENOUGH:
            gravity = Severity.CRITICAL if event.room is Room.CRITICAL else Severity.WARNING
            self._raise("disk_full", event.folder, gravity, f"{event.folder}: {event.percent:.0f} % free")

    def _closed_part(self, event: SessionEvent) -> None:
        if isinstance(event, ClosedPartDoubted):
            self._raise("closed_part_doubt", event.session, Severity.CRITICAL, event.reason)
        else:
            self._clear("closed_part_doubt", event.session)

    def _ended(self, event: BroadcastEnded) -> None:
        self._clear("broadcast_failed", event.session)
        self._clear("closed_part_doubt", event.session)
        for rule, subject in tuple(self._raised):
            if subject == f"programme-{event.session}":
                self._clear(rule, subject)

    def _weight(self, room: str) -> Severity:
        """A fault weighs more while the room has a session."""
        return Severity.CRITICAL if self._sessions.running_in(room) else Severity.WARNING

    def _raise(self, rule: str, subject: str, severity: Severity, text: str) -> None:
        if (rule, subject) not in self._raised:
            self._bus.publish(
                AlertRaised(
                    alert=secrets.token_hex(6), rule=rule, subject=subject, severity=severity, text=text
                )
            )

    def say(self, rule: str, subject: str, text: str, severity: Severity = Severity.WARNING) -> None:
        """An alert whose text or weight may become another; none when there is nothing to say."""
        raised = self._raised.get((rule, subject))
        if raised is not None and (self._alerts[raised].text, self._alerts[raised].severity) != (
            text,
            severity,
        ):
            self._clear(rule, subject)
        if text:
            self._raise(rule, subject, severity, text)

    def _clear(self, rule: str, subject: str) -> None:
        # At once: told while another event is delivered, it is folded after what may be raised in its place.
        if (alert := self._raised.pop((rule, subject), None)) is not None:
            self._bus.publish(AlertCleared(alert=alert))

    def _kept(self, event: Event) -> Write | None:
        if isinstance(event, AlertEvent) and (alert := self._alerts.get(event.alert)) is not None:
            return Write(records.save_alert, alert)
        return None

    def _fold(self, event: AlertEvent) -> None:
        match event:
            case AlertRaised():
                self._alerts[event.alert] = Alert.of(event)
                self._raised[event.rule, event.subject] = event.alert
            case _ if (alert := self._alerts.get(event.alert)) is not None:
                self._alerts[event.alert] = alert.after(event)
                if isinstance(event, AlertCleared):
                    self._raised.pop((alert.rule, alert.subject), None)
