"""A session's broadcast is rehearsed where nobody sees it; what comes out is measured, and nothing stays."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from avctl.commands import BookSession, CancelPreparation, GoDark, PrepareSession
from avctl.config import parse
from avctl.errors import LinkError
from avctl.events import LineBegun, SessionReady, now
from avctl.main.compose import controller
from avctl.model.preparation import Verdict
from streams.ffmpeg import find_ffmpeg
from streams.plan import Plan, PushPlan
from streams.push import trial
from streams.rehearsal import rehearse

pytestmark = pytest.mark.timeout(150)

SMALL = {"name": "big", "width": 320, "height": 180, "video_kbps": 400}
KEY = "live-key-8f31"


def house(tmp_path: Path, free_port: Callable[[], int], key: str) -> Any:
    data = {
        "broadcast": {
            "renditions": [SMALL],
            "audio_only_kbps": 0,
            "preset": "ultrafast",
            "segment_seconds": 1,
            "recording": {"second_folder": str(tmp_path / "second")},
            "pushes": [{"id": "platform", "url": f"rtmp://127.0.0.1:{free_port()}/live/{key}"}],
        },
        "preparation": {"minutes_before": 0, "proof_seconds": 90},
        "rooms": [{"id": "hall", "title": "Зала"}],
        "devices": [
            {
                "id": "encoder",
                "room": "hall",
                "driver": "streams.feed",
                "options": {"url": f"srt://127.0.0.1:{free_port()}?mode=listener"},
            }
        ],
    }
    return parse(data, "test", {})


def ours(folder: Path) -> list[int]:
    """Processes that have a folder on their command line."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any(str(folder) in part for part in process.info["cmdline"] or ()):
            found.append(process.pid)
    return found


@pytest.fixture(autouse=True)
def no_runner_is_left(tmp_path: Path) -> Iterator[None]:
    yield
    for pid in ours(tmp_path):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def test_the_public_form_and_the_recording_are_proven_and_nothing_stays(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    config = house(tmp_path, free_port, KEY)
    data, second = tmp_path / "data", tmp_path / "second"
    second.mkdir()
    async with controller(config, data) as one:
        starts_at = now() + timedelta(minutes=30)
        details = {
            "title": "Засідання",
            "room": "hall",
            "starts_at": starts_at.isoformat(),
            "ends_at": (starts_at + timedelta(hours=1)).isoformat(),
        }
        session = (await one.desk.obey(BookSession(actor="olena", details=details))).id
        with one.bus.subscribe() as heard:

            async def sees(kind: type[Any], **expected: Any) -> None:
                async for event in heard:
                    if isinstance(event, kind) and expected.items() <= vars(event).items():
                        return

            # Broken off in the middle: no process, no file, no tone.
            await one.desk.obey(PrepareSession(actor="olena", session=session))
            await sees(LineBegun, line="sound")
            while not ours(data / "rehearsals"):
                await asyncio.sleep(0.02)
            await one.desk.obey(CancelPreparation(actor="olena", session=session))
            assert ours(data / "rehearsals") == []
            assert list((data / "rehearsals").iterdir()) == []

            await one.desk.obey(PrepareSession(actor="olena", session=session))
            await sees(SessionReady)
            lines = {line.id: line for line in one.preparations.sheets.get(session).lines}
            verdicts = {name: line.verdict for name, line in lines.items()}
            assert {verdicts[name] for name in ("picture", "sound", "recording", "disk", "armed")} == {
                Verdict.PASS
            }, {name: line.said for name, line in lines.items()}
            assert " dBFS at 1000 Hz" in lines["sound"].said
            assert verdicts["signal.encoder"] is Verdict.FAIL
            assert verdicts["push.platform"] is Verdict.FAIL  # nobody listens there
            assert KEY not in str(lines)
            assert not one.broadcasts.get(session).published
            assert not (data / "broadcasts" / session / "live" / "master.m3u8").exists()
            assert list((data / "rehearsals").iterdir()) == []
            assert list(second.iterdir()) == []
            await one.desk.obey(GoDark(actor="olena", session=session))


async def test_a_picture_that_is_passed_on_is_rehearsed_with_a_test_picture(tmp_path: Path) -> None:
    plan = Plan.model_validate(
        {
            "session": "s1",
            "sources": [{"id": "hall", "url": "udp://127.0.0.1:9"}],
            "renditions": [SMALL],
            "segment_seconds": 1,
            "stream_copy": True,
        }
    )
    found = await rehearse(tmp_path / "rehearsal", plan, find_ffmpeg(), 90)
    assert (found.fault, found.seen, found.heard, found.recorded) == ("", True, True, True), found
    assert not (tmp_path / "rehearsal").exists()


@pytest.mark.parametrize("scheme", ["rtmp", "srt"])
async def test_a_platform_is_asked_whether_it_takes_the_key(
    scheme: str, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    port = free_port()
    way = "?passphrase=" + KEY if scheme == "srt" else f"/live/{KEY}"
    listening = (
        ["-i", f"srt://127.0.0.1:{port}{way}&mode=listener"]
        if scheme == "srt"
        else ["-listen", "1", "-i", f"rtmp://127.0.0.1:{port}{way}"]
    )
    command = [find_ffmpeg(), "-v", "error", *listening, "-f", "null", "-"]
    platform = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stderr=DEVNULL)
    plan = PushPlan(id="platform", url=f"{scheme}://127.0.0.1:{port}{way}")
    try:
        async with asyncio.timeout(60):
            while True:  # until it listens
                try:
                    await trial(find_ffmpeg(), plan, 20)
                    break
                except LinkError:
                    await asyncio.sleep(0.1)
    finally:
        if platform.returncode is None:
            platform.kill()
        await platform.wait()
    with pytest.raises(LinkError) as refusal:
        await trial(find_ffmpeg(), plan, 20)
    assert KEY not in str(refusal.value)
