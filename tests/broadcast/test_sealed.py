"""The sealed master: the hall during a closed part, for whoever has the key and for nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyrage
import pytest

from avctl.errors import ConfigError
from streams.ffmpeg import find_ffmpeg
from streams.sealed import pieces_of, unsealed

pytestmark = pytest.mark.timeout(60)


@pytest.mark.parametrize("copied", [False, True], ids=["encoded", "copied"])
async def test_only_who_has_the_key_sees_what_went_on_in_a_closed_part(
    runner: Callable[..., Any],
    source: Callable[..., Any],
    look: Callable[..., Any],
    tmp_path: Path,
    copied: bool,
) -> None:
    key, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    closed = {"recipients": [str(key.to_public())]}
    async with runner(closed=closed, stream_copy=copied) as running, source(running.url):
        await running.until(lambda: running.status().sources["hall"].present)
        await running.ask(do="publish")
        await running.until(lambda: running.status().showing == "source:hall")
        assert pieces_of(running.folder) == []
        await running.ask(do="enter_closed")
        await running.until(lambda: len(pieces_of(running.folder)) >= 2)
        await running.ask(do="leave_closed")
        await running.until(lambda: running.status().showing == "source:hall")
        await running.ask(do="end")
        await running.process.wait()
    pieces = pieces_of(running.folder)
    for piece in pieces:
        assert piece.stat().st_mode & 0o077 == 0
        assert piece.read_bytes().startswith(b"age-encryption.org/v1\n")
    with pytest.raises(ConfigError, match="not sealed for this key"):
        unsealed(pieces, str(other), tmp_path / "other.ts")
    with pytest.raises(ConfigError, match="no private key"):
        unsealed(pieces, "hello", tmp_path / "other.ts")
    opened = tmp_path / "hall.ts"
    assert unsealed(pieces, str(key), opened) == opened.stat().st_size > 0
    red, green, blue = look(opened)[90, 160]
    assert green > 140 > max(red, blue)
    checked = await asyncio.create_subprocess_exec(
        *(find_ffmpeg(), "-v", "error", "-i", str(opened), "-f", "null", "-"),
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await checked.communicate()
    assert checked.returncode == 0, said
