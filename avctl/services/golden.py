"""The settings a room is known to be good with: kept by a person, compared always, brought back on demand."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from avctl.bus import Bus
from avctl.capabilities import lacks_of, settings_of
from avctl.commands import Operate, RestoreGolden, SaveGolden
from avctl.config import Config
from avctl.desk import Desk
from avctl.errors import AvctlError, BadArgument, Conflict, NotFound
from avctl.events import (
    Event,
    GoldenCompared,
    GoldenRestored,
    GoldenSaved,
    LinkChanged,
    ReadingsChanged,
    RoomEvent,
    VerbAsked,
)
from avctl.model.device import DeviceState
from avctl.model.golden import Difference, Golden
from avctl.services.house import House
from avctl.services.journal import Journal, Write
from avctl.settings import Act, same
from avctl.store import Store, records

ROUNDS = 3  # a display that is switched on shows only then what else differs
RECENT = timedelta(seconds=60)  # a change so long after a verb is not that verb's
OURS = (GoldenSaved, GoldenRestored)


class GoldenStates:
    """Holds what is known to be good in every room."""

    def __init__(
        self, config: Config, bus: Bus, desk: Desk, store: Store, journal: Journal, house: House
    ) -> None:
        self._bus, self._desk, self._store, self._house = bus, desk, store, house
        self._settled = journal.settled
        self._golden = {room.id: Golden(room=room.id) for room in config.rooms}
        self._changed: dict[str, tuple[datetime, str]] = {}  # difference -> since when, by whom
        self._used: dict[tuple[str, str], tuple[datetime, str]] = {}  # device and verb -> when, by whom
        self._told: dict[str, tuple[str, ...]] = {}
        bus.listen(self._fold, RoomEvent)
        bus.listen(self._verb, VerbAsked)
        bus.listen(self._compare, ReadingsChanged)
        bus.listen(self._compare, LinkChanged)
        journal.keep(self._kept, *OURS)

    def handle(self, desk: Desk) -> None:
        """Answer the commands that concern what is known to be good."""
        desk.handle(SaveGolden, self.save)
        desk.handle(RestoreGolden, self.restore_settings)

    async def restore(self) -> None:
        """Take in what the record holds, at start."""
        async with self._store.read() as connection:
            for golden in await records.all_golden(connection):
                if golden.room in self._golden:
                    self._golden[golden.room] = golden

    def get(self, room: str) -> Golden:
        """What is known to be good in a room; NotFound when there is no such room."""
        try:
            return self._golden[room]
        except KeyError:
            raise NotFound(f"there is no room {room!r}") from None

    def differences(self, room: str) -> tuple[Difference, ...]:
        """What is not as it was kept, as far as the devices tell."""
        golden = self.get(room)
        return tuple(
            difference
            for device, wanted in golden.settings.items()
            if device in self._house
            for difference in self._of_device(self._house.state(device), dict(wanted))
        )

    def unknown(self, room: str) -> tuple[DeviceState, ...]:
        """Devices whose settings were kept and that cannot be compared now."""
        states = (self._house.state(one) for one in self.get(room).settings if one in self._house)
        return tuple(state for state in states if not state.online)

    async def save(self, command: SaveGolden) -> Golden:
        """Keep the settings of each device that answers; of the others what was kept before."""
        before = self.get(command.room).settings
        settings: dict[str, Any] = {}
        for state in self._house.in_room(command.room):
            found = self._settings(state) if state.online else before.get(state.id, {})
            if found:
                settings[state.id] = dict(found)
        if not settings:
            raise Conflict("no device of this room answers with settings")
        self._bus.publish(GoldenSaved(room=command.room, actor=command.actor, settings=settings))
        self._tell(command.room)
        await self._settled()
        return self.get(command.room)

    async def restore_settings(self, command: RestoreGolden) -> Golden:
        """Bring settings back by the devices' verbs, each read back; faults are told, the rest goes on."""
        if self.get(command.room).saved_at is None:
            raise Conflict("nothing has been kept as known to be good in this room")
        asked = set(command.settings)
        known = {one.id for one in self.differences(command.room)}
        if asked - known:
            named = ", ".join(sorted(known)) or "none differs"
            raise BadArgument("settings", f"settings that differ: {named} (got {min(asked - known)!r})")
        done: list[str] = []
        faults: dict[str, str] = {}
        for _ in range(ROUNDS):
            left = [
                one
                for one in self.differences(command.room)
                if one.id not in faults and one.id not in done and (not asked or one.id in asked)
            ]
            if not left:
                break
            devices = dict.fromkeys(one.device for one in left)
            await asyncio.gather(
                *(
                    self._bring_back(
                        command.actor, [one for one in left if one.device == device], done, faults
                    )
                    for device in devices
                )
            )
        self._bus.publish(
            GoldenRestored(
                room=command.room,
                actor=command.actor,
                settings=tuple(done),
                faults=tuple(f"{name}: {why}" for name, why in faults.items()),
            )
        )
        await self._settled()
        return self.get(command.room)

    async def _bring_back(
        self, actor: str, differences: list[Difference], done: list[str], faults: dict[str, str]
    ) -> None:
        """Those of one device, in order."""
        for one in differences:
            verb, arguments = self._act(one)
            try:
                await self._desk.obey(Operate(actor=actor, device=one.device, verb=verb, arguments=arguments))
                done.append(one.id)
            except AvctlError as refusal:
                faults[one.id] = str(refusal)

    # --- comparing -----------------------------------------------------------------------------------

    def _settings(self, state: DeviceState) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for setting in settings_of(self._house.driver(state.id)):
            found.update(setting.read(state.readings))
        return found

    def _of_device(self, state: DeviceState, wanted: dict[str, Any]) -> Iterator[Difference]:
        if not state.online:
            return
        found, lacks = self._settings(state), lacks_of(self._house.driver(state.id))
        if state.readings.get("power") is False:  # in standby a device remembers what it will be like
            found = {name: value for name, value in found.items() if name == "power"}
        for name, value in wanted.items():
            if name in found and not same(found[name], value):
                since, by = self._changed.get(f"{state.id}.{name}", (None, ""))
                one = Difference(
                    device=state.id,
                    title=state.title,
                    setting=name,
                    wanted=value,
                    found=found[name],
                    since=since,
                    by=by,
                )
                yield Difference(**{**vars(one), "lacks": lacks.get(self._act(one)[0], "")})

    def _act(self, difference: Difference) -> Act:
        for setting in settings_of(self._house.driver(difference.device)):
            readings = self._house.state(difference.device).readings
            if difference.setting in setting.read(readings):
                return setting.restore(difference.setting, difference.wanted)
        raise NotFound(f"there is no setting {difference.id!r}")

    # --- what happens ----------------------------------------------------------------------------------

    def _verb(self, event: VerbAsked) -> None:
        self._used[event.device, event.verb] = event.at, event.actor

    def _compare(self, event: ReadingsChanged | LinkChanged) -> None:
        if event.device not in self._house:
            return
        state = self._house.state(event.device)
        golden = self._golden.get(state.room)
        if golden is None or state.id not in golden.settings:
            return
        differing = {one.id: one for one in self._of_device(state, dict(golden.settings[state.id]))}
        for name, one in differing.items():
            if name not in self._changed:
                at, actor = self._used.get((state.id, self._act(one)[0]), (None, ""))
                self._changed[name] = event.at, actor if at is not None and event.at - at < RECENT else ""
        if state.online:
            for name in [key for key in self._changed if key.startswith(f"{state.id}.")]:
                if name not in differing:
                    del self._changed[name]
        self._tell(state.room)

    def _tell(self, room: str) -> None:
        """Publish what differs, when that has changed."""
        differing = tuple(one.id for one in self.differences(room))
        if differing != self._told.get(room, ()):
            self._told[room] = differing
            self._bus.publish(GoldenCompared(room=room, differing=differing))

    def _fold(self, event: RoomEvent) -> None:
        if isinstance(event, OURS) and event.room in self._golden:
            self._golden[event.room] = self._golden[event.room].after(event)

    def _kept(self, event: Event) -> Write | None:
        if not isinstance(event, OURS) or event.room not in self._golden:
            return None
        return Write(records.save_golden, self._golden[event.room])
