"""Devices operated with proof: real drivers, simulated devices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from avctl.commands import Operate, Reconnect
from avctl.config import Config, Device, Room
from avctl.errors import BadArgument, NoAnswer, NotFound, Rejected, Unsupported
from avctl.events import Link, LinkChanged, ReadingsChanged, VerbAsked, VerbDone, VerbRefused

HALL = Room(id="plenary", title="Сесійна зала")


def one_display(port: int) -> Config:
    options = {"poll": 0.1, "boot_seconds": 0}
    display = Device(id="wall", room="plenary", driver="samsung_mdc", port=port, options=options)
    return Config(rooms=(HALL,), devices=(display,))


async def switched_on(one: Any) -> None:
    """Wait for the display, and switch it on: in standby it takes no other command."""
    await one.all_online()
    await one.house.operate(
        Operate(actor="caretaker", device="wall", verb="set_power", arguments={"on": True})
    )
    await one.sees(VerbDone, verb="set_power")


async def test_an_act_is_confirmed_by_the_device_and_told_with_its_actor(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(one_display(free_port())) as one:
        await switched_on(one)
        event = await one.house.operate(
            Operate(actor="olena", device="wall", verb="set_input", arguments={"name": "hdmi2"})
        )
        assert isinstance(event, ReadingsChanged)
        assert event.readings["input"] == "hdmi2"
        asked = await one.sees(VerbAsked, device="wall", verb="set_input")
        done = await one.sees(VerbDone, device="wall", verb="set_input")
        assert (asked.actor, done.actor) == ("olena", "olena")


async def test_an_act_that_changes_nothing_is_confirmed_at_once(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(one_display(free_port())) as one:
        await switched_on(one)
        act = Operate(actor="olena", device="wall", verb="set_input", arguments={"name": "hdmi1"})
        await one.house.operate(act)
        await one.house.operate(act)
        await one.sees(VerbDone)
        await one.sees(VerbDone)


async def test_a_refusal_of_the_device_reaches_the_caller_and_the_journal(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(one_display(free_port())) as one:
        await switched_on(one)
        one.simulators["wall"].refuse()
        with pytest.raises(Rejected):
            await one.house.operate(
                Operate(actor="olena", device="wall", verb="set_input", arguments={"name": "hdmi2"})
            )
        refused = await one.sees(VerbRefused, verb="set_input")
        assert refused.actor == "olena"
        assert refused.reason


async def test_an_offline_device_answers_nobody_and_says_why(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(one_display(free_port())) as one:
        await one.all_online()
        await one.simulators["wall"].unplug()
        await one.sees(LinkChanged, link=Link.OFFLINE)
        with pytest.raises(NoAnswer, match="wall is offline"):
            await one.house.operate(
                Operate(actor="olena", device="wall", verb="set_power", arguments={"on": True})
            )


@pytest.mark.parametrize(
    ("arguments", "field"),
    [({}, "on"), ({"on": "yes"}, "on"), ({"on": 1}, "on"), ({"on": True, "colour": "red"}, "colour")],
)
async def test_a_wrong_argument_is_named_before_anything_is_sent(
    building: Callable[[Config], Any],
    free_port: Callable[[], int],
    arguments: dict[str, object],
    field: str,
) -> None:
    async with building(one_display(free_port())) as one:
        await one.all_online()
        with pytest.raises(BadArgument) as refusal:
            await one.house.operate(
                Operate(actor="olena", device="wall", verb="set_power", arguments=arguments)
            )
        assert refusal.value.field == field


async def test_what_a_device_cannot_do_is_said_with_what_it_can(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(one_display(free_port())) as one:
        with pytest.raises(Unsupported, match="set_brightness"):
            await one.house.operate(
                Operate(actor="olena", device="wall", verb="open_mic", arguments={"seat": 1})
            )
        with pytest.raises(NotFound):
            await one.house.operate(Operate(actor="olena", device="nope", verb="set_power", arguments={}))


async def test_a_person_can_ask_for_another_try_now(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(one_display(free_port())) as one:
        await one.all_online()
        await one.simulators["wall"].unplug()
        await one.sees(LinkChanged, link=Link.OFFLINE)
        await one.simulators["wall"].plug()
        await one.desk.obey(Reconnect(actor="olena", device="wall"))
        await one.sees(LinkChanged, link=Link.ONLINE)


async def test_two_operators_at_once_both_get_their_answer(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(one_display(free_port())) as one:
        await switched_on(one)
        await asyncio.gather(
            *(
                one.house.operate(
                    Operate(actor=who, device="wall", verb="set_volume", arguments={"level": level})
                )
                for who, level in (("olena", 30), ("taras", 30))
            )
        )
        assert one.house.state("wall").readings["volume"] == 30
