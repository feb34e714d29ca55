"""The keys of ``[queue]``: when somebody must look at the visitors' queue, and how calls are told."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from avctl.config.section import Section

Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class Queue(Section):
    """What holds for the visitors' queue."""

    speak: bool = Field(False, description="Have /screens/queue speak each call, in Ukrainian.")
    quiet_minutes: float = Field(
        20, ge=0, description="Minutes in which people wait and nothing happens, before an alert; 0: none."
    )
    unserved_minutes: float = Field(
        5, ge=0, description="Minutes after a call until the visitor must be served, or an alert; 0: none."
    )
    closed_minutes: float = Field(
        3, ge=0, description="Minutes in which people wait and no counter is open, before an alert."
    )
    opens: Clock = Field("08:00", description="From when on these alerts are raised.")
    closes: Clock = Field("20:00", description="Until when; the same as opens: all day.")
