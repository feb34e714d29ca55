"""The pages a programme shows when there is no picture: who, what, why, and a clock that goes."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from PIL import Image, ImageDraw

from streams.frames import Format, Frame
from streams.lettering import font, shorten, wrap
from streams.plan import Plan
from streams.requests import SlateName

TEXTS: dict[SlateName, tuple[str, str]] = {
    "starting": ("Незабаром початок", "Starting soon"),
    "break": ("Перерва", "Break"),
    "technical": ("Технічна пауза", "Technical pause"),
    "closed": ("Закрита частина засідання", "Closed part of the sitting"),
    "air_raid": ("Повітряна тривога", "Air-raid alert"),
    "sound": ("Лише звук", "Sound only"),
    "ended": ("Засідання завершено", "The sitting has ended"),
}

INK, PALE, NIGHT, ALARM = "#ffffff", "#b9c6dc", "#0d2240", "#6d1016"
BLUE, YELLOW = "#0057b7", "#ffd700"


class Slates:
    """Draws each slate once; then only its clock, second by second."""

    def __init__(self, plan: Plan, form: Format) -> None:
        self._plan = plan
        self._form = form
        self._pages: dict[SlateName, Frame] = {}
        self._clock_face = font(max(10, form.height // 14), bold=True)
        height = form.height // 10 // 2 * 2
        width = int(self._clock_face.getlength("00:00:00") * 1.1) // 2 * 2
        margin = form.height // 16
        self._clock = (
            (form.width - margin - width) // 2 * 2,
            (form.height - margin - height) // 2 * 2,
            width,
            height,
        )

    def frame(self, name: SlateName, at: datetime) -> Frame:
        """The slate as it looks at this time; a new frame, so those in use do not change."""
        if name not in self._pages:
            self._pages[name] = self._page(name)
        frame = self._pages[name].copy()
        left, top, width, height = self._clock
        face = Image.new("RGB", (width, height), _ground(name))
        ImageDraw.Draw(face).text(
            (width, height // 2), f"{at:%H:%M:%S}", fill=INK, font=self._clock_face, anchor="rm"
        )
        self._form.paint(frame, face, left, top)
        return frame

    def _page(self, name: SlateName) -> Frame:
        width, height = self._form.width, self._form.height
        picture = Image.new("RGB", (width, height), _ground(name))
        draw = ImageDraw.Draw(picture)
        margin, inside = height // 10, width - height // 5
        draw.rectangle((0, 0, width, height // 90), fill=BLUE)
        draw.rectangle((0, height // 90, width, height // 45), fill=YELLOW)
        council = font(max(8, height // 22))
        draw.text((margin, margin), shorten(self._plan.council, council, inside), PALE, council, "la")
        said = TEXTS[name] if self._plan.language == "uk" else TEXTS[name][::-1]
        large, small = font(max(12, height // 9), bold=True), font(max(8, height // 18))
        top = height * 0.3
        for line in wrap(said[0], large, inside, 2):
            draw.text((margin, top), line, INK, large, "la")
            top += height * 0.13
        draw.text((margin, top + height * 0.01), shorten(said[1], small, inside), PALE, small, "la")
        title = font(max(8, height // 20))
        top += height * 0.12
        for line in wrap(self._plan.title, title, inside, 2):
            draw.text((margin, top), line, INK, title, "la")
            top += height * 0.07
        frame = np.empty(self._form.frame_bytes, dtype=np.uint8)
        self._form.paint(frame, picture)
        return frame


def _ground(name: SlateName) -> str:
    return ALARM if name == "air_raid" else NIGHT
