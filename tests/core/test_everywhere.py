"""An emergency on every screen, what failed, and back; air raids from the first signal to the all clear."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from avctl.commands import ResumeSession, SuspendSession
from avctl.commands.building import (
    DismissSuggestion,
    LiftEmergency,
    ShowEmergency,
)
from avctl.events import (
    AirRaidBegan,
    AirRaidEnded,
    AlarmChanged,
    EmergencyMissed,
    EmergencyReached,
    Reason,
    ResumptionSuggested,
    ScreenRestored,
    SessionResumed,
    SessionSuspended,
    SuggestionDropped,
    SuspensionSuggested,
)
from avctl.model.session import Phase
from avctl.store.records import Filter
from kiosks.place import place_of

DEADLINE = 15.0
SERVICE = {"token": "s3cret", "tls": False, "poll": 0.05, "answer_seconds": 0.5}


@pytest.fixture
def settings(free_port: Callable[[], int]) -> dict[str, Any]:
    def screen(name: str, **more: Any) -> dict[str, Any]:
        return {"id": name, "room": "lobby", "driver": "kiosks.plain", "port": free_port(), **more}

    return {
        "web": {"port": free_port()},
        "preparation": {"minutes_before": 0},
        "lobby": {"emergency_seconds": 0.5, "inputs": {"display": "hdmi2"}},
        "alarm": {"unknown_after": 0.2},
        "rooms": [{"id": "plenary", "title": "Сесійна зала"}, {"id": "lobby", "title": "Вестибюль"}],
        "devices": [
            screen("kiosk"),
            screen("slow"),
            screen("gone"),
            screen("listed", options={"pages": ["Меню"]}),
            {
                "id": "display",
                "room": "lobby",
                "driver": "samsung_mdc",
                "port": free_port(),
                "options": {"poll": 0.05, "boot_seconds": 0.2},
            },
            {
                "id": "alarm",
                "room": "lobby",
                "driver": "alerts_in_ua",
                "port": free_port(),
                "options": SERVICE,
            },
        ],
    }


@pytest.fixture
def place(settings: dict[str, Any], tmp_path: Path) -> Callable[..., Any]:
    """Makes the whole program but its doors; again in the same folder is a restart."""
    return partial(place_of, settings, tmp_path / "data")


async def test_every_screen_shows_it_what_failed_is_listed_and_each_gets_back_what_it_had(place) -> None:
    async with place(away=("gone",)) as here:
        everywhere, devices = here.controller.everywhere, here.devices
        devices["kiosk"].page = "https://kyivcity.gov.ua/"
        devices["slow"].slow = 1.0
        had = everywhere.player("slow")
        await here.until(lambda: here.controller.house.state("kiosk").readings["page"].startswith("https"))
        assert here.controller.house.state("display").readings["power"] is False
        await here.obey(ShowEmergency(actor="olena", title="Увага", text="Вийдіть через східний вихід."))
        await here.sees(EmergencyReached, device="kiosk")
        assert (await here.sees(EmergencyMissed, device="slow")).reason == "not within 0.5 s"
        await here.until(lambda: {"kiosk", "slow", "display"} <= set(everywhere.state.reached))
        assert devices["kiosk"].page == everywhere.page
        assert here.controller.house.state("display").readings["input"] == "hdmi2"
        assert "names none for it" in everywhere.state.missed["listed"]
        assert "offline" in everywhere.state.missed["gone"]
        # Somebody loads another page by hand: it is brought back to the emergency.
        devices["kiosk"].page = "https://example.org/"
        await here.until(lambda: devices["kiosk"].page == everywhere.page)
        # The screen that was gone comes, and shows it too.
        await devices["gone"].__aenter__()
        await here.sees(EmergencyReached, device="gone")
        devices["slow"].slow = 0
        await here.obey(LiftEmergency(actor="olena"))
        await here.until(lambda: set(everywhere.state.before) <= {"listed"})
        assert devices["kiosk"].page == "https://kyivcity.gov.ua/"
        assert devices["slow"].page == "about:blank" != had
        assert devices["gone"].page == everywhere.player("gone")  # nobody had heard what it had
        assert here.controller.house.state("display").readings["power"] is False
        assert everywhere.state.shown is None
        # A browser that died shortly before the order gets back what it last had.
        devices["kiosk"].page = ""
        await here.until(lambda: not here.controller.house.state("kiosk").readings["page"])
        await here.obey(ShowEmergency(actor="olena", text="Пожежа."))
        await here.until(lambda: "kiosk" in everywhere.state.reached)
        await here.obey(LiftEmergency(actor="olena"))
        await here.until(lambda: "kiosk" not in everywhere.state.before)
        assert devices["kiosk"].page == "https://kyivcity.gov.ua/"
        await devices["gone"].__aexit__(None, None, None)


async def test_after_a_restart_in_the_middle_each_screen_still_gets_back_what_it_had(place) -> None:
    async with place() as here:
        devices = here.devices
        devices["kiosk"].page = "https://kyivcity.gov.ua/"
        await here.until(lambda: here.controller.house.state("kiosk").readings["page"].startswith("https"))
        await here.obey(ShowEmergency(actor="olena", text="Пожежа."))
        await here.sees(EmergencyReached, device="kiosk")
        await here.until(lambda: "slow" in here.controller.everywhere.state.reached)
        await here.controller.journal.settled()
        page = here.controller.everywhere.page
        devices["kiosk"].page = "chrome://start"  # it was restarted meanwhile, too

    async with AsyncExitStack() as stack:
        for device in devices.values():
            await stack.enter_async_context(device)
        again = await stack.enter_async_context(place(devices))
        assert again.controller.everywhere.state.shown.text == "Пожежа."
        await again.until(lambda: devices["kiosk"].page == page)
        await again.obey(LiftEmergency(actor="petro"))
        await again.sees(ScreenRestored, device="kiosk")
        assert devices["kiosk"].page == "https://kyivcity.gov.ua/"
        # A screen that shows it since before was not asked once more.
        rows = await again.controller.journal.page(which=Filter(kinds=("VerbAsked",), subject="slow"))
        assert [row.data["arguments"]["url"] for row in rows].count(page) == 1


async def test_an_air_raid_suggests_shows_the_shelter_and_ends_by_an_all_clear_that_was_heard(place) -> None:
    async with place() as here:
        raids, service = here.controller.air_raids, here.devices["alarm"]
        session = await here.session()
        service.raise_alarm()
        await here.sees(AirRaidBegan, level="red")
        assert (await here.sees(SuspensionSuggested, session=session)).acts_at is None
        await here.sees(EmergencyReached, device="kiosk")
        assert here.controller.everywhere.state.shown.kind == "air_raid"
        assert here.controller.sessions.get(session).phase is Phase.OPEN  # only suggested
        assert any(one.rule == "air_raid" for one in here.controller.alerts.raised())
        await here.obey(DismissSuggestion(actor="olena", session=session))
        # The signal is lost: nothing ends, nothing is suggested anew.
        service.fail()
        await here.until(lambda: raids.now.alarm == "unknown")
        assert raids.now.lasts
        await here.until(lambda: any(one.rule == "alarm_unknown" for one in here.controller.alerts.raised()))
        service.fail(False)
        await here.until(lambda: raids.now.alarm == "active")
        assert session not in raids.now.suggestions
        late = await here.session("Засідання комісії", "lobby")
        await here.sees(SuspensionSuggested, session=late)
        service.all_clear()
        await here.sees(AirRaidEnded)
        await here.sees(SuggestionDropped, session=late, reason="all clear")
        await here.sees(ScreenRestored, device="kiosk")
        await here.until(lambda: not here.controller.alerts.raised())


async def test_a_sitting_stopped_by_hand_shows_the_shelter_until_the_last_goes_on(place) -> None:
    async with place() as here:
        await here.until(lambda: here.controller.air_raids.now.alarm == "clear")
        first, second = await here.session(), await here.session("Засідання комісії", "lobby")
        for session in (first, second):
            await here.obey(SuspendSession(actor="olena", session=session, reason=Reason.AIR_RAID))
        await here.sees(EmergencyReached, device="kiosk")
        assert here.controller.everywhere.state.shown.kind == "air_raid"
        await here.obey(ResumeSession(actor="olena", session=first))
        await here.sees(SessionResumed, session=first)
        assert here.controller.everywhere.state.shown is not None
        await here.obey(ResumeSession(actor="olena", session=second))
        await here.sees(ScreenRestored, device="kiosk")
        # What a person ordered stays until a person takes it back.
        await here.obey(ShowEmergency(actor="petro", kind="air_raid"))
        await here.sees(EmergencyReached, device="kiosk")
        await here.obey(SuspendSession(actor="olena", session=first, reason=Reason.AIR_RAID))
        await here.obey(ResumeSession(actor="olena", session=first))
        assert here.controller.everywhere.state.orders["air_raid"].by == "petro"


async def test_by_setting_a_session_is_suspended_and_may_go_on_after_the_all_clear(place, settings) -> None:
    settings["alarm"]["suspend_after"] = 0.3
    settings["alarm"]["screens"] = False
    async with place() as here:
        session, service = await here.session(), here.devices["alarm"]
        service.raise_alarm()
        assert (await here.sees(SuspensionSuggested, session=session)).acts_at is not None
        suspended = await here.sees(SessionSuspended, session=session)
        assert (suspended.reason, suspended.actor) == (Reason.AIR_RAID, "air raid")
        service.all_clear()
        await here.sees(ResumptionSuggested, session=session)
        assert here.controller.sessions.get(session).phase is Phase.SUSPENDED  # a person goes on
        await here.obey(ResumeSession(actor="olena", session=session))
        await here.until(lambda: session not in here.controller.air_raids.now.suggestions)
        assert here.controller.everywhere.state.shown is None


@pytest.mark.parametrize("accident", ["mute", "garble", "show_portal", "fail", "age", "unplug", "elsewhere"])
async def test_a_false_or_lost_signal_never_suspends_a_session(place, settings, accident: str) -> None:
    settings["alarm"] |= {"suspend_after": 30, "screens": False}
    settings["devices"] = [one for one in settings["devices"] if one["id"] in ("alarm", "display")]
    async with place() as here:
        session, service = await here.session(), here.devices["alarm"]
        await here.until(lambda: here.controller.air_raids.now.alarm == "clear")
        if accident == "elsewhere":
            service.raise_alarm(4)
            service.raise_in_part()
            await here.sees(AlarmChanged, alarm="partly")
        else:
            service.raise_alarm()
            await here.sees(SuspensionSuggested, session=session)
            await service.unplug() if accident == "unplug" else getattr(service, accident)(
                *((1,) if accident == "age" else ())
            )
            service.raise_alarm()
            await here.sees(AlarmChanged, alarm="unknown")
            # What would have been done by itself is not: it is only a suggestion now.
            assert (await here.sees(SuspensionSuggested, session=session)).acts_at is None
            assert here.controller.air_raids.about_to_act == ()
        left = here.controller.air_raids.now.suggestions
        assert all(one.acts_at is None for one in left.values())
        assert accident != "elsewhere" or not left
        assert here.controller.sessions.get(session).phase is Phase.OPEN
        assert not any(isinstance(event, AirRaidEnded) for event in here.seen)
