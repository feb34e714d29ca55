"""The pages a programme shows when there is no picture: who, what, why, and a clock that goes.

Drawn ahead by the painter, second by second for the one that is shown, without a clock for the others; a page
that is not there yet is replaced by a plain one. Asking for a page never waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import cast
from zoneinfo import ZoneInfo

import numpy as np
from PIL import Image, ImageDraw

from streams.frames import Format, Frame
from streams.lettering import font, shorten
from streams.painter import Job, Painted
from streams.plan import Plan
from streams.requests import SLATES, SlateName

TEXTS: dict[SlateName, str] = {
    "starting": "Незабаром початок",
    "break": "Перерва",
    "technical": "Технічна пауза",
    "closed": "Закрита частина засідання",
    "air_raid": "Повітряна тривога",
    "power": "Немає електропостачання",
    "sound": "Лише звук",
    "released": "Запис буде оприлюднено",
    "ended": "Засідання завершено",
}

INK, NIGHT, ALARM = "#ffffff", "#0d2240", "#6d1016"
AHEAD = 0.6  # seconds before its own that a page is asked for
LOOK_SECONDS = 1.0  # between two questions whether a template has changed
FIRST: tuple[SlateName, ...] = ("closed", "technical", "starting")  # those that may be needed at once
STALE = 3  # seconds; a clock that is later than this is not shown


class Slates:
    """The pages of one programme. ``frame`` is called by its thread, ``job`` and ``take`` by the painter."""

    def __init__(self, plan: Plan, form: Format, *, clock: bool = True) -> None:
        """Without ``clock`` no page is drawn anew each second."""
        self._plan, self._form, self._clock = plan, form, clock
        self._until: dict[SlateName, datetime] = {}
        self._plain: dict[SlateName, Frame] = {}
        self._still: dict[SlateName, Frame] = {}
        self._fresh: set[SlateName] = set()  # those whose still page is of the present templates and values
        self._ready: dict[SlateName, dict[int, Frame]] = {}
        self._shown: SlateName = "starting"
        self._tried: dict[SlateName, datetime] = {}
        self._version = ""
        self._looked = plan.now()

    def until(self, times: Mapping[SlateName, datetime]) -> None:
        """When pages are over: the planned start, the end of the break, the release; left out: not known."""
        # What is shown stays until it has been drawn again: better an old time for a second than a bare page.
        before, self._until = self._until, dict(times)
        self._fresh -= {name for name in SLATES if before.get(name) != times.get(name)}

    def frame(self, name: SlateName, at: datetime) -> Frame:
        """The newest page there is for this time; its clock goes from now on."""
        self._shown = name
        return self.look(name, at)

    def look(self, name: SlateName, at: datetime) -> Frame:
        """The same, without showing it."""
        second = int(at.timestamp())
        ready = self._ready.get(name, {})
        best = max((one for one in tuple(ready) if one <= second), default=0)
        if second - best < STALE and (frame := ready.get(best)) is not None:
            return frame
        if (still := self._still.get(name)) is not None:
            return still
        if name not in self._plain:
            self._plain[name] = _plain(self._plan, self._form, name)
        return self._plain[name]

    def drawn(self, name: SlateName) -> bool:
        """Whether the page is there as its template wants it."""
        return name in self._still or bool(self._ready.get(name))

    def job(self) -> Job | None:
        """The next page to draw: the shown one's next second, then those that may be needed."""
        now = self._plan.now()
        shown = self._shown
        second = int((now + timedelta(seconds=AHEAD)).timestamp())
        ready = self._ready.get(shown, {})
        if self._clock and not any(one in ready for one in (second, second + 1)) and self._may(shown, now):
            # Nothing to show yet: this second's page first.
            return self._page(shown, second if ready else int(now.timestamp()))
        for name in dict.fromkeys((*FIRST, *SLATES)):
            if name not in self._fresh and self._may(name, now):
                return Job(f"slates/{name}", self._values(name, now), still=True)
        if (now - self._looked).total_seconds() >= LOOK_SECONDS:
            self._looked = now
            return Job("slates/closed", self._values("closed", now), still=True, known=self._version)
        return None

    def take(self, job: Job, painted: Painted) -> None:
        """Keep a page; when the templates have changed, all are drawn again."""
        name = cast(SlateName, job.template.partition("/")[2])
        if painted.version != self._version:
            self._version = painted.version
            self._fresh.clear()
            self._ready = {name: pages for name, pages in self._ready.items() if name == self._shown}
        if not painted.drawn:
            if not job.known:
                self._tried[name] = self._plan.now()
            return
        if job.values["until"] != self._values(name, self._plan.now())["until"]:
            return  # it has been set anew while this was drawn
        frame = np.frombuffer(painted.drawn, dtype=np.uint8)
        if job.still:
            self._still[name] = frame
            self._fresh.add(name)
        else:
            second = cast(int, job.values["second"])
            old = self._ready.get(name, {})
            self._ready[name] = {one: page for one, page in old.items() if one == second - 1} | {
                second: frame
            }

    def _may(self, name: SlateName, now: datetime) -> bool:
        """A page that cannot be drawn at all is not tried all the time."""
        tried = self._tried.get(name)
        return tried is None or now - tried > timedelta(seconds=STALE)

    def _page(self, name: SlateName, second: int) -> Job:
        at = datetime.fromtimestamp(second, ZoneInfo(self._plan.timezone))
        return Job(f"slates/{name}", self._values(name, at) | {"second": second})

    def _values(self, name: SlateName, at: datetime) -> dict[str, object]:
        plan, until = self._plan, self._until.get(name)
        left = 0 if until is None else int((until - at).total_seconds())
        if until is not None:
            until = until.astimezone(ZoneInfo(plan.timezone))
        hours, rest = divmod(max(0, left), 3600)
        return {
            "council": plan.council,
            "council_en": plan.council_en,
            "title": plan.title,
            "language": plan.language,
            "clock": f"{at:%H:%M:%S}",
            "date": f"{at:%d.%m.%Y}",
            "until": "" if until is None else f"{until:%H:%M}",
            "until_date": "" if until is None or until.date() == at.date() else f"{until:%d.%m.%Y}",
            # A day or more is no countdown; a time that is past is none either.
            "countdown": (f"{hours}:" if hours else "") + f"{rest // 60:02}:{rest % 60:02}"
            if 0 < left < 86_400
            else "",
        }


def _plain(plan: Plan, form: Format, name: SlateName) -> Frame:
    """A page that needs no template and no time: ground and two lines."""
    ground = ALARM if name == "air_raid" else NIGHT
    frame = np.empty(form.frame_bytes, dtype=np.uint8)
    picture = Image.new("RGB", (form.width, form.height), ground)
    draw = ImageDraw.Draw(picture)
    left, inside = form.width // 13, form.width * 11 // 13
    for text, size, top in ((TEXTS[name], form.height // 9, 0.3), (plan.council, form.height // 22, 0.12)):
        face = font(max(8, size), bold=top > 0.2)
        draw.text((left, form.height * top), shorten(text, face, inside), INK, face, "la")
    form.paint(frame, picture)
    return frame
