"""Runs the migrations on an open connection, in its transaction: all of them or none."""

from __future__ import annotations

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from avctl.errors import ConfigError
from avctl.store.migrations import HEAD

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent


def settings(connection: Connection | None = None) -> Config:
    """What Alembic must know; ``env.py`` finds the connection in it."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection, revision: str | None) -> None:
    """From ``revision`` to HEAD; ConfigError when a newer avctl has been here."""
    config = settings(connection)
    if revision is not None:
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if revision not in known:
            raise ConfigError(f"the record is of a newer avctl (revision {revision}, this one knows {HEAD})")
        log.info("Bringing the record from revision %s to %s", revision, HEAD)
    command.upgrade(config, HEAD)
