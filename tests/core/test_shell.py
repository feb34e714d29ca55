"""``avctl device``: one device from the shell, as a technician at the rack uses it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from avctl.config import Device
from drivers.sim.samsung_mdc import SamsungMdcSimulator

HOUSE = Path(__file__).parents[2]


async def avctl(*words: str) -> tuple[int | None, str, str]:
    """What a command ends with, prints, and complains about."""
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "avctl", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(HOUSE), "COLUMNS": "200"},
    )
    printed, complained = await program.communicate()
    return program.returncode, printed.decode(), complained.decode()


async def test_a_device_is_listed_shown_and_used(tmp_path: Path, free_port: Callable[[], int]) -> None:
    file, port, nobody = tmp_path / "house.toml", free_port(), free_port()
    file.write_text(
        '[[rooms]]\nid = "hall"\ntitle = "Зала"\n'
        + f'[[devices]]\nid = "wall"\nroom = "hall"\ndriver = "samsung_mdc"\nport = {port}\ntitle = "Стіна"\n'
        + f'[[devices]]\nid = "gone"\nroom = "hall"\ndriver = "nec_display"\nport = {nobody}\n',
        encoding="utf-8",
    )
    device = Device(id="wall", room="hall", driver="samsung_mdc", port=port, options={"boot_seconds": 0})
    at = ("--config", str(file))
    async with SamsungMdcSimulator(device):
        (code, printed, _), shown, done, unknown, wrong, away = await asyncio.gather(
            avctl("device", "list", *at),
            avctl("device", "show", "wall", *at),
            avctl("device", "call", "wall", "set_power", "on=true", *at),
            avctl("device", "call", "wall", "set_volume", "level=700", *at),
            avctl("device", "call", "wall", "set_volume", "700", *at),
            avctl("device", "show", "gone", *at),
        )
        assert code == 0
        assert "online" in printed
        assert "offline: cannot connect" in printed
    assert shown[0] == 0
    assert shown[1].startswith("Стіна: online\n{")
    assert '"power": ' in shown[1]
    assert "  set_power: " in shown[1]
    assert done[0] == 0
    assert json.loads(done[1])["readings"]["power"] is True
    assert unknown[0] == 1
    assert unknown[2].startswith("level: a number from 0 to 100")
    assert wrong[0] == 1
    assert wrong[2].startswith("700: an argument is name=value")
    assert away[0] == 1
    assert away[1].startswith("gone: offline cannot connect")
