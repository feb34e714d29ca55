"""QLogic, the queue of many Ukrainian service centres, where it tells how many wait (source: its clients).

``GET /Chart/ChartByNow?orgKey=...`` on port 8081 is answered ``{"data": [{"SrvCenterDescription": "...",
"CountOfWaitingJobs": 7}]}``: one row for each centre of the organisation. It tells of no tickets and no
counters, and takes no orders.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pydantic import Field

from avctl.capabilities import Counters, lacking
from avctl.driver import Driver
from avctl.errors import LinkError, ProtocolError
from avctl.http import http
from avctl.wire import trusting
from drivers.polled import Options as PolledOptions

READ_ONLY = "QLogic only tells how many wait"


class Options(PolledOptions):
    """What QLogic can be told in the configuration."""

    poll: float = Field(15, gt=0, le=600, description="Seconds between two looks at the queue.")
    answer_seconds: float = Field(5, gt=0, le=30, description="Silence after which the link is given up.")
    organisation: str = Field(
        pattern=r"^[0-9A-Fa-f-]{1,64}$", description="Key of the organisation, a GUID as in its own pages."
    )
    centre: str = Field("", description="Part of a centre's name, where only that one is meant.")
    tls: bool = Field(False, description="Speak TLS.")


class QLogic(Driver, Counters):
    """How many wait in each service centre."""

    title = "Visitor queue (QLogic)"
    port = 8081
    told_apart_by = "centre"
    Options = Options

    call_next = recall = open_counter = close_counter = lacking(READ_ONLY)

    async def serve(self) -> None:
        """Look at the queues until they fail to answer."""
        news = asyncio.Event()
        port = int(self.device.port or self.port)
        tls = trusting() if self.options.tls else None
        path = f"/Chart/ChartByNow?orgKey={quote(self.options.organisation)}"
        async with http(self.device.host, port, self.log, tls) as line:
            while True:
                answer = await line.ask("GET", path, self.options.answer_seconds)
                if not answer.ok:
                    raise LinkError(f"it answers HTTP {answer.status}")
                self._take(answer.json())
                self.online()
                await self.rest(self.options.poll, news)

    def _take(self, told: Any) -> None:
        rows = told.get("data") if isinstance(told, Mapping) else None
        if not isinstance(rows, list):
            raise ProtocolError(f"no list of centres: {str(told)[:80]}")
        centres = dict(map(_centre, rows))
        mine = {name: row for name, row in centres.items() if self.options.centre.lower() in name.lower()}
        if not mine and self.options.centre:
            raise LinkError(f"there is no centre {self.options.centre!r} among {len(centres)}")
        self.report(services=mine, counters={}, tickets=(), acts=())


def _centre(row: object) -> tuple[str, dict[str, Any]]:
    name = row.get("SrvCenterDescription") if isinstance(row, Mapping) else None
    count = row.get("CountOfWaitingJobs") if isinstance(row, Mapping) else None
    if isinstance(count, str) and count.isdecimal():  # a number all the same
        count = int(count)
    if not isinstance(name, str) or not isinstance(count, int) or isinstance(count, bool):
        raise ProtocolError(f"no centre: {str(row)[:80]}")
    return name, {"name": name, "waiting": count, "average_wait": None}


DRIVER = QLogic
