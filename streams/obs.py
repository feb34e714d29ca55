"""OBS Studio over obs-websocket 5, by the library obs-websocket-py: a second way to make a picture.

What OBS sends is a source like any other (a ``streams.feed`` that listens where OBS streams to), so slates
and closed parts hold whether OBS obeys or not; ``streams.studio`` tells it of them. The library is
synchronous with a thread of its own: every call is made in a thread and has a deadline. Source:
obs-websocket protocol 5.x (docs/generated/protocol.md).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, ClassVar

import websocket
from obswebsocket import exceptions, obsws, requests
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from avctl.capabilities import Recording, Scenes, Streaming
from avctl.config import Device
from avctl.driver import Driver, Publish
from avctl.errors import AuthRefused, LinkError, ProtocolError, Rejected

POLL_SECONDS = 1.0
ANSWER_SECONDS = 3.0
CONNECTING_SECONDS = 10.0
STALLED_SECONDS = 10.0  # of a stream that is on, or connects again and again, and sends nothing
HALL = "hall"
WRONG_PASSWORD = "password may be"  # how the library says it


class ObsOptions(BaseModel):
    """How OBS is set up."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    password: SecretStr = Field(SecretStr(""), description="Password of its websocket server; empty: none.")
    scenes: Mapping[str, str] = Field(
        default_factory=lambda: {HALL: "Hall"},
        description="Which of its scenes is what: hall, and slates by name (break, closed and so on).",
    )
    lower_third: str = Field("", description="Name of the text source that holds the speaker; empty: none.")
    stream: bool = Field(
        True, description="Have it send while its room has a broadcast; false: a person starts and stops it."
    )


class Obs(Driver, Streaming, Recording, Scenes):
    """Reports beside the promised: ``reconnecting``, ``sending``, ``scenes``, ``scene``, ``fps``,
    ``dropped``, ``congestion`` and ``version``. A stream that reconnects is not live, whatever OBS shows."""

    title: ClassVar[str] = "OBS Studio"
    port: ClassVar[int] = 4455
    Options: ClassVar[type[BaseModel]] = ObsOptions

    _client: Any = None

    def __init__(self, device: Device, publish: Publish) -> None:
        super().__init__(device, publish)
        self._started = -CONNECTING_SECONDS  # when it was last told to stream, by the monotonic clock
        self._acting = asyncio.Lock()  # one verb at a time: each looks before it acts
        self._turn = asyncio.Lock()  # the library numbers its requests without one
        self._records = False  # whether it was we who started its recording

    async def serve(self) -> None:
        loop, news = asyncio.get_running_loop(), asyncio.Event()
        client = obsws(
            self.device.host,
            int(self.device.port or self.port),
            self.options.password.get_secret_value(),
            legacy=False,
            timeout=ANSWER_SECONDS,
        )
        client.register(lambda event: loop.call_soon_threadsafe(news.set))
        try:
            await self._connect(client)
            self._client = client
            self._sent = (-1, time.monotonic())
            self._started = -CONNECTING_SECONDS  # it may be another OBS than the one that was told
            version = await self._ask("GetVersion")
            self.report(version=str(version.get("obsVersion", "")))
            await self._look()
            self.online()
            while True:
                # An event is only a reason to look: what OBS answers is what is reported.
                await self.rest(POLL_SECONDS, news)
                news.clear()
                await self._look()
        finally:
            self._client = None
            await asyncio.to_thread(_hang_up, client)

    async def _connect(self, client: Any) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._in_thread(client.connect, client)
        except TimeoutError:
            raise LinkError("it says nothing; obs-websocket 5 speaks first") from None
        except exceptions.ConnectionFailure as fault:
            if WRONG_PASSWORD in str(fault):
                raise AuthRefused("OBS refuses the password") from fault
            raise LinkError(f"cannot connect: {fault}") from fault
        except (websocket.WebSocketException, ValueError, KeyError, TypeError, AttributeError) as fault:
            raise ProtocolError(f"it is no obs-websocket 5: {type(fault).__name__}") from fault
        except OSError as fault:
            raise LinkError(f"cannot connect: {fault.strerror or fault}") from fault

    async def _in_thread(self, work: Callable[[], Any], client: Any) -> Any:
        """Do something in a thread; when nobody waits any more, its socket is shut so that it ends too."""
        doing = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            return await asyncio.shield(doing)
        except asyncio.CancelledError:
            _hang_up(client)
            doing.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise

    async def _ask(self, name: str, **data: Any) -> dict[str, Any]:
        """The answer to a request; Rejected when OBS says no, LinkError when it says nothing."""
        client = self._client
        if client is None:
            raise LinkError("OBS is not connected")
        request = getattr(requests, name)(**data)
        try:
            async with self._turn, asyncio.timeout(ANSWER_SECONDS + 1):
                answer = await self._in_thread(lambda: client.call(request), client)
        except (exceptions.MessageTimeout, TimeoutError):
            # What OBS asks in a window of its own holds up everything else until somebody answers.
            why = f"no answer to {name} within {ANSWER_SECONDS:g} s; a dialog may stand open in OBS"
            raise LinkError(why) from None
        except (OSError, websocket.WebSocketException) as fault:
            raise LinkError("OBS has ended the connection") from fault
        if not answer.status:
            raise Rejected(f"OBS refused {name}")
        found: dict[str, Any] = answer.datain
        return found

    async def _look(self) -> None:
        """Read everything anew."""
        scenes, stats = await self._ask("GetSceneList"), await self._ask("GetStats")
        stream, record = await self._ask("GetStreamStatus"), await self._ask("GetRecordStatus")
        scene = str(scenes.get("currentProgramSceneName", ""))
        active, again = stream.get("outputActive") is True, stream.get("outputReconnecting") is True
        recording = record.get("outputActive") is True
        self.report(
            scenes=tuple(str(one.get("sceneName")) for one in scenes.get("scenes", ())),
            scene=scene,
            showing=self._meaning(scene),
            programme=self._programme(scene),
            live=active and not again,
            reconnecting=again,
            sending=self._sends(active or again, int(stream.get("outputBytes", 0))),
            phase="live" if active or again or (recording and self._records) else "ended",
            recording=recording,
            recorded=int(record.get("outputBytes", 0)),
            outputs={"stream": {"live": active and not again, "reconnecting": again}},
            fps=round(float(stats.get("activeFps", 0))),
            dropped=int(stream.get("outputSkippedFrames", 0)) + int(stats.get("renderSkippedFrames", 0)),
            congestion=round(float(stream.get("outputCongestion", 0)), 1),
            lower_third=await self._named(),
        )

    def _sends(self, on: bool, sent: int) -> bool | None:
        """Whether a stream really sends; None when there is none."""
        if not on:
            self._sent = (-1, time.monotonic())
            return None
        if sent != self._sent[0]:
            self._sent = (sent, time.monotonic())
        return time.monotonic() - self._sent[1] < STALLED_SECONDS

    async def _named(self) -> str:
        if not self.options.lower_third:
            return ""
        try:
            found = await self._ask("GetInputSettings", inputName=self.options.lower_third)
        except Rejected:
            return ""  # somebody took the source out of OBS
        return str(found.get("inputSettings", {}).get("text", "")).partition("\n")[0]

    def _meaning(self, scene: str) -> str:
        """What a scene of OBS is to us; its own name when it is nothing we know."""
        for name, known in self.options.scenes.items():
            if known == scene:
                return f"source:{self.device.id}" if name == HALL else f"slate:{name}"
        return scene

    def _programme(self, scene: str) -> str:
        """What a scene is in the words of Streaming: live, or the slate's name."""
        kind, _, name = self._meaning(scene).partition(":")
        return name if kind == "slate" else "live"

    async def show(self, scene: str) -> None:
        kind, _, name = scene.partition(":")
        wanted = self.options.scenes.get(HALL if kind == "source" else name)
        there = self.readings.get("scenes", ())
        if wanted is None or wanted not in there:
            raise Rejected(f"OBS has no scene for {scene}; it has {', '.join(there)}")
        await self._ask("SetCurrentProgramScene", sceneName=wanted)

    async def show_lower_third(self, name: str, role: str = "") -> None:
        if not self.options.lower_third:
            raise Rejected("the option lower_third names no text source of OBS")
        text = f"{name}\n{role}" if role else name
        await self._ask(
            "SetInputSettings",
            inputName=self.options.lower_third,
            inputSettings={"text": text},
            overlay=True,
        )

    async def go_live(self) -> None:
        # While OBS connects it says that nothing is active, and would connect a second time if told again.
        async with self._acting:
            if time.monotonic() - self._started < CONNECTING_SECONDS:
                return
            if not await self._active("Stream"):
                self._started = time.monotonic()
                await self._ask("StartStream")

    async def end(self) -> None:
        async with self._acting:
            self._started = -CONNECTING_SECONDS
            # A recording that a person started in OBS is that person's.
            for output in ("Stream", *(("Record",) if self._records else ())):
                if await self._active(output):
                    await self._ask(f"Stop{output}")
            self._records = False

    async def stop_recording(self) -> None:
        async with self._acting:
            self._records = False
            if await self._active("Record"):
                await self._ask("StopRecord")

    async def start_recording(self) -> None:
        async with self._acting:
            if await self._active("Record"):
                return
            self._records = True
            # OBS says yes before the output is active, and refuses a second start in between: the next
            # one to look shall find it running.
            await self._ask("StartRecord")
            with suppress(TimeoutError):
                async with asyncio.timeout(ANSWER_SECONDS):
                    while not await self._active("Record"):
                        pass  # a look waits for OBS's answer

    async def _active(self, output: str) -> bool:
        return (await self._ask(f"Get{output}Status")).get("outputActive") is True


def _hang_up(client: Any) -> None:
    """End the connection whatever state it is in; the library's own thread ends with its socket."""
    if client.thread_recv is not None:
        client.thread_recv.running = False
    if client.ws is not None:
        with suppress(OSError, websocket.WebSocketException):
            client.ws.shutdown()


DRIVER = Obs
