"""``avctl backup`` and ``avctl restore``, and the record as the shell opens it."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Annotated, Any

import typer

Data = Annotated[Path, typer.Option("--data", help="Folder of the record.")]


def backup(
    file: Annotated[Path, typer.Argument(help="File to write; it must not exist.")],
    data: Data = Path("data"),
) -> None:
    """Copy the record to a file, also while the controller runs."""
    record = data / "avctl.db"
    if not record.is_file():
        _fail(f"there is no record in {data}")
    if file.exists():
        _fail(f"{file} exists already")
    file.touch(mode=0o600)
    with closing(sqlite3.connect(record)) as source, closing(sqlite3.connect(file)) as copy:
        source.backup(copy)
    typer.echo(f"the record was copied to {file}")


def restore(
    file: Annotated[Path, typer.Argument(help="File that avctl backup wrote.")],
    data: Data = Path("data"),
) -> None:
    """Put a copy back in place of a record that is not there; the controller must be stopped."""
    record = data / "avctl.db"
    if record.exists():
        _fail(f"{record} exists; move it away first, so that nothing is lost")
    if not file.is_file():
        _fail(f"there is no file {file}")
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as source:
        try:
            sound = source.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            ours = bool(source.execute("SELECT 1 FROM alembic_version").fetchone())
        except sqlite3.DatabaseError:
            sound = ours = False
        if not (sound and ours):
            _fail(f"{file} is not a sound copy of a record")
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        record.touch(mode=0o600)
        with closing(sqlite3.connect(record)) as copy:
            source.backup(copy)
    typer.echo(f"the record in {data} is that of {file}")


def _fail(text: str) -> None:
    typer.echo(text, err=True)
    raise typer.Exit(1)


@asynccontextmanager
async def accounts_of(data: Path, config_file: Path | None = None) -> AsyncIterator[Any]:
    """The accounts of a record, for the shell; what is done is in the journal."""
    from avctl.bus import Bus
    from avctl.config import Config, read
    from avctl.main.compose import make_folder, store_url
    from avctl.services.accounts import Accounts
    from avctl.services.journal import posting
    from avctl.store.engine import open_store

    config = Config() if config_file is None else read(config_file)
    make_folder(data)
    async with open_store(store_url(config, data)) as store:
        bus = Bus()
        async with posting(store, bus):  # a controller may be running, and only it gives numbers
            yield Accounts(store, bus, config.web)
