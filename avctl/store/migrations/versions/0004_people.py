"""Who sits in the seats of each session, and what a closed part has silenced in each room."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "seatings",
        sa.Column("session", sa.String(length=64), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["session"], ["sessions.id"], name=op.f("fk_seatings_session")),
        sa.PrimaryKeyConstraint("session", name=op.f("pk_seatings")),
    )
    op.create_table(
        "silences",
        sa.Column("room", sa.String(length=64), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("room", name=op.f("pk_silences")),
    )


def downgrade() -> None:
    """Take them away."""
    op.drop_table("silences")
    op.drop_table("seatings")
