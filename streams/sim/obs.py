"""An OBS Studio that is not there: obs-websocket 5 with its log-in, scenes, stream, recording and a text.

For a house that is tried without OBS. What our driver really does with OBS is tested with OBS Studio itself.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any

from websockets.asyncio.server import ServerConnection

from avctl.config import Device
from drivers.sim.server import Simulator, WebSocketSimulator, act
from streams.obs import Obs, ObsOptions

HELLO, IDENTIFY, IDENTIFIED, EVENT, REQUEST, ANSWER = 0, 1, 2, 5, 6, 7
OK, UNKNOWN, ALREADY_ON, ALREADY_OFF, NOT_FOUND = 100, 204, 500, 501, 600
WRONG_PASSWORD = 4009  # how a connection is closed
RATE = 2_500_000 // 8  # bytes a second of what it sends


def authentication(password: str, salt: str, challenge: str) -> str:
    """What proves the password: base64 of SHA-256, twice."""
    secret = base64.b64encode(hashlib.sha256((password + salt).encode()).digest()).decode()
    return base64.b64encode(hashlib.sha256((secret + challenge).encode()).digest()).decode()


class ObsSimulator(WebSocketSimulator):
    """OBS with a scene for each that the options name."""

    title = "OBS Studio"
    port = Obs.port

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.options = ObsOptions.model_validate(device.options)
        self.scenes = list(self.options.scenes.values())
        self.scene = self.scenes[0] if self.scenes else ""
        self.texts = {self.options.lower_third: ""} if self.options.lower_third else {}
        self.since: dict[str, float | None] = {"Stream": None, "Record": None}

    def certificate(self) -> ssl.SSLContext | None:
        return None

    @act
    async def choose(self, scene: str) -> None:
        """Choose a scene in OBS."""
        if scene not in self.scenes:
            raise ValueError(f"scene: one of {', '.join(self.scenes)}")
        await self._choose(scene)

    @act
    def press_stream(self) -> None:
        """Press the button that starts or stops the stream."""
        self.since["Stream"] = None if self.since["Stream"] is not None else time.monotonic()

    def state(self) -> Mapping[str, Any]:
        on = {name.lower(): since is not None for name, since in self.since.items()}
        return {**super().state(), "scene": self.scene, **on}

    async def converse(self, connection: ServerConnection) -> None:
        password = self.options.password.get_secret_value()
        salt, challenge = (base64.b64encode(os.urandom(32)).decode() for _ in range(2))
        hello: dict[str, Any] = {"obsWebSocketVersion": "5.1.0", "rpcVersion": 1}
        if password:
            hello["authentication"] = {"challenge": challenge, "salt": salt}
        await self._say(connection, HELLO, hello)
        said = json.loads(await connection.recv())
        proof = said.get("d", {}).get("authentication")
        if password and proof != authentication(password, salt, challenge):
            await connection.close(WRONG_PASSWORD, "Authentication failed.")
            return
        await self._say(connection, IDENTIFIED, {"negotiatedRpcVersion": 1})
        async for message in connection:
            asked = json.loads(message).get("d", {})
            name, data = str(asked.get("requestType")), asked.get("requestData") or {}
            code, told = await self._answer(name, data)
            status = {"result": code == OK, "code": code}
            answer = {"requestType": name, "requestId": asked.get("requestId"), "requestStatus": status}
            await self._say(connection, ANSWER, {**answer, "responseData": told})

    async def _say(self, connection: ServerConnection, kind: int, data: Mapping[str, Any]) -> None:
        told = await self.fault(json.dumps({"op": kind, "d": data}).encode())
        if told is not None:
            await connection.send(told.decode(errors="replace"))

    async def _choose(self, scene: str) -> None:
        self.scene = scene
        event = {
            "eventType": "CurrentProgramSceneChanged",
            "eventIntent": 4,
            "eventData": {"sceneName": scene},
        }
        for connection in tuple(self.connections):
            await self._say(connection, EVENT, event)

    async def _answer(self, name: str, data: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        output = next((one for one in self.since if one in name), "")
        match name:
            case "GetVersion":
                return OK, {"obsVersion": "29.0.2", "obsWebSocketVersion": "5.1.0", "rpcVersion": 1}
            case "GetStats":
                return OK, {"activeFps": 25.0, "renderSkippedFrames": 0}
            case "GetSceneList":
                scenes = [{"sceneIndex": at, "sceneName": one} for at, one in enumerate(self.scenes)]
                return OK, {"currentProgramSceneName": self.scene, "scenes": scenes}
            case "SetCurrentProgramScene":
                if data.get("sceneName") not in self.scenes or self.refusing:
                    return NOT_FOUND, {}
                await self._choose(str(data["sceneName"]))
                return OK, {}
            case "GetInputSettings" | "SetInputSettings":
                source = str(data.get("inputName"))
                if source not in self.texts:
                    return NOT_FOUND, {}
                if name.startswith("Set"):
                    self.texts[source] = str(data.get("inputSettings", {}).get("text", ""))
                return OK, {"inputSettings": {"text": self.texts[source]}}
            case "GetStreamStatus" | "GetRecordStatus":
                since = self.since[output]
                sent = round((time.monotonic() - since) * RATE) if since is not None else 0
                status = {"outputActive": since is not None, "outputBytes": sent}
                return OK, {**status, "outputReconnecting": False, "outputSkippedFrames": 0}
            case "StartStream" | "StartRecord":
                if self.since[output] is not None or self.refusing:
                    return ALREADY_ON, {}
                self.since[output] = time.monotonic()
                return OK, {}
            case "StopStream" | "StopRecord":
                if self.since[output] is None or self.refusing:
                    return ALREADY_OFF, {}
                self.since[output] = None
                return OK, {}
        return UNKNOWN, {}


SIMULATOR: Callable[[Device], Simulator] = ObsSimulator
