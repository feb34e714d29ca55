"""The configuration: TOML in, checked models out, every fault named at once.

A secret is written in the file as ``env:NAME``, and read from the environment.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from avctl.config.broadcast import Broadcast, Closed, Limits, Overlays, Push, Recording, Rendition, Watch
from avctl.config.building import AirRaid, Load, Lobby, Mains, faults_of_building
from avctl.config.hall import FloorRules, Sound
from avctl.config.notices import Notices
from avctl.config.preparing import Preparation, RoomStep, Step, order_faults, steps_of
from avctl.config.queue import Queue
from avctl.config.schedule import Schedule
from avctl.config.section import LOOPBACK, Identifier, Network, PortNumber, Section, port_or_line, time_zone
from avctl.config.voting import Body, Voting
from avctl.errors import ConfigError
from avctl.faults import close, faults_of, key_of

__all__ = [
    "AirRaid",
    "Alerts",
    "Body",
    "Broadcast",
    "Closed",
    "Config",
    "Device",
    "Filled",
    "FloorRules",
    "Follow",
    "Limits",
    "Load",
    "Lobby",
    "Mains",
    "Notices",
    "Osc",
    "Overlays",
    "Preparation",
    "Push",
    "Queue",
    "Recording",
    "Rendition",
    "Room",
    "RoomStep",
    "Schedule",
    "Section",
    "Shot",
    "Simulators",
    "Site",
    "Sound",
    "Step",
    "Store",
    "Voting",
    "Watch",
    "Web",
    "parse",
    "read",
    "tables",
    "tables_of",
]


class Site(Section):
    """Whose program this is."""

    council: str = Field("Київська міська рада", description="The council's name, as viewers see it.")
    council_en: str = Field("Kyiv City Council", description="The council's name in English.")
    timezone: Annotated[str, AfterValidator(time_zone)] = Field(
        "Europe/Kyiv", description="The time zone in which times are shown."
    )
    language: Literal["uk", "en"] = Field("uk", description="The language a new visitor sees: uk or en.")

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


class Follow(Section):
    """What happens when a microphone opens."""

    wide_after: float = Field(5, ge=0, description="Seconds of silence before the wide shot.")
    shortest_shot: float = Field(3, ge=0, description="Seconds a picture stays before the next one.")
    arrive_within: float = Field(
        4, gt=0, le=15, description="Seconds a camera may take to its shot before it is cut to all the same."
    )
    chairman: Literal["ignore", "show", "wide"] = Field(
        "ignore",
        description="Chairman and another speak: ignore shows the other, show the chairman, wide the hall.",
    )
    hand_seconds: float = Field(
        60, ge=0, description="Seconds the cameras are left alone after a person cut or moved one."
    )
    store_first: int = Field(20, ge=0, le=254, description="First preset for shots stored at a seat.")
    store_last: int = Field(89, ge=0, le=254, description="Last preset for shots stored at a seat.")
    lower_third: bool = Field(True, description="Write the speaker's name in the programme.")
    item_line: bool = Field(True, description="Write the agenda item in the programme.")

    @model_validator(mode="after")
    def _some_presets(self) -> Self:
        if self.store_first > self.store_last:
            raise ValueError(
                f"store_first not after store_last (got {self.store_first} to {self.store_last})"
            )
        return self


class Alerts(Section):
    """When a person must look."""

    offline_after: float = Field(3, ge=0, description="Seconds a device may be away before an alert.")
    page_after: float = Field(
        20, ge=0, description="Seconds a kiosk may show a wrong page, or none, before an alert."
    )


class Osc(Section):
    """Where control surfaces that speak OSC are heard."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(0, ge=0, le=65535, description="UDP port to listen on; 0: none.")
    feedback_port: int = Field(
        0, ge=0, le=65535, description="Port on which surfaces listen; 0: the one each sends from."
    )
    account: str = Field("", description="Name of the account as which surfaces act.")
    allow: tuple[Network, ...] = Field(
        LOOPBACK, description="Networks whose surfaces are heard: OSC has no log-in."
    )


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

    @model_validator(mode="after")
    def _whole_range(self) -> Self:
        if (self.first is None) != (self.last is None):
            raise ValueError("both first and last, or neither")
        if self.first is not None and self.last is not None and self.first > self.last:
            raise ValueError(f"first not after last (got {self.first} to {self.last})")
        return self

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
    sound: Sound | None = Field(None, description="Its mixer; none: its sound is nobody's affair.")
    prepare: tuple[RoomStep, ...] = Field(
        (), description="What brings the room to its wanted state, beside what its devices do."
    )


class Device(Section):
    """A thing in a room."""

    id: Identifier = Field(description="Short name used in addresses, unique in the file.")
    room: Identifier = Field(description="Id of the room it stands in.")
    driver: str = Field(description="Driver that speaks to it: a module of drivers/, or a dotted name.")
    title: str = Field("", description="Name people know it by.")
    host: str = Field("127.0.0.1", description="Address on the network.")
    port: Annotated[int | str | None, BeforeValidator(port_or_line)] = Field(
        None,
        description="Port number, or a serial line (/dev/ttyS0, rfc2217://…); the driver's own if absent.",
    )
    feeds: Identifier | None = Field(
        None, description="For a camera: id of the source whose picture it is; then it can be cut to."
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
    schedule: Schedule = Field(Schedule(), description="What holds for bookings.")
    floor: FloorRules = Field(FloorRules(), description="How long people may speak.")
    notices: Notices = Field(Notices(), description="How people on duty are told.")
    alerts: Alerts = Field(Alerts(), description="When a person must look.")
    voting: Voting = Field(Voting(), description="How votes are decided and shown.")
    queue: Queue = Field(Queue(), description="What holds for the visitors' queue.")
    lobby: Lobby = Field(Lobby(), description="What walls, kiosks and infoboxes show.")
    alarm: AirRaid = Field(AirRaid(), description="What an air-raid alarm does.")
    power: Mains = Field(Mains(), description="What happens without mains.")
    osc: Osc = Field(Osc(), description="Where control surfaces that speak OSC are heard.")
    simulators: Simulators = Field(Simulators(), description="The simulators' control port.")
    rooms: tuple[Room, ...] = Field((), description="Halls and meeting rooms.")
    devices: tuple[Device, ...] = Field((), description="What stands in them.")

    def room(self, room: str) -> Room:
        """The room of an id; KeyError when there is none."""
        return next((found for found in self.rooms if found.id == room), None) or _missing(room)

    def in_room(self, room: str) -> tuple[Device, ...]:
        """The devices of a room, in the order of the file."""
        return tuple(device for device in self.devices if device.room == room)

    def steps(self, room: str, kind: str) -> list[Step]:
        """What brings a room to its wanted state before a session of a kind."""
        devices = [device.model_dump(include={"id", "prepare"}) for device in self.in_room(room)]
        return steps_of(self.room(room).model_dump(include={"prepare"}, mode="json"), devices, kind)


def _missing(room: str) -> Room:
    raise KeyError(room)


def read(path: Path, environment: Mapping[str, str] | None = None) -> Config:
    """The configuration of a file; ConfigError names every fault of its own structure at once.

    Driver names and options are checked by ``avctl.check``, which knows drivers.
    """
    return parse(tables(path), str(path), os.environ if environment is None else environment)


def tables(path: Path) -> Mapping[str, Any]:
    """What stands in the file, as it stands there; ConfigError when it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise ConfigError(
            f"{path}: {fault.strerror}", (("", f"a readable file ({fault.strerror})"),)
        ) from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise ConfigError(f"{path}: {fault}", (("", f"valid TOML ({fault})"),)) from fault


def parse(data: Mapping[str, Any], source: str, environment: Mapping[str, str]) -> Config:
    """The configuration of parsed TOML; ``source`` is named in the error."""
    filled = Filled(data, environment)
    faults = list(filled.faults)
    config: Config | None = None
    try:
        config = Config.model_validate(filled.data)
    except ValidationError as problem:
        faults.extend(
            (key, expected)
            for key, expected in faults_of(problem, Config, filled.hidden)
            if key not in filled.missing
        )
    faults.extend(_crossed(filled.data))
    if faults or config is None:
        raise ConfigError(f"{source} has {len(faults)} fault(s)", tuple(faults))
    return config


class Filled:
    """The file's data with ``env:NAME`` replaced by what the environment has under that name."""

    def __init__(self, data: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.hidden: set[str] = set()
        self.missing: set[str] = set()
        self.faults: list[tuple[str, str]] = []
        self.data: Mapping[str, Any] = self._fill(data, ())

    def _fill(self, value: Any, place: tuple[int | str, ...]) -> Any:
        if isinstance(value, Mapping):
            return {name: self._fill(inner, (*place, name)) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._fill(inner, (*place, at)) for at, inner in enumerate(value)]
        if isinstance(value, str) and value.startswith("env:"):
            name, key = value.removeprefix("env:"), key_of(place)
            self.hidden.add(key)
            if name not in self._environment:
                self.missing.add(key)
                self.faults.append((key, f"the environment variable {name} (it is not set)"))
            return self._environment.get(name, "")
        return value


def _crossed(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Faults that only show between parts: duplicate ids, rooms and cameras that do not exist."""
    if isinstance(osc := data.get("osc"), Mapping) and osc.get("port") and not osc.get("account"):
        yield "osc.account", "the name of an account (there is a port, so surfaces act as somebody)"
    rooms, devices = list(tables_of(data, "rooms")), list(tables_of(data, "devices"))
    for name, things in (("rooms", rooms), ("devices", devices)):
        seen: dict[str, int] = {}
        for at, thing in enumerate(things):
            if isinstance(identifier := thing.get("id"), str):
                if identifier in seen:
                    other = f"{name}[{seen[identifier]}]"
                    yield f"{name}[{at}].id", f"an id of its own ({identifier!r} is {other} too)"
                seen.setdefault(identifier, at)
    known = [str(room.get("id")) for room in rooms]
    for at, device in enumerate(devices):
        if isinstance(wanted := device.get("room"), str) and wanted not in known:
            named = ", ".join(known) or "none is named"
            yield (
                f"devices[{at}].room",
                f"a room of this file: {named} (got {wanted!r}{close(wanted, known)})",
            )
    rooms_of = {str(device.get("id")): device.get("room") for device in devices}
    for at, device in enumerate(devices):
        if isinstance(feed := device.get("feeds"), str) and (
            rooms_of.get(feed) != device.get("room") or feed == device.get("id")
        ):
            yield f"devices[{at}].feeds", f"another device of its room, a source (got {feed!r})"
    yield from faults_of_building(data, rooms, devices)
    for at, room in enumerate(rooms):
        if isinstance(sound := room.get("sound"), Mapping):
            mixer = sound.get("mixer")
            if isinstance(mixer, str) and rooms_of.get(mixer) != room.get("id"):
                yield f"rooms[{at}].sound.mixer", f"a device of this room (got {mixer!r})"
        for kind in ("wide", "shots"):
            for place, shot in enumerate(tables_of(room, kind)):
                camera = shot.get("camera")
                if isinstance(camera, str) and rooms_of.get(camera) != room.get("id"):
                    yield f"rooms[{at}].{kind}[{place}].camera", f"a device of this room (got {camera!r})"
        here = [device for device in devices if device.get("room") == room.get("id")]
        for key, expected in order_faults(room, here):
            yield f"rooms[{at}].{key}", expected


def tables_of(data: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """The tables of an array of tables as far as they are tables; what is not counts as empty."""
    found = data.get(name, ())
    if isinstance(found, list):
        yield from (table if isinstance(table, Mapping) else {} for table in found)
