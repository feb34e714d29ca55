"""The keys of ``[schedule]``: what bookings may do, and what they take when nobody says."""

from __future__ import annotations

from pydantic import Field

from avctl.config.section import Section


class Schedule(Section):
    """What holds for bookings."""

    release_hours: float = Field(
        24, ge=0, le=24 * 366, description="Hours after the end until a delayed recording is public."
    )
    broadcasts: int = Field(
        0,
        ge=0,
        description="Broadcasts and recordings that this machine may carry at a time; 0: not counted.",
    )
