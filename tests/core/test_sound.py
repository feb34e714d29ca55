"""What a closed part silences at the mixer sounds again when it ends; what a person muted does not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from avctl.commands import BookSession, MuteSound, Operate
from avctl.config import Config, Device, Room, Sound
from avctl.errors import Unsupported
from avctl.events import AlertCleared, AlertRaised, Reason, SoundMeasured, SoundMuted, SoundRestored, VerbDone
from avctl.services.sound import Sounds

OPTIONS = {"channels": 4, "buses": 2, "matrices": 1, "dcas": 1, "poll": 0.2, "answer_seconds": 0.2}


def hall(free_port: Callable[[], int]) -> Config:
    sound = Sound(
        mixer="mixer", microphones=(1, 2, "dca-1"), programme=0, closed_mutes=(3, "bus-1", "matrix-1")
    )
    mixer = Device(id="mixer", room="plenary", driver="behringer_x32", port=free_port(), options=OPTIONS)
    rooms = (Room(id="plenary", title="Зала", sound=sound), Room(id="other", title="Кімната"))
    return Config(rooms=rooms, devices=(mixer,))


async def opened(one: Any) -> str:
    now = datetime.now(UTC)
    details = {
        "title": "Засідання",
        "room": "plenary",
        "starts_at": now.isoformat(),
        "ends_at": (now + timedelta(hours=1)).isoformat(),
    }
    session = str((await one.desk.obey(BookSession(actor="olena", details=details))).id)
    one.bus.publish(one.sessions.get(session).open("olena"))
    return session


def muted(one: Any) -> set[str]:
    strips = one.house.state("mixer").readings["channels"]
    return {name for name, strip in strips.items() if strip["muted"]}


async def test_a_closed_part_silences_what_is_configured_and_gives_back_only_that(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(hall(free_port)) as one:
        await one.all_online()
        session = await opened(one)
        by_hand = {"channel": "bus-1", "on": True}
        await one.desk.obey(Operate(actor="olena", device="mixer", verb="mute_channel", arguments=by_hand))
        one.bus.publish(one.sessions.get(session).suspend(Reason.CLOSED, "olena"))
        await one.until(lambda: one.sounds.silenced("plenary") == ("3", "matrix-1"))
        assert muted(one) == {"3", "bus-1", "matrix-1"}
        assert isinstance(next(e for e in one.seen if isinstance(e, SoundMuted)), SoundMuted)

        # A person opens one of them and closes it again: it is theirs, and an alert while it is open.
        # After a restart the record knows the other.
        for on in (False, True):
            touched = {"channel": 3, "on": on}
            await one.desk.obey(
                Operate(actor="olena", device="mixer", verb="mute_channel", arguments=touched)
            )
            if not on:
                heard = await one.sees(AlertRaised, rule="closed_part_heard")
                assert (heard.subject, heard.text) == ("mixer", "The closed part is heard: 3")
        await one.sees(AlertCleared, alert=heard.alert)
        await one.until(lambda: one.sounds.silenced("plenary") == ("matrix-1",))
        await one.sessions.chapters(session)  # until the record has it
        again = Sounds(
            one.config, one.bus, one.desk, one.store, one.journal, one.house, one.sessions, one.alerts
        )
        await again.restore()
        assert again.silenced("plenary") == ("matrix-1",)
        await again.close()

        # The mixer is away when it ends: it is given back when it returns.
        mixer = one.simulators["mixer"]
        await mixer.unplug()
        await one.until(lambda: not one.house.state("mixer").online)
        one.bus.publish(one.sessions.get(session).resume("olena"))
        await mixer.plug()
        await one.sees(SoundRestored, channels=("matrix-1",))
        assert muted(one) == {"3", "bus-1"}


async def test_levels_and_mutes_of_a_group(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(hall(free_port)) as one:
        await one.all_online()
        one.simulators["mixer"].speak(2, 0.1)
        level = -99.0
        while level != -20.0:
            event = await one.sees(SoundMeasured)
            level = one.sounds.level("plenary", "microphones", event.levels)
        while one.sounds.level("plenary", "programme", event.levels) != -20.0:
            event = await one.sees(SoundMeasured)
        await one.desk.obey(MuteSound(actor="olena", room="plenary", what="microphones", on=True))
        assert muted(one) == {"1", "2", "dca-1"}
        assert [e.actor for e in one.seen if isinstance(e, VerbDone)] in ([], ["olena"] * 3)
        with pytest.raises(Unsupported, match="no mixer"):
            await one.desk.obey(MuteSound(actor="olena", room="other", what="programme", on=True))
