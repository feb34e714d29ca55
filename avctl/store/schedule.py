"""Questions about the schedule's own lists: who sits, and where people on duty are told."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from avctl.model.account import Account
from avctl.model.body import Body
from avctl.store import tables
from avctl.store.people import COLUMNS, account_from
from avctl.store.records import upsert

_bodies, _accounts = tables.bodies, tables.accounts


async def save_body(connection: AsyncConnection, body: Body) -> None:
    """A body as it is now."""
    await upsert(connection, _bodies, {"id": body.id, "state": body.model_dump(mode="json")})


async def forget_body(connection: AsyncConnection, body: str) -> None:
    """A body that is on the list no more."""
    await connection.execute(delete(_bodies).where(_bodies.c.id == body))


async def bodies(connection: AsyncConnection) -> tuple[Body, ...]:
    """The whole list."""
    found = await connection.execute(select(_bodies.c.state))
    return tuple(Body.model_validate(state) for state in found.scalars())


async def had_bodies(connection: AsyncConnection) -> bool:
    """Whether there ever was a list, be it empty now."""
    kind = tables.journal.c.kind
    found = select(tables.journal.c.number).where(kind == "BodyKept").limit(1)
    return (await connection.execute(found)).first() is not None


async def set_contact(connection: AsyncConnection, name: str, contact: str) -> bool:
    """Where a person is told; false when there is no such account."""
    statement = update(_accounts).where(_accounts.c.name == name).values(contact=contact)
    return (await connection.execute(statement)).rowcount == 1


async def contacts_of(connection: AsyncConnection, names: Iterable[str]) -> dict[str, str]:
    """Where these people are told, as far as they said it and may log in."""
    question = select(_accounts.c.name, _accounts.c.contact).where(
        _accounts.c.name.in_(tuple(names)), _accounts.c.contact != "", _accounts.c.disabled.is_(False)
    )
    return {row.name: row.contact for row in await connection.execute(question)}


async def set_calendar(connection: AsyncConnection, name: str, hashed: str) -> bool:
    """Under which secret (its hash) a person's calendar is read; false when there is no such account."""
    statement = update(_accounts).where(_accounts.c.name == name).values(calendar_hash=hashed)
    return (await connection.execute(statement)).rowcount == 1


async def whose_calendar(connection: AsyncConnection, hashed: str) -> Account | None:
    """Whose calendar a secret (its hash) opens."""
    question = select(*COLUMNS).where(_accounts.c.calendar_hash == hashed)
    row = (await connection.execute(question)).first()
    return None if row is None else account_from(row)
