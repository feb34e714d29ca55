"""Devices operated with proof: real drivers, simulated devices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from avctl.capabilities import verbs_of
from avctl.commands import Operate, Reconnect
from avctl.config import Config, Device, Room
from avctl.errors import BadArgument, NoAnswer, NotFound, Rejected, Unsupported
from avctl.events import (
    Link,
    LinkChanged,
    ReadingsChanged,
    VerbAsked,
    VerbDone,
    VerbRefused,
    VoteClosed,
)

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


async def test_a_display_that_was_just_switched_on_is_given_the_time_it_needs(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    """Power is confirmed at once, and everything else refused, or not answered, until it is up."""
    drivers = ("samsung_mdc", "samsung_mdc", "samsung_mdc", "nec_display", "philips_sicp", "pjlink")
    devices = tuple(
        Device(
            id=f"{driver}-{at}",
            room="plenary",
            driver=driver,
            port=free_port(),
            options={"poll": 0.1, "answer_seconds": 0.3, "boot_seconds": 1.2},
        )
        for at, driver in enumerate(drivers)
    )
    async with building(Config(rooms=(HALL,), devices=devices)) as one:
        await one.all_online()
        for at, style in enumerate(("silent", "refuses", "drops")):
            one.simulators[f"samsung_mdc-{at}"].boot_style = style
        one.simulators["pjlink-5"].warm_seconds = 1

        async def prepared(device: str) -> None:
            for verb, arguments in (
                ("set_power", {"on": True}),
                ("set_input", {"name": "hdmi2" if device != "pjlink-5" else "digital2"}),
            ):
                await one.house.operate(Operate(actor="olena", device=device, verb=verb, arguments=arguments))
            assert one.house.state(device).readings["power"]

        await asyncio.gather(*(prepared(device.id) for device in devices))
        uses = [event for event in [*one.seen, *one.heard.waiting()] if isinstance(event, VerbAsked)]
        assert len(uses) == 2 * len(devices)


async def test_of_two_inputs_for_a_projector_that_warms_up_the_newer_is_shown(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    options = {"poll": 0.1, "boot_seconds": 0}  # it says itself that it is warming up
    device = Device(id="wall", room="plenary", driver="pjlink", port=free_port(), options=options)
    async with building(Config(rooms=(HALL,), devices=(device,))) as one:
        one.simulators["wall"].warm_seconds = 1
        await one.all_online()

        async def use(verb: str, **arguments: Any) -> None:
            await one.house.operate(Operate(actor="olena", device="wall", verb=verb, arguments=arguments))

        await one.simulators["wall"].press_power()
        await one.until(lambda: one.house.state("wall").readings["state"] == "warming")
        older = asyncio.ensure_future(use("set_input", name="digital2"))
        await asyncio.sleep(0)
        await use("set_input", name="network2")
        with pytest.raises(Rejected):
            await older
        assert one.house.state("wall").readings["input"] == "network2"
        one.simulators["wall"].refuse()  # up again, a refusal is one at once
        with pytest.raises(Rejected):
            await use("set_input", name="digital2")


async def test_what_a_make_lacks_is_no_verb_of_it_and_is_refused_with_the_reason(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    hall = Device(id="hall", room="plenary", driver="bosch_dicentis", port=free_port())
    async with building(Config(rooms=(HALL,), devices=(hall,))) as one:
        verbs = verbs_of(one.house.driver("hall"))
        assert "next_speaker" in verbs
        assert "move_up" not in verbs
        with pytest.raises(Unsupported, match="hall cannot move_up: the system keeps its own order"):
            await one.house.operate(
                Operate(actor="olena", device="hall", verb="move_up", arguments={"seat": 1})
            )
        with pytest.raises(Unsupported):
            await one.house.driver("hall").move_up(seat=1)


async def test_two_makes_in_two_rooms_have_one_face_and_do_not_mix(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    rooms = (HALL, Room(id="committee", title="Комісія"))
    devices = (
        Device(id="dis", room="plenary", driver="shure_dis", port=free_port()),
        Device(id="cocon", room="committee", driver="televic_cocon", port=free_port()),
    )
    async with building(Config(rooms=rooms, devices=devices)) as one:
        await one.all_online()
        for device, seat in (("dis", 4), ("cocon", 7)):
            for verb in ("open_mic", "close_mic", "open_mic"):
                act = Operate(actor="olena", device=device, verb=verb, arguments={"seat": seat})
                await one.house.operate(act)
        assert one.house.state("dis").readings["speakers"] == (4,)
        assert one.house.state("cocon").readings["speakers"] == (7,)
        vote = Operate(actor="olena", device="cocon", verb="open_vote", arguments={"title": "Про бюджет"})
        await one.house.operate(vote)
        one.simulators["cocon"].cast(3, 0)
        await one.house.operate(Operate(actor="olena", device="cocon", verb="close_vote", arguments={}))
        assert (await one.sees(VoteClosed, device="cocon")).choices == {"3": "yes"}
        with pytest.raises(Unsupported):
            await one.house.operate(
                Operate(actor="olena", device="dis", verb="recall_preset", arguments={"preset": 1})
            )
