"""What votes decided: written once, never changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "votes",
        sa.Column("session", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["session"], ["sessions.id"], name=op.f("fk_votes_session")),
        sa.PrimaryKeyConstraint("session", "number", name=op.f("pk_votes")),
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_table("votes")
