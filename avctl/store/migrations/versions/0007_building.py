"""The building: what stands at the moment, what screens show, announced blackouts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "standing",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_standing")),
    )
    for name in ("contents", "playlists"):
        op.create_table(
            name,
            sa.Column("id", sa.String(length=64), nullable=False),
            sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("state", sa.JSON(), nullable=False),
            sa.PrimaryKeyConstraint("id", "version", name=op.f(f"pk_{name}")),
        )
    op.create_table(
        "blackouts",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blackouts")),
    )
    op.create_index(op.f("ix_blackouts_ends_at"), "blackouts", ["ends_at"])


def downgrade() -> None:
    """Take them away."""
    op.drop_index(op.f("ix_blackouts_ends_at"), table_name="blackouts")
    for name in ("blackouts", "playlists", "contents", "standing"):
        op.drop_table(name)
