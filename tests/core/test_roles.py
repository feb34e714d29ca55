"""Who may do what: one table in the code, and the README's is the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from avctl.errors import Forbidden
from avctl.events import now
from avctl.model.account import ROLES, Account, Act, Role

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_readme_has_the_same_table() -> None:
    below = README.partition("### Who may do what\n")[2]
    found = re.search(r"(?:^\|.*\n)+", below, re.MULTILINE)
    assert found
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in found[0].splitlines()]
    roles = [Role(name) for name in rows[0][2:]]
    assert roles == list(Role)
    written = {
        Act(row[0]): {role for role, cell in zip(roles, row[2:], strict=True) if cell} for row in rows[2:]
    }
    assert written == {act: {role for role in Role if act in ROLES[role]} for act in Act}


def account(role: Role, *rooms: str) -> Account:
    return Account(name="olena", role=role, created_at=now(), rooms=rooms)


def test_a_person_limited_to_rooms_may_do_nothing_elsewhere() -> None:
    olena = account(Role.TECHNICIAN, "committee")
    assert olena.may(Act.RUN_SESSIONS, "committee")
    assert not olena.may(Act.RUN_SESSIONS, "plenary")
    assert olena.may(Act.ACKNOWLEDGE_ALERTS)  # of no room: everybody's
    with pytest.raises(Forbidden, match="olena may not run sessions in plenary"):
        olena.must_be_allowed(Act.RUN_SESSIONS, "plenary")
    assert account(Role.TECHNICIAN).may(Act.RUN_SESSIONS, "plenary")


def test_a_scheduler_books_and_a_manager_answers_for_clashes() -> None:
    assert account(Role.SCHEDULER).may(Act.BOOK_SESSIONS)
    assert not account(Role.SCHEDULER).may(Act.OVERRIDE_CLASHES)
    assert account(Role.MANAGER).may(Act.OVERRIDE_CLASHES)
    assert not account(Role.STAFF).may(Act.SEE_CONTROL)
