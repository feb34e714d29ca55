"""The configuration: TOML in, checked models out, every fault named at once.

A secret is written in the file as ``env:NAME``, and read from the environment.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from avctl.errors import ConfigError

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
PortNumber = Annotated[int, Field(ge=1, le=65535)]


def _time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("a time zone such as Europe/Kyiv")
    return name


def _port_or_line(port: int | str | None) -> int | str | None:
    if isinstance(port, bool) or (isinstance(port, int) and not 1 <= port <= 65535):
        raise ValueError("a port from 1 to 65535")
    return port


class Section(BaseModel):
    """A part of the file: unknown keys are faults, values do not change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Site(Section):
    """Whose program this is."""

    council: str = Field("Київська міська рада", description="The council's name, as viewers see it.")
    council_en: str = Field("Kyiv City Council", description="The council's name in English.")
    timezone: Annotated[str, AfterValidator(_time_zone)] = Field(
        "Europe/Kyiv", description="The time zone in which times are shown."
    )
    language: str = Field("uk", pattern="^(uk|en)$", description="The language a new visitor sees: uk or en.")

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.timezone)


class Web(Section):
    """Where pages and API are served."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: PortNumber = Field(8000, description="Port to listen on.")
    url: str = Field("", description="Address people use, if a proxy stands in front (https://…).")
    secure_cookies: bool = Field(False, description="Send cookies over https only; true behind https.")
    login_tries: int = Field(
        10, ge=1, description="Wrong log-ins allowed for each name and address in 5 minutes."
    )
    idle_minutes: int = Field(480, ge=1, description="Minutes without a request after which a log-in ends.")


class Store(Section):
    """Where the record is kept."""

    url: str = Field("", description="SQLAlchemy address of the database; empty: SQLite in the data folder.")


class Rendition(Section):
    """One rung of the ladder viewers choose from."""

    name: Identifier = Field(description="Name in the playlist's address, such as 720p.")
    width: int = Field(ge=64, le=7680, multiple_of=2, description="Picture width in pixels.")
    height: int = Field(ge=64, le=4320, multiple_of=2, description="Picture height in pixels.")
    video_kbps: int = Field(ge=50, le=50_000, description="Video bitrate in kbit/s.")
    audio_kbps: int = Field(128, ge=32, le=512, description="Sound bitrate in kbit/s.")


LADDER = (
    Rendition(name="720p", width=1280, height=720, video_kbps=2500, audio_kbps=128),
    Rendition(name="360p", width=640, height=360, video_kbps=700, audio_kbps=96),
)


class Broadcast(Section):
    """How programmes are made."""

    ffmpeg: str = Field("", description="Path of ffmpeg; empty: the one on PATH, else the one avctl brings.")
    fps: int = Field(25, ge=1, le=60, description="Pictures each second.")
    preset: str = Field("veryfast", description="x264 preset: slower looks better and costs more.")
    segment_seconds: int = Field(2, ge=1, le=10, description="Length of a segment in seconds.")
    dvr_seconds: int = Field(
        0, ge=0, description="How far viewers can go back, in seconds; 0: the whole sitting."
    )
    hold_seconds: float = Field(
        0.5, ge=0, le=5, description="Seconds the last picture of a lost source is held."
    )
    return_seconds: float = Field(
        3, ge=0, le=60, description="Seconds of good signal before a source is shown again."
    )
    stalled_seconds: float = Field(8, ge=2, description="Seconds without a new segment before an alert.")
    grace_seconds: int = Field(
        3600, ge=0, description="A runner left alone ends this long after the planned end."
    )
    renditions: tuple[Rendition, ...] = Field(LADDER, min_length=1, description="The ladder, best first.")


class Preparation(Section):
    """How a room is made ready."""

    seconds: float = Field(60, ge=1, description="Seconds a device may take to reach its wanted state.")
    retry_seconds: float = Field(2, ge=0.05, description="Seconds before a verb that failed is tried again.")


class Follow(Section):
    """What happens when a microphone opens."""

    wide_after: float = Field(5, ge=0, description="Seconds of silence before the wide shot.")
    lower_third: bool = Field(True, description="Write the speaker's name in the programme.")


class Alerts(Section):
    """When a person must look."""

    offline_after: float = Field(3, ge=0, description="Seconds a device may be away before an alert.")


class Simulators(Section):
    """Where faults can be made from outside, when simulators run."""

    host: str = Field("127.0.0.1", description="Address of the simulators' control port.")
    port: PortNumber = Field(8090, description="The simulators' control port.")


class Shot(Section):
    """A camera's stored picture of some seats."""

    camera: Identifier = Field(description="Id of the camera.")
    preset: int = Field(ge=0, le=254, description="Number of the stored shot.")
    seats: tuple[int, ...] = Field((), description="Seats it shows, single numbers.")
    first: int | None = Field(None, ge=1, description="First seat of a range it shows.")
    last: int | None = Field(None, ge=1, description="Last seat of that range.")

    def shows(self, seat: int) -> bool:
        """Whether the seat is in the picture."""
        if seat in self.seats:
            return True
        return self.first is not None and self.last is not None and self.first <= seat <= self.last


class Room(Section):
    """A hall or a meeting room."""

    id: Identifier = Field(description="Short name used in addresses.")
    title: str = Field(description="Name people know it by.")
    title_en: str = Field("", description="The same in English.")
    wide: tuple[Shot, ...] = Field((), description="Shots of the whole room, the first is preferred.")
    shots: tuple[Shot, ...] = Field((), description="Which camera and preset shows which seats.")


class Device(Section):
    """A thing in a room."""

    id: Identifier = Field(description="Short name used in addresses, unique in the file.")
    room: Identifier = Field(description="Id of the room it stands in.")
    driver: str = Field(description="Driver that speaks to it: a module of drivers/, or a dotted name.")
    title: str = Field("", description="Name people know it by.")
    host: str = Field("127.0.0.1", description="Address on the network.")
    port: Annotated[int | str | None, AfterValidator(_port_or_line)] = Field(
        None,
        description="Port number, or a serial line (/dev/ttyS0, rfc2217://…); the driver's own if absent.",
    )
    options: Mapping[str, Any] = Field(default_factory=dict, description="What this driver can be told.")
    prepare: Mapping[str, Mapping[str, Any]] = Field(
        default_factory=dict,
        description="Verbs, in order, that bring it to its wanted state before a session.",
    )


class Config(Section):
    """The whole file."""

    site: Site = Field(Site(), description="Whose program this is.")
    web: Web = Field(Web(), description="Where pages and API are served.")
    store: Store = Field(Store(), description="Where the record is kept.")
    broadcast: Broadcast = Field(Broadcast(), description="How programmes are made.")
    preparation: Preparation = Field(Preparation(), description="How a room is made ready.")
    follow: Follow = Field(Follow(), description="What happens when a microphone opens.")
    alerts: Alerts = Field(Alerts(), description="When a person must look.")
    simulators: Simulators = Field(Simulators(), description="The simulators' control port.")
    rooms: tuple[Room, ...] = Field((), description="Halls and meeting rooms.")
    devices: tuple[Device, ...] = Field((), description="What stands in them.")

    def room(self, room: str) -> Room:
        """The room of an id; KeyError when there is none."""
        return next((found for found in self.rooms if found.id == room), None) or _missing(room)

    def in_room(self, room: str) -> tuple[Device, ...]:
        """The devices of a room, in the order of the file."""
        return tuple(device for device in self.devices if device.room == room)


def _missing(room: str) -> Room:
    raise KeyError(room)


def read(path: Path, environment: Mapping[str, str] | None = None) -> Config:
    """The configuration of a file; ConfigError names every fault of its own structure at once.

    Driver names and options are checked by ``avctl.check``, which knows drivers.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise ConfigError(
            f"{path}: {fault.strerror}", (("", f"a readable file ({fault.strerror})"),)
        ) from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise ConfigError(f"{path}: {fault}", (("", f"valid TOML ({fault})"),)) from fault
    return parse(data, str(path), os.environ if environment is None else environment)


def parse(data: Mapping[str, Any], source: str, environment: Mapping[str, str]) -> Config:
    """The configuration of parsed TOML; ``source`` is named in the error."""
    faults: list[tuple[str, str]] = []
    filled = _with_secrets(data, environment, "", faults)
    config: Config | None = None
    try:
        config = Config.model_validate(filled)
    except ValidationError as fault:
        faults.extend((_key(error["loc"]), _expected(error)) for error in fault.errors())
    faults.extend(_crossed(filled))
    if faults or config is None:
        raise ConfigError(f"{source} has {len(faults)} fault(s)", tuple(faults))
    return config


def _with_secrets(value: Any, environment: Mapping[str, str], key: str, faults: list[tuple[str, str]]) -> Any:
    if isinstance(value, Mapping):
        return {
            name: _with_secrets(inner, environment, f"{key}.{name}".lstrip("."), faults)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_with_secrets(inner, environment, f"{key}[{at}]", faults) for at, inner in enumerate(value)]
    if isinstance(value, str) and value.startswith("env:"):
        name = value.removeprefix("env:")
        if name not in environment:
            faults.append((key, f"the environment variable {name} (it is not set)"))
        return environment.get(name, "")
    return value


def _key(location: tuple[int | str, ...]) -> str:
    key = ""
    for part in location:
        key += f"[{part}]" if isinstance(part, int) else f".{part}"
    return key.lstrip(".")


def _expected(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "no such key"
    if error["type"] == "missing":
        return "a value (the key is missing)"
    return f"{error['msg']} (got {error['input']!r})"


def _crossed(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Faults that only show between parts: duplicate ids, rooms and cameras that do not exist."""
    rooms = [room for room in _tables(data, "rooms")]
    devices = [device for device in _tables(data, "devices")]
    for name, tables in (("rooms", rooms), ("devices", devices)):
        seen: dict[Any, int] = {}
        for at, table in enumerate(tables):
            if (identifier := table.get("id")) is not None:
                if identifier in seen:
                    yield (
                        f"{name}[{at}].id",
                        f"an id of its own ({identifier!r} is {name}[{seen[identifier]}] too)",
                    )
                seen.setdefault(identifier, at)
    known = [room.get("id") for room in rooms]
    for at, device in enumerate(devices):
        if "room" in device and device["room"] not in known:
            rooms_named = ", ".join(map(str, known)) or "none is named"
            yield f"devices[{at}].room", f"a room of this file: {rooms_named} (got {device['room']!r})"
    cameras = {device.get("id"): device.get("room") for device in devices}
    for at, room in enumerate(rooms):
        for kind in ("wide", "shots"):
            for place, shot in enumerate(_tables(room, kind)):
                camera = shot.get("camera")
                if camera is not None and cameras.get(camera) != room.get("id"):
                    yield f"rooms[{at}].{kind}[{place}].camera", f"a device of this room (got {camera!r})"


def _tables(data: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    tables = data.get(name, ())
    if isinstance(tables, list):
        yield from (table if isinstance(table, Mapping) else {} for table in tables)
