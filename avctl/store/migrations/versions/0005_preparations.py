"""The sheets of preparations, and what is known to be good in each room."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "preparations",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("session", sa.String(length=64), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preparations")),
    )
    op.create_index(
        op.f("ix_preparations_session_began_at"), "preparations", ["session", "began_at"], unique=False
    )
    op.create_table(
        "golden",
        sa.Column("room", sa.String(length=64), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("room", name=op.f("pk_golden")),
    )


def downgrade() -> None:
    """Take them away."""
    op.drop_table("golden")
    op.drop_table("preparations")
