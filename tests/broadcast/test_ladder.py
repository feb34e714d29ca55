"""The ladder steps down before a picture is lost, and up when there is room; looked at without a machine."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from streams.ffmpeg import ALIKE, find_ffmpeg
from streams.ladder import LONGEST, SPARE, WORK, Ladder, origins, steps_of
from streams.plan import LimitsPlan, Plan, Preset, RenditionPlan, SourcePlan

RUNGS = (
    RenditionPlan(name="1080p", width=1920, height=1080, video_kbps=5000),
    RenditionPlan(name="720p", width=1280, height=720, video_kbps=2500),
    RenditionPlan(name="480p", width=854, height=480, video_kbps=1200),
)
UP = 10.0


def plan_of(preset: Preset = "veryfast") -> Plan:
    return Plan(
        session="s1",
        sources=(SourcePlan(id="hall", url="udp://127.0.0.1:9"),),
        renditions=RUNGS,
        audio_only_kbps=64,
        preset=preset,
        limits=LimitsPlan(up_after_seconds=UP),
    )


class Machine:
    """An encoder that takes pictures as fast as ``power`` and the step's work let it."""

    def __init__(self, ladder: Ladder, power: float) -> None:
        self.ladder, self.power = ladder, power  # power: how often real time it does everything
        self.whole = ladder.steps[0].work
        self.moment = self.behind = self.taken = 0.0
        self.steps: list[tuple[float, int]] = []

    def run(self, seconds: float) -> None:
        end = self.moment + seconds
        while self.moment < end:
            speed = self.power * self.whole / self.ladder.step.work
            taken = min(speed * 0.1, self.behind + 0.1)
            self.moment += 0.1
            self.behind += 0.1 - taken
            self.taken += taken * 25
            if self.ladder.look(self.moment, self.behind, round(self.taken)):
                self.steps.append((self.moment, self.ladder.at))
                self.ladder.begin()


def test_faster_presets_come_first_then_the_dearest_rung_below_the_best_is_given_up() -> None:
    said = [(step.preset, step.names) for step in steps_of(plan_of("medium"))]
    assert said == [
        ("medium", ("1080p", "720p", "480p")),
        ("veryfast", ("1080p", "720p", "480p")),
        ("superfast", ("1080p", "720p", "480p")),
        ("superfast", ("1080p", "480p")),
        ("superfast", ("1080p",)),
    ]
    assert [step.preset for step in steps_of(plan_of("ultrafast"))] == ["ultrafast"] * 3


def test_a_list_without_segments_of_its_own_has_those_of_the_next_smaller_picture() -> None:
    plan = plan_of()
    whole, _, two, one = (origins(plan, step) for step in steps_of(plan))
    assert whole == {name: name for name in plan.names}
    assert two == {"1080p": "1080p", "720p": "480p", "480p": "480p", "audio": "audio"}
    assert one == {"1080p": "1080p", "720p": "1080p", "480p": "1080p", "audio": "audio"}


def test_a_machine_that_is_fast_enough_is_left_alone_also_after_a_hitch() -> None:
    machine = Machine(Ladder(plan_of()), 1.5)
    machine.run(5)
    machine.behind += 4  # it stood still for a moment, and catches up
    machine.run(30)
    assert machine.steps == []


def test_a_machine_that_is_too_slow_does_less_before_it_is_far_behind() -> None:
    machine = Machine(Ladder(plan_of()), 0.9)
    machine.run(UP + 4)
    assert [step for _, step in machine.steps] == [1]
    assert machine.behind < 0.2
    assert machine.ladder.reduced == "1080p, 720p, 480p (superfast)"


def test_a_machine_that_is_much_too_slow_takes_as_many_steps_as_it_needs_at_once() -> None:
    ladder = Ladder(plan_of())
    needed = ladder.steps[-1].work / ladder.steps[0].work * SPARE
    machine = Machine(ladder, needed * 1.02)
    machine.run(6)
    assert [step for _, step in machine.steps] == [len(ladder.steps) - 1]


def test_what_nobody_sees_or_records_steps_down_before_what_is_on_air() -> None:
    armed, on_air = Machine(Ladder(plan_of()), 0.8), Machine(Ladder(plan_of()), 0.8)
    armed.ladder.matters = False
    for machine in (armed, on_air):
        machine.run(20)
    assert armed.steps[0][0] < on_air.steps[0][0] - 1


def test_it_goes_up_when_there_is_room_and_waits_ever_longer_when_that_fails() -> None:
    machine = Machine(Ladder(plan_of()), 0.9)
    machine.run(16 * UP)
    up = [moment for moment, step in machine.steps if step == 0]
    down = [moment for moment, step in machine.steps if step == 1]
    waits = [back - gone for gone, back in zip(down, up, strict=False)]
    assert len(waits) >= 3
    assert all(later > 1.8 * sooner for sooner, later in zip(waits, waits[1:], strict=False))
    assert waits[0] < UP + 3
    machine.power = 2
    machine.run(LONGEST)
    assert machine.ladder.at == 0
    assert machine.ladder.reduced == ""


def test_a_runner_that_is_started_again_begins_where_the_last_one_was() -> None:
    assert Ladder(plan_of(), 2).step.names == ("1080p", "480p")
    assert Ladder(plan_of(), 99).step.names == ("1080p",)


@pytest.mark.parametrize("program", [find_ffmpeg(), get_ffmpeg_exe()], ids=["debian", "ours"])
@pytest.mark.parametrize("preset", ["veryfast", "faster", "fast", "medium"])
def test_the_headers_of_a_stream_are_the_same_at_every_step(
    tmp_path: Path, program: str, preset: Preset
) -> None:
    faster = [step.preset for step in steps_of(plan_of(preset)) if WORK[step.preset] < WORK[preset]]
    planned = _headers(program, tmp_path / "planned", preset, {})
    for one in dict.fromkeys(faster):
        assert _headers(program, tmp_path / one, one, ALIKE.get(preset, {})) == planned


def _headers(program: str, file: Path, preset: Preset, more: dict[str, Any]) -> bytes:
    command = [program, "-v", "error", "-f", "lavfi", "-i", "color=s=320x180:r=25:d=0.2", "-c:v", "libx264"]
    command += ["-preset", preset, "-pix_fmt", "yuv420p", *_options(more)]
    command += ["-bsf:v", "filter_units=pass_types=7-8", "-f", "h264", str(file)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return file.read_bytes()


def _options(more: dict[str, Any]) -> Iterator[str]:
    for name, value in more.items():
        yield from (f"-{name}", str(value))
