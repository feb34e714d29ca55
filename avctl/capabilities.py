"""What a device can do. A driver lists its capabilities as bases.

A capability is its verbs (the abstract methods) and the readings it promises. ``@reads`` on a verb
says which reading proves that it was done: an operator's act is confirmed by the device, not by us.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, create_model

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


def listed(reading: str, argument: str) -> Proof:
    """Proved when the argument is among the reading's values."""
    return lambda readings, arguments: arguments[argument] in readings.get(reading, ())


def unlisted(reading: str, argument: str) -> Proof:
    """Proved when the reading is known and the argument is not among its values."""
    return lambda readings, arguments: reading in readings and arguments[argument] not in readings[reading]


def emptied(reading: str) -> Proof:
    """Proved when the reading is known and has no values."""
    return lambda readings, _: reading in readings and not readings[reading]


class Power(ABC):
    """Reports ``power: bool``."""

    @proved_by(reads("power", "on"))
    @abstractmethod
    async def set_power(self, on: bool) -> None:
        """Switch the device on, or to standby."""


class Inputs(ABC):
    """Reports ``input: str`` and ``inputs: tuple[str, ...]``, the names it accepts."""

    @proved_by(reads("input", "name"))
    @abstractmethod
    async def set_input(self, name: str) -> None:
        """Show an input by its name, such as ``hdmi1``."""


class Volume(ABC):
    """Reports ``volume: int`` from 0 to 100 and ``muted: bool``."""

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

    @proved_by(reads("brightness", "level"))
    @abstractmethod
    async def set_brightness(self, level: int) -> None:
        """Set the brightness, 0 to 100."""


class Layouts(ABC):
    """Reports ``wall: bool``, ``rows``, ``columns`` and ``tile``: the place of this display in a wall."""

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


class Discussion(ABC):
    """The microphones of a hall.

    Reports ``seats: Mapping[str, Mapping]`` (seat number as text -> ``name``, ``group``, ``chairman``,
    ``fault``), ``speakers: tuple[int, ...]`` and ``waiting: tuple[int, ...]`` (seats, in order), and
    publishes MicOpened, MicClosed, FloorRequested, FloorRequestEnded, ItemStarted.
    """

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
    """Reports ``recording: bool`` and ``recorded: int`` in bytes."""

    @proved_by(lambda readings, _: readings.get("recording") is True)
    @abstractmethod
    async def start_recording(self) -> None:
        """Write the programme to disk."""


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


CAPABILITIES: tuple[type[ABC], ...] = (
    Power,
    Inputs,
    Volume,
    Brightness,
    Layouts,
    Discussion,
    Camera,
    Streaming,
    Recording,
    Scenes,
)


def capabilities_of(device: object) -> tuple[str, ...]:
    """The names of what a driver, or a driver's class, can do."""
    kind = device if inspect.isclass(device) else type(device)
    return tuple(capability.__name__ for capability in CAPABILITIES if issubclass(kind, capability))


def verbs_of(device: object) -> Mapping[str, Callable[..., Awaitable[None]]]:
    """The verbs of a driver by name, as its capabilities declare them (signature, text and proof)."""
    kind = device if inspect.isclass(device) else type(device)
    return {
        name: verb
        for capability in CAPABILITIES
        if issubclass(kind, capability)
        for name, verb in vars(capability).items()
        if getattr(verb, "__isabstractmethod__", False)
    }


@cache
def arguments_of(verb: Callable[..., Awaitable[None]]) -> type[BaseModel]:
    """A model of what a verb must be given, as its signature says."""
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(verb, eval_str=True).parameters.items():
        if name != "self":
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[name] = (parameter.annotation, default)
    return create_model(verb.__name__, __config__=ConfigDict(extra="forbid", strict=True), **fields)
