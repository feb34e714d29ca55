"""``python -m avctl``."""

from __future__ import annotations

from avctl.main import app

app(prog_name="avctl")
