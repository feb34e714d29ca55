"""What was decided about each room's cameras: who holds them, and the shots stored at seats."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "framings",
        sa.Column("room", sa.String(length=64), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("room", name=op.f("pk_framings")),
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_table("framings")
