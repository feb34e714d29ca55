"""One preparation of a room: a dated sheet of lines, each with what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from pydantic import TypeAdapter

from avctl.events import Event, LineBegun, LineJudged, PreparationBegan, PreparationEnded
from avctl.model.preparation_words import ADVICE, EXPECTED, WHAT, filled


class Verdict(StrEnum):
    """What became of a line."""

    WAITING = "waiting"
    RUNNING = "running"
    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


class Stage(StrEnum):
    """Where a preparation is in its life."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


GOOD = (Verdict.PASS, Verdict.WARN)
UNDONE = (Verdict.WAITING, Verdict.RUNNING)


@dataclass(frozen=True, kw_only=True)
class Line:
    """Something to be done or proven.

    ``kind`` is what sort it is (a key of ``preparation_words.WHAT``), ``subject`` the device or platform it
    is about, ``values`` what its texts are filled with. It waits for ``after`` and ``behind``; it is left out
    unless all of ``after`` went well. ``seen``: people in the room, or viewers, would notice it.
    """

    id: str
    kind: str
    subject: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()
    seen: bool = False
    verdict: Verdict = Verdict.WAITING
    text: str = ""
    measured: Mapping[str, Any] = field(default_factory=dict)
    keeps: Mapping[str, Any] = field(default_factory=dict)
    began_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def what(self) -> str:
        """What it is, in English."""
        return filled(WHAT[self.kind], self.values).strip()

    @property
    def said(self) -> str:
        """What was measured, in English."""
        return filled(self.text, self.measured)

    @property
    def expected(self) -> str:
        """What should have been measured, in English."""
        return filled(EXPECTED[self.kind], self.values)

    @property
    def advice(self) -> str:
        """What to do, in English; empty when nothing is."""
        return "" if self.verdict in (*UNDONE, Verdict.PASS) else filled(ADVICE[self.kind], self.values)


_LINES: TypeAdapter[tuple[Line, ...]] = TypeAdapter(tuple[Line, ...])


def lines_told(lines: tuple[Line, ...]) -> tuple[Mapping[str, Any], ...]:
    """Lines as an event carries them."""
    told: tuple[Mapping[str, Any], ...] = tuple(_LINES.dump_python(lines, mode="json"))
    return told


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """A sheet, as its events left it."""

    id: str
    session: str
    room: str
    began_at: datetime
    by: str
    stage: Stage = Stage.RUNNING
    ended_at: datetime | None = None
    ended_by: str = ""
    lines: tuple[Line, ...] = ()

    @classmethod
    def begun(cls, event: PreparationBegan) -> Preparation:
        """The sheet a beginning makes."""
        return cls(
            id=event.preparation,
            session=event.session,
            room=event.room,
            began_at=event.at,
            by=event.actor,
            lines=_LINES.validate_python(event.lines),
        )

    def line(self, line: str) -> Line | None:
        """The line of an id; None when there is none."""
        return next((one for one in self.lines if one.id == line), None)

    def count(self, *verdicts: Verdict) -> int:
        """How many lines have one of these verdicts."""
        return sum(one.verdict in verdicts for one in self.lines)

    @property
    def faults(self) -> tuple[str, ...]:
        """What failed, in English, each on a line."""
        return tuple(f"{one.what}: {one.said}" for one in self.lines if one.verdict is Verdict.FAIL)

    def without(self, line: str) -> tuple[str, ...]:
        """A line and all those that were left out for its sake, in their order."""
        found = {line}
        for one in self.lines:  # those that wait stand after what they wait for
            if one.verdict is Verdict.SKIPPED and found & {*one.after}:
                found.add(one.id)
        return tuple(one.id for one in self.lines if one.id in found)

    def after(self, event: Event) -> Self:
        """The sheet once ``event`` has happened."""
        match event:
            case LineBegun():
                return self._with(
                    event.line, verdict=Verdict.RUNNING, began_at=event.at, ended_at=None, keeps=event.keeps
                )
            case LineJudged():
                return self._with(
                    event.line,
                    verdict=Verdict(event.verdict),
                    text=event.text,
                    measured=event.values,
                    keeps={},
                    ended_at=event.at,
                )
            case PreparationEnded():
                return replace(self, stage=Stage(event.stage), ended_at=event.at, ended_by=event.actor)
            case _:
                return self

    def _with(self, line: str, **changes: Any) -> Self:
        lines = tuple(replace(one, **changes) if one.id == line else one for one in self.lines)
        return replace(self, lines=lines)
