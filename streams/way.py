"""The way from the sources to finished segments, as the rest of a runner sees it.

There are two: what the programme makes is encoded (``encoded.py``), or what the hall's encoder made is passed
on as it is (``copying``). Nobody beyond this face knows which.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from streams.encoder import Run
from streams.ladder import Ladder
from streams.loudness import Loudness
from streams.overlay import Values
from streams.plan import Plan
from streams.programme import Levels
from streams.requests import SlateName
from streams.takeover import Takeover
from streams.tally import Tally
from streams.wanted import Wanted
from streams.watch import Watch

Work = Callable[[], Coroutine[Any, Any, None]]


class Source(Protocol):
    """What is told of a source."""

    frames: int
    restarts: int
    dropped: int
    repeated: int
    tally: Tally
    reason: str
    since: datetime

    @property
    def present(self) -> bool:
        """Whether pictures really arrive, and can be shown."""


class Picture(Protocol):
    """What viewers see now."""

    frames: int
    repeated: int
    showing: str

    @property
    def levels(self) -> Levels:
        """The sound of the last tenth of a second."""


class Segments(Protocol):
    """Who makes private segments. ``runs`` are the lives whose segments have not all been listed, which is
    looked for every ``look_seconds``.

    ``settle`` is called between two lives: it takes over what the last one finished.
    """

    ladder: Ladder
    fault: str
    alive: bool
    restarts: int
    taken: int
    reason: str
    look_seconds: float
    runs: list[Run]
    settle: Callable[[], object]

    @property
    def chip(self) -> str:
        """What encodes."""

    @property
    def behind(self) -> float:
        """Seconds of pictures that wait to be taken."""

    @property
    def dropped(self) -> int:
        """Pictures that went nowhere."""

    @property
    def plan(self) -> Plan:
        """The plan, with what really comes out where that was not known."""

    @property
    def target(self) -> int:
        """The longest that a segment is, in whole seconds, for a list that begins now."""

    def moment(self, number: int) -> datetime | None:
        """When the picture of a number was taken; None once it is ``finished`` or discarded."""

    def finished(self, number: int) -> None:
        """Everything before this picture has been taken over."""

    def discard(self) -> None:
        """Lose whatever has been given and is not listed."""

    async def run(self) -> None:
        """Make segments until ``end`` or cancelled."""

    def end(self) -> None:
        """Finish what there is, and close."""


class StandInMaker(Protocol):
    """Who makes segments that take the place of withdrawn ones."""

    def place(self, rendition: str, begins: float, target: Path, seconds: float) -> bool:
        """Put one of about so many seconds at ``target``, first shown at ``begins``; false when it cannot."""


class Way(Protocol):
    """One way. ``works`` are what runs beside ``segments.run`` until cancelled."""

    writes: bool  # whether anything can be written over the picture
    works: tuple[Work, ...]

    @property
    def sources(self) -> Collection[str]:
        """What can be shown."""

    @property
    def readers(self) -> Mapping[str, Source]:
        """Every feed, those that stand in for another too."""

    @property
    def takeovers(self) -> Mapping[str, Takeover]:
        """The sources that have a stand-in."""

    @property
    def picture(self) -> Picture:
        """What viewers see now."""

    @property
    def segments(self) -> Segments:
        """Who makes private segments."""

    @property
    def stand_ins(self) -> StandInMaker:
        """Who makes segments in place of withdrawn ones."""

    @property
    def watch(self) -> Watch:
        """Who says what is wrong with picture and sound."""

    @property
    def loudness(self) -> Loudness:
        """Who says how loud it is."""

    @property
    def music_fault(self) -> str:
        """What is wrong with the music of slates."""

    def begin(self, wanted: Wanted) -> None:
        """Take up what was wanted last, before ``start``."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End at once."""

    def show(self, scene: str) -> None:
        """Want a scene."""

    def name(self, name: str, role: str) -> None:
        """Put a name in the picture, or take it off; Unsupported where nothing can be written."""

    def overlay(self, kind: str, values: Values | None) -> None:
        """Show an overlay, or take it off; Unsupported where nothing can be written."""

    def until(self, times: Mapping[SlateName, datetime]) -> None:
        """When slates are over."""

    def close(self) -> None:
        """Show nothing of the hall: when this returns, the last of it has been given. Waits for no disk."""

    def open(self) -> None:
        """Show the wanted scene again."""

    def cover(self) -> None:
        """Have the pictures that people look at show a closed part."""

    def ready_to_close(self) -> None:
        """Draw what a closed part looks like, and what stands in for withdrawn segments; takes a while."""

    def finish(self) -> None:
        """End what is beside the segments; they have been told to ``end``."""
