"""The people: who may log in, who is logged in, and whose token this is."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import unicodedata
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.exc import SQLAlchemyError

from avctl.bus import Bus
from avctl.config import Web
from avctl.errors import BadArgument, Conflict, NotFound, NotLoggedIn
from avctl.events import AccountChanged, LoggedIn, LoggedOut, LoginRefused, now
from avctl.model.account import LONGEST_PASSWORD, Account, Role, must_be_strong, name_of
from avctl.services.throttle import Throttle
from avctl.store import Store, people
from avctl.store.engine import cause_of

log = logging.getLogger(__name__)

T = TypeVar("T")

REFUSAL = "wrong name or password"
UNKNOWN = "(unknown)"  # a wrong name may be a password typed in the wrong field
CACHED = 4096
SEEN_EVERY = timedelta(minutes=1)  # how often the record is told that a browser was seen
AT_ONCE = 2  # each argon2 takes 64 MiB and a core for some tens of milliseconds


@dataclass(frozen=True, kw_only=True)
class LogIn:
    """A browser that is logged in. ``cookie`` is only known to the browser; keep it out of every log."""

    account: Account
    csrf: str = field(repr=False)
    cookie: str = field(repr=False)


@dataclass(kw_only=True)
class _Held:
    """What a cookie means, remembered."""

    account: Account
    csrf: str
    seen_at: datetime
    saved_at: datetime


class Accounts:
    """Keeps accounts. A change ends what it must at once, and tells the bus who made it."""

    def __init__(self, store: Store, bus: Bus, settings: Web, hasher: PasswordHasher | None = None) -> None:
        self._store, self._bus = store, bus
        self._idle = timedelta(minutes=settings.idle_minutes)
        self._throttle = Throttle(settings.login_tries)
        self._hasher = hasher or PasswordHasher()
        self._hashing = asyncio.Semaphore(AT_ONCE)
        self._decoy = ""
        self._logins: dict[str, _Held] = {}
        self._holders: dict[str, Account] = {}
        self._changes = 0
        bus.listen(self._forget, AccountChanged)

    # --- keeping them ------------------------------------------------------------------------------------

    async def add(
        self, name: str, role: Role, password: str, *, actor: str, language: str = "", theme: str = ""
    ) -> Account:
        """A new account; BadArgument for a name or password that will not do, Conflict when it exists."""
        account = Account(name=name_of(name), role=role, created_at=now(), language=language, theme=theme)
        hashed = await self._hash(password, account.name)
        async with self._store.write() as connection:
            if await people.account_of(connection, account.name) is not None:
                raise Conflict(f"there is an account {account.name!r} already")
            await people.add_account(connection, account, hashed)
        self._changed(account.name, "added", actor)
        return account

    async def all(self) -> tuple[Account, ...]:
        """Everybody, by name."""
        async with self._store.read() as connection:
            return await people.all_accounts(connection)

    async def get(self, name: str) -> Account:
        """The account of a name; NotFound when there is none."""
        async with self._store.read() as connection:
            account = await people.account_of(connection, _known(name))
        if account is None:
            raise NotFound(f"there is no account {name!r}")
        return account

    async def set_password(self, name: str, password: str, *, actor: str) -> None:
        """A new password; log-ins and tokens made with the old one end."""
        name = (await self.get(name)).name
        await self._change(name, "password", actor, password_hash=await self._hash(password, name))

    async def set_role(self, name: str, role: Role, *, actor: str) -> None:
        """Another role; the person logs in anew."""
        await self._change(name, f"role {role}", actor, role=role.value)

    async def set_rooms(self, name: str, rooms: tuple[str, ...], *, actor: str) -> None:
        """The only rooms a person may see and act in; none: all of them."""
        said = f"rooms {', '.join(rooms)}" if rooms else "all rooms"
        await self._change(name, said, actor, ends=False, rooms=list(rooms))

    async def disable(self, name: str, *, actor: str) -> None:
        """Shut a person out; log-ins and tokens end."""
        await self._change(name, "disabled", actor, disabled=True)

    async def enable(self, name: str, *, actor: str) -> None:
        """Let a person in again."""
        await self._change(name, "enabled", actor, disabled=False)

    async def set_preferences(self, name: str, *, language: str, theme: str, actor: str) -> None:
        """The language and theme of the person's pages."""
        await self._change(name, "preferences", actor, ends=False, language=language, theme=theme)

    async def make_token(self, name: str, label: str, *, actor: str) -> str:
        """A key for a program that acts for the account. It is shown this once; only its hash is kept."""
        label = label.strip()
        if not 1 <= len(label) <= 128 or not label.isprintable():
            raise BadArgument("label", "what the token is for, 1 to 128 printable characters")
        name, token = _known(name), secrets.token_urlsafe(32)
        async with self._store.write() as connection:
            account = await people.account_of(connection, name)
            if account is None:
                raise NotFound(f"there is no account {name!r}")
            if account.disabled:
                raise Conflict(f"the account {name!r} is disabled")
            row = people.TokenRow(hash=_digest(token), account=name, label=label, created_at=now())
            await people.add_token(connection, row)
        self._changed(name, "token made", actor)
        return token

    # --- logging in and out ------------------------------------------------------------------------------

    async def log_in(self, name: str, password: str, address: str) -> LogIn:
        """Prove who it is; NotLoggedIn when name or password is wrong, TooManyTries when guessed too often.

        An unknown name, a wrong password and a disabled account look the same and cost the same.
        """
        known = _known(name)
        await self._throttle.check(known, address)
        async with self._hashing:
            await self._throttle.check(known, address)  # others may have guessed while we waited
            proved = await self._prove(known, password, address)
            if proved is None:
                await self._throttle.wrong(known, address)
                raise NotLoggedIn(REFUSAL)
        await self._throttle.right(known)
        return await self._welcome(*proved, address)

    async def log_out(self, cookie: str) -> None:
        """Forget a cookie."""
        hashed = _digest(cookie)
        login = await self.who_is(cookie)
        self._logins.pop(hashed, None)
        async with self._store.write() as connection:
            await people.end_login(connection, hashed)
        if login is not None:
            self._bus.publish(LoggedOut(account=login.account.name, actor=login.account.name))

    async def who_is(self, cookie: str) -> LogIn | None:
        """Whose cookie it is; None when nobody's, or not used for too long."""
        hashed = _digest(cookie)
        held = self._logins.get(hashed) or await self._look_up(hashed)
        if held is None:
            return None
        moment = now()
        if moment - held.seen_at > self._idle:
            await self._end_idle(hashed, held)
            return None
        held.seen_at = moment
        if moment - held.saved_at > SEEN_EVERY:
            with suppress(SQLAlchemyError):  # a full disk must not shut people out
                async with self._store.write() as connection:
                    await people.touch_login(connection, hashed, moment)
                held.saved_at = moment
        return LogIn(account=held.account, csrf=held.csrf, cookie=cookie)

    async def who_has(self, token: str) -> Account | None:
        """Whose token it is; None when nobody's."""
        hashed = _digest(token)
        while (account := self._holders.get(hashed)) is None:
            changes = self._changes
            async with self._store.read() as connection:
                account = await people.holder_of(connection, hashed)
            if account is None or account.disabled:
                return None
            if changes == self._changes:  # else it may have ended while we read
                _remember(self._holders, hashed, account)
        return account

    # --- inside ------------------------------------------------------------------------------------------

    async def _change(
        self, name: str, change: str, actor: str, *, ends: bool = True, **columns: object
    ) -> None:
        name = _known(name)
        async with self._store.write() as connection:
            if not await people.change_account(connection, name, **columns):
                raise NotFound(f"there is no account {name!r}")
            if ends:
                await people.end_everything_of(connection, name)
        self._changed(name, change, actor)

    def _changed(self, name: str, change: str, actor: str) -> None:
        self._bus.publish(AccountChanged(account=name, change=change, actor=actor))

    def _forget(self, event: AccountChanged) -> None:
        """Ask the record anew about this account, also when another program made the change."""
        self._changes += 1
        for hashed in [key for key, held in self._logins.items() if held.account.name == event.account]:
            del self._logins[hashed]
        for hashed in [key for key, held in self._holders.items() if held.name == event.account]:
            del self._holders[hashed]

    async def _hash(self, password: str, name: str) -> str:
        must_be_strong(password, name)
        async with self._hashing:
            return await asyncio.to_thread(self._hasher.hash, _bytes(password))

    async def _prove(self, name: str, password: str, address: str) -> tuple[Account, str] | None:
        """The account and the hash that proves it; None when refused."""
        if not self._decoy:
            self._decoy = await asyncio.to_thread(self._hasher.hash, secrets.token_bytes(16))
        async with self._store.read() as connection:
            found = await people.credentials_of(connection, name) if name else None
        account, hashed = found or (None, self._decoy)
        right = await asyncio.to_thread(self._verify, hashed, password)
        if account is None or account.disabled or not right:
            who = UNKNOWN if account is None else account.name
            self._bus.publish(LoginRefused(account=who, address=address[:64]))
            return None
        if self._hasher.check_needs_rehash(hashed):
            better = await asyncio.to_thread(self._hasher.hash, _bytes(password))
            with suppress(SQLAlchemyError):  # next time, when the disk takes it
                async with self._store.write() as connection:
                    await people.replace_hash(connection, name, hashed, better)
                async with self._store.read() as connection:
                    found = await people.credentials_of(connection, name)
                return found
        return account, hashed

    async def _welcome(self, account: Account, hashed: str, address: str) -> LogIn:
        cookie, csrf, moment = secrets.token_urlsafe(32), secrets.token_urlsafe(32), now()
        key = _digest(cookie)
        row = people.LoginRow(
            hash=key,
            account=account.name,
            csrf=csrf,
            created_at=moment,
            seen_at=moment,
            address=address[:64],
        )
        idle: tuple[str, ...] = ()
        try:
            async with self._store.write() as connection:
                if await people.credentials_of(connection, account.name) != (account, hashed):
                    raise NotLoggedIn(REFUSAL)  # disabled or changed while the password was proved
                await people.add_login(connection, row)
                idle = await people.end_idle_logins(connection, moment - self._idle)
        except SQLAlchemyError as fault:
            # A full disk must not keep the technician out; this log-in lasts until the next start.
            log.error("The log-in of %s cannot be written: %s", account.name, cause_of(fault))
        _remember(self._logins, key, _Held(account=account, csrf=csrf, seen_at=moment, saved_at=moment))
        self._bus.publish(LoggedIn(account=account.name, actor=account.name, address=address[:64]))
        for name in idle:
            self._bus.publish(LoggedOut(account=name))
        return LogIn(account=account, csrf=csrf, cookie=cookie)

    async def _look_up(self, hashed: str) -> _Held | None:
        while True:
            changes = self._changes
            async with self._store.read() as connection:
                found = await people.login_of(connection, hashed)
            if found is None or found[1].disabled:
                return None
            row, account = found
            held = _Held(account=account, csrf=row.csrf, seen_at=row.seen_at, saved_at=row.seen_at)
            if changes == self._changes:  # else it may have ended while we read
                _remember(self._logins, hashed, held)
                return held

    async def _end_idle(self, hashed: str, held: _Held) -> None:
        self._logins.pop(hashed, None)
        with suppress(SQLAlchemyError):
            async with self._store.write() as connection:
                await people.end_login(connection, hashed)
        self._bus.publish(LoggedOut(account=held.account.name))

    def _verify(self, hashed: str, password: str) -> bool:
        with suppress(VerificationError, InvalidHashError):
            return self._hasher.verify(hashed, _bytes(password)) and len(password) <= LONGEST_PASSWORD
        return False


def _known(name: str) -> str:
    """The name as it would be kept; empty when it cannot be one."""
    with suppress(BadArgument):
        return name_of(name)
    return ""


def _bytes(password: str) -> bytes:
    # Composed letters: macOS and Windows type the same й differently.
    return unicodedata.normalize("NFC", password[:LONGEST_PASSWORD]).encode("utf-8", "surrogatepass")


def _digest(secret: str) -> str:
    """What is kept of a cookie or token; they are random, so a plain hash is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _remember(cache: dict[str, T], key: str, value: T) -> None:
    while len(cache) >= CACHED:
        del cache[next(iter(cache))]
    cache[key] = value
