"""The pictures of one room: which camera moves, and when the programme cuts to the source it feeds.

A camera that viewers see moves only when no other can show the same. Otherwise the other one moves first,
its own readings say that it has arrived, and then the programme cuts to it.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from avctl.commands import CutTo, Operate
from avctl.config import Config, Room, Shot
from avctl.desk import Desk
from avctl.errors import AvctlError
from avctl.events import Link
from avctl.model.session import Session
from avctl.services.house import House

log = logging.getLogger(__name__)

ACTOR = "follow"
PROGRAMME = "programme-"


@dataclass(eq=False)
class _Plan:
    """What is to be shown: one of the first shots, else one of the next. ``shot`` is the one being tried."""

    session: Session
    choices: tuple[tuple[Shot, ...], ...]
    shot: Shot | None = None
    cutting: bool = False
    ended: bool = False
    bound: asyncio.TimerHandle | None = None


@dataclass(frozen=True)
class _Recall:
    """A camera that was asked for a shot, and whether viewers see it move."""

    shot: Shot
    unseen: bool
    done: asyncio.Task[Any]


class Director:
    """Carries out one plan at a time; a newer one takes the place of the last."""

    def __init__(self, config: Config, room: Room, desk: Desk, house: House) -> None:
        self._settings, self._desk, self._house = config.follow, desk, house
        self._feeds = {one.id: one.feeds for one in config.in_room(room.id) if one.feeds is not None}
        self._cut_to: dict[str, str] = {}
        self._plan: _Plan | None = None
        self._since = -math.inf  # when the picture that viewers have began
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Let every act go."""
        self.rest()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def show(self, session: Session, *choices: tuple[Shot, ...]) -> None:
        """Show one of the first shots, or of the others in turn; stay when none can be shown.

        A camera that need not wait has its bytes when this returns: before names, pages and the journal.
        """
        plan = self._plan
        # The first are the same tuple while nobody stores a shot: mostly they need not be compared.
        same = plan is not None and plan.choices[0] is choices[0] and plan.choices == choices
        if plan is not None and same and (not plan.ended or self._stands(plan)):
            return
        self.rest()
        plan = self._plan = _Plan(session, choices)
        self._spawn(self._carry_out(plan, self._at_once(plan)))

    def rest(self) -> None:
        """Give up what is not done yet."""
        if self._plan is not None and self._plan.bound is not None:
            self._plan.bound.cancel()
        self._plan = None

    def relies_on(self, device: str) -> bool:
        """Whether what is shown, or is to be, comes from this camera or source."""
        shot = self._plan.shot if self._plan is not None else None
        return shot is not None and device in (shot.camera, self._feeds.get(shot.camera))

    def was_cut(self, session: str, source: str) -> None:
        """The programme was cut, by whomever."""
        self._cut_to[session] = source
        self._since = asyncio.get_running_loop().time()

    def usable(self, shot: Shot) -> bool:
        """Whether the camera answers and its source has a picture, as far as is known."""
        feed = self._feeds.get(shot.camera)
        lost = feed is not None and self._house.state(feed).link in (Link.OFFLINE, Link.REFUSED)
        return self._house.state(shot.camera).online and not lost

    # --- carrying out ----------------------------------------------------------------------------------

    def _at_once(self, plan: _Plan) -> _Recall | None:
        """Recall the first shot that can be shown, when nothing has to be waited for."""
        shot = next((one for one in self._in_order(plan) if self.usable(one)), None)
        if shot is None or self._stands_at(shot):
            return None
        unseen = self._unseen(plan.session, shot)
        return self._recall(plan, shot, unseen) if unseen or self._left() <= 0 else None

    async def _carry_out(self, plan: _Plan, recall: _Recall | None) -> None:
        tried = recall.shot if recall is not None else None
        if recall is not None and await self._arrive(plan, recall):
            plan.ended = True
            return
        for shot in self._in_order(plan):
            if plan is not self._plan:
                return
            if plan.cutting or shot is tried or not self.usable(shot):
                continue
            unseen = self._unseen(plan.session, shot)
            if not unseen and not await self._long_enough(plan):
                return
            if await self._move(plan, shot, unseen):
                break
        plan.ended = True

    async def _move(self, plan: _Plan, shot: Shot, unseen: bool) -> bool:
        """Show a shot, with the camera where it stands or after a recall; false when it did not do it."""
        plan.shot = shot
        if self._stands_at(shot):
            if unseen:
                await self._cut(plan, shot)
            return True
        return await self._arrive(plan, self._recall(plan, shot, unseen))

    def _recall(self, plan: _Plan, shot: Shot, unseen: bool) -> _Recall:
        """Ask the camera for a shot; its bytes are out when this returns, if the camera's line is free."""
        loop, plan.shot = asyncio.get_running_loop(), shot
        if unseen:
            plan.bound = loop.call_later(self._settings.arrive_within, self._overdue, plan, shot)
        else:
            self._since = loop.time()
        command = Operate(
            actor=ACTOR, device=shot.camera, verb="recall_preset", arguments={"preset": shot.preset}
        )
        return _Recall(shot, unseen, self._spawn(self._desk.obey(command)))

    async def _arrive(self, plan: _Plan, recall: _Recall) -> bool:
        """Wait for the camera, and cut to it if nobody saw it move; false when it did not do it."""
        shot = recall.shot
        try:
            await recall.done
        except AvctlError as refusal:
            if plan is self._plan:
                log.warning("%s does not go to its shot %d: %s", shot.camera, shot.preset, refusal)
            return plan.cutting
        finally:
            if plan.bound is not None:
                plan.bound.cancel()
        if recall.unseen:
            await self._cut(plan, shot)
        return True

    def _overdue(self, plan: _Plan, shot: Shot) -> None:
        """The camera does not say that it has arrived: it is cut to all the same, if it still answers."""
        if plan is self._plan and self.usable(shot):
            self._spawn(self._cut(plan, shot))

    async def _cut(self, plan: _Plan, shot: Shot) -> None:
        if plan.cutting or plan is not self._plan:
            return
        plan.cutting = True
        if not await self._long_enough(plan):
            return
        command = CutTo(actor=ACTOR, session=plan.session.id, source=self._feeds[shot.camera])
        try:
            await self._desk.obey(command)
        except AvctlError as refusal:
            log.warning("the programme is not cut to %s: %s", command.source, refusal)

    async def _long_enough(self, plan: _Plan) -> bool:
        """Wait until the present picture has been there for long enough; false when the plan was given up."""
        if (left := self._left()) > 0:
            await asyncio.sleep(left)
        return plan is self._plan

    def _left(self) -> float:
        """Seconds for which the present picture has to stay."""
        return self._since + self._settings.shortest_shot - asyncio.get_running_loop().time()

    def _spawn(self, act: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(act)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # --- what is seen ----------------------------------------------------------------------------------

    def _in_order(self, plan: _Plan) -> list[Shot]:
        """The shots to try: first one that stands already on air, then cameras that nobody sees."""
        if not self._feeds or not plan.session.broadcastable:
            return [shot for choice in plan.choices for shot in choice]
        found: list[Shot] = []
        for choice in plan.choices:
            there = [shot for shot in choice if self._on_air(plan.session, shot) and self._stands_at(shot)]
            unseen = [shot for shot in choice if self._unseen(plan.session, shot)]
            found += dict.fromkeys((*there, *unseen, *choice))
        return found

    def _unseen(self, session: Session, shot: Shot) -> bool:
        """Whether a camera can be moved without anybody seeing it, and then be cut to."""
        cut = session.broadcastable and shot.camera in self._feeds
        return cut and not self._on_air(session, shot)

    def _on_air(self, session: Session, shot: Shot) -> bool:
        feed = self._feeds.get(shot.camera)
        return feed is not None and feed == self._source(session.id)

    def _source(self, session: str) -> str:
        """The source that is the hall now; empty while nobody knows."""
        if session in self._cut_to:
            return self._cut_to[session]
        programme = f"{PROGRAMME}{session}"
        readings = self._house.state(programme).readings if programme in self._house else {}
        told = (str(readings.get(name, "")) for name in ("wanted", "showing"))
        return next((one.removeprefix("source:") for one in told if one.startswith("source:")), "")

    def _stands_at(self, shot: Shot) -> bool:
        return self._house.state(shot.camera).readings.get("preset") == shot.preset

    def _stands(self, plan: _Plan) -> bool:
        """Whether what a plan has shown is still so."""
        shot = plan.shot
        return shot is not None and self._stands_at(shot) and not self._unseen(plan.session, shot)
