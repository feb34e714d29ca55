"""What a building has beside its halls: outlets, batteries, the civil alarm, the visitor queue, TV."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from avctl.capabilities.proofs import proved_by


def _counter(readings: Mapping[str, Any], counter: str) -> Mapping[str, Any]:
    row: Mapping[str, Any] = readings.get("counters", {}).get(counter, {})
    return row


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
    ``load: int`` (%), ``low: bool`` (it says itself that the battery will soon be empty, whatever the charge)
    and ``fault: str``.
    """


class Alarm:
    """The civil alarm of the site's region. It is heard, not told anything.

    Reports ``alarm: str``: ``active``, ``partly`` (somewhere in the region), ``clear``, or ``unknown``, which
    is never to be taken for ``clear``; ``level: str`` (``red``, ``yellow`` or empty), ``alarm_since: str``
    (ISO 8601 or empty) and, while it is unknown, ``heard_at: str``: the last answer that could be believed.
    """


class Counters(ABC):
    """The queue of the visitors' hall: services, tickets and the counters that call them.

    Reports ``services: Mapping[str, Mapping]`` (id -> ``name``, ``waiting`` (count), ``average_wait`` (s or
    None)), ``counters: Mapping[str, Mapping]`` (id -> ``name``, ``open``, ``ticket``: the one called or
    served, or empty), ``tickets: tuple[Mapping, ...]``, oldest first (``number``, a text such as ``A012``;
    ``service``; ``state``: waiting, called, serving, done, no_show or removed; ``since``, ISO 8601;
    ``counter``; ``calls``, how often it was called) and ``acts: tuple[str, ...]``, the verbs it takes.
    """

    @abstractmethod
    async def call_next(self, counter: str) -> None:
        """Call the next ticket to a counter."""

    @abstractmethod
    async def recall(self, counter: str) -> None:
        """Call a counter's ticket once more."""

    @proved_by(lambda readings, said: _counter(readings, said["counter"]).get("open") is True)
    @abstractmethod
    async def open_counter(self, counter: str) -> None:
        """Open a counter for visitors."""

    @proved_by(lambda readings, said: _counter(readings, said["counter"]).get("open") is False)
    @abstractmethod
    async def close_counter(self, counter: str) -> None:
        """Close a counter."""


class Channel:
    """A TV channel fed to the building. It is watched, not told anything.

    Reports ``present: bool``, ``bitrate: int`` (bit/s), ``continuity_errors: int`` (a minute),
    ``pat: bool``, ``pmt: bool``, ``scrambled: bool``, ``black``, ``frozen`` and ``silent: bool``,
    ``loudness: float`` (LUFS or None), ``now`` and ``next: str`` (by the channel's own guide, empty if it has
    none) and ``fault: str``. What is not known is None; ``unmeasured: str`` says why it cannot be.
    """

    def picture(self) -> tuple[bytes, datetime] | None:
        """Its latest picture as a small JPEG, and when it was taken; None while there is none."""
        return None
