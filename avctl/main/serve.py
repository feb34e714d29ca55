"""``avctl run``: the controller behind its doors."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from avctl.api.application import create_app
from avctl.api.osc import surfaces
from avctl.config import Config
from avctl.errors import ConfigError
from avctl.main.compose import controller, make_folder
from dashboards import mount
from streams.keeper import claim, running

log = logging.getLogger(__name__)

GOODBYE_SECONDS = 3  # how long open pages may take to end


async def serve(config: Config, data: Path) -> None:
    """Run the controller and serve pages and API until told to stop."""
    listening = _listen(config.web.host, config.web.port)
    with listening:
        _claim(data)
        async with controller(config, data) as everything, surfaces(everything):
            app = create_app(everything)
            mount(app, everything)
            server = _Server(
                uvicorn.Config(
                    app,
                    log_config=None,
                    access_log=False,
                    lifespan="off",
                    timeout_graceful_shutdown=GOODBYE_SECONDS,
                    proxy_headers=bool(config.web.url),
                    server_header=False,
                )
            )
            _settle_memory()
            log.info("avctl serves http://%s:%s", config.web.host, config.web.port)
            await server.serve(sockets=[listening])


def _claim(data: Path) -> None:
    """Have the folder alone: of two that start at once both may get the address, and would act twice."""
    make_folder(data)
    try:
        claim(data)
    except BlockingIOError as fault:
        other = running(data)
        who = f" (process {other})" if other is not None else ""
        raise ConfigError(f"another avctl{who} runs with the data in {data}") from fault


def _settle_memory() -> None:
    """Leave what was made at the start out of every later search for garbage: each would take 50 ms."""
    gc.collect()
    gc.freeze()
    gc.enable()


class _Server(uvicorn.Server):
    """Ends when told to, and leaves the rest to us: the library would end the process on the spot."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """A first signal ends in order, a second one at once."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def _listen(host: str, port: int) -> socket.socket:
    """Take the address first: a second controller must fail before it touches a device."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as fault:
        listening.close()
        raise ConfigError(
            f"cannot listen on {host}:{port}: {fault.strerror}",
            (("web.port", f"a port nobody uses ({fault.strerror})"),),
        ) from fault
    return listening
