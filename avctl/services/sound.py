"""The sound of rooms with a mixer: how loud, and what is silent while a part is closed.

A closed part must not be heard in the next room either. What the configuration names is silenced when one
begins and sounds again when it ends, unless it was silent before or a person has touched it meanwhile: what a
person, or a scene, opens within it stays open, and is an alert.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any

from avctl.bus import Bus
from avctl.commands import MuteSound, Operate
from avctl.config import Config, Sound
from avctl.desk import Desk
from avctl.errors import AvctlError, BadArgument, Unsupported
from avctl.events import (
    DeviceEvent,
    Event,
    LinkChanged,
    ReadingsChanged,
    Reason,
    RoomEvent,
    SessionClosed,
    SessionEvent,
    SessionResumed,
    SessionSuspended,
    Severity,
    SoundMuted,
    SoundRestored,
    VerbAsked,
)
from avctl.model.silence import Silence
from avctl.services.alerts import Alerts
from avctl.services.house import House
from avctl.services.journal import Journal, Write
from avctl.services.sessions import Sessions
from avctl.store import Store, records

log = logging.getLogger(__name__)

ACTOR = "sound"
PARTS = ("microphones", "programme")


class Sounds:
    """Knows the mixer of each room that has one."""

    def __init__(
        self,
        config: Config,
        bus: Bus,
        desk: Desk,
        store: Store,
        journal: Journal,
        house: House,
        sessions: Sessions,
        alerts: Alerts,
    ) -> None:
        self._bus, self._desk, self._store, self._settled = bus, desk, store, journal.settled
        self._house, self._sessions, self._alerts = house, sessions, alerts
        self._sounds = {room.id: room.sound for room in config.rooms if room.sound is not None}
        self._rooms = {sound.mixer: room for room, sound in self._sounds.items()}
        self._silences = {room: Silence(room=room) for room in self._sounds}
        self._left: dict[str, set[str]] = {room: set() for room in self._sounds}  # to people, till it ends
        self._turns = {room: asyncio.Lock() for room in self._sounds}
        self._bringing = Counter[str]()  # acts under way, by room
        self._tasks: set[asyncio.Task[None]] = set()
        bus.listen(self._fold, RoomEvent)
        bus.listen(self._turn, SessionEvent)
        bus.listen(self._hear, LinkChanged, ReadingsChanged, VerbAsked)
        journal.keep(self._kept, SoundMuted, SoundRestored)

    def handle(self, desk: Desk) -> None:
        """Answer the command that mutes a group of channels."""
        desk.handle(MuteSound, self.mute)

    async def restore(self) -> None:
        """Take in what a closed part had silenced before the start."""
        async with self._store.read() as connection:
            for silence in await records.silences(connection):
                if silence.room in self._silences:
                    self._silences[silence.room] = silence

    async def close(self) -> None:
        """Let every act go."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- what is asked -------------------------------------------------------------------------------------

    def of(self, room: str) -> Sound | None:
        """The mixer of a room, as the configuration has it; None when there is none."""
        return self._sounds.get(room)

    def silenced(self, room: str) -> tuple[str, ...]:
        """The channels that a closed part keeps silent."""
        return self._silences[room].channels if room in self._silences else ()

    def strips(self, room: str, what: str) -> Mapping[str, Mapping[str, Any]]:
        """The channels of a part of a room's sound, as far as the mixer has told them."""
        sound = self._must_have(room)
        if sound.mixer not in self._house:
            return {}
        known = self._house.state(sound.mixer).readings.get("channels", {})
        return {str(one): known[str(one)] for one in _channels(sound, what) if str(one) in known}

    def level(self, room: str, what: str, levels: Mapping[str, float]) -> float | None:
        """The loudest of a part of a room's sound, out of what the mixer measured."""
        sound = self._must_have(room)
        mine = [levels[str(one)] for one in _channels(sound, what) if str(one) in levels]
        return max(mine, default=None)

    async def mute(self, command: MuteSound) -> None:
        """Silence what the room calls its microphones or its programme, channel by channel."""
        sound = self._must_have(command.room)
        for channel in _channels(sound, command.what):
            await self._operate(command.actor, sound, channel, command.on)

    def _must_have(self, room: str) -> Sound:
        if (sound := self._sounds.get(room)) is None:
            raise Unsupported(f"the room {room!r} has no mixer")
        return sound

    async def _operate(self, actor: str, sound: Sound, channel: int | str, on: bool) -> None:
        arguments = {"channel": channel, "on": on}
        await self._desk.obey(
            Operate(actor=actor, device=sound.mixer, verb="mute_channel", arguments=arguments)
        )

    # --- closed parts --------------------------------------------------------------------------------------

    def _turn(self, event: SessionEvent) -> None:
        if isinstance(event, SessionSuspended | SessionResumed | SessionClosed):
            room = self._sessions.get(event.session).room
            if room in self._sounds:
                if isinstance(event, SessionSuspended) and event.reason is Reason.CLOSED:
                    self._left[room].clear()
                self._bring(room)

    def _hear(self, event: DeviceEvent) -> None:
        room = self._rooms.get(event.device)
        if room is None:
            return
        match event:
            case VerbAsked() if event.verb == "mute_channel" and event.actor != ACTOR:
                self._is_a_persons(room, str(event.arguments.get("channel")))
            case ReadingsChanged() if "channels" in event.readings:
                for channel in self._silences[room].channels:
                    if event.readings["channels"].get(channel, {}).get("muted") is False:
                        self._is_a_persons(room, channel)
                self._judge(room)
            case LinkChanged() if self._house.state(event.device).online:
                self._bring(room)

    def _is_a_persons(self, room: str, channel: str) -> None:
        """A person muted or unmuted it: what it is from here on is theirs to say."""
        if self._closed(room):
            self._left[room].add(channel)
        if channel in self._silences[room].channels:
            self._bus.publish(SoundRestored(room=room, channels=(channel,)))

    def _closed(self, room: str) -> bool:
        session = self._sessions.running_in(room)
        return session is not None and session.reason is Reason.CLOSED

    def _bring(self, room: str) -> None:
        """Bring a room's mixer to what its session wants of it."""
        self._bringing[room] += 1
        task = asyncio.get_running_loop().create_task(self._brought(room))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _brought(self, room: str) -> None:
        try:
            await self._silenced(room)
        finally:
            self._bringing[room] -= 1
        self._judge(room)

    async def _silenced(self, room: str) -> None:
        sound = self._sounds[room]
        async with self._turns[room]:
            for channel in sound.closed_mutes:
                key = str(channel)
                if not self._closed(room) or not self._sounds_now(sound, key) or key in self._left[room]:
                    continue
                if await self._tried(sound, channel, True):
                    self._bus.publish(SoundMuted(room=room, actor=ACTOR, channels=(key,)))
            for key in self._silences[room].channels:
                if self._closed(room) or not self._house.state(sound.mixer).online:
                    return
                own = next((one for one in sound.closed_mutes if str(one) == key), key)
                if self._sounds_now(sound, key) or await self._tried(sound, own, False):
                    self._bus.publish(SoundRestored(room=room, actor=ACTOR, channels=(key,)))

    def _judge(self, room: str) -> None:
        """Tell somebody that a closed part is heard: a person, or a scene, may open what it keeps silent."""
        if self._bringing[room]:
            return  # it is being silenced now, and judged after that
        sound = self._sounds[room]
        heard = [str(one) for one in sound.closed_mutes if self._sounds_now(sound, str(one))]
        text = f"The closed part is heard: {', '.join(heard)}" if heard and self._closed(room) else ""
        self._alerts.say("closed_part_heard", sound.mixer, text, Severity.CRITICAL)

    def _sounds_now(self, sound: Sound, channel: str) -> bool:
        state = self._house.state(sound.mixer)
        strip = state.readings.get("channels", {}).get(channel, {})
        return state.online and strip.get("muted") is False

    async def _tried(self, sound: Sound, channel: int | str, on: bool) -> bool:
        try:
            await self._operate(ACTOR, sound, channel, on)
        except AvctlError as refusal:
            log.error(
                "%s: channel %s is not %s: %s", sound.mixer, channel, "muted" if on else "restored", refusal
            )
            return False
        return True

    # --- keeping -------------------------------------------------------------------------------------------

    def _fold(self, event: RoomEvent) -> None:
        if event.room in self._silences:
            self._silences[event.room] = self._silences[event.room].after(event)

    def _kept(self, event: Event) -> Write | None:
        if isinstance(event, SoundMuted | SoundRestored) and event.room in self._silences:
            return Write(records.save_silence, self._silences[event.room])
        return None


def _channels(sound: Sound, what: str) -> tuple[int | str, ...]:
    match what:
        case "microphones":
            return sound.microphones
        case "programme":
            return (sound.programme,)
    raise BadArgument("what", f"one of {', '.join(PARTS)} (got {what[:40]!r})")
