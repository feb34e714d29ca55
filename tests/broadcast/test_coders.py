"""Chips that encode: what ffmpeg is told, that they are tried before they are believed, what comes instead.

There is no chip where the tests run: what can be seen is that each is refused for the right reason, and that
a broadcast does not mind.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from streams.coders import CODERS, Chip
from streams.ffmpeg import encoder_command, find_ffmpeg, sealed_command
from streams.plan import Plan
from streams.still import workable

PROGRAMS = pytest.mark.parametrize(
    "program", [find_ffmpeg(), get_ffmpeg_exe()], ids=["the machine's", "the one avctl brings"]
)
CHIPS = pytest.mark.parametrize("chip", ["vaapi", "nvenc", "qsv"])


def plan(**changes: Any) -> Plan:
    ladder = [
        {"name": "big", "width": 320, "height": 180, "video_kbps": 400},
        {"name": "small", "width": 160, "height": 90, "video_kbps": 100},
    ]
    shape = {"session": "s1", "sources": [{"id": "hall", "url": "udp://127.0.0.1:1"}], "renditions": ladder}
    return Plan.model_validate({**shape, "segment_seconds": 1, "audio_only_kbps": 48, **changes})


def pairs(command: list[str]) -> set[tuple[str, str]]:
    return set(zip(command, command[1:], strict=False))


@CHIPS
def test_key_frames_and_rates_are_the_same_whatever_encodes(chip: Chip) -> None:
    command = encoder_command("ffmpeg", plan(encoder=chip), 3, 4, Path("/x"), 0)
    usual = encoder_command("ffmpeg", plan(), 3, 4, Path("/x"), 0)
    for option in ("-g", "-keyint_min", "-force_key_frames", "-b:v", "-maxrate", "-bufsize", "-hls_time"):
        said = [value for name, value in zip(command, command[1:], strict=False) if name == option]
        assert said
        assert said == [value for name, value in zip(usual, usual[1:], strict=False) if name == option]
    assert command.count(f"h264_{chip}") == 2
    assert "libx264" not in command


def test_a_chip_is_named_as_its_driver_wants_it() -> None:
    def said(chip: str, device: str = "") -> list[str]:
        return encoder_command("ffmpeg", plan(encoder=chip, encoder_device=device), 3, 4, Path("/x"), 0)

    assert ("-vaapi_device", "/dev/dri/renderD128") in pairs(said("vaapi"))
    assert ("-vaapi_device", "/dev/dri/renderD129") in pairs(said("vaapi", "/dev/dri/renderD129"))
    assert sum("hwupload" in word for word in said("vaapi")) == 1
    assert ("-gpu", "1") in pairs(said("nvenc", "1"))
    assert "-gpu" not in said("nvenc")
    assert ("-qsv_device", "/dev/dri/renderD129") in pairs(said("qsv", "/dev/dri/renderD129"))
    assert "-qsv_device" not in said("qsv")
    # The sealed master is nobody's to lose: no driver has a part in it.
    assert ("-c:v", "libx264") in pairs(sealed_command("ffmpeg", plan(encoder="vaapi"), 3, 4, 5))


@PROGRAMS
@CHIPS
def test_an_encoder_has_every_option_it_is_given(program: str, chip: Chip) -> None:
    options = dict(CODERS[chip].output("1"))
    name = options.pop("c:v")
    asked = [program, "-hide_banner", "-h", f"encoder={name}"]
    known = subprocess.run(asked, capture_output=True, check=True, text=True).stdout
    options.pop("pix_fmt", None)
    for option, value in options.items():
        assert f"  -{option} " in known
        if isinstance(value, str) and not value.isdigit():
            assert f"     {value} " in known


@PROGRAMS
@pytest.mark.parametrize(
    ("chip", "reason"), [("vaapi", "No VA display"), ("nvenc", "libcuda"), ("qsv", "MFX")]
)
def test_a_chip_that_is_not_there_is_not_believed(program: str, chip: Chip, reason: str) -> None:
    found, fault = workable(plan(encoder=chip), program)
    assert found.encoder == "x264"
    assert reason in fault


FAKE = """#!{python}
import os, sys
args = sys.argv[1:]
if "h264_nvenc" in args:
    if not os.path.exists({chip!r}):
        sys.exit("[h264_nvenc @ 0x5] Cannot load libcuda.so.1")
    for option in ("-preset", "-rc", "-no-scenecut"):
        while option in args:
            del args[args.index(option):args.index(option) + 2]
    args = ["libx264" if arg == "h264_nvenc" else arg for arg in args]
os.execv({program!r}, ["ffmpeg", *args])
"""


@pytest.mark.timeout(90)
async def test_a_broadcast_goes_on_when_its_chip_does_not(runner: Callable[..., Any], tmp_path: Path) -> None:
    chip, program = tmp_path / "chip", tmp_path / "ffmpeg"
    program.write_text(FAKE.format(python=sys.executable, chip=str(chip), program=find_ffmpeg()))
    program.chmod(0o755)
    chip.touch()
    async with runner(encoder="nvenc", ffmpeg=str(program)) as running:
        await running.until(lambda: running.status().phase == "armed")
        await running.ask(do="publish")
        await running.until(lambda: running.segments() >= 2)
        assert running.status().encoder.chip == "nvenc"
        assert running.status().encoder.fault == ""
        # The driver is gone under the hands of a broadcast.
        chip.unlink()
        running.child("private").kill()
        await running.until(lambda: running.status().encoder.chip == "x264")
        assert "libcuda" in running.status().encoder.fault
        listed = running.segments()
        await running.until(lambda: running.segments() >= listed + 2)
        running.process.kill()
        await running.process.wait()
        # Who comes after tries it first.
        async with runner(encoder="nvenc", ffmpeg=str(program)) as second:
            # What the first had finished is listed before the second says how it is.
            await second.until(lambda: second.status().pid == second.process.pid)
            await second.until(lambda: second.status().encoder.chip == "x264")
            listed = second.segments()
            await second.until(lambda: second.segments() >= listed + 2)
            assert "libcuda" in second.status().encoder.fault
            assert second.status().encoder.restarts == 0
