"""Displays, projectors, walls, and the pages that kiosks and infoboxes show."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

from avctl.capabilities.proofs import proved_by, reads
from avctl.errors import Unsupported
from avctl.settings import WALL, Settings, plain


class Power(ABC):
    """Reports ``power: bool``."""

    keeps: ClassVar[Settings] = (plain("power", "set_power", "on"),)

    @proved_by(reads("power", "on"))
    @abstractmethod
    async def set_power(self, on: bool) -> None:
        """Switch the device on, or to standby."""


class Wake(ABC):
    """A device that sleeps, and is woken over the network. Reports ``wakes: bool``: whether it can be now."""

    @abstractmethod
    async def wake(self) -> None:
        """Wake the device; nothing proves it but its return."""


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


class Presets(ABC):
    """A wall processor. Reports ``layout: str``, the preset it was last seen to take (empty: not known), and
    ``layouts: tuple[str, ...]``, those it has."""

    keeps: ClassVar[Settings] = (plain("layout", "recall_layout", "name"),)

    @proved_by(reads("layout", "name"))
    @abstractmethod
    async def recall_layout(self, name: str) -> None:
        """Show a stored arrangement of pictures on the wall, by its name."""


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


class Pages(ABC):
    """A screen that shows web pages: a kiosk, an infobox, a player of signage.

    Reports ``page: str``, the address that it really shows (empty: none), ``pages: tuple[str, ...]`` where
    only listed ones can be shown, ``showing: str`` (``ok``, ``loading``, ``wrong page``, ``browser dead``,
    ``PC dead``, ``unknown``), ``heartbeat: str`` (ISO 8601: last heard of; told once a minute, and at once
    when it is missed) and ``fault: str``: the last error of the page or of the player.
    """

    keeps: ClassVar[Settings] = (plain("page", "show_page", "url"),)

    @proved_by(reads("page", "url"))
    @abstractmethod
    async def show_page(self, url: str) -> None:
        """Show a page by its address, or by its name where the make lists names."""

    @abstractmethod
    async def reload_page(self) -> None:
        """Load again what is shown, past every cache."""

    async def screenshot(self) -> bytes:
        """What the screen shows, as a JPEG or PNG picture."""
        raise Unsupported("this make takes no pictures of its screen")
