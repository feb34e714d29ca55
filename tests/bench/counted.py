"""A display like the others that counts how often it was looked at, for row 4: are they really polled?"""

from __future__ import annotations

import os
from pathlib import Path

from drivers.nec_display import NecDisplay


class Counted(NecDisplay):
    """Writes its count of looks to the file that LOOKS of the environment names."""

    _looks = 0

    async def look(self) -> None:
        await super().look()
        self._looks += 1
        Path(os.environ["LOOKS"]).write_text(str(self._looks), encoding="utf-8")


DRIVER = Counted
