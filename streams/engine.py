"""The programme of a session as a device: its wire is the runner's control socket (see ``requests.py``)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from avctl.capabilities import Recording, Scenes, Streaming, lacking
from avctl.config import Device
from avctl.driver import Driver, Publish, together
from avctl.errors import LinkError, NoAnswer, ProtocolError, Rejected
from avctl.events import BroadcastMeasured
from avctl.wire import Wire, unix
from streams.requests import SOCKET_FILE
from streams.status import RunnerStatus

ANSWER_SECONDS = 5.0
CLOSE_SECONDS = 1.5  # then the runner is ended by force: no picture is better than the wrong one
METERS = ("rms_db", "peak_db", "momentary", "short", "integrated", "true_peak", "loudness_since", "wrong")
WRONG = ("black", "freeze", "silence", "clipping", "channel_dead", "out_of_phase")
START_SECONDS = 15.0
SILENT_SECONDS = 5.0  # a runner says something ten times a second


class Programme(Driver, Streaming, Recording, Scenes):
    """Reports ``phase``, ``live``, ``showing``, ``lower_third``, ``recording``, ``restarts`` and ``outputs``;
    ``reduced`` is what is encoded because the machine is too slow for everything, ``encoder_fault`` why x264
    encodes in place of a chip.

    ``advancing`` and ``growing`` are reported by who looks at the files, not by the runner's word.
    """

    title = "Programme of a broadcast"

    def __init__(
        self,
        device: Device,
        publish: Publish,
        session: str,
        folder: Path,
        learn: Callable[[RunnerStatus], None],
    ) -> None:
        super().__init__(device, publish)
        self._session, self._folder, self._learn = session, folder, learn
        self._wire: Wire | None = None
        self._numbers = count(1)
        self._asked: dict[int, asyncio.Future[None]] = {}
        self._last: RunnerStatus | None = None
        self.looked: dict[str, Any] = {}  # what the lookout on the public list saw last

    async def serve(self) -> None:
        async with AsyncExitStack() as stack:
            self._wire = await self._reach(stack)
            try:
                await together(self._hear())
            finally:
                self._wire = None
                for future in self._asked.values():
                    if not future.done():
                        future.set_exception(LinkError("the runner is gone"))

    async def _reach(self, stack: AsyncExitStack) -> Wire:
        """The runner's socket, which is there a moment after its start; the one of a dead runner refuses."""
        last = LinkError("the runner is not there")
        try:
            async with asyncio.timeout(START_SECONDS):
                while True:
                    try:
                        return await stack.enter_async_context(unix(self._folder / SOCKET_FILE, self.log))
                    except LinkError as fault:
                        last = fault
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise last from None

    async def _hear(self) -> None:
        assert self._wire is not None
        rest = b""
        while True:
            try:
                async with asyncio.timeout(SILENT_SECONDS):
                    rest += await self._wire.receive()
            except TimeoutError:
                raise LinkError(f"the runner has said nothing for {SILENT_SECONDS:g} s") from None
            *lines, rest = rest.split(b"\n")
            for line in lines:
                self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            message: dict[str, Any] = json.loads(line)
            match message.get("event"):
                case "status":
                    self._status(RunnerStatus.model_validate(message))
                case "meters":
                    self._meters(message)
                case _:
                    self._answered(message)
        except (ValueError, AttributeError) as fault:
            raise ProtocolError(f"the runner said {line[:80]!r}") from fault

    def _answered(self, message: dict[str, Any]) -> None:
        future = self._asked.pop(message.get("id", 0), None)
        if future is None or future.done():
            return
        if "error" in message:
            future.set_exception(Rejected(str(message["error"])))
        else:
            future.set_result(None)

    def _status(self, status: RunnerStatus) -> None:
        self._last = status
        hls, recording = status.outputs.hls, status.outputs.recording
        self.report(
            phase=status.phase,
            live=status.phase in ("live", "degraded"),
            showing=status.showing,
            wanted=status.wanted,
            closed=status.closed,
            **{name: name in status.wrong for name in WRONG},
            lower_third=status.lower_third.name,
            recording=status.recording,
            music_fault=status.music_fault,
            reduced=status.encoder.reduced,
            encoder_fault=status.encoder.fault,
            encoder_restarts=status.encoder.restarts,
            restarts=status.encoder.restarts + sum(one.restarts for one in status.sources.values()),
            outputs={
                "hls": {"advancing": hls.advancing, "renditions": sorted(hls.renditions)},
                "recording": {
                    "growing": recording.growing,
                    "file": recording.file,
                    "reason": recording.reason,
                },
                "pushes": {
                    name: {"title": one.title, "live": one.live, "reason": one.reason}
                    for name, one in status.outputs.pushes.items()
                },
            },
        )
        self.online()
        self._learn(status)

    def _meters(self, message: dict[str, Any]) -> None:
        meters = {name: message.get(name) for name in METERS}
        if (status := self._last) is not None:
            hls = status.outputs.hls
            meters |= {
                "fps": status.encoder.fps,
                "frames": status.frames,
                "repeated": status.repeated,
                "dropped": status.encoder.dropped,
                "behind": status.encoder.behind,
                "quality_step": status.encoder.step,
                "segments": hls.segments,
                "recorded": status.outputs.recording.bytes,
                "sources": {
                    name: one.model_dump(include={"fps", "dropped", "repeated", "audio"})
                    for name, one in status.sources.items()
                },
                "kbps": {name: one.kbps for name, one in hls.renditions.items()},
            }
        self._publish(BroadcastMeasured(session=self._session, meters={**meters, **self.looked}))

    async def ask(self, do: str, *, within: float = ANSWER_SECONDS, **more: Any) -> None:
        """Say something to the runner; Rejected when it says no, NoAnswer when it says nothing."""
        if self._wire is None:
            raise LinkError("the runner does not answer; it is being started")
        number = next(self._numbers)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked[number] = future
        try:
            async with asyncio.timeout(within):
                await self._wire.send(json.dumps({"id": number, "do": do, **more}).encode() + b"\n")
                await future
        except TimeoutError:
            raise NoAnswer(f"the runner did not answer {do} within {within:g} s") from None
        finally:
            self._asked.pop(number, None)

    async def go_live(self) -> None:
        await self.show_public(record=True)

    async def show_public(self, *, record: bool) -> None:
        """Let the public see the programme, and record it unless that is to begin later."""
        await self.ask("publish", **({} if record else {"record": False}))

    stop_recording = lacking("a recording ends with its broadcast, so that nothing is lost")

    async def start_recording(self) -> None:
        await self.ask("record")

    async def end(self) -> None:
        await self.ask("end")

    async def show(self, scene: str) -> None:
        await self.ask("show", scene=scene)

    async def plan_end(self, at: datetime) -> None:
        """Move the planned end."""
        await self.ask("plan_end", at=at.isoformat())

    async def tell_times(self, times: Mapping[str, datetime]) -> None:
        """Say when slates are over."""
        await self.ask("slate_times", times={name: at.isoformat() for name, at in times.items()})

    async def show_overlay(self, kind: str, show: bool, values: Mapping[str, str | int]) -> None:
        """Show an overlay with its values, or take it off."""
        await self.ask("overlay", kind=kind, show=show, values=dict(values))

    async def enter_closed(self) -> None:
        """Begin a closed part; when this returns nothing of the hall is in any output."""
        await self.ask("enter_closed", within=CLOSE_SECONDS)

    async def leave_closed(self) -> None:
        """End the closed part."""
        await self.ask("leave_closed")

    async def show_lower_third(self, name: str, role: str = "") -> None:
        await self.ask("lower_third", name=name, role=role)
