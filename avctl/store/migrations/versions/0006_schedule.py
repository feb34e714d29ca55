"""Who sits; and of people: which rooms they may use, where they are told, their calendar's secret."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table and the columns."""
    op.create_table(
        "bodies",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bodies")),
    )
    with op.batch_alter_table("accounts") as accounts:
        accounts.add_column(sa.Column("rooms", sa.JSON(), nullable=False, server_default="[]"))
        accounts.add_column(sa.Column("contact", sa.Text(), nullable=False, server_default=""))
        accounts.add_column(
            sa.Column("calendar_hash", sa.String(length=64), nullable=False, server_default="")
        )
        accounts.create_index(op.f("ix_accounts_calendar_hash"), ["calendar_hash"])


def downgrade() -> None:
    """Take them away."""
    with op.batch_alter_table("accounts") as accounts:
        accounts.drop_index(op.f("ix_accounts_calendar_hash"))
        for column in ("calendar_hash", "contact", "rooms"):
            accounts.drop_column(column)
    op.drop_table("bodies")
