"""The desk: each kind of command has one handler."""

from __future__ import annotations

import pytest

from avctl.commands import CancelSession, OpenSession
from avctl.desk import Desk
from avctl.errors import Conflict


async def test_a_command_is_answered_by_its_handler() -> None:
    desk = Desk()

    async def opens(command: OpenSession) -> str:
        return f"{command.session} by {command.actor}"

    desk.handle(OpenSession, opens)
    assert await desk.obey(OpenSession(actor="olena", session="s1")) == "s1 by olena"


async def test_a_refusal_reaches_the_caller() -> None:
    desk = Desk()

    async def refuses(command: CancelSession) -> None:
        raise Conflict("the session is open")

    desk.handle(CancelSession, refuses)
    with pytest.raises(Conflict, match="the session is open"):
        await desk.obey(CancelSession(actor="olena", session="s1"))


async def test_a_second_handler_for_a_kind_is_a_mistake() -> None:
    desk = Desk()

    async def opens(command: OpenSession) -> None: ...

    desk.handle(OpenSession, opens)
    with pytest.raises(RuntimeError, match="OpenSession has a handler already"):
        desk.handle(OpenSession, opens)


async def test_a_command_nobody_handles_is_named() -> None:
    with pytest.raises(LookupError, match="OpenSession"):
        await Desk().obey(OpenSession(actor="olena", session="s1"))
