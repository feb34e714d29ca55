"""What lies ready of a source, and when one source is trusted to stand in for another."""

from __future__ import annotations

from collections import deque

import pytest

from streams.cushion import LEAST, MOST, Cushion
from streams.takeover import Takeover

FPS = 25


def depths(late: dict[int, int], looks: int, opened_with: int = 20) -> tuple[list[int], int]:
    """How many pictures lie ready before each take, and how often there was none, of a source that gives
    one picture a take but, from the takes in ``late`` on, none for so many; then they come at once."""
    cushion, ready, gaps = Cushion(FPS), opened_with, 0
    seen, owed = [], 0
    waits: deque[int] = deque()
    for look in range(looks):
        if look in late:
            waits.extend([0] * late[look])
        if waits:
            waits.popleft()
            owed += 1
        else:
            ready, owed = ready + 1 + owed, 0
        seen.append(ready)
        if cushion.enough(ready):
            ready -= cushion.excess(ready) + 1
        else:
            gaps += 1
    return seen, gaps


def test_what_a_source_gathered_while_it_was_opened_is_no_delay_for_good() -> None:
    seen, gaps = depths({}, 10 * FPS)
    assert seen[FPS] > 20
    assert seen[-1] == LEAST
    assert gaps == 0


def test_a_jitter_that_comes_back_is_learned_and_its_pictures_are_kept() -> None:
    every = 20 * FPS
    late = {look: 8 for look in range(every, 60 * every, every)}
    _, at_first = depths(late, 10 * every)
    _, in_all = depths(late, 60 * every)
    assert 0 < at_first == in_all


def test_more_than_a_second_is_let_go_at_once() -> None:
    seen, _ = depths({}, 3, opened_with=90)
    assert seen[0] == 91
    assert seen[1] == MOST


@pytest.mark.parametrize(("missing", "used"), [(1, "spare"), (3, "spare"), (40, "main")])
def test_a_stand_in_with_a_late_picture_is_still_taken_one_with_many_is_not(missing: int, used: str) -> None:
    pair = Takeover("main", "spare", FPS)
    for _ in range(3 * FPS):
        pair.see({"main": True, "spare": True})
    for _ in range(missing):
        pair.see({"main": True, "spare": False})
    for _ in range(FPS // 2):
        pair.see({"main": False, "spare": True})
    assert pair.used == used


def test_a_stand_in_that_flickers_is_never_trusted() -> None:
    pair = Takeover("main", "spare", FPS)
    for look in range(20 * FPS):
        pair.see({"main": look < FPS, "spare": look % 4 > 0})
    assert pair.used == "main"
