"""What was asked of a broadcast last, kept in its folder so that a runner made again obeys it.

Two files. ``wanted.json`` has the instruction. ``hall.permit`` is the interlock of the closed part: while it
is not there, no source may be shown. It is taken away by deleting, which works on a full disk too; whoever
finds it missing, or the instruction unreadable, stays closed.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from streams.plan import Plan
from streams.requests import SlateName
from streams.status import STATUS_FILE, replace_file

log = logging.getLogger(__name__)

WANTED_FILE = "wanted.json"
PERMIT_FILE = "hall.permit"


class Wanted(BaseModel):
    """The last instruction. ``scene`` is what is shown when no part is closed.

    ``overlays``: the values of those that somebody asked for; None: it was taken off. ``times``: when slates
    are over.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    scene: str
    name: str = ""
    role: str = ""
    overlays: dict[str, dict[str, str | int] | None] = {}
    times: dict[SlateName, AwareDatetime] = {}
    closed_at: AwareDatetime | None = None
    opened_at: AwareDatetime | None = None
    published_at: AwareDatetime | None = None
    recording_started_at: AwareDatetime | None = None
    planned_end: AwareDatetime | None = None

    @property
    def closed(self) -> bool:
        """Whether the hall may not be seen."""
        return self.closed_at is not None


class Memory:
    """The instruction in a folder."""

    def __init__(self, folder: Path, plan: Plan, now: datetime) -> None:
        self._path, self._permit = folder / WANTED_FILE, folder / PERMIT_FILE
        fresh = not self._path.exists() and not (folder / STATUS_FILE).exists()
        if fresh:
            self._permit.touch(mode=0o600)
        scene = f"source:{plan.sources[0].id}"
        start = plan.planned_start
        times: dict[SlateName, datetime] = {} if start is None else {"starting": start}
        self.wanted = Wanted(scene=scene, times=times, planned_end=plan.planned_end)
        doubt = not self._permit.exists()
        if not fresh:
            try:
                self.wanted = Wanted.model_validate_json(self._path.read_bytes())
            except FileNotFoundError:
                pass  # nothing has been asked of it yet; the permit alone decides
            except (OSError, ValueError):
                log.error("%s cannot be read: the broadcast stays closed", WANTED_FILE)
                doubt = True
        if doubt and not self.wanted.closed:
            forbid(folder)
            self.change(closed_at=now)
        elif self.wanted.closed:
            forbid(folder)

    def change(self, **changes: Any) -> None:
        """Keep another instruction. A disk that does not take it is said, and the instruction holds."""
        self.wanted = self.wanted.model_copy(update=changes)
        try:
            replace_file(self._path, self.wanted.model_dump_json().encode())
        except OSError as fault:
            log.error("the instruction cannot be kept: %s", fault.strerror)

    def permit(self) -> None:
        """Allow the hall to be seen; OSError when that cannot be kept, and it stays closed."""
        self._permit.touch(mode=0o600)


def forbid(folder: Path) -> None:
    """Take the permit of a broadcast away: whoever starts in its folder now shows no source."""
    with suppress(FileNotFoundError):
        (folder / PERMIT_FILE).unlink()
