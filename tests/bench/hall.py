"""A discussion system as plain as can be: lines ``seat 0|1`` over TCP, the same that Node-RED is given."""

from __future__ import annotations

from avctl.capabilities import Discussion, lacking
from avctl.driver import Driver
from avctl.events import MicClosed, MicOpened
from avctl.wire import tcp


class Hall(Driver, Discussion):
    """Hears microphones; nobody presses a button here."""

    title = "Hall of the measurement"

    async def serve(self) -> None:
        open_seats: tuple[int, ...] = ()
        async with tcp(self.device.host, int(self.device.port or 0), self.log) as wire:
            self.report(seats={}, speakers=(), waiting=())
            self.online()
            kept = b""

            def hear(data: bytes) -> None:
                nonlocal kept, open_seats
                *lines, kept = (kept + data).split(b"\n")
                for line in lines:
                    seat, on = map(int, line.split())
                    others = tuple(other for other in open_seats if other != seat)
                    open_seats = (*others, seat) if on else others
                    self.report(speakers=open_seats)
                    self.publish((MicOpened if on else MicClosed)(device=self.device.id, seat=seat))

            await wire.listen(hear)

    async def open_mic(self, seat: int) -> None: ...

    async def close_mic(self, seat: int) -> None: ...

    async def grant_request(self, seat: int) -> None: ...

    async def deny_request(self, seat: int) -> None: ...

    async def close_all_mics(self) -> None: ...

    async def clear_requests(self) -> None: ...

    next_speaker = move_up = take_priority = mute_all = set_mode = set_max_open = lacking("it only tells")


DRIVER = Hall
