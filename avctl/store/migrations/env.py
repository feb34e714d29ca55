"""Alembic runs this: migrate on the connection that ``upgrade.py`` handed over."""

from __future__ import annotations

from alembic import context

from avctl.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    # SQLite can undo table changes too, once BEGIN is said by us (engine.py).
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
