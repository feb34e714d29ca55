"""``make bench``: measures and writes ``tests/bench/results.json``; ARGS="1 5" measures only those rows.

Each figure stands beside what it is compared with, of the same run, and the facts of the machine.
Nothing here is a test: a slow machine fails nobody.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import sys
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from bench import (
    boards,
    copying,
    cost,
    destruction,
    emergency,
    faults,
    floor,
    kill,
    lasting,
    machine,
    offline,
    polled,
    preparation,
    seats,
    start,
    storm,
    television,
    together,
)

RESULTS = Path(__file__).resolve().parent / "results.json"
ROWS: dict[str, Callable[[Path, Callable[[], int]], Any]] = {
    "1": floor.measure,
    "2": boards.shown,
    "3": boards.confirmed,
    "4": polled.measure,
    "5": offline.measure,
    "6": faults.slate,
    "7": destruction.measure,
    "8": kill.measure,
    "9": faults.alerts,
    "11": cost.measure,
    "12": start.measure,
    "13": preparation.measure,
    "20": together.measure,
    "21": lasting.measure,
    "22": copying.measure,
    "23": seats.measure,
    "24": storm.measure,
    "25": television.measure,
    "26": emergency.measure,
}


def free_ports() -> Callable[[], int]:
    """Gives ports nobody uses, each once."""
    ports = count(random.randrange(20_000, 30_000))

    def free() -> int:
        for port in ports:
            try:
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    with socket.socket(socket.AF_INET, kind) as trial:
                        trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
        raise AssertionError("the ports never end")

    return free


def main() -> None:
    """Measure the rows that are asked for and keep the others as they were."""
    wanted = sys.argv[1:] or list(ROWS)
    before = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {"rows": {}}
    rows = dict(before["rows"])
    for row in wanted:
        print(f"Row {row}", flush=True)
        facts = machine.facts()
        with tempfile.TemporaryDirectory(prefix="avctl-bench-", ignore_cleanup_errors=True) as folder:
            found = asyncio.run(ROWS[row](Path(folder), free_ports()))
        rows[row] = {**found, "machine": facts}
        print(json.dumps(found, indent=2, ensure_ascii=False), flush=True)
    ordered = {"rows": {row: rows[row] for row in sorted(rows, key=int)}}
    RESULTS.write_text(json.dumps(ordered, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
