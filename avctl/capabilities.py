"""What a device can do. A driver lists its capabilities as bases.

A capability is its verbs (the abstract methods) and the readings it promises. ``@reads`` on a verb
says which reading proves that it was done: an operator's act is confirmed by the device, not by us;
``keeps`` are those that are settings. A make that lacks a verb says so, ``move_up = lacking("why")``.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, create_model

from avctl.errors import Unsupported
from avctl.settings import ROUTES, STRIPS, WALL, Setting, Settings, plain

Proof = Callable[[Mapping[str, Any], Mapping[str, Any]], bool]
"""(readings, arguments) -> whether the readings show that the verb was done."""

Verb = TypeVar("Verb", bound=Callable[..., Awaitable[None]])


def proved_by(proof: Proof) -> Callable[[Verb], Verb]:
    """Give a verb the proof that its effect shows in the readings."""

    def mark(verb: Verb) -> Verb:
        verb.__dict__["proof"] = proof
        return verb

    return mark


def reads(reading: str, argument: str) -> Proof:
    """Proved when the reading equals the argument."""
    return lambda readings, arguments: readings.get(reading) == arguments[argument]


def reads_value(reading: str, value: object) -> Proof:
    """Proved when the reading has this value."""
    return lambda readings, _: readings.get(reading) == value


def listed(reading: str, argument: str) -> Proof:
    """Proved when the argument is among the reading's values."""
    return lambda readings, arguments: arguments[argument] in readings.get(reading, ())


def unlisted(reading: str, argument: str) -> Proof:
    """Proved when the reading is known and the argument is not among its values."""
    return lambda readings, arguments: reading in readings and arguments[argument] not in readings[reading]


def emptied(reading: str) -> Proof:
    """Proved when the reading is known and has no values."""
    return lambda readings, _: reading in readings and not readings[reading]


def lacking(reason: str) -> Any:
    """What a driver has in the place of a verb that its make cannot do, with the reason."""

    async def verb(self: object, **_: object) -> None:
        raise Unsupported(reason)

    verb.__dict__["lacks"] = reason
    return verb


class Power(ABC):
    """Reports ``power: bool``."""

    keeps: ClassVar[Settings] = (plain("power", "set_power", "on"),)

    @proved_by(reads("power", "on"))
    @abstractmethod
    async def set_power(self, on: bool) -> None:
        """Switch the device on, or to standby."""


class Inputs(ABC):
    """Reports ``input: str`` and ``inputs: tuple[str, ...]``, the names it accepts."""

    keeps: ClassVar[Settings] = (plain("input", "set_input", "name"),)

    @proved_by(reads("input", "name"))
    @abstractmethod
    async def set_input(self, name: str) -> None:
        """Show an input by its name, such as ``hdmi1``."""


class Volume(ABC):
    """Reports ``volume: int`` from 0 to 100 and ``muted: bool``."""

    keeps: ClassVar[Settings] = (plain("volume", "set_volume", "level"), plain("muted", "mute", "on"))

    @proved_by(reads("volume", "level"))
    @abstractmethod
    async def set_volume(self, level: int) -> None:
        """Set the level, 0 to 100."""

    @proved_by(reads("muted", "on"))
    @abstractmethod
    async def mute(self, on: bool) -> None:
        """Silence the device, or let it sound again."""


class Brightness(ABC):
    """Reports ``brightness: int`` from 0 to 100."""

    keeps: ClassVar[Settings] = (plain("brightness", "set_brightness", "level"),)

    @proved_by(reads("brightness", "level"))
    @abstractmethod
    async def set_brightness(self, level: int) -> None:
        """Set the brightness, 0 to 100."""


class Picture(ABC):
    """Reports ``picture: bool``: whether it shows one; a dark panel stays on and is back at once."""

    @proved_by(reads("picture", "on"))
    @abstractmethod
    async def show_picture(self, on: bool) -> None:
        """Darken the picture for a while, or show it again."""


class Layouts(ABC):
    """Reports ``wall: bool``, ``rows``, ``columns`` and ``tile``: the place of this display in a wall."""

    keeps: ClassVar[Settings] = (WALL,)

    @proved_by(
        lambda readings, wanted: (
            all(readings.get(name) == wanted[name] for name in ("rows", "columns", "tile"))
            and readings.get("wall") is True
        )
    )
    @abstractmethod
    async def join_wall(self, rows: int, columns: int, tile: int) -> None:
        """Show tile ``tile`` (counted from 1, row by row) of a wall of rows x columns."""

    @proved_by(lambda readings, _: readings.get("wall") is False)
    @abstractmethod
    async def leave_wall(self) -> None:
        """Show a whole picture."""


class Lock(ABC):
    """Reports ``locked: bool``: whether its remote control is dead."""

    @proved_by(reads("locked", "on"))
    @abstractmethod
    async def lock_remote(self, on: bool) -> None:
        """Make the device deaf to its remote control, or let it hear it again."""


class Hours(ABC):
    """Reports ``on_at: str`` and ``off_at: str`` (HH:MM, empty: not by itself) and ``days: str``."""

    @proved_by(
        lambda readings, wanted: all(readings.get(key) == wanted[key] for key in ("on_at", "off_at", "days"))
    )
    @abstractmethod
    async def set_hours(self, on_at: str, off_at: str, days: Literal["daily", "weekdays"] = "daily") -> None:
        """Have the device switch itself on and off at these times, by its own clock; empty: not."""


class Discussion(ABC):
    """The microphones of a hall.

    Reports ``seats: Mapping[str, Mapping]`` (seat number as text -> ``name``, ``group``, ``chairman``,
    ``fault``, and where the system tells them ``card``, ``authenticated`` (the one who is named has logged in
    there), ``battery_percent``, ``battery_hours``, ``signal_dbm``, and ``votes``, false where it may not),
    ``speakers: tuple[int, ...]`` and ``waiting: tuple[int, ...]`` (seats, in order), and where the system
    tells them ``mode: str``, ``modes: tuple[str, ...]`` (those it can be set to), ``max_open: int`` and
    ``all_muted: bool``. Publishes MicOpened, MicClosed, FloorRequested, FloorRequestEnded, ItemStarted.

    Modes have the same words for all makes: ``open`` (a press opens the microphone), ``queue`` (a press asks,
    and the next moves up by itself), ``request`` (a press asks, somebody gives the floor), ``override``,
    ``voice``, ``group``, ``push``, ``handsfree``; a mode that is none of these has the maker's word.
    """

    keeps: ClassVar[Settings] = (
        plain("mode", "set_mode", "mode"),
        plain("max_open", "set_max_open", "count"),
        plain("all_muted", "mute_all", "on"),
    )

    @proved_by(listed("speakers", "seat"))
    @abstractmethod
    async def open_mic(self, seat: int) -> None:
        """Give the floor to a seat: its microphone goes live."""

    @proved_by(unlisted("speakers", "seat"))
    @abstractmethod
    async def close_mic(self, seat: int) -> None:
        """Take the floor from a seat."""

    @proved_by(listed("speakers", "seat"))
    @abstractmethod
    async def grant_request(self, seat: int) -> None:
        """Give the floor to a seat that waits."""

    @proved_by(unlisted("waiting", "seat"))
    @abstractmethod
    async def deny_request(self, seat: int) -> None:
        """Take a seat off the list of those who wait."""

    @proved_by(emptied("speakers"))
    @abstractmethod
    async def close_all_mics(self) -> None:
        """Take the floor from everybody."""

    @proved_by(emptied("waiting"))
    @abstractmethod
    async def clear_requests(self) -> None:
        """Take everybody off the list of those who wait."""

    @abstractmethod
    async def next_speaker(self) -> None:
        """Give the floor to whoever waits longest."""

    @abstractmethod
    async def move_up(self, seat: int) -> None:
        """Let a seat that waits pass the one before it."""

    @proved_by(listed("speakers", "seat"))
    @abstractmethod
    async def take_priority(self, seat: int) -> None:
        """Open the chairman's microphone over all others."""

    @proved_by(reads("all_muted", "on"))
    @abstractmethod
    async def mute_all(self, on: bool) -> None:
        """Silence every microphone without taking the floor from anybody, or let them sound again."""

    @proved_by(reads("mode", "mode"))
    @abstractmethod
    async def set_mode(self, mode: str) -> None:
        """Run the discussion another way: one of ``modes``."""

    @proved_by(reads("max_open", "count"))
    @abstractmethod
    async def set_max_open(self, count: int) -> None:
        """Let at most so many microphones be open at a time."""


class Voting(ABC):
    """Votes at the seats.

    Reports ``vote: str`` (``none`` before the first, ``open``, ``paused``, ``closed``, or ``lost`` when it
    ended without a result that could be believed; empty where this system does not vote), ``vote_title:
    str``, ``voted: int | None`` (how many so far, None where the system keeps it to itself) and
    ``vote_counts: Mapping[str, int]`` (by choice, as far as it is told). Publishes VoteOpened, VoteClosed,
    VoteLost.

    Choices have the same words for all makes: ``yes``, ``no``, ``abstain`` and ``not_voting``; one that is
    none of these has the word it has at the seats.
    """

    @proved_by(reads_value("vote", "open"))
    @abstractmethod
    async def open_vote(self, title: str) -> None:
        """Let the seats vote."""

    @proved_by(reads_value("vote", "closed"))
    @abstractmethod
    async def close_vote(self) -> None:
        """End the vote and read its result."""

    def expect_vote(self, vote: str, title: str) -> None:
        """This vote was open before a restart of ours: what becomes of it is told, under the same id."""
        raise Unsupported("this driver keeps no votes")


class Camera(ABC):
    """Reports ``preset: int | None`` (last recalled, None once moved by hand), ``moving: bool``,
    ``pan``, ``tilt``, ``zoom`` in the device's own steps, and ``tally: bool``."""

    @proved_by(reads("preset", "preset"))
    @abstractmethod
    async def recall_preset(self, preset: int) -> None:
        """Go to a stored shot."""

    @abstractmethod
    async def store_preset(self, preset: int) -> None:
        """Keep the present shot under a number."""

    @abstractmethod
    async def drive(
        self,
        pan: Literal["left", "right", "stop"] = "stop",
        tilt: Literal["up", "down", "stop"] = "stop",
        speed: int = 8,
    ) -> None:
        """Move until told to stop; ``speed`` 1 to 24."""

    @abstractmethod
    async def zoom(self, direction: Literal["tele", "wide", "stop"], speed: int = 3) -> None:
        """Zoom until told to stop; ``speed`` 0 to 7."""

    @proved_by(reads("tally", "on"))
    @abstractmethod
    async def set_tally(self, on: bool) -> None:
        """Light the on-air lamp."""


def _strip(readings: Mapping[str, Any], channel: int | str) -> Mapping[str, Any]:
    strip: Mapping[str, Any] = readings.get("channels", {}).get(str(channel), {})
    return strip


class Mixing(ABC):
    """A sound mixer. Channel 0 is its main output; ``bus-1``, ``matrix-1``, ``dca-1`` are what they say.

    Publishes SoundMeasured. Reports ``channels: Mapping[str, Mapping]`` (number or name as text ->
    ``name``, ``muted``, ``level`` in dB, None for silence), ``scene: int | None`` (last recalled) and
    ``signal: tuple[int, ...]`` (those that sound).
    """

    keeps: ClassVar[Settings] = (plain("scene", "recall_scene", "number"), STRIPS)

    @proved_by(lambda readings, said: _strip(readings, said["channel"]).get("muted") is said["on"])
    @abstractmethod
    async def mute_channel(self, channel: int | str, on: bool) -> None:
        """Silence a channel, or let it sound again."""

    @abstractmethod
    async def set_level(self, channel: int | str, decibels: float) -> None:
        """Set the fader of a channel."""

    @proved_by(reads("scene", "number"))
    @abstractmethod
    async def recall_scene(self, number: int) -> None:
        """Set the whole mixer as it was stored."""


class Routing(ABC):
    """What goes where: a matrix, or a vision mixer, whose outputs are ``program`` and ``preview``.

    Reports ``outputs: Mapping[str, str]`` and ``sources: Mapping[str, str]`` (id -> name; numbers from 1, as
    text) and ``routes: Mapping[str, str]`` (output -> source, empty for none).
    """

    keeps: ClassVar[Settings] = (ROUTES,)

    @proved_by(lambda readings, said: readings.get("routes", {}).get(said["output"]) == said["source"])
    @abstractmethod
    async def route(self, output: str, source: str) -> None:
        """Put a source on an output, both by their ids; an empty source: nothing."""

    @abstractmethod
    async def recall_routes(self, number: int) -> None:
        """Switch everything as it was stored under a number."""

    @abstractmethod
    async def cut(self) -> None:
        """Put on air what is in the preview."""


def _outlet(readings: Mapping[str, Any], outlet: int) -> Mapping[str, Any]:
    row: Mapping[str, Any] = readings.get("outlets", {}).get(str(outlet), {})
    return row


class Outlets(ABC):
    """The outlets of a power strip, or the relays of a board.

    Reports ``outlets: Mapping[str, Mapping]`` (number as text -> ``name``, ``on``), and where it is told
    ``amperes: float``.
    """

    @proved_by(lambda readings, said: _outlet(readings, said["outlet"]).get("on") is said["on"])
    @abstractmethod
    async def switch_outlet(self, outlet: int, on: bool) -> None:
        """Give an outlet power, or take it."""

    @abstractmethod
    async def cycle_outlet(self, outlet: int) -> None:
        """Take an outlet's power for some seconds and give it back."""


class Ups:
    """Power from batteries. It is watched, not told anything.

    Reports ``on_battery: bool | None`` (None: not known), ``charge: int`` (%), ``runtime: int`` (s),
    ``load: int`` (%) and ``fault: str``.
    """


class Alarm:
    """The civil alarm of the site's region. It is heard, not told anything.

    Reports ``alarm: str``: ``active``, ``partly`` (somewhere in the region), ``clear``, or ``unknown``, which
    is never to be taken for ``clear``; ``level: str`` (``red``, ``yellow`` or empty), ``alarm_since: str``
    (ISO 8601 or empty) and, while it is unknown, ``heard_at: str``: the last answer that could be believed.
    """


class Streaming(ABC):
    """Reports ``live: bool``, ``programme: str`` (live, or the slate's name) and ``outputs``."""

    @proved_by(lambda readings, _: readings.get("live") is True)
    @abstractmethod
    async def go_live(self) -> None:
        """Make the programme public."""

    @proved_by(lambda readings, _: readings.get("phase") == "ended")
    @abstractmethod
    async def end(self) -> None:
        """End the programme and close every output."""


class Recording(ABC):
    """Reports ``recording: bool``, and where it is told ``recorded: int`` in bytes."""

    @proved_by(lambda readings, _: readings.get("recording") is True)
    @abstractmethod
    async def start_recording(self) -> None:
        """Write the programme to disk."""

    @proved_by(lambda readings, _: readings.get("recording") is False)
    @abstractmethod
    async def stop_recording(self) -> None:
        """Write no more; what is written stays."""


class Scenes(ABC):
    """Reports ``showing: str``: ``source:ID`` or ``slate:NAME``, and ``lower_third: str``."""

    @proved_by(reads("showing", "scene"))
    @abstractmethod
    async def show(self, scene: str) -> None:
        """Put a source or a slate in the programme."""

    @proved_by(reads("lower_third", "name"))
    @abstractmethod
    async def show_lower_third(self, name: str, role: str = "") -> None:
        """Write a name in the programme; an empty one takes it off."""


CAPABILITIES: tuple[type, ...] = (
    Power,
    Inputs,
    Volume,
    Brightness,
    Picture,
    Layouts,
    Lock,
    Hours,
    Discussion,
    Voting,
    Camera,
    Mixing,
    Routing,
    Outlets,
    Ups,
    Alarm,
    Streaming,
    Recording,
    Scenes,
)


def capabilities_of(device: object) -> tuple[str, ...]:
    """The names of what a driver, or a driver's class, can do."""
    kind = _kind(device)
    return tuple(capability.__name__ for capability in CAPABILITIES if issubclass(kind, capability))


def verbs_of(device: object) -> Mapping[str, Callable[..., Awaitable[None]]]:
    """The verbs of a driver by name, as its capabilities declare them (signature, text and proof)."""
    return _verbs(_kind(device))[0]


def lacks_of(device: object) -> Mapping[str, str]:
    """The verbs of its capabilities that a driver's make has not, each with the reason."""
    return _verbs(_kind(device))[1]


def settings_of(device: object) -> tuple[Setting, ...]:
    """Which readings of a driver are settings, as its capabilities declare them."""
    mine = (one for one in CAPABILITIES if one.__name__ in capabilities_of(device))
    return tuple(setting for capability in mine for setting in getattr(capability, "keeps", ()))


def _kind(device: object) -> type:
    return device if inspect.isclass(device) else type(device)


@cache
def _verbs(kind: type) -> tuple[Mapping[str, Callable[..., Awaitable[None]]], Mapping[str, str]]:
    declared = {
        name: verb
        for capability in CAPABILITIES
        if issubclass(kind, capability)
        for name, verb in vars(capability).items()
        if getattr(verb, "__isabstractmethod__", False)
    }
    lacks = {name: lack for name in declared if (lack := str(getattr(getattr(kind, name), "lacks", "")))}
    return {name: verb for name, verb in declared.items() if name not in lacks}, lacks


@cache
def arguments_of(verb: Callable[..., Awaitable[None]]) -> type[BaseModel]:
    """A model of what a verb must be given, as its signature says."""
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(verb, eval_str=True).parameters.items():
        if name != "self":
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[name] = (parameter.annotation, default)
    return create_model(verb.__name__, __config__=ConfigDict(extra="forbid", strict=True), **fields)
