"""A device that speaks unasked: a number on each line, over TCP; most of the crowd around a measurement."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from avctl.driver import Driver
from avctl.wire import tcp


class Options(BaseModel):
    """Which of the many behind one address it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    place: int = Field(description="Its number in the crowd.")


class Meter(Driver):
    """Reports ``level``."""

    title = "Meter of the measurement"
    told_apart_by = "place"
    Options = Options

    async def serve(self) -> None:
        async with tcp(self.device.host, int(self.device.port or 0), self.log) as wire:
            self.online()
            kept = b""
            while True:
                *lines, kept = (kept + await wire.receive()).split(b"\n")
                for line in lines:
                    self.report(level=int(line))


DRIVER = Meter
