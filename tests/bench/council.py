"""The demo's council for a measurement: started as people start it, used through its own doors."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx

from bench.programs import program, until

RUNG = "720p"


@dataclass(frozen=True, kw_only=True)
class Council:
    """A demo that runs."""

    begun: float  # when the program was started
    data: Path
    facts: dict[str, Any]
    client: httpx.AsyncClient
    simulators: httpx.AsyncClient

    @property
    def session(self) -> str:
        """The sitting that is live."""
        return str(self.facts["sessions"][0]["id"])

    @property
    def folder(self) -> Path:
        """Everything the broadcast of that sitting has."""
        return self.data / "broadcasts" / self.session

    @property
    def playlist(self) -> Path:
        """What the runner lists, read without the controller."""
        return self.folder / "live" / RUNG / "index.m3u8"


@asynccontextmanager
async def council(folder: Path, **environment: str) -> AsyncIterator[Council]:
    """``avctl demo`` on free ports, from its start to its clean end."""
    data, file = folder / "demo", folder / "demo" / "demo.json"
    begun = perf_counter()
    command = (sys.executable, "-m", "avctl", "demo", "--port", "0", "--data", str(data), "--quiet")
    async with program(*command, log=folder / "demo.log", **environment) as process:

        async def written() -> Any:
            if process.returncode is not None:
                raise RuntimeError((folder / "demo.log").read_text(encoding="utf-8"))
            return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None

        facts = await until(written)
        token = next(account["token"] for account in facts["accounts"] if account["role"] == "admin")
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            # A controller that was killed is back in a moment.
            httpx.AsyncClient(
                base_url=facts["url"],
                headers=headers,
                timeout=30,
                transport=httpx.AsyncHTTPTransport(retries=6),
            ) as client,
            httpx.AsyncClient(base_url=facts["simulators"], timeout=30) as simulators,
        ):
            yield Council(begun=begun, data=data, facts=facts, client=client, simulators=simulators)


def segments(text: str) -> dict[int, str]:
    """The segments of a media playlist by their number."""
    first = re.search(r"#EXT-X-MEDIA-SEQUENCE:(\d+)", text)
    names = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(enumerate(names, int(first[1]) if first else 0))


async def first_segment(here: Council) -> float:
    """The moment at which a viewer has the first segment."""
    place = f"/live/{here.session}/{RUNG}"

    async def fetched() -> bool:
        answer = await here.client.get(f"{place}/index.m3u8")
        if answer.status_code != 200 or not (listed := segments(answer.text)):
            return False
        return (await here.client.get(f"{place}/{listed[max(listed)]}")).status_code == 200

    await until(fetched)
    return perf_counter()


async def listed_over(here: Council, seconds: float) -> dict[int, float]:
    """When each new segment was listed, watched in the runner's own playlist for so long."""
    seen = dict.fromkeys(segments(here.playlist.read_text(encoding="utf-8")), 0.0)
    end = perf_counter() + seconds
    while perf_counter() < end:
        await asyncio.sleep(0.02)
        for number in segments(here.playlist.read_text(encoding="utf-8")):
            seen.setdefault(number, perf_counter())
    return {number: at for number, at in seen.items() if at}
