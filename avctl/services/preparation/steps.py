"""The steps that bring a room to its wanted state, each read back from its device."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from avctl.capabilities import verbs_of
from avctl.commands import ArmBroadcast, Operate, Reconnect
from avctl.config import Config
from avctl.desk import Desk
from avctl.errors import AvctlError, DeviceError
from avctl.model.preparation import Line
from avctl.model.preparation_words import DONE, REASON
from avctl.model.session import Session
from avctl.services.house import House
from avctl.services.preparation.proof import ACTOR, Keep, Result, failed, passed


class Steps:
    """Does what the configuration wants done; a display that was just switched on refuses for a while."""

    kinds = ("step", "armed")

    def __init__(self, config: Config, desk: Desk, house: House) -> None:
        self._config, self._desk, self._house = config, desk, house

    def lines(self, session: Session) -> Iterable[Line]:
        """A line for each step of the room, and one for the broadcast."""
        titles = {device.id: device.title or device.id for device in self._config.in_room(session.room)}
        waiting = self._config.steps(session.room, session.booking.kind.value)
        done: set[str] = set()
        while waiting:  # those that wait stand after what they wait for; there is no circle
            ready = [step for step in waiting if done.issuperset(step.after)]
            for step in ready:
                told = ", ".join(str(value) for value in step.arguments.values())
                yield Line(
                    id=f"step.{step.id}",
                    kind="step",
                    subject=step.device,
                    values={
                        "device": titles[step.device],
                        "verb": step.verb,
                        "told": told,
                        "asks": step.verb,
                        "arguments": dict(step.arguments),
                    },
                    after=tuple(f"step.{other}" for other in step.after),
                    seen="Camera" in self._house.state(step.device).capabilities,
                )
            done.update(step.id for step in ready)
            waiting = [step for step in waiting if step.id not in done]
        if session.broadcastable:
            yield Line(id="armed", kind="armed")

    async def prove(self, session: Session, line: Line, keep: Keep) -> Result:
        """Do it."""
        began = asyncio.get_running_loop().time()
        if line.kind == "armed":
            await self._desk.obey(ArmBroadcast(actor=ACTOR, session=session.id))
        elif fault := await self._until_done(line):
            return failed(REASON, reason=fault)
        return passed(DONE, seconds=round(asyncio.get_running_loop().time() - began, 1))

    async def put_back(self, line: Line) -> None:
        """A step leaves what it was asked for."""

    def is_done(self, line: Line) -> bool:
        """Whether the device's readings show a step done already: it need not be asked twice."""
        if line.kind != "step" or line.subject not in self._house:
            return False
        state, driver = self._house.state(line.subject), self._house.driver(line.subject)
        proof = getattr(verbs_of(driver).get(line.values["asks"]), "proof", None)
        return bool(proof is not None and state.online and proof(state.readings, line.values["arguments"]))

    async def _until_done(self, line: Line) -> str:
        """The fault that stays when the time is over; empty when it was done."""
        settings, device = self._config.preparation, line.subject
        asked: dict[str, Any] = {"verb": line.values["asks"], "arguments": line.values["arguments"]}
        command = Operate(actor=ACTOR, device=device, **asked)
        fault = f"did not {command.verb} in time"
        seconds = settings.seconds
        if not self._house.state(device).online:
            await self._desk.obey(Reconnect(actor=ACTOR, device=device))
            if not line.after:  # nothing before it would bring it back
                seconds = min(seconds, settings.answer_seconds)
        try:
            async with asyncio.timeout(seconds):
                while True:
                    try:
                        await self._desk.obey(command)
                        return ""
                    except DeviceError as refusal:
                        fault = str(refusal)
                        await asyncio.sleep(settings.retry_seconds)
                    except AvctlError as refusal:
                        return str(refusal)
        except TimeoutError:
            return fault
