"""What the parts about a room's preparation and its known-good settings are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dashboards.views.parts import Button

Said = tuple[str, Mapping[str, Any]]
"""A message id and its values; the template translates and fills it."""


@dataclass(frozen=True, kw_only=True)
class SheetLine:
    """A line of the sheet. ``because``: the line for whose sake it was left out."""

    id: str
    look: str
    shape: str
    word: str
    what: Said
    measured: Said
    because: Said | None
    expected: Said
    advice: Said
    ended_at: datetime | None
    rerun: Button | None


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many lines have a verdict."""

    look: str
    shape: str
    word: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """parts/preparation.html and parts/sheet.html: how far a preparation is, and what was measured."""

    room: str
    session: str
    session_title: str
    starts_at: datetime | None
    running: bool
    word: str
    by: str
    began_at: datetime | None
    ended_at: datetime | None
    done: int
    counts: tuple[Count, ...]
    problems: tuple[SheetLine, ...]
    lines: tuple[SheetLine, ...]
    cancel: Button | None
    paper: str


@dataclass(frozen=True, kw_only=True)
class SettingRow:
    """A setting that differs from what is known to be good."""

    id: str
    title: str
    name: str
    more: str
    wanted: str
    found: str
    since: datetime | None
    by: str
    lacks: str
    restore: Button | None


@dataclass(frozen=True, kw_only=True)
class GoldenView:
    """parts/golden.html: what is known to be good, and what differs."""

    saved_at: datetime | None
    saved_by: str
    restored_at: datetime | None
    restored_by: str
    differences: tuple[SettingRow, ...]
    unknown: tuple[str, ...]
    save: Button | None
    restore: Button | None
