"""Opening the record: SQLite by default, another database by its address."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from avctl.errors import ConfigError
from avctl.store.migrations import HEAD

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
WAL_BYTES = 64 * 1024 * 1024  # the log file is cut back to this after a burst


def sqlite_url(path: Path) -> str:
    """The address of a database file."""
    return f"sqlite+aiosqlite:///{path}"


class Store:
    """An open record: ``read()`` to ask, ``write()`` for one transaction at a time.

    In memory (for tests) both share one connection: never read from the store inside its own ``write()``, use
    the connection that ``write()`` gives. A question cancelled on its way ends its connection, and with it
    everything in memory; a file does not mind.
    """

    def __init__(self, writer: AsyncEngine, reader: AsyncEngine) -> None:
        self._writer, self._reader = writer, reader
        self._writing = asyncio.Lock()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: on disk when the block ends, undone when it raises."""
        async with self._writing, self._writer.begin() as connection:
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for questions; what it sees does not change under way."""
        async with AsyncExitStack() as stack:
            if self._reader is self._writer and self._writer.dialect.name == "sqlite":
                await stack.enter_async_context(self._writing)
            yield await stack.enter_async_context(self._reader.begin())


@asynccontextmanager
async def open_store(url: str, *, patience: float = 5.0) -> AsyncIterator[Store]:
    """The record at ``url``, brought up to date first; ConfigError when it cannot be used.

    ``patience``: seconds to wait for another program that is writing.
    """
    address = _address(url)
    async with AsyncExitStack() as stack:
        writer = _engine(address, patience, writes=True)
        stack.push_async_callback(writer.dispose)
        reader = writer
        if address.drivername.startswith("sqlite") and not _in_memory(address):
            _make_private(Path(address.database or ""))
            reader = _engine(address, patience, writes=False)
            stack.push_async_callback(reader.dispose)
        shown = address.render_as_string(hide_password=True)
        try:
            await _make_ready(writer, patience)
        except (SQLAlchemyError, OSError) as fault:
            raise ConfigError(f"the record at {shown} cannot be used: {cause_of(fault)}") from fault
        yield Store(writer, reader)


def cause_of(fault: BaseException) -> str:
    """What the database itself said, without the statement and its values."""
    return str(getattr(fault, "orig", None) or fault)


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError as fault:
        raise ConfigError(
            "store.url is not the address of a database", (("store.url", str(fault)),)
        ) from fault
    return address.set(drivername=DRIVERS.get(address.drivername, address.drivername))


def _in_memory(address: URL) -> bool:
    return address.database in (None, "", ":memory:")


def _make_private(path: Path) -> None:
    """Make the file for its owner only: it holds password hashes. SQLite gives its log the same mode."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as fault:
        raise ConfigError(f"the record at {path} cannot be used: {fault.strerror}") from fault


def _engine(address: URL, patience: float, *, writes: bool) -> AsyncEngine:
    if not address.drivername.startswith("sqlite"):
        return create_async_engine(address, json_serializer=_json, hide_parameters=True, pool_pre_ping=True)
    pool: dict[str, Any] = {} if _in_memory(address) else {"pool_size": 1 if writes else 4, "max_overflow": 0}
    engine = create_async_engine(address, json_serializer=_json, hide_parameters=True, **pool)
    event.listen(engine.sync_engine, "connect", partial(_prepare, patience=patience, writes=writes))
    event.listen(engine.sync_engine, "begin", _begin_immediate if writes else _begin)
    return engine


def _json(value: object) -> str:
    # Ukrainian text as it is: escaped, each letter would take six bytes.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _prepare(connection: Any, _: object, *, patience: float, writes: bool) -> None:
    # The module's own habit of opening transactions late is turned off: we say BEGIN ourselves.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {int(patience * 1000)}")
    cursor.execute("PRAGMA foreign_keys = ON")
    if writes:
        cursor.execute("PRAGMA journal_mode = WAL")
        # With WAL, NORMAL may lose the last transactions when the power fails; an answered act must stay.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
    else:
        cursor.execute("PRAGMA query_only = ON")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    # Asking for the write lock at once: asking in the middle can fail without waiting.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


async def _make_ready(writer: AsyncEngine, patience: float) -> None:
    deadline = asyncio.get_running_loop().time() + patience
    while True:
        try:
            async with writer.begin() as connection:
                await connection.run_sync(_bring_up_to_date)
            return
        except OperationalError as fault:
            # SQLite does not wait by itself while another program turns a new file to WAL.
            if "locked" not in cause_of(fault) or asyncio.get_running_loop().time() > deadline:
                raise
        await asyncio.sleep(0.02)


def _bring_up_to_date(connection: Connection) -> None:
    revision = None
    if inspect(connection).has_table("alembic_version"):
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if revision == HEAD:
        return
    # Alembic costs a tenth of a second to import, and is wanted once in a version's life.
    from avctl.store.migrations.upgrade import upgrade

    upgrade(connection, revision)
