"""The tables of the record. A change here needs a migration; a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC; SQLite has no time zones, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a moment that does not say where it is."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Always aware, always UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# An INTEGER PRIMARY KEY is SQLite's own row number; a BIGINT one would cost a second index.
Number = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

journal = Table(
    "journal",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("subject", String(128), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("data", JSON, nullable=False),
)
Index(None, journal.c.at)
Index(None, journal.c.kind, journal.c.number)
Index(None, journal.c.subject, journal.c.number)
# Most events have no actor; only those that do are worth an entry.
Index(
    "ix_journal_actor_number",
    journal.c.actor,
    journal.c.number,
    sqlite_where=journal.c.actor != "",
    postgresql_where=journal.c.actor != "",
)

numbers = Table(
    "numbers",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("number", Number, nullable=False),
)

posted = Table(
    "posted",
    metadata,
    Column("id", Number, primary_key=True),
    Column("data", JSON, nullable=False),
    sqlite_autoincrement=True,  # an id is never used twice
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("room", String(64), nullable=False),
    Column("phase", String(32), nullable=False),
    Column("starts_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("state", JSON, nullable=False),
    Column("number", Number, nullable=False),
)
Index(None, sessions.c.phase, sessions.c.starts_at)
Index(None, sessions.c.starts_at)

chapters = Table(
    "chapters",
    metadata,
    Column("session", String(64), ForeignKey("sessions.id"), primary_key=True),
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("title", Text, nullable=False),
)

# Written once, when a vote has its result or is lost; nothing changes a row.
votes = Table(
    "votes",
    metadata,
    Column("session", String(64), ForeignKey("sessions.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("closed_at", Moment, nullable=False),
    Column("state", JSON, nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("rule", String(64), nullable=False),
    Column("subject", String(128), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("raised_at", Moment, nullable=False),
    Column("cleared_at", Moment),
    Column("acknowledged_at", Moment),
    Column("acknowledged_by", String(64), nullable=False),
    Column("state", JSON, nullable=False),
)
Index(None, alerts.c.raised_at)
# One alert per rule and subject while it is raised.
Index(
    "uq_alerts_raised",
    alerts.c.rule,
    alerts.c.subject,
    unique=True,
    sqlite_where=alerts.c.cleared_at.is_(None),
    postgresql_where=alerts.c.cleared_at.is_(None),
)

framings = Table(
    "framings",
    metadata,
    Column("room", String(64), primary_key=True),
    Column("state", JSON, nullable=False),
)

seatings = Table(
    "seatings",
    metadata,
    Column("session", String(64), ForeignKey("sessions.id"), primary_key=True),
    Column("state", JSON, nullable=False),
)

silences = Table(
    "silences",
    metadata,
    Column("room", String(64), primary_key=True),
    Column("state", JSON, nullable=False),
)

preparations = Table(
    "preparations",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("session", String(64), nullable=False),
    Column("began_at", Moment, nullable=False),
    Column("state", JSON, nullable=False),
)
Index(None, preparations.c.session, preparations.c.began_at)

golden = Table(
    "golden",
    metadata,
    Column("room", String(64), primary_key=True),
    Column("state", JSON, nullable=False),
)

bodies = Table(
    "bodies",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("state", JSON, nullable=False),
)

# What must be known after a restart, one row for each service: an emergency, the air raid, what was shed.
standing = Table(
    "standing",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("state", JSON, nullable=False),
)

# What screens show; every version stays.
contents = Table(
    "contents",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("state", JSON, nullable=False),
)

playlists = Table(
    "playlists",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("state", JSON, nullable=False),
)

blackouts = Table(
    "blackouts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("ends_at", Moment, nullable=False),
    Column("state", JSON, nullable=False),
)
Index(None, blackouts.c.ends_at)

accounts = Table(
    "accounts",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("role", String(32), nullable=False),
    Column("password_hash", String(256), nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("language", String(8), nullable=False),
    Column("theme", String(16), nullable=False),
    Column("rooms", JSON, nullable=False, server_default="[]"),
    Column("contact", Text, nullable=False, server_default=""),
    Column("calendar_hash", String(64), nullable=False, server_default=""),
)
Index(None, accounts.c.calendar_hash)

logins = Table(
    "logins",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("account", String(64), ForeignKey("accounts.name"), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("address", String(64), nullable=False),
)
Index(None, logins.c.account)
Index(None, logins.c.seen_at)

tokens = Table(
    "tokens",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("account", String(64), ForeignKey("accounts.name"), nullable=False),
    Column("label", String(128), nullable=False),
    Column("created_at", Moment, nullable=False),
)
Index(None, tokens.c.account)
