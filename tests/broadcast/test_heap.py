"""Memory that is free goes back to the machine."""

from __future__ import annotations

import subprocess
import sys

# In a program of its own: one that has run for long has room in its heap for what comes.
PROGRAM = """
import psutil
from streams.heap import give_back

PIECE, COUNT = 100_000, 1000  # bytes: small enough to lie side by side in the heap
me = psutil.Process()
before = me.memory_info().rss
pieces = [bytearray(b"x") * PIECE for _ in range(COUNT)]
full = me.memory_info().rss
newest = pieces[-1]
pieces.clear()
give_back()
now, whole = me.memory_info().rss, PIECE * COUNT
print((full - before) / whole, (full - now) / whole, len(newest) == PIECE)
"""


def test_what_is_free_goes_back_though_something_newer_is_in_use() -> None:
    said = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stdout
    taken, given, kept = said.split()
    assert float(taken) > 0.9
    assert float(given) > 0.8
    assert kept == "True"
