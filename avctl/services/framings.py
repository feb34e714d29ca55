"""What people decide about each room's cameras, kept in the record: holding them, and shots of seats."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from avctl.bus import Bus
from avctl.commands import ForgetShot, HoldCameras, Operate, ReleaseCameras, StoreShot
from avctl.config import Config, Shot
from avctl.desk import Desk
from avctl.errors import BadArgument, Conflict, NotFound
from avctl.events import (
    CamerasHeld,
    CamerasReleased,
    Event,
    RoomEvent,
    ShotForgotten,
    ShotStored,
    now,
)
from avctl.model.framing import Framing
from avctl.services.house import House
from avctl.services.journal import Journal, Write
from avctl.store import Store, records

ITSELF = "avctl"


class Framings:
    """Holds the framing of every room and answers the commands that change it."""

    def __init__(
        self, config: Config, bus: Bus, desk: Desk, store: Store, journal: Journal, house: House
    ) -> None:
        self._config, self._bus, self._desk = config, bus, desk
        self._store, self._settled, self._house = store, journal.settled, house
        self._framings = {room.id: Framing(room=room.id) for room in config.rooms}
        self._shots: dict[tuple[str, int], tuple[Shot, ...]] = {}  # asked for at every microphone
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._storing = asyncio.Lock()
        bus.listen(self._fold, RoomEvent)
        journal.keep(self._kept, RoomEvent)

    def handle(self, desk: Desk) -> None:
        """Answer the commands that concern a room's cameras."""
        desk.handle(HoldCameras, self.hold)
        desk.handle(ReleaseCameras, self.release)
        desk.handle(StoreShot, self.store_shot)
        desk.handle(ForgetShot, self.forget_shot)

    async def restore(self) -> None:
        """Take in what the record holds, at start; a hold that ended meanwhile is released."""
        async with self._store.read() as connection:
            found = await records.framings(connection)
        for framing in found:
            if framing.room in self._framings:
                self._framings[framing.room] = framing
                self._shots.clear()
                self._expect(framing)

    def close(self) -> None:
        """Let every timer go."""
        for timer in self._timers.values():
            timer.cancel()

    def get(self, room: str) -> Framing:
        """The framing of a room; NotFound when there is no such room."""
        try:
            return self._framings[room]
        except KeyError:
            raise NotFound(f"there is no room {room!r}") from None

    def shots_of(self, room: str, seat: int) -> tuple[Shot, ...]:
        """The shots that show a seat: the stored ones first, then the configuration's; each camera once."""
        if (known := self._shots.get((room, seat))) is not None:
            return known
        stored = (
            Shot(camera=one.camera, preset=one.preset) for one in self.get(room).shots if one.seat == seat
        )
        configured = (shot for shot in self._config.room(room).shots if shot.shows(seat))
        found: dict[str, Shot] = {}
        for shot in (*stored, *configured):
            found.setdefault(shot.camera, shot)
        self._shots[room, seat] = tuple(found.values())
        return self._shots[room, seat]

    async def hold(self, command: HoldCameras) -> Framing:
        """Give the cameras to a person until they are released."""
        framing = self.get(command.room)
        if not framing.held or framing.held_until is not None:
            self._bus.publish(CamerasHeld(room=command.room, actor=command.actor))
            await self._settled()
        return self.get(command.room)

    async def release(self, command: ReleaseCameras) -> Framing:
        """Let the cameras follow again."""
        if self.get(command.room).held:
            self._bus.publish(CamerasReleased(room=command.room, actor=command.actor))
            await self._settled()
        return self.get(command.room)

    async def store_shot(self, command: StoreShot) -> Framing:
        """Have a camera keep its present shot, and use it for the seat from now on."""
        room, seat, camera = command.room, command.seat, command.camera
        self.get(room)
        if seat < 1:
            raise BadArgument("seat", f"the number of a seat, from 1 (got {seat})")
        cameras = [state.id for state in self._house.in_room(room, "Camera")]
        if camera not in cameras:
            known = ", ".join(cameras) or "there is none"
            raise BadArgument("camera", f"a camera of this room: {known} (got {camera!r})")
        async with self._storing:  # two seats must not be given one number
            preset = command.preset if command.preset is not None else self._preset(room, seat, camera)
            if not 0 <= preset <= 254:
                raise BadArgument("preset", f"a number from 0 to 254 (got {preset})")
            arguments = {"preset": preset}
            operate = Operate(actor=command.actor, device=camera, verb="store_preset", arguments=arguments)
            await self._desk.obey(operate)
            self._bus.publish(
                ShotStored(room=room, actor=command.actor, seat=seat, camera=camera, preset=preset)
            )
        await self._settled()
        return self.get(room)

    async def forget_shot(self, command: ForgetShot) -> Framing:
        """Use the configuration's shot of a seat again."""
        if self.get(command.room).preset_of(command.seat, command.camera) is None:
            raise NotFound(f"{command.camera} has no stored shot of seat {command.seat}")
        self._bus.publish(
            ShotForgotten(room=command.room, actor=command.actor, seat=command.seat, camera=command.camera)
        )
        await self._settled()
        return self.get(command.room)

    def by_hand(self, room: str, actor: str) -> None:
        """A person cut or moved a camera: leave the cameras alone for a while."""
        framing, seconds = self._framings[room], self._config.follow.hand_seconds
        if not seconds or (framing.held and framing.held_until is None):
            return
        until = now() + timedelta(seconds=seconds)
        # A joystick says much: a hold that has just begun need not be told again.
        if framing.held_until is None or (until - framing.held_until).total_seconds() > seconds / 2:
            self._bus.publish(CamerasHeld(room=room, actor=actor, until=until))

    def _preset(self, room: str, seat: int, camera: str) -> int:
        """The number a camera already keeps a seat under, else a free one."""
        framing = self.get(room)
        if (kept := framing.preset_of(seat, camera)) is not None:
            return kept
        configured = self._config.room(room)
        taken = {shot.preset for shot in (*configured.wide, *configured.shots) if shot.camera == camera}
        taken |= {one.preset for one in framing.shots if one.camera == camera}
        first, last = self._config.follow.store_first, self._config.follow.store_last
        free = next((preset for preset in range(first, last + 1) if preset not in taken), None)
        if free is None:
            raise Conflict(f"{camera} has no free preset from {first} to {last}; forget a shot or name one")
        return free

    def _fold(self, event: RoomEvent) -> None:
        if (framing := self._framings.get(event.room)) is not None:
            self._framings[event.room] = framing.after(event)
            self._shots.clear()
            if isinstance(event, CamerasHeld | CamerasReleased):
                self._expect(self._framings[event.room])

    def _expect(self, framing: Framing) -> None:
        """Release the cameras when the time of a hold is over."""
        if (timer := self._timers.pop(framing.room, None)) is not None:
            timer.cancel()
        if framing.held_until is not None:
            left = max(0.0, (framing.held_until - now()).total_seconds())
            released = CamerasReleased(room=framing.room, actor=ITSELF)
            loop = asyncio.get_running_loop()
            self._timers[framing.room] = loop.call_later(left, self._over, released)

    def _over(self, released: CamerasReleased) -> None:
        self._timers.pop(released.room, None)
        self._bus.publish(CamerasReleased(room=released.room, actor=released.actor))

    def _kept(self, event: Event) -> Write | None:
        if not isinstance(event, RoomEvent) or event.room not in self._framings:
            return None
        return Write(records.save_framing, self._framings[event.room])
