"""Memory that is free goes back to the machine."""

from __future__ import annotations

import psutil

from streams.heap import give_back

PIECE, COUNT = 100_000, 1000  # bytes: small enough to lie side by side in the heap


def test_what_is_free_goes_back_though_something_newer_is_in_use() -> None:
    me = psutil.Process()
    before = me.memory_info().rss
    pieces = [bytearray(b"x") * PIECE for _ in range(COUNT)]
    full = me.memory_info().rss
    assert full - before > PIECE * COUNT * 0.9
    newest = pieces[-1]
    pieces.clear()
    give_back()
    assert me.memory_info().rss < full - PIECE * COUNT * 0.8
    assert len(newest) == PIECE
