"""The record: tables, one function per question, migrations."""

from __future__ import annotations

from avctl.store.engine import Store, open_store, sqlite_url

__all__ = ["Store", "open_store", "sqlite_url"]
