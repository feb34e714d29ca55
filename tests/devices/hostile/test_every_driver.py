"""What no driver does, whatever its wire does: fall over, believe nonsense, hammer, tell twice, grow."""

from __future__ import annotations

import asyncio
import logging
import random
import re
import socket
from typing import Any

import pytest

from avctl.bus import Bus
from avctl.capabilities import (
    Camera,
    Counters,
    Discussion,
    Mixing,
    Outlets,
    Pages,
    Power,
    Recording,
    Routing,
    verbs_of,
)
from avctl.errors import DeviceError, LinkError, NoAnswer
from avctl.events import FloorRequested, FloorRequestEnded, Link, LinkChanged, MicClosed, MicOpened

# A connection that is cut at the very moment it is made is left by the HTTP library for the garbage
# collector to close; what is really kept is counted below.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

GARBAGE = bytes(range(256)) * 4
ACTS: dict[type, tuple[str, dict[str, Any], dict[str, Any]]] = {
    Recording: ("start_recording", {}, {}),
    Discussion: ("open_mic", {"seat": 2}, {"seat": 3}),
    Camera: ("recall_preset", {"preset": 1}, {"preset": 2}),
    Power: ("set_power", {"on": False}, {"on": False}),
    Mixing: ("mute_channel", {"channel": 1, "on": True}, {"channel": 2, "on": True}),
    Pages: ("show_page", {"url": "http://127.0.0.1/a"}, {"url": "http://127.0.0.1/b"}),
    Counters: ("open_counter", {"counter": "3"}, {"counter": "4"}),
    Outlets: ("switch_outlet", {"outlet": 1, "on": True}, {"outlet": 2, "on": True}),
}
"""A verb of each capability, with the arguments of one call and of the next; what is watched has none."""


def act_of(kind: type, readings: dict[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """What is asked of a driver: names are those that the device told."""
    if issubclass(kind, Routing):
        output, (one, other, *_) = next(iter(readings["outputs"])), readings["sources"]
        return "route", {"output": output, "source": one}, {"output": output, "source": other}
    if issubclass(kind, Pages) and readings.get("pages"):  # where only listed ones can be shown
        one, other, *_ = readings["pages"]
        return "show_page", {"url": one}, {"url": other}
    can = (act for capability, act in ACTS.items() if issubclass(kind, capability))
    return next((act for act in can if act[0] in verbs_of(kind)), ("", {}, {}))


async def right(witness: Any) -> dict[str, Any]:
    """Everything the driver says once it has looked at all: what it must come back to."""
    await witness.link("online")
    before: dict[str, Any] = {}

    def settled() -> bool:
        nonlocal before
        same = before == witness.readings and bool(before)
        before = dict(witness.readings)
        return same

    await witness.until(settled, "readings that stand still")
    before.pop("heartbeat", None)  # a moment: it goes on
    return before


async def again(witness: Any, wire: Any, before: dict[str, Any]) -> None:
    """Heal the wire: the driver comes back, and says what it said before."""
    wire.heal()

    def back() -> bool:
        return witness.links()[-1] is Link.ONLINE and before.items() <= witness.readings.items()

    await witness.until(back, f"online again, with {before}")


def reasons(witness: Any) -> list[str]:
    """Why the link was lost, each time; never for a fault of the driver's own."""
    told = [one.reason for one in witness.events if isinstance(one, LinkChanged) and one.reason]
    assert not any("driver fault" in reason for reason in told), told
    return told


# --- bytes -------------------------------------------------------------------------------------------


async def test_half_a_message_and_the_rest_later_is_a_message(setup, wire, driving, witness) -> None:
    wire.halves = True
    async with driving(setup, wire.port):
        before = await right(witness)
        assert reasons(witness) == []
        wire.drop()
        await again(witness, wire, before)


async def test_half_a_message_and_then_nothing_is_none(setup, wire, driving, witness) -> None:
    async with driving(setup, wire.port, impatient=True):
        before = await right(witness)
        for left in (1, 5):
            wire.left = 0 if wire.datagrams else left
            await witness.link("offline")
            await again(witness, wire, before)
    reasons(witness)


async def test_garbage_before_between_and_after_is_survived(setup, wire, driving, witness) -> None:
    wire.first = GARBAGE
    async with driving(setup, wire.port):
        await witness.until(
            lambda: wire.met > 1 or wire.datagrams or Link.ONLINE in witness.links(),
            "it was met with garbage",
        )
        wire.heal()
        wire.drop()
        before = await right(witness)
        for garbage in (b"\x00", b"\xff\xff", b"\r\n\r\n", b"{[<\x02", GARBAGE):
            wire.say(garbage)
            await again(witness, wire, before)
        wire.drop()
        await again(witness, wire, before)
        for _ in range(500):  # a flood, until it hangs up
            wire.say(GARBAGE)
            await asyncio.sleep(0)
            if not wire.datagrams and not wire.open:
                break
        wire.drop()
        await again(witness, wire, before)
    reasons(witness)


VALUES = re.compile(rb"true|false|null|\d{2,}|\"[^\"]{1,40}\"|\[[^\[\]]{1,40}\]|[A-Z_]{3,}")
"""What may stand in the place of something else, in protocols that can be read."""


def changed(answer: bytes, dice: random.Random) -> bytes:
    """An answer of the same length that a faulty device might give."""
    spans = [found.span() for found in VALUES.finditer(answer)]
    if spans and dice.random() < 0.7:
        start, end = dice.choice(spans)
        others = [
            one for one in (b"7", b"[]", b"{}", b'""', b"null", b"-1", b"true") if len(one) <= end - start
        ]
        return answer[:start] + dice.choice(others).ljust(end - start) + answer[end:]
    where = dice.randrange(len(answer))
    return answer[:where] + bytes((dice.randrange(256),)) + answer[where + 1 :]


async def test_answers_with_something_wrong_in_them_are_no_faults_of_ours(
    setup, simulator, wire, driving, witness
) -> None:
    dice, honest, lies = random.Random(str(setup)), simulator.fault, 0

    async def lying(answer: bytes) -> bytes | None:
        nonlocal lies
        if answer and dice.random() < 0.5:
            lies += 1
            answer = changed(answer, dice)
        told: bytes | None = await honest(answer)
        return told

    async with driving(setup, wire.port, impatient=True):
        before = await right(witness)
        simulator.fault = lying
        while (told := lies) < 15:
            await witness.until(lambda told=told: lies > told, "another lie")
        simulator.fault = honest
        await simulator.unplug()
        await witness.until(lambda: witness.links()[-1] is not Link.ONLINE, "the end of the liar's link")
        await simulator.plug()
        # What is told once in a device's life may stay wrong; not who speaks, and not what it does.
        kept = ("speakers", "waiting", "power", "mode", "input", "pan")
        await again(witness, wire, {name: before[name] for name in kept if name in before})
    reasons(witness)


# --- silence -----------------------------------------------------------------------------------------


async def test_a_device_that_accepts_and_never_speaks_is_not_online(setup, wire, driving, witness) -> None:
    wire.deaf = True
    async with driving(setup, wire.port, impatient=True):
        reason = (await witness.link("offline")).reason
        assert re.search("answer|does not (greet|say|tell)", reason), reason
        assert Link.ONLINE not in witness.links()
        wire.heal()
        wire.drop()
        await witness.link("online")
    reasons(witness)


async def test_a_late_answer_is_not_that_to_the_next_question(
    setup, simulator, wire, driving, witness
) -> None:
    async with driving(setup, wire.port, impatient=True) as driver:
        readings = await right(witness)
        verb, first, second = act_of(setup.kind, readings)
        simulator.refuse()
        wire.hold()
        if not verb:
            await witness.link("offline")
            simulator.refuse(False)
            wire.release()
            await witness.link("online")
            return
        with pytest.raises((LinkError, NoAnswer)):
            await getattr(driver, verb)(**first)
        simulator.refuse(False)
        wire.release()  # the refusal comes now

        async def does() -> bool:
            try:
                await getattr(driver, verb)(**second)
            except (LinkError, NoAnswer):  # the link was given up; a refusal would be the late one
                return False
            return True

        async with asyncio.timeout(25):
            while not await does():
                await asyncio.sleep(0)
                await witness.until(lambda: driver.link is Link.ONLINE, "online again")
    reasons(witness)


async def test_nobody_is_at_the_address(setup, free_port, driving, witness) -> None:
    async with driving(setup, free_port()):
        assert re.search("connect|not listening", (await witness.link("offline")).reason)
    reasons(witness)


async def test_a_name_that_nobody_knows_yet(setup, wire, driving, witness, monkeypatch) -> None:
    asked, honest = 0, socket.getaddrinfo

    def unknown(host: Any, *more: Any, **others: Any) -> Any:
        nonlocal asked
        if host not in ("hall.example", b"hall.example"):
            return honest(host, *more, **others)
        asked += 1
        if asked < 3:
            raise socket.gaierror(-2, "Name or service not known")
        return honest("127.0.0.1", *more, **others)

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    async with driving(setup, wire.port, host="hall.example"):
        assert "not known" in (await witness.link("offline")).reason
        await witness.link("online")
    reasons(witness)


# --- a meeting ---------------------------------------------------------------------------------------


def told_once(events: list[Any]) -> bool:
    """Whether no microphone opened twice, nobody asked twice, and no link became what it was."""
    pairs = {MicOpened: "mic", MicClosed: "mic", FloorRequested: "asks", FloorRequestEnded: "asks"}
    last: dict[tuple[str, int], type] = {}
    for event in events:
        if (what := pairs.get(type(event))) is not None:
            before = last.get((what, event.seat), FloorRequestEnded if what == "asks" else MicClosed)
            if before is type(event):
                return False
            last[what, event.seat] = type(event)
    links = [event.link for event in events if isinstance(event, LinkChanged)]
    return all(one is not other for one, other in zip(links, links[1:], strict=False))


async def test_a_power_cut_is_survived_and_told_once(setup, simulator, wire, driving, witness) -> None:
    async with driving(setup, wire.port, impatient=wire.datagrams):
        before = await right(witness)
        for _ in range(2):
            await simulator.unplug()
            await witness.link("offline")
            await simulator.plug()
            await again(witness, wire, before)
    assert told_once(witness.events)
    reasons(witness)


async def test_a_restart_in_mid_meeting_leaves_nobody_on_the_floor_and_is_told_once(
    setup, hall, wire, driving, witness
) -> None:
    async with driving(setup, wire.port) as driver:
        await right(witness)
        for seat in (2, 3):
            await driver.open_mic(seat)
            await witness.sees(MicOpened, seat=seat)
        wire.drop()  # the link alone: nobody stopped speaking
        await witness.link("offline")
        await witness.link("online")
        hall.press(3)
        await witness.sees(MicClosed, seat=3)
        await hall.restart()
        await witness.link("offline")
        await witness.link("online")
        await witness.sees(MicClosed, seat=2)
        await witness.report(speakers=(), waiting=())
        await driver.open_mic(4)
        await witness.report(speakers=(4,))
        await hall.unplug()
        await witness.link("offline")
        with pytest.raises(DeviceError):
            await driver.open_mic(5)
    assert told_once(witness.events)
    reasons(witness)


# --- secrets and certificates ------------------------------------------------------------------------


async def test_a_wrong_secret_is_tried_once_and_no_secret_is_in_a_log(
    setup, secret, wire, new_wire, driving, witness, caplog
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong, known = "1357" if secret == "pin" else "wrong-secret", str(setup.options[secret])
    async with driving(setup, wire.port, **{secret: wrong}):
        assert re.search("accept|refuse|wrong", (await witness.link("refused")).reason)
        met = wire.met
        async with new_wire() as other:  # meanwhile one that is not refused tries again and again
            other.hangs_up = True
            async with driving(setup, other.port, bus=Bus()):
                await witness.until(lambda: other.met >= 10, "ten tries")
        assert wire.met <= met + 1  # what had left together with the one that was refused
        assert witness.links() == [Link.REFUSED]
    async with driving(setup, wire.port):
        await witness.link("online")
    told = caplog.text + "".join(map(str, witness.events))
    assert not re.search(rf"\b({wrong}|{known})\b", told)


async def test_another_certificate_than_the_pinned_one_is_not_spoken_to(
    setup, simulator, pinned, wire, driving, witness
) -> None:
    async with driving(setup, wire.port, certificate=str(pinned)):
        before = await right(witness)
        await simulator.unplug()
        simulator.renew_certificate()
        await simulator.plug()

        def told() -> bool:
            return any("certificate that is pinned" in reason for reason in reasons(witness))

        await witness.until(told, "why it is not spoken to, also when the link was lost before")
        assert witness.links()[-1] is Link.OFFLINE
    async with driving(setup, wire.port):  # nothing pinned: any will do
        await again(witness, wire, before)
