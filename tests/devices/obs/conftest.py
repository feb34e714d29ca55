"""Real OBS Studio without a screen: started for a module of tests, with a collection of three scenes."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "obs-secret-417"
SCENES = ("Hall", "Break", "Closed")
NAME_TEXT = "Speaker"


@dataclass
class Studio:
    """A running OBS: its websocket's port, and its process for those who want to kill it."""

    port: int
    home: Path
    target: str
    password: str = PASSWORD
    name_text: str = NAME_TEXT
    process: subprocess.Popen[bytes] | None = None
    display: int = 0

    def start(self) -> None:
        """Start the program; it needs some seconds before it listens."""
        environment = {
            **os.environ,
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.home / "run"),
            "DISPLAY": f":{self.display}",
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "QT_QPA_PLATFORM": "xcb",
        }
        with (self.home / "obs.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["obs", "--multi", "--profile", "avctl", "--collection", "avctl"]
                + ["--disable-missing-files-check", "--minimize-to-tray"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End it as a crash would."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def pause(self, on: bool) -> None:
        """Stop it in the middle of everything, or let it go on."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP if on else signal.SIGCONT)


@contextmanager
def studio(port: int, target: str) -> Iterator[Studio]:
    """OBS under Xvfb in a home of its own, streaming to ``target`` (rtmp://host:port/live) when told to."""
    with tempfile.TemporaryDirectory(prefix="obs-") as folder:
        home = Path(folder)
        _write(home, port, target)
        inner, outer = os.pipe()
        screen = subprocess.Popen(
            ["Xvfb", "-displayfd", str(outer), "-screen", "0", "800x600x24", "-nolisten", "tcp"],
            pass_fds=(outer,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(outer)
        with os.fdopen(inner) as told:
            display = int(told.readline())
        here = Studio(port=port, home=home, target=target, display=display)
        try:
            here.start()
            yield here
        finally:
            here.kill()
            screen.terminate()
            screen.wait()


def _write(home: Path, port: int, target: str) -> None:
    config = home / ".config" / "obs-studio"
    profile = config / "basic" / "profiles" / "avctl"
    profile.mkdir(parents=True)
    (config / "basic" / "scenes").mkdir()
    (home / "run").mkdir(mode=0o700)
    (config / "global.ini").write_text(
        "[General]\nFirstRun=true\nLastVersion=486539264\nEnableAutoUpdates=false\nConfirmOnExit=false\n"
        "[Basic]\nProfile=avctl\nProfileDir=avctl\nSceneCollection=avctl\nSceneCollectionFile=avctl\n"
        "ConfigOnNewProfile=false\n"
        "[BasicWindow]\nSysTrayEnabled=false\nWarnBeforeStartingStream=false\nWarnBeforeStoppingStream=false\n"
        "[OBSWebSocket]\nFirstLoad=false\nServerEnabled=true\nAlertsEnabled=false\nAuthRequired=true\n"
        f"ServerPort={port}\nServerPassword={PASSWORD}\n",
        encoding="utf-8",
    )
    (profile / "basic.ini").write_text(
        "[General]\nName=avctl\n[Output]\nMode=Simple\nReconnect=true\nRetryDelay=1\nMaxRetries=100\n"
        f"[SimpleOutput]\nFilePath={home}\nRecFormat=mkv\nStreamEncoder=x264\nPreset=ultrafast\nVBitrate=300\n"
        "UseAdvanced=true\nx264Settings=keyint=10\nABitrate=64\n"  # else a key frame comes every 25 s
        "[Video]\nBaseCX=320\nBaseCY=180\nOutputCX=320\nOutputCY=180\n"
        "FPSType=1\nFPSInt=10\nFPSCommon=10\n[Audio]\nSampleRate=48000\nChannelSetup=Stereo\n",
        encoding="utf-8",
    )
    (profile / "service.json").write_text(
        json.dumps({"type": "rtmp_custom", "settings": {"server": target, "key": "hall", "use_auth": False}})
    )
    (config / "basic" / "scenes" / "avctl.json").write_text(json.dumps(_collection()), encoding="utf-8")


def _collection() -> dict[str, Any]:
    colours = {"Hall": 0xFF00C800, "Break": 0xFFC80000, "Closed": 0xFFC800C8}
    sources: list[dict[str, Any]] = [
        {
            "id": "color_source_v3",
            "versioned_id": "color_source_v3",
            "name": f"{scene} colour",
            "settings": {"color": colour, "width": 320, "height": 180},
        }
        for scene, colour in colours.items()
    ]
    sources.append(
        {
            "id": "text_ft2_source_v2",
            "versioned_id": "text_ft2_source_v2",
            "name": NAME_TEXT,
            "settings": {"text": "", "font": {"face": "DejaVu Sans", "size": 24}},
        }
    )
    for scene in SCENES:
        names = [f"{scene} colour", *([NAME_TEXT] if scene == "Hall" else [])]
        items = [
            {"name": name, "id": number, "visible": True, "scale": {"x": 1.0, "y": 1.0}}
            for number, name in enumerate(names, 1)
        ]
        sources.append({"id": "scene", "name": scene, "settings": {"items": items, "id_counter": len(items)}})
    return {
        "name": "avctl",
        "current_scene": "Hall",
        "current_program_scene": "Hall",
        "scene_order": [{"name": scene} for scene in SCENES],
        "sources": sources,
        "transitions": [],
        "current_transition": "Cut",
    }


def listens(port: int, seconds: float = 40) -> bool:
    """Wait until somebody accepts connections on a port."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        time.sleep(0.2)
    return False


def _free() -> int:
    while True:
        port = random.randrange(20_000, 30_000)
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)):
                return port


@pytest.fixture(scope="module")
def obs() -> Iterator[Studio]:
    """One OBS for the whole module: it needs some seconds to start."""
    with studio(_free(), f"rtmp://127.0.0.1:{_free()}/live") as here:
        assert listens(here.port), (here.home / "obs.log").read_text(errors="replace")
        yield here
