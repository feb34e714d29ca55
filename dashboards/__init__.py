"""The pages: they show what is known and decide nothing."""

from __future__ import annotations

from dashboards.pages import mount

__all__ = ["mount"]
