"""The keys of ``[lobby]``, ``[alarm]`` and ``[power]``: screens, the air raid, and hours without mains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import Field

from avctl.config.section import Identifier, Section

CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"


class Lobby(Section):
    """What walls, kiosks and infoboxes show."""

    url: str = Field("", description="Address at which screens reach avctl; empty: web.url.")
    picture_seconds: float = Field(
        30, ge=2, le=3600, description="Seconds between two pictures that are taken of a screen."
    )
    emergency_seconds: float = Field(
        2, gt=0, le=60, description="Seconds a screen has to show an emergency before it is listed."
    )
    inputs: Mapping[Identifier, str] = Field(
        default_factory=dict, description="Displays that show emergencies too, and from which input."
    )
    named_pages: Mapping[Identifier, str] = Field(
        default_factory=dict,
        description="Screens that only show listed pages, and which of theirs is the emergency.",
    )
    approve: bool = Field(
        False, description="Content is shown only after a second person approved it; memorials always."
    )
    largest_mb: int = Field(500, ge=1, le=20000, description="The largest file that may be uploaded, in MB.")
    silence_at: str = Field("09:00", pattern=CLOCK, description="When the minute of silence begins.")
    silence_seconds: int = Field(60, ge=0, le=600, description="How long it is; 0: there is none.")
    silence_everywhere: bool = Field(
        False, description="It is on every screen with our player, not on memorial walls only."
    )


class AirRaid(Section):
    """What an air-raid alarm does."""

    suspend_after: float = Field(
        0,
        ge=0,
        le=3600,
        description="Seconds of an alarm after which sessions are suspended; 0: it is only suggested.",
    )
    screens: bool = Field(True, description="Every screen shows where the shelter is while the alarm lasts.")
    shelter: str = Field("", max_length=500, description="Where the shelter is, as screens say it.")
    shelter_en: str = Field("", max_length=500, description="The same in English.")
    partly_counts: bool = Field(False, description="An alarm in a part of the region counts as one.")
    unknown_after: float = Field(
        60, ge=0, le=3600, description="Seconds without a believable answer before an alert."
    )


class Load(Section):
    """Something that can be switched off to spare a battery."""

    id: Identifier = Field(description="Short name, unique among the loads.")
    title: str = Field("", description="Name people know it by.")
    device: Identifier = Field(description="Id of the power strip, or of a device that switches itself.")
    outlet: int = Field(0, ge=0, description="Number of the outlet; 0: the device's own power.")
    ups: Identifier | None = Field(None, description="Id of the UPS that feeds it; none: any.")
    rooms: tuple[Identifier, ...] = Field(
        (), description="Rooms whose sessions need it: while one is in progress, it is left on."
    )


class Mains(Section):
    """What happens without mains."""

    shed_after: float = Field(300, ge=0, le=86400, description="Seconds on battery before loads are shed.")
    shed_below: int = Field(60, ge=0, le=100, description="Charge in percent below which they are at once.")
    step_seconds: float = Field(5, ge=0, le=600, description="Seconds between two loads.")
    return_after: float = Field(
        60, ge=0, le=3600, description="Seconds of mains before loads get their power back."
    )
    warn_minutes: int = Field(
        120,
        ge=0,
        le=10080,
        description="Minutes before an announced blackout that an alert says so; 0: none.",
    )
    loads: tuple[Load, ...] = Field((), description="What is shed, in this order, and back in the other.")


def faults_of_building(
    data: Mapping[str, Any], rooms_there: Iterable[Mapping[str, Any]], devices: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    """Devices and rooms that these tables name and that are not there."""
    known = {str(device.get("id")) for device in devices}
    rooms = {str(room.get("id")) for room in rooms_there}
    lobby, power = data.get("lobby"), data.get("power")
    for name in ("inputs", "named_pages"):
        table = lobby.get(name) if isinstance(lobby, Mapping) else None
        for device in table if isinstance(table, Mapping) else ():
            if device not in known:
                yield f"lobby.{name}.{device}", f"the id of a device (there is no {device!r})"
    loads = power.get("loads") if isinstance(power, Mapping) else None
    seen: set[str] = set()
    for at, load in enumerate(loads if isinstance(loads, list) else ()):
        if not isinstance(load, Mapping):
            continue
        for key in ("device", "ups"):
            if isinstance(device := load.get(key), str) and device not in known:
                yield f"power.loads[{at}].{key}", f"the id of a device (there is no {device!r})"
        named = load.get("rooms")
        for room in named if isinstance(named, list) else ():
            if room not in rooms:
                yield f"power.loads[{at}].rooms", f"ids of rooms (there is no {room!r})"
        if isinstance(identifier := load.get("id"), str):
            if identifier in seen:
                yield f"power.loads[{at}].id", f"an id of its own ({identifier!r} is taken)"
            seen.add(identifier)
