"""What a surface may not do: refused with a reason, to it alone."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from avctl.api.osc import Pace, surfaces
from avctl.model.account import Role
from avctl.model.session import Phase
from avctl.services.controller import Controller
from drivers.sim.bosch_dicentis import BoschDicentisSimulator

LOG = "avctl.api.osc"
AT_ONCE = Pace(same=0)
Asked = list[tuple[str, str, dict[str, Any]]]


# --- refusals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "value", "reason"),
    [
        ("plenary/prepare", 1, "no session"),
        ("plenary/mic/chair", 1, "a number in the address (got 'chair')"),
        ("plenary/mic/99", 1, "a seat of this hall, 99 is not"),
        ("plenary/mic/3", 0.5, "1 when pressed, 0 when let go"),
        ("plenary/mic/3", "on", "1 when pressed, 0 when let go"),
        ("plenary/mic/3", [1, 1], "1 when pressed, 0 when let go"),
        ("plenary/preset/wall", 1, "no camera 'wall'"),
        ("plenary/preset/camera", None, "one whole number"),
        ("plenary/preset/camera", 2.5, "one whole number"),
        ("plenary/preset/camera", True, "one whole number"),
        ("plenary/preset/camera", 300, "a number from 0 to 255"),
        ("plenary/explode", 1, "there is no act 'explode'"),
        ("plenary/mic", 1, "there is no act 'mic'"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_a_reason(
    surface: Any, address: str, value: Any, reason: str, asked: Asked
) -> None:
    surface.press(address, value)
    await surface.refused(reason)
    assert [verb for _, verb, _ in asked] in ([], ["open_mic"], ["recall_preset"])


async def test_a_room_that_is_none_or_has_no_microphones_is_refused(surface: Any) -> None:
    surface.press("attic/prepare")
    await surface.refused("no room 'attic'", "/avctl/attic/refused")
    surface.press("committee/next")
    await surface.refused("no discussion system", "/avctl/committee/refused")
    surface.press("*/end")
    await surface.refused("no room '*'", "/avctl/refused")
    surface.press("nonsense")
    await surface.refused("no act '/avctl/nonsense'", "/avctl/refused")


async def test_what_a_surface_echoes_asks_for_nothing(surface: Any, asked: Asked) -> None:
    for address, value in tuple(surface.shown.items()):
        surface.send_message(address, value)
    surface.press("plenary/end/sure")
    surface.told.clear()
    surface.press("plenary/mic/1", 1)  # after these: to the same socket, in order
    await surface.sees(mic__1=1)
    assert asked == [("board", "open_mic", {"seat": 1})]
    assert not [address for address, _ in surface.told if address.endswith("refused")]


# --- who acts -----------------------------------------------------------------------------------------------


async def test_a_disabled_account_ends_everything_at_once_and_is_said_once(
    surface: Any, house: Controller, hall: BoschDicentisSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    await house.accounts.disable("board", actor="olena")
    with caplog.at_level(logging.WARNING, LOG):
        for seat in (1, 2, 3):
            surface.told.clear()
            surface.press(f"plenary/mic/{seat}")
            await surface.refused("the account 'board' is disabled")
    assert hall.hall.speaking() == []
    assert caplog.text.count("is disabled") == 1
    hall.speak(4)
    surface.told.clear()
    surface.press("ping", None)
    await surface.refused("is disabled", "/avctl/refused")
    assert surface.told == [("/avctl/refused", "the account 'board' is disabled")]
    await house.accounts.enable("board", actor="olena")
    surface.press("plenary/mic/1")
    await surface.sees(mic__1=1, mic__4=1)


@pytest.mark.parametrize(
    ("role", "act", "reason"),
    [
        (Role.SCHEDULER, "plenary/prepare", "scheduler may not run sessions"),
        (Role.SCHEDULER, "plenary/mic/1", "scheduler may not operate devices"),
        (Role.SCHEDULER, "plenary/mics-off", "scheduler may not operate devices"),
        (Role.MANAGER, "plenary/preset/camera/1", "manager may not operate devices"),
        (Role.STAFF, "plenary/mic/1", "staff may not see control"),
    ],
)
async def test_a_surface_may_do_what_its_accounts_role_may(
    session: str, surface: Any, house: Controller, role: Role, act: str, reason: str, asked: Asked
) -> None:
    await house.accounts.set_role("board", role, actor="olena")
    surface.press(act)
    await surface.refused(reason)
    assert asked == []
    assert house.sessions.get(session).phase is Phase.PLANNED


async def test_without_its_account_nothing_is_done_or_shown(
    controller: Controller, surface_of: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, LOG):
        async with surfaces(controller, AT_ONCE):
            lost = surface_of()
            lost.press("ping", None)
            await lost.refused("there is no account 'board'", "/avctl/refused")
            assert len(lost.told) == 1
    assert caplog.text.count("there is no account") == 1


async def test_a_record_that_cannot_be_read_refuses_and_nothing_ends(
    surface: Any, house: Controller, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(sqlite3.connect(tmp_path / "data" / "avctl.db")) as other:
        await house.journal.settled()
        other.execute("ALTER TABLE accounts RENAME TO lost")
        surface.press("plenary/mic/1")
        await surface.refused("the record cannot be used")
        other.execute("ALTER TABLE lost RENAME TO accounts")
    surface.press("plenary/mic/1")
    await surface.sees(mic__1=1)
    assert "no such table" in caplog.text


@pytest.mark.parametrize("osc", [{"allow": ["127.0.0.2"]}])
async def test_networks_that_are_not_allowed_are_not_heard(
    house: Controller, surface_of: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    stranger, friend = surface_of(), surface_of(("127.0.0.2", 0))
    with caplog.at_level(logging.WARNING, LOG):
        for _ in range(3):
            stranger.press("ping", None)
        await friend.join()  # heard after the stranger: it is one socket
    assert stranger.told == []
    assert caplog.text.count("OSC from 127.0.0.1 is not heard") == 1
