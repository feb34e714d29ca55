"""Our player in Firefox's engine: it plays a broadcast that goes on, while its server comes and goes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

pytestmark = pytest.mark.timeout(120)

STATIC = Path(__file__).resolve().parents[2] / "dashboards" / "static"
# Nothing but the page is to be fetched, or asked.
SETTINGS = {
    "app.update.enabled": False,
    "browser.aboutwelcome.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "media.hardware-video-decoding.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}
# The markup that templates/parts/player.html gives, and a script that says how it goes.
PAGE = """<!doctype html><html lang="uk"><meta charset="utf-8"><title>player</title><body>
<div class="player" data-live="/live/master.m3u8" data-recording="" data-air="yes"
data-hls="/static/vendor/hls.light.min.js"><video playsinline></video><div class="waits"></div>
<p class="player-fault" data-interrupted="interrupted" data-unplayable="unplayable" hidden></p></div>
<script src="/static/player.js" type="module"></script>
<script>
const video = document.querySelector("video"), fault = document.querySelector(".player-fault"), faults = [];
addEventListener("error", (event) => faults.push(event.message));
setInterval(() => {
  if (!fault.hidden) faults.push(fault.textContent);
  const { totalVideoFrames } = video.getVideoPlaybackQuality();
  const said = { at: video.currentTime, pictures: totalVideoFrames, width: video.videoWidth, faults };
  fetch("/said", { method: "POST", body: JSON.stringify(said) });
}, 250);
</script></body></html>"""


@contextmanager
def firefox(home: Path, url: str) -> Iterator[None]:
    """The browser, in a home and a profile of its own."""
    profile = home / "profile"
    profile.mkdir(parents=True)
    lines = (f'user_pref("{name}", {json.dumps(value)});\n' for name, value in SETTINGS.items())
    (profile / "user.js").write_text("".join(lines), encoding="utf-8")
    process = subprocess.Popen(
        ["firefox-esr", "--headless", "--no-remote", "--profile", str(profile), url],
        env={**os.environ, "HOME": str(home), "MOZ_HEADLESS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def site(live: Path, said: list[dict[str, Any]]) -> FastAPI:
    """The page, our scripts, the broadcast, and an ear for what the page says."""
    app = FastAPI()
    app.mount("/static", StaticFiles(directory=STATIC))
    app.mount("/live", StaticFiles(directory=live))

    @app.get("/")
    async def page() -> HTMLResponse:
        return HTMLResponse(PAGE)

    @app.post("/said", status_code=204)
    async def hear(request: Request) -> None:
        said.append(await request.json())

    return app


@asynccontextmanager
async def served(app: FastAPI, port: int) -> AsyncIterator[None]:
    """A server that answers while the context lasts; then nobody does."""
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve())
    try:
        yield
    finally:
        server.should_exit = True
        await serving


async def test_a_broadcast_plays_in_firefox_while_its_server_comes_and_goes(
    runner: Callable[..., Any],
    source: Callable[..., Any],
    free_port: Callable[[], int],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    said: list[dict[str, Any]] = []
    port = free_port()

    def plays_on(seconds: float) -> bool:
        return bool(said) and said[-1]["at"] > seconds and said[-1]["pictures"] > 50

    async with runner() as running, source(running.url):
        await running.until(lambda: running.status().sources["hall"].present)
        await running.ask(do="publish")
        await running.until(lambda: running.segments() > 2)
        app = site(running.folder / "live", said)
        with firefox(tmp_path_factory.mktemp("firefox"), f"http://127.0.0.1:{port}/"):
            async with served(app, port):
                await running.until(lambda: plays_on(3), seconds=90)
            listed, seen = running.segments(), said[-1]["at"]
            await running.until(lambda: running.segments() > listed + 2)
            async with served(app, port):
                await running.until(lambda: plays_on(seen + 6), seconds=30)
    assert said[-1]["faults"] == []
    assert said[-1]["width"] in (320, 160)
    times = [one["at"] for one in said]
    assert times == sorted(times)
