"""Questions about accounts, log-ins and tokens. Only hashes are kept: of passwords, of cookies, of tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from avctl.model.account import Account, Role
from avctl.store import tables

_accounts, _logins, _tokens = tables.accounts, tables.logins, tables.tokens


@dataclass(frozen=True, kw_only=True)
class LoginRow:
    """A browser that is logged in. ``hash`` is of its cookie."""

    hash: str
    account: str
    csrf: str
    created_at: datetime
    seen_at: datetime
    address: str


@dataclass(frozen=True, kw_only=True)
class TokenRow:
    """A key of a program that acts for an account."""

    hash: str
    account: str
    label: str
    created_at: datetime


def account_from(row: Row[*tuple[Any, ...]]) -> Account:
    """The account of a row that has ``COLUMNS``."""
    return Account(
        name=row.name,
        role=Role(row.role),
        created_at=row.created_at,
        disabled=row.disabled,
        language=row.language,
        theme=row.theme,
        rooms=tuple(row.rooms),
    )


# --- accounts --------------------------------------------------------------------------------------

COLUMNS = (
    _accounts.c.name,
    _accounts.c.role,
    _accounts.c.created_at,
    _accounts.c.disabled,
    _accounts.c.language,
    _accounts.c.theme,
    _accounts.c.rooms,
)


async def add_account(connection: AsyncConnection, account: Account, password_hash: str) -> None:
    """A new account."""
    await connection.execute(insert(_accounts).values(**vars(account), password_hash=password_hash))


async def all_accounts(connection: AsyncConnection) -> tuple[Account, ...]:
    """Everybody, by name."""
    rows = await connection.execute(select(*COLUMNS).order_by(_accounts.c.name))
    return tuple(account_from(row) for row in rows)


async def account_of(connection: AsyncConnection, name: str) -> Account | None:
    """The account of a name."""
    row = (await connection.execute(select(*COLUMNS).where(_accounts.c.name == name))).first()
    return None if row is None else account_from(row)


async def credentials_of(connection: AsyncConnection, name: str) -> tuple[Account, str] | None:
    """The account of a name with the hash of its password."""
    question = select(*COLUMNS, _accounts.c.password_hash).where(_accounts.c.name == name)
    row = (await connection.execute(question)).first()
    return None if row is None else (account_from(row), row.password_hash)


async def change_account(connection: AsyncConnection, name: str, **columns: Any) -> bool:
    """Set columns of an account; false when there is none."""
    changed = await connection.execute(update(_accounts).where(_accounts.c.name == name).values(**columns))
    return changed.rowcount == 1


async def replace_hash(connection: AsyncConnection, name: str, old: str, new: str) -> None:
    """Another hash of the same password; nothing when the password was changed meanwhile."""
    same = (_accounts.c.name == name) & (_accounts.c.password_hash == old)
    await connection.execute(update(_accounts).where(same).values(password_hash=new))


# --- log-ins ---------------------------------------------------------------------------------------


async def add_login(connection: AsyncConnection, row: LoginRow) -> None:
    """A browser that logged in."""
    await connection.execute(insert(_logins).values(**vars(row)))


async def login_of(connection: AsyncConnection, hashed: str) -> tuple[LoginRow, Account] | None:
    """The log-in of a cookie, and whose it is."""
    question = (
        select(
            *COLUMNS,
            _logins.c.hash,
            _logins.c.csrf,
            _logins.c.created_at.label("began_at"),
            _logins.c.seen_at,
            _logins.c.address,
        )
        .join_from(_logins, _accounts, _logins.c.account == _accounts.c.name)
        .where(_logins.c.hash == hashed)
    )
    row = (await connection.execute(question)).first()
    if row is None:
        return None
    login = LoginRow(
        hash=row.hash,
        account=row.name,
        csrf=row.csrf,
        created_at=row.began_at,
        seen_at=row.seen_at,
        address=row.address,
    )
    return login, account_from(row)


async def touch_login(connection: AsyncConnection, hashed: str, seen_at: datetime) -> None:
    """The browser was seen."""
    await connection.execute(update(_logins).where(_logins.c.hash == hashed).values(seen_at=seen_at))


async def end_login(connection: AsyncConnection, hashed: str) -> bool:
    """Forget a cookie; false when it was not known."""
    return (await connection.execute(delete(_logins).where(_logins.c.hash == hashed))).rowcount == 1


async def end_idle_logins(connection: AsyncConnection, before: datetime) -> tuple[str, ...]:
    """Forget browsers not seen since; gives the accounts."""
    idle = delete(_logins).where(_logins.c.seen_at < before).returning(_logins.c.account)
    return tuple((await connection.execute(idle)).scalars())


async def end_everything_of(connection: AsyncConnection, name: str) -> None:
    """Forget every log-in and token of an account."""
    await connection.execute(delete(_logins).where(_logins.c.account == name))
    await connection.execute(delete(_tokens).where(_tokens.c.account == name))


# --- tokens ----------------------------------------------------------------------------------------


async def add_token(connection: AsyncConnection, row: TokenRow) -> None:
    """A program that may act for an account."""
    await connection.execute(insert(_tokens).values(**vars(row)))


async def holder_of(connection: AsyncConnection, hashed: str) -> Account | None:
    """Whose token it is."""
    question = (
        select(*COLUMNS)
        .join_from(_tokens, _accounts, _tokens.c.account == _accounts.c.name)
        .where(_tokens.c.hash == hashed)
    )
    row = (await connection.execute(question)).first()
    return None if row is None else account_from(row)


async def tokens_of(connection: AsyncConnection, name: str) -> tuple[TokenRow, ...]:
    """The tokens of an account, oldest first."""
    question = select(_tokens).where(_tokens.c.account == name).order_by(_tokens.c.created_at)
    return tuple(TokenRow(**row) for row in (await connection.execute(question)).mappings())
