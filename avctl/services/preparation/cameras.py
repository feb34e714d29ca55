"""Cameras move and come back to where they were, whatever happens on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from avctl.commands import Operate
from avctl.config import Config
from avctl.desk import Desk
from avctl.errors import AvctlError
from avctl.model.preparation import Line
from avctl.model.preparation_words import MOVED, NOT_BACK, NOT_MOVED, REASON, STANDBY, UNSEEN_MOVE
from avctl.model.session import Session
from avctl.services.house import House
from avctl.services.preparation.proof import ACTOR, Keep, Result, failed, passed, warned

SPEED = 6
WAYS = ("right", "left")  # one may be at its end
MOVE_SECONDS = 2.5
LOOK_SECONDS = 0.05
RETURN_SECONDS = 25.0


class Cameras:
    """Moves each camera a little and recalls the shot it had."""

    kinds = ("moves",)

    def __init__(self, config: Config, desk: Desk, house: House) -> None:
        self._config, self._desk, self._house = config, desk, house

    def lines(self, session: Session) -> Iterable[Line]:
        """One for each camera of the room."""
        for device in self._config.in_room(session.room):
            if "Camera" in self._house.state(device.id).capabilities:
                yield Line(
                    id=f"moves.{device.id}",
                    kind="moves",
                    subject=device.id,
                    values={"device": device.title or device.id},
                    after=(f"answers.{device.id}",),
                    seen=True,
                )

    async def prove(self, session: Session, line: Line, keep: Keep) -> Result:
        """Move and return; cancelled or not, it is brought back."""
        camera = line.subject
        readings = self._readings(camera)
        if readings.get("power") is False:
            return failed(STANDBY)
        preset = readings.get("preset")
        if preset is None:  # led by hand: its present shot is kept meanwhile
            preset = self._config.preparation.keep_preset
            await self._act(camera, "store_preset", preset=preset)
        keep({"preset": preset})
        moved, fault = 0.0, ""
        try:
            moved = await self._move(camera)
        finally:
            fault = await self._back(camera, preset)
        if fault:
            return failed(NOT_BACK, reason=fault) if moved else failed(REASON, reason=fault)
        if "pan" not in readings:
            return warned(UNSEEN_MOVE)
        return passed(MOVED, steps=f"{moved:g}") if moved else failed(NOT_MOVED)

    async def put_back(self, line: Line) -> None:
        """A camera that was away when the controller died is brought back."""
        if (preset := line.keeps.get("preset")) is not None:
            await self._recall(line.subject, preset)

    async def _move(self, camera: str) -> float:
        """How far it went, in its own steps; 0 when it did not, or does not say."""
        for way in WAYS:
            was = self._readings(camera).get("pan")
            try:
                await self._act(camera, "drive", pan=way, speed=SPEED)
                moved = await self._moved(camera, was)
            finally:
                await asyncio.shield(self._act(camera, "drive"))
            if moved or was is None:
                return moved
        return 0.0

    async def _moved(self, camera: str, was: Any) -> float:
        try:
            async with asyncio.timeout(MOVE_SECONDS):
                while was is None or self._readings(camera).get("pan") == was:
                    await asyncio.sleep(LOOK_SECONDS)
                    await self._house.driver(camera).ask_now(self._config.preparation.answer_seconds)
        except TimeoutError:
            return 0.0
        return round(abs(float(self._readings(camera)["pan"]) - float(was)), 3)

    async def _back(self, camera: str, preset: int) -> str:
        """Why it did not come back; empty when it did. Goes on though it is cancelled meanwhile."""
        returning = asyncio.ensure_future(self._recall(camera, preset))
        try:
            await asyncio.shield(returning)
        except asyncio.CancelledError:
            await asyncio.gather(returning, return_exceptions=True)
            raise
        except (AvctlError, TimeoutError) as fault:
            return str(fault) or "it did not arrive in time"
        return ""

    async def _recall(self, camera: str, preset: int) -> None:
        async with asyncio.timeout(RETURN_SECONDS):
            await self._act(camera, "recall_preset", preset=preset)

    async def _act(self, camera: str, verb: str, **arguments: Any) -> None:
        await self._desk.obey(Operate(actor=ACTOR, device=camera, verb=verb, arguments=arguments))

    def _readings(self, camera: str) -> Mapping[str, Any]:
        return self._house.state(camera).readings
