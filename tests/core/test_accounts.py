"""Who may log in, who is logged in, and what ends it."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from avctl.bus import Bus
from avctl.config import Web
from avctl.errors import BadArgument, Conflict, Forbidden, NotFound, NotLoggedIn, TooManyTries
from avctl.events import (
    AccountChanged,
    AccountEvent,
    Event,
    LoggedIn,
    LoggedOut,
    LoginRefused,
    encode,
    now,
)
from avctl.model.account import ROLES, Account, Act, Role, name_of, permitted
from avctl.services.accounts import Accounts
from avctl.services.journal import Journal, posting
from avctl.store import Store, open_store, people, sqlite_url

PASSWORD = "правильний кінь"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    async with open_store("sqlite://") as opened:
        yield opened


@pytest.fixture
def events(bus: Bus) -> list[Event]:
    heard: list[Event] = []
    bus.listen(heard.append, AccountEvent)
    return heard


@pytest.fixture
async def accounts(store: Store, bus: Bus, events: list[Event]) -> Accounts:
    made = Accounts(store, bus, Web(), CHEAP)
    await made.add("Олена", Role.TECHNICIAN, PASSWORD, actor="test")
    return made


def kinds(events: list[Event]) -> list[type[Event]]:
    return [type(event) for event in events]


async def test_a_person_logs_in_is_known_and_logs_out(accounts: Accounts, events: list[Event]) -> None:
    login = await accounts.log_in(" олена ", PASSWORD, "10.0.0.1")
    assert login.account.name == "олена"
    assert login.account.role is Role.TECHNICIAN
    again = await accounts.who_is(login.cookie)
    assert again == login
    await accounts.log_out(login.cookie)
    assert await accounts.who_is(login.cookie) is None
    await accounts.log_out(login.cookie)
    assert kinds(events) == [AccountChanged, LoggedIn, LoggedOut]
    assert events[1] == LoggedIn(
        account="олена", actor="олена", address="10.0.0.1", at=events[1].at, number=events[1].number
    )


async def test_a_log_in_outlives_the_program(store: Store, accounts: Accounts) -> None:
    login = await accounts.log_in("олена", PASSWORD, "10.0.0.1")
    restarted = Accounts(store, Bus(), Web(), CHEAP)
    assert await restarted.who_is(login.cookie) == login


async def test_a_known_cookie_or_token_asks_neither_argon2_nor_the_record(
    accounts: Accounts, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = await accounts.log_in("олена", PASSWORD, "10.0.0.1")
    token = await accounts.make_token("олена", "script", actor="олена")
    await accounts.who_has(token)
    await accounts.who_is(login.cookie)
    async with store.write():  # in memory there is one connection: a question would wait for ever
        async with asyncio.timeout(5):
            assert await accounts.who_is(login.cookie) == login
            assert await accounts.who_has(token) == login.account


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("олена", "wrong"),
        ("олена", PASSWORD + "x" * 300),
        ("nobody", PASSWORD),
        ("", ""),
        ("a\0b", "\ud800"),
        ("\ud800", PASSWORD),
        ("(unknown)", PASSWORD),
    ],
)
async def test_a_wrong_name_or_password_is_refused_in_the_same_words(
    accounts: Accounts, events: list[Event], name: str, password: str
) -> None:
    with pytest.raises(NotLoggedIn, match="wrong name or password"):
        await accounts.log_in(name, password, "10.0.0.1")
    refused = events[-1]
    assert isinstance(refused, LoginRefused)
    assert refused.account == ("олена" if name == "олена" else "(unknown)")
    assert refused.address == "10.0.0.1"


async def test_an_unknown_name_costs_a_verification_too(store: Store, bus: Bus) -> None:
    verified: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            verified.append(str(hash))
            return super().verify(hash, password)

    accounts = Accounts(store, bus, Web(), Counting(time_cost=1, memory_cost=8, parallelism=1))
    for name in ("nobody", "nobody else", ""):
        with pytest.raises(NotLoggedIn):
            await accounts.log_in(name, PASSWORD, "10.0.0.1")
    assert len(verified) == 3


async def test_too_many_wrong_tries_on_a_name_wait_from_any_address(store: Store, bus: Bus) -> None:
    accounts = Accounts(store, bus, Web(login_tries=3), CHEAP)
    await accounts.add("olena", Role.ADMIN, PASSWORD, actor="test")
    for address in ("10.0.0.1", "10.0.0.2", "10.0.0.3"):
        with pytest.raises(NotLoggedIn):
            await accounts.log_in("olena", "wrong", address)
    with pytest.raises(TooManyTries) as refusal:
        await accounts.log_in("Olena", PASSWORD, "10.0.0.4")
    assert 0 < refusal.value.retry_after <= 301


async def test_too_many_wrong_tries_from_an_address_wait_whatever_the_name(store: Store, bus: Bus) -> None:
    accounts = Accounts(store, bus, Web(login_tries=3), CHEAP)
    await accounts.add("olena", Role.ADMIN, PASSWORD, actor="test")
    for host in range(3):
        with pytest.raises(NotLoggedIn):
            await accounts.log_in(f"name{host}", "wrong", f"2001:db8::{host}")
    with pytest.raises(TooManyTries):
        await accounts.log_in("olena", PASSWORD, "2001:db8::ffff")
    await accounts.log_in("olena", PASSWORD, "2001:db8:1::1")


async def test_many_guesses_at_the_same_time_are_not_more_guesses(store: Store, bus: Bus) -> None:
    accounts = Accounts(store, bus, Web(login_tries=3), CHEAP)
    await accounts.add("olena", Role.ADMIN, PASSWORD, actor="test")
    answers = await asyncio.gather(
        *(accounts.log_in("olena", f"guess {n}", f"10.0.{n}.1") for n in range(30)), return_exceptions=True
    )
    wrong = [answer for answer in answers if isinstance(answer, NotLoggedIn)]
    assert 3 <= len(wrong) <= 4
    assert len([answer for answer in answers if isinstance(answer, TooManyTries)]) == 30 - len(wrong)


async def test_the_right_password_forgets_the_wrong_ones(store: Store, bus: Bus) -> None:
    accounts = Accounts(store, bus, Web(login_tries=2), CHEAP)
    await accounts.add("olena", Role.ADMIN, PASSWORD, actor="test")
    for address in ("10.0.0.1", "10.0.0.2", "10.0.0.3"):
        with pytest.raises(NotLoggedIn):
            await accounts.log_in("olena", "wrong", address)
        await accounts.log_in("olena", PASSWORD, address)


async def test_a_new_password_ends_log_ins_and_tokens(accounts: Accounts) -> None:
    login = await accounts.log_in("олена", PASSWORD, "10.0.0.1")
    token = await accounts.make_token("олена", "script", actor="олена")
    assert await accounts.who_has(token) == login.account
    await accounts.set_password("олена", "інший пароль 2", actor="admin")
    assert await accounts.who_is(login.cookie) is None
    assert await accounts.who_has(token) is None
    with pytest.raises(NotLoggedIn):
        await accounts.log_in("олена", PASSWORD, "10.0.0.1")
    await accounts.log_in("олена", "інший пароль 2", "10.0.0.1")


async def test_a_disabled_account_is_out_at_once_and_may_come_back(accounts: Accounts) -> None:
    login = await accounts.log_in("олена", PASSWORD, "10.0.0.1")
    token = await accounts.make_token("олена", "script", actor="олена")
    await accounts.disable("Олена", actor="admin")
    assert await accounts.who_is(login.cookie) is None
    assert await accounts.who_has(token) is None
    with pytest.raises(NotLoggedIn, match="wrong name or password"):
        await accounts.log_in("олена", PASSWORD, "10.0.0.1")
    with pytest.raises(Conflict):
        await accounts.make_token("олена", "script", actor="admin")
    await accounts.enable("олена", actor="admin")
    assert await accounts.who_is(login.cookie) is None
    await accounts.log_in("олена", PASSWORD, "10.0.0.1")


async def test_an_account_disabled_while_its_password_is_proved_does_not_get_in(
    store: Store, bus: Bus
) -> None:
    accounts = Accounts(store, bus, Web(), CHEAP)
    await accounts.add("olena", Role.ADMIN, PASSWORD, actor="test")
    answers = await asyncio.gather(
        *(accounts.log_in("olena", PASSWORD, "10.0.0.1") for _ in range(4)),
        accounts.disable("olena", actor="admin"),
        return_exceptions=True,
    )
    for login in answers[:4]:
        if not isinstance(login, BaseException):
            assert login is not None
            assert await accounts.who_is(login.cookie) is None


async def test_a_change_by_the_command_line_reaches_the_running_controller(tmp_path: Path, bus: Bus) -> None:
    url = sqlite_url(tmp_path / "record.sqlite")
    async with open_store(url) as store, open_store(url) as same:
        accounts = Accounts(store, bus, Web(), CHEAP)
        await accounts.add("olena", Role.ADMIN, PASSWORD, actor="test")
        login = await accounts.log_in("olena", PASSWORD, "10.0.0.1")
        told = asyncio.Event()
        bus.listen(lambda event: told.set() if event.actor == "shell" else None, AccountChanged)
        shell = Bus()
        async with posting(same, shell):
            await Accounts(same, shell, Web(), CHEAP).disable("olena", actor="shell")
        task = asyncio.create_task(Journal(store, bus, collect=0.01).run())
        async with asyncio.timeout(10):
            await told.wait()
        assert await accounts.who_is(login.cookie) is None
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_log_in_not_used_for_too_long_ends(
    store: Store, accounts: Accounts, bus: Bus, events: list[Event]
) -> None:
    login = await accounts.log_in("олена", PASSWORD, "10.0.0.1")
    async with store.write() as connection:
        await connection.exec_driver_sql("UPDATE logins SET seen_at = '2020-01-01 00:00:00.000000'")
    restarted = Accounts(store, bus, Web(), CHEAP)
    assert await restarted.who_is(login.cookie) is None
    assert kinds(events)[-1] is LoggedOut


async def test_forgotten_log_ins_are_cleared_away_when_somebody_logs_in(
    store: Store, accounts: Accounts, events: list[Event]
) -> None:
    forgotten = await accounts.log_in("олена", PASSWORD, "10.0.0.1")
    async with store.write() as connection:
        await connection.exec_driver_sql("UPDATE logins SET seen_at = '2020-01-01 00:00:00.000000'")
    await accounts.log_in("олена", PASSWORD, "10.0.0.1")
    assert kinds(events)[-2:] == [LoggedIn, LoggedOut]
    async with store.read() as connection:
        assert (await connection.exec_driver_sql("SELECT count(*) FROM logins")).scalar_one() == 1
    assert forgotten.cookie


async def test_a_browser_that_is_used_is_seen_in_the_record(store: Store, accounts: Accounts) -> None:
    login = await accounts.log_in("олена", PASSWORD, "10.0.0.1")
    before = now()
    async with store.write() as connection:
        old = (before - timedelta(minutes=30)).strftime("%Y-%m-%d %H:%M:%S.%f")
        await connection.exec_driver_sql("UPDATE logins SET seen_at = ?", (old,))
        (hashed,) = (await connection.exec_driver_sql("SELECT hash FROM logins")).scalars()
    assert await Accounts(store, Bus(), Web(), CHEAP).who_is(login.cookie) == login
    async with store.read() as connection:
        found = await people.login_of(connection, hashed)
    assert found is not None
    assert found[0].seen_at >= before


async def test_a_full_disk_keeps_nobody_out(
    tmp_path: Path, bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_store(sqlite_url(tmp_path / "record.sqlite")) as store:
        accounts = Accounts(store, bus, Web(), CHEAP)
        await accounts.add("olena", Role.TECHNICIAN, PASSWORD, actor="test")
        async with store.write() as connection:
            pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
            await connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        logins = [await accounts.log_in("olena", PASSWORD, "10.0.0.1") for _ in range(60)]
        assert all([await accounts.who_is(login.cookie) == login for login in logins])
    assert "The log-in of olena cannot be written: database or disk is full" in caplog.text


async def test_neither_password_nor_cookie_nor_token_is_in_the_record_or_an_event(
    tmp_path: Path, bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Event] = []
    bus.listen(heard.append)
    async with open_store(sqlite_url(tmp_path / "record.sqlite")) as store:
        accounts = Accounts(store, bus, Web(), CHEAP)
        await accounts.add("olena", Role.ADMIN, "long-ascii-password", actor="test")
        login = await accounts.log_in("olena", "long-ascii-password", "10.0.0.1")
        token = await accounts.make_token("olena", "script", actor="olena")
        with pytest.raises(NotLoggedIn):
            await accounts.log_in("long-ascii-password", "", "10.0.0.1")
        told = " ".join(str(encode(event)) for event in heard) + caplog.text + repr(login)
        written = _bytes_in(tmp_path)
    for secret in ("long-ascii-password", login.cookie, token):
        assert secret not in told
        assert secret.encode() not in written
    assert (tmp_path / "record.sqlite").stat().st_mode & 0o777 == 0o600


def _bytes_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


async def test_a_hash_of_weaker_settings_is_made_anew(store: Store, bus: Bus, accounts: Accounts) -> None:
    stronger = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    await Accounts(store, bus, Web(), stronger).log_in("олена", PASSWORD, "10.0.0.1")
    async with store.read() as connection:
        found = await people.credentials_of(connection, "олена")
    assert found is not None
    assert not stronger.check_needs_rehash(found[1])


async def test_the_same_letters_typed_on_another_system_are_the_same(accounts: Accounts) -> None:
    await accounts.add("Андрій", Role.STAFF, "Мій довгий пароль", actor="test")
    name, password = (unicodedata.normalize("NFD", text) for text in ("Андрій", "Мій довгий пароль"))
    login = await accounts.log_in(name, password, "::1")
    assert login.account.name == "андрій"


@pytest.mark.parametrize("name", ["", "   ", "a" * 65, "a\nb", "a\u200bb", "(unknown)", "\ud800"])
async def test_a_name_that_will_not_do_is_refused(accounts: Accounts, name: str) -> None:
    with pytest.raises(BadArgument):
        await accounts.add(name, Role.STAFF, PASSWORD, actor="test")


@pytest.mark.parametrize("password", ["", "short", "x" * 257, "Long enough name"])
async def test_a_password_that_will_not_do_is_refused(accounts: Accounts, password: str) -> None:
    with pytest.raises(BadArgument) as refusal:
        await accounts.add("long enough name", Role.STAFF, password, actor="test")
    assert refusal.value.field == "password"


async def test_a_name_is_taken_once_whatever_its_case(accounts: Accounts) -> None:
    with pytest.raises(Conflict):
        await accounts.add("ОЛЕНА", Role.ADMIN, PASSWORD, actor="test")
    assert [account.name for account in await accounts.all()] == ["олена"]


async def test_there_is_nothing_to_do_for_a_stranger(accounts: Accounts) -> None:
    for act in (
        accounts.get("nobody"),
        accounts.disable("nobody", actor="test"),
        accounts.set_password("nobody", PASSWORD, actor="test"),
        accounts.make_token("nobody", "script", actor="test"),
        accounts.set_role("nobody", Role.ADMIN, actor="test"),
    ):
        with pytest.raises(NotFound):
            await act
    assert await accounts.who_is("no such cookie") is None
    assert await accounts.who_has("") is None


async def test_a_person_keeps_a_language_and_stays_logged_in(accounts: Accounts) -> None:
    login = await accounts.log_in("олена", PASSWORD, "10.0.0.1")
    await accounts.set_preferences("олена", language="en", theme="dark", actor="олена")
    known = await accounts.who_is(login.cookie)
    assert known is not None
    assert (known.account.language, known.account.theme) == ("en", "dark")


def test_every_role_has_its_acts_and_admin_all() -> None:
    assert set(ROLES) == set(Role)
    assert ROLES[Role.ADMIN] == frozenset(Act)
    for act in (
        Act.SEE_CONTROL,
        Act.OPERATE_DEVICES,
        Act.RUN_SESSIONS,
        Act.ACKNOWLEDGE_ALERTS,
        Act.SEE_JOURNAL,
    ):
        assert permitted(Role.TECHNICIAN, act)
    assert not permitted(Role.TECHNICIAN, Act.MANAGE_PEOPLE)
    assert permitted(Role.SCHEDULER, Act.BOOK_SESSIONS)
    assert permitted(Role.SCHEDULER, Act.SEE_CONTROL)
    assert not permitted(Role.SCHEDULER, Act.OPERATE_DEVICES)
    assert not permitted(Role.SCHEDULER, Act.RUN_SESSIONS)
    assert ROLES[Role.STAFF] == {Act.RAISE_REQUESTS}
    assert {role for role in Role if permitted(role, Act.MANAGE_PEOPLE)} == {Role.ADMIN}


def test_an_account_is_asked_for_its_right() -> None:
    account = Account(name="olena", role=Role.SCHEDULER, created_at=now())
    account.must_be_allowed(Act.BOOK_SESSIONS)
    with pytest.raises(Forbidden, match="scheduler may not run sessions"):
        account.must_be_allowed(Act.RUN_SESSIONS)
    assert not Account(name="o", role=Role.ADMIN, created_at=now(), disabled=True).may(Act.SEE_JOURNAL)
    assert name_of(" Straße ") == "strasse"
