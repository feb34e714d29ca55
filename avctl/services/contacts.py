"""Where each person is told, and under which secret each reads their own calendar."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets

from avctl.bus import Bus
from avctl.errors import BadArgument, NotFound
from avctl.events import AccountChanged
from avctl.model.account import Account
from avctl.store import Store, schedule

LONGEST = 1000
MOST = 5
MAIL = re.compile(r"[^\s@:/?&#]{1,64}@[A-Za-z0-9.-]{1,190}")


class Contacts:
    """Keeps them in the record. A contact may hold a token: it is shown to nobody and told to no journal."""

    def __init__(self, store: Store, bus: Bus) -> None:
        self._store, self._bus = store, bus

    async def set_contact(self, name: str, contact: str, *, actor: str) -> None:
        """Where a person is told: mail or addresses of Apprise, with blanks between; empty: nowhere."""
        addresses = contact.split()
        if len(contact) > LONGEST or len(addresses) > MOST:
            raise BadArgument("contact", f"at most {MOST} addresses and {LONGEST} characters")
        for number, address in enumerate(addresses, 1):
            # What is wrong is not said again: it may hold a token.
            if not MAIL.fullmatch(address) and not await asyncio.to_thread(_understood, address):
                raise BadArgument("contact", f"mail, or addresses of Apprise (number {number} is neither)")
        async with self._store.write() as connection:
            if not await schedule.set_contact(connection, name, " ".join(addresses)):
                raise NotFound(f"there is no account {name!r}")
        self._bus.publish(AccountChanged(account=name, change="contact", actor=actor))

    async def of(self, names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        """The addresses of these people, as far as they have some."""
        async with self._store.read() as connection:
            found = await schedule.contacts_of(connection, names)
        return {name: tuple(contact.split()) for name, contact in found.items()}

    async def renew_calendar(self, name: str, *, actor: str) -> str:
        """A new secret for a person's calendar, shown this once; the old one is worth nothing any more."""
        secret = secrets.token_urlsafe(24)
        async with self._store.write() as connection:
            if not await schedule.set_calendar(connection, name, _digest(secret)):
                raise NotFound(f"there is no account {name!r}")
        self._bus.publish(AccountChanged(account=name, change="calendar", actor=actor))
        return secret

    async def whose_calendar(self, secret: str) -> Account:
        """Whose calendar it is; NotFound when nobody's, or of somebody who may not log in."""
        async with self._store.read() as connection:
            account = await schedule.whose_calendar(connection, _digest(secret))
        if account is None or account.disabled:
            raise NotFound("there is no such calendar; its address may have been renewed")
        return account


def _understood(address: str) -> bool:
    from apprise import Apprise  # takes half a second, and knows its hundred services only then

    return bool(Apprise().add(address))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
