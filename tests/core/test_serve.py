"""``avctl run``: one controller for one folder of data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from avctl.config import parse
from avctl.errors import ConfigError
from avctl.main.serve import serve
from streams.keeper import claim


async def test_a_second_controller_ends_before_it_touches_anything(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    claim(tmp_path)  # as one does that has not begun to listen yet
    config = parse({"web": {"port": free_port()}}, "test", {})
    with pytest.raises(ConfigError, match=r"another avctl \(process \d+\) runs with the data"):
        await serve(config, tmp_path)
    assert not (tmp_path / "avctl.db").exists()
