"""The keys of ``[schedule]``: what bookings may do, and what they take when nobody says."""

from __future__ import annotations

from pydantic import Field

from avctl.config.section import Section


class Schedule(Section):
    """What holds for bookings."""

    release_hours: float = Field(
        24, ge=0, le=24 * 366, description="Hours after the end until a delayed recording is public."
    )
    soon_minutes: int = Field(
        15,
        ge=0,
        le=240,
        description="Minutes before the start at which viewers of a live session get the slate; 0: by hand.",
    )
    remind_minutes: int = Field(
        5, ge=0, le=240, description="Minutes before the start at which one is reminded to begin; 0: never."
    )
    broadcasts: int = Field(
        0,
        ge=0,
        description="Broadcasts and recordings that this machine may carry at a time; 0: not counted.",
    )
