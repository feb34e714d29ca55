"""What is written over the hall's picture: who speaks, on which item, how a vote ended, the council's mark.

Drawn by the painter ahead of time; the programme's thread only blends, and only the pixels of each box.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from streams.frames import Format, Frame
from streams.painter import Job, Painted
from streams.plan import Plan
from streams.requests import OVERLAYS, OverlayKind

FADE_SECONDS = 0.3
AHEAD = 0.15  # seconds by which a clock is drawn early: it takes about as long
RETRY_SECONDS = 3.0
MOVING: tuple[OverlayKind, ...] = ("clock",)

Plane = NDArray[np.uint16]
Values = Mapping[str, object]


class Layer:
    """A drawn overlay: its box, and for each plane the ink to add and the share of the picture to keep.

    8 bit fixed point; ink is already multiplied by its share. ``of`` tells drawings of the same values.
    """

    def __init__(self, form: Format, painted: Painted, of: int) -> None:
        self.of = of
        self.left, self.top, width, height = painted.box
        self._form = form
        flat = np.frombuffer(painted.drawn, dtype=np.uint16)
        whole, half = width * height, width * height // 4
        luma, blue, red, share, thin = np.split(
            flat, (whole, whole + half, whole + 2 * half, 2 * whole + 2 * half)
        )
        large, small = (height, width), (height // 2, width // 2)
        self._ink = (luma.reshape(large), blue.reshape(small), red.reshape(small))
        self._share = (share.reshape(large), thin.reshape(small), thin.reshape(small))
        self._keep = tuple(256 - share for share in self._share)
        self._room = tuple(np.empty_like(ink) for ink in self._ink)

    def over(self, frame: Frame, strength: float) -> None:
        """Blend into a frame that is ours to change; ``strength`` from 0 to 1 is how far it has faded in."""
        part = round(strength * 256)
        for plane, ink, share, keep, room, scale in zip(
            self._form.planes(frame), self._ink, self._share, self._keep, self._room, (1, 2, 2), strict=True
        ):
            top, left = self.top // scale, self.left // scale
            box = plane[top : top + ink.shape[0], left : left + ink.shape[1]]
            if part < 256:
                ink = (ink.astype(np.uint32) * part >> 8).astype(np.uint16)
                keep = 256 - (share * np.uint16(part) >> 8)
            np.multiply(box, keep, out=room, casting="unsafe", dtype=np.uint16)
            np.add(room, ink, out=room)
            np.right_shift(room, 8, out=room)
            np.copyto(box, room, casting="unsafe")


@dataclass
class _Slot:
    """One kind: what is to be seen, and what is seen of it meanwhile."""

    target: Layer | None = None
    shown: Layer | None = None
    leaving: Layer | None = None
    strength: float = 1.0
    of: int = 0  # which values the target is to be drawn of
    second: int = 0
    not_before: float = 0.0


class Overlays:
    """The overlays of one programme: ``over`` for its thread, ``job`` and ``take`` for the painter."""

    def __init__(self, plan: Plan, form: Format) -> None:
        self._plan, self._form = plan, form
        self._values: dict[OverlayKind, Values] = {}
        self._slots: dict[OverlayKind, _Slot] = {kind: _Slot() for kind in OVERLAYS}
        self._step = 1 / (FADE_SECONDS * plan.fps)
        always: dict[OverlayKind, bool] = plan.overlays.model_dump()  # type: ignore[assignment]
        for kind, wanted in always.items():
            if wanted:
                self.set(kind)

    @property
    def wanted(self) -> dict[OverlayKind, Values]:
        """What is to be seen, with its values."""
        return dict(self._values)

    def restore(self, wanted: Mapping[OverlayKind, Values]) -> None:
        """Show exactly what was wanted before."""
        for kind in OVERLAYS:
            if kind in wanted:
                self.set(kind, **wanted[kind])
            else:
                self.clear(kind)

    def set(self, kind: OverlayKind, **values: object) -> None:
        """Show an overlay, or show it with other values."""
        if self._values.get(kind) != values:
            slot = self._slots[kind]
            slot.of, slot.not_before = slot.of + 1, 0.0
            self._values[kind] = values

    def apply(self, kind: str, values: Values | None) -> None:
        """Show one with these values; None: take it off. A kind this version does not know is nothing."""
        for known in OVERLAYS:
            if known == kind and values is None:
                self.clear(known)
            elif known == kind and values is not None:
                self.set(known, **values)

    def clear(self, kind: OverlayKind) -> None:
        """Take an overlay off."""
        if self._values.pop(kind, None) is not None:
            slot = self._slots[kind]
            slot.of, slot.target = slot.of + 1, None

    def over(self, frame: Frame) -> Frame:
        """The frame with what is to be seen on it; a copy, unless there is nothing."""
        written = False
        for slot in self._slots.values():
            target = slot.target
            if target is not slot.shown:
                if target is not None and slot.shown is not None and target.of == slot.shown.of:
                    slot.shown = target
                elif slot.strength >= 1:  # one fade after another: what comes in between is not shown
                    slot.leaving, slot.shown, slot.strength = slot.shown, target, 0.0
            if slot.strength < 1:
                slot.strength = min(1.0, slot.strength + self._step)
            if slot.strength >= 1:
                slot.leaving = None
            for layer, strength in ((slot.leaving, 1 - slot.strength), (slot.shown, slot.strength)):
                if layer is not None:
                    if not written:
                        frame, written = frame.copy(), True
                    layer.over(frame, strength)
        return frame

    def job(self) -> Job | None:
        """The next overlay to draw."""
        now = self._plan.now()
        at = now + timedelta(seconds=AHEAD)
        for kind, values in tuple(self._values.items()):
            slot = self._slots[kind]
            current = slot.target is not None and slot.target.of == slot.of
            if current and (kind not in MOVING or slot.second == int(at.timestamp())):
                continue
            if now.timestamp() < slot.not_before:
                continue
            more = {
                "council": self._plan.council,
                "title": "",
                "language": self._plan.language,
                "clock": f"{at:%H:%M:%S}",
            }
            slot.second = int(at.timestamp())
            return Job(f"overlays/{kind}", more | dict(values), of=slot.of)
        return None

    def take(self, job: Job, painted: Painted) -> None:
        """Keep a drawn overlay, unless something else is wanted by now."""
        kind = next(kind for kind in OVERLAYS if job.template == f"overlays/{kind}")
        slot = self._slots[kind]
        if not painted.drawn:
            slot.not_before = self._plan.now().timestamp() + RETRY_SECONDS
        elif slot.of == job.of and kind in self._values:
            slot.target = Layer(self._form, painted, job.of)
