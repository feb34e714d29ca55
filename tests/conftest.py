"""What every test has: no socket beyond this machine, log calls that can be written, ports that are free."""

from __future__ import annotations

import logging
import os
import random
import socket
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import hypothesis
import pytest

from avctl.bus import Bus

# ``kiosks.plain`` is the driver of the tests' own screens, loaded by its dotted name like any other.
sys.path.append(str(Path(__file__).parent))

OURS = ("avctl", "device", "simulator", "drivers", "streams", "broadcast", "dashboards")


def pytest_configure() -> None:
    """Programs that tests start find what was compiled before: each would take seconds to do it again."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    # No example fails for being slow: others load the machine.
    hypothesis.settings.register_profile("avctl", deadline=None)
    hypothesis.settings.load_profile("avctl")


class _LogReader(logging.Handler):
    """Reads every log line of ours, as an operator would, and keeps those that cannot be read."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.unreadable: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        try:
            record.getMessage()
        except (TypeError, ValueError, KeyError) as fault:
            self.unreadable.append(
                f"{record.pathname}:{record.lineno}: {record.msg!r} {record.args!r}: {fault}"
            )


@pytest.fixture(autouse=True)
def log_lines_can_be_written() -> Iterator[None]:
    """A log call whose text and arguments do not fit fails the test that made it, at every level."""
    reader = _LogReader()
    before = {name: logging.getLogger(name).level for name in OURS}
    for name in OURS:
        logging.getLogger(name).addHandler(reader)
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).removeHandler(reader)
            logging.getLogger(name).setLevel(level)
    assert not reader.unreadable, "\n".join(reader.unreadable)


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Gives ports nobody uses, TCP or UDP, each once; below those the system hands out by itself."""
    # Those who test at the same time do not take each other's between a trial and its use.
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 4
    ports = count(random.randrange(20_000, 22_000) + worker * 3_000)

    def free() -> int:
        for port in ports:
            try:
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    with socket.socket(socket.AF_INET, kind) as trial:
                        trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
        raise AssertionError("unreachable: the ports never end")

    return free


@pytest.fixture
def bus() -> Bus:
    """A bus of one's own."""
    return Bus()
