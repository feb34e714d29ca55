"""Live pages from the server: the whole picture first, each change rendered once for all who see it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from avctl.events import (
    AccountChanged,
    FloorRequested,
    Link,
    LinkChanged,
    LoggedIn,
    ReadingsChanged,
)
from avctl.model.account import Role
from avctl.services.controller import Controller
from dashboards.front import Front
from dashboards.live import Topic

DEADLINE = 10.0


@pytest.fixture
def front(controller: Controller) -> Front:
    return Front(controller)


def topic(part: str, subject: str = "", role: Role = Role.TECHNICIAN, language: str = "uk") -> Topic:
    return Topic(part, subject, language, role)


async def until(messages: AsyncIterator[bytes], text: str) -> str:
    """Read until something is said; everything read."""
    heard = ""
    async with asyncio.timeout(DEADLINE):
        while text not in heard:
            heard += (await anext(messages)).decode()
    return heard


async def quiet(controller: Controller) -> None:
    """Wait until both devices that are there have answered."""
    with controller.bus.subscribe() as heard:
        async with asyncio.timeout(DEADLINE):
            while not all(controller.house.state(device).online for device in ("wall", "hall")):
                await heard.next()


async def test_a_viewer_gets_the_whole_picture_first_then_changes(
    front: Front, controller: Controller
) -> None:
    await quiet(controller)
    async with aclosing(front.live.watch((topic("floor", "plenary"),))) as messages:
        first = (await anext(messages)).decode()
        assert first.startswith("event: parts\nid: ")
        assert 'id="part-floor-plenary"' in first
        controller.bus.publish(FloorRequested(device="hall", seat=9))
        changed = await until(messages, 'id="waits-9"')
        number = int(changed.rpartition("id: ")[2].split("\n")[0])
        assert number >= controller.bus.last_number - 1


async def test_a_change_is_rendered_once_for_all_who_see_the_same(
    front: Front, controller: Controller
) -> None:
    await quiet(controller)
    rendered: list[str] = []
    template, build = front.live.parts["floor"]

    def counted(*arguments: object) -> object:
        rendered.append(str(arguments[1]))
        return build(*arguments)

    front.live.parts["floor"] = (template, counted)
    async with (
        aclosing(front.live.watch((topic("floor", "plenary"),))) as one,
        aclosing(front.live.watch((topic("floor", "plenary"),))) as two,
        aclosing(front.live.watch((topic("floor", "plenary", Role.SCHEDULER),))) as other,
    ):
        for messages in (one, two, other):
            await anext(messages)
        rendered.clear()
        controller.bus.publish(FloorRequested(device="hall", seat=9))
        said = [await until(messages, 'id="waits-9"') for messages in (one, two, other)]
    assert len(rendered) == 2
    assert "grant_request" in said[0]
    assert "grant_request" not in said[2]


async def test_many_changes_of_one_part_are_sent_as_the_last_of_them(
    front: Front, controller: Controller
) -> None:
    await quiet(controller)
    async with aclosing(front.live.watch((topic("device", "away"),))) as messages:
        await until(messages, "beat")
        controller.bus.publish(LinkChanged(device="away", link=Link.ONLINE))
        for level in range(100):
            controller.bus.publish(ReadingsChanged(device="away", readings={"volume": level}))
        heard = await until(messages, "</span> 99")
        assert heard.count("event: parts") <= 2


async def test_a_page_without_change_still_hears_the_beat_with_the_last_number(
    front: Front, controller: Controller
) -> None:
    async with aclosing(front.live.watch((topic("strip"),))) as messages:
        heard = await until(messages, "event: beat")
        controller.bus.publish(LoggedIn(account="technician"))
        number = controller.bus.last_number
        async with asyncio.timeout(DEADLINE):
            while True:
                beats = [line for line in heard.splitlines() if line.startswith('data: {"now"')]
                if beats and json.loads(beats[-1].removeprefix("data: "))["number"] >= number:
                    break
                heard = (await anext(messages)).decode()


async def test_the_stream_of_an_account_that_changed_ends(front: Front, controller: Controller) -> None:
    watching = front.live.watch((topic("strip"),), account="technician")
    async with aclosing(watching) as messages:
        await until(messages, "event: beat")
        controller.bus.publish(AccountChanged(account="technician", change="disabled", actor="admin"))
        async with asyncio.timeout(DEADLINE):
            async for _ in messages:
                pass


async def test_nothing_is_rendered_or_kept_for_pages_that_were_closed(
    front: Front, controller: Controller
) -> None:
    async with aclosing(front.live.watch((topic("strip"), topic("tiles")))) as messages:
        await anext(messages)
        assert front.live.watched == 2
    assert front.live.watched == 0
