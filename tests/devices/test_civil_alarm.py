"""The civil alarm: what is not certain is unknown, never clear, for both services; another client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alerts_in_ua import AsyncClient, RateLimitError, UnauthorizedError

from avctl.clock import Clock, going_by
from avctl.config import Device
from avctl.driver import Driver, load, supervise
from avctl.events import ReadingsChanged
from drivers.alerts_in_ua import AlertsInUa
from drivers.sim.civil import CivilAlarmSimulator
from drivers.sim.control import load as simulator_of
from drivers.ukraine_alarm import UkraineAlarm

SERVICES = ("alerts_in_ua", "ukraine_alarm")
QUICK = {"token": "s3cret-token", "tls": False, "poll": 0.05, "answer_seconds": 0.5}


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest, device: Callable[..., Device]) -> CivilAlarmSimulator:
    """Each service in turn, with no alarm anywhere."""
    made = simulator_of(device(request.param, **QUICK))
    assert isinstance(made, CivilAlarmSimulator)
    return made


def driver_of(service: CivilAlarmSimulator) -> type[Driver]:
    return load(service.device.driver)


def alarms(witness: Any) -> list[str]:
    """Every state the alarm was in, in order."""
    told = (event.readings.get("alarm") for event in witness.events if isinstance(event, ReadingsChanged))
    return [one for one in told if one]


async def test_an_alarm_begins_is_partly_and_ends(service, witness, served) -> None:
    async with service, served(driver_of(service), service):
        await witness.report(alarm="clear", level="", alarm_since="", fault="")
        service.raise_alarm(4)  # elsewhere
        service.raise_in_part()
        await witness.report(alarm="partly", level="")
        service.raise_alarm()
        await witness.report(alarm="active")
        assert witness.readings["alarm_since"].startswith("20")
        service.all_clear()
        await witness.report(alarm="clear", level="", alarm_since="")
        assert witness.readings["heard_at"] == ""
        assert alarms(witness) == ["unknown", "clear", "partly", "active", "clear"]
    assert witness.readings["alarm"] == "unknown"  # nobody listens any more
    assert witness.readings["heard_at"].startswith("20")


@pytest.mark.parametrize("accident", ["mute", "garble", "refuse", "show_portal", "fail", "age", "unplug"])
async def test_what_cannot_be_believed_is_unknown_and_never_clear(
    service, witness, served, accident: str
) -> None:
    service.raise_alarm()
    async with service, served(driver_of(service), service):
        await witness.report(alarm="active")
        before = len(alarms(witness))
        if accident == "age":
            service.age(1)
        elif accident == "unplug":
            await service.unplug()
        else:
            getattr(service, accident)()
            service.raise_alarm()  # an answer that nothing has changed could not be garbled
        await witness.report(alarm="unknown", alarm_since="", fault="the service cannot be heard")
        await witness.link("offline")
        told = len(witness.events)
        await asyncio.sleep(0.3)  # tried some times
        assert len(witness.events) == told, "what is not new is told again"
        if accident == "age":
            service.age(0)
        elif accident == "unplug":
            await service.plug()
        else:
            getattr(service, accident)(False)
        await witness.report(alarm="active")
        assert "clear" not in alarms(witness)[before:]


async def test_a_region_that_is_not_there_is_unknown(service, witness, served) -> None:
    async with (
        service,
        served(driver_of(service), service, region="32" if "ukraine" in service.device.driver else 32),
    ):
        await witness.report(alarm="unknown", fault="there is no region 32")


async def test_asked_too_often_it_is_unknown_and_asked_less(service, witness, served) -> None:
    service.most_a_minute = 4
    async with service, served(driver_of(service), service):
        await witness.report(alarm="unknown", fault="asked too often; again in 1 s")
        service.most_a_minute = 1000
        await witness.report(alarm="clear", fault="")
        assert service.asked.count(429) == 1


async def test_a_wrong_token_is_tried_once_and_kept_from_the_log(service, witness, served, caplog) -> None:
    caplog.set_level("DEBUG")
    async with service, served(driver_of(service), service, online=False, token="wr0ng-token"):
        assert "token" in (await witness.link("refused")).reason
        assert list(service.asked) == [401]
        assert witness.readings["alarm"] == "unknown"
    assert "wr0ng" not in caplog.text
    assert "s3cret" not in caplog.text


async def test_a_token_that_is_refused_by_mistake_is_told_at_once_and_tried_again(
    service, witness, served
) -> None:
    async with service, served(driver_of(service), service, refused_seconds=0.05):
        await witness.report(alarm="clear")
        right, service.right = service.right, lambda _: False
        assert "token" in (await witness.link("refused")).reason
        await witness.until(lambda: list(service.asked)[-3:] == [401] * 3, "asked again")
        assert witness.readings["alarm"] == "unknown"
        service.right = right
        await witness.link("online")
        await witness.report(alarm="clear")
        assert witness.links().count("refused") == 1  # what is not new is not told again


@pytest.fixture
def alerts(device: Callable[..., Device]) -> Any:
    return simulator_of(device("alerts_in_ua", **QUICK))


async def test_levels_old_data_and_what_has_not_changed(alerts, witness, served) -> None:
    async with alerts, served(AlertsInUa, alerts):
        await witness.until(lambda: 304 in alerts.asked, "an answer that nothing has changed")
        for level in ("yellow", "red"):
            alerts.raise_alarm(31, level)
            await witness.report(alarm="active", level=level, threats=("air_raid",))
        alerts.hours_of_data = 7
        alerts.raise_alarm(31, "red")
        await witness.until(lambda: "data is of" in witness.readings["fault"], "old data")
        assert witness.readings["alarm"] == "unknown"
        alerts.hours_of_data = 0  # fresh again, and nothing else has changed
        await witness.report(alarm="active", fault="")


async def test_letters_without_levels(alerts, witness, served) -> None:
    alerts.raise_alarm(31, "")
    async with alerts, served(AlertsInUa, alerts, version=1):
        await witness.report(alarm="active", level="")


async def test_a_message_is_no_danger_and_the_key_may_follow_bearer(device, witness, served) -> None:
    service: Any = simulator_of(device("ukraine_alarm", **QUICK))
    service.threat = "INFO"
    service.raise_alarm()
    async with service, served(UkraineAlarm, service, bearer=True):
        await witness.report(alarm="clear")
        service.threat = "CHEMICAL"
        service.raise_alarm()
        await witness.report(alarm="active", threats=("CHEMICAL",))


LETTERS = '" ' + "N" * 30 + 'Y"'
LISTED = (
    '{"alerts":[{"id":1,"location_title":"м. Київ","location_type":"city","started_at":'
    '"2024-05-20T11:00:00.000Z","finished_at":null,"alert_type":"air_raid","location_uid":"31"}],'
    '"meta":{"last_updated_at":"2024/05/20 12:00:00 +0000","type":"full"},"disclaimer":"…"}'
)


@pytest.fixture
def asked(device, witness) -> Callable[..., Any]:
    """Runs the driver of alerts.in.ua against a server that is written by hand."""

    @asynccontextmanager
    async def ask(server: Any, **options: Any) -> AsyncIterator[None]:
        made = device("alerts_in_ua", port=server.port, **{**QUICK, "data_minutes": 10**7, **options})
        driver = AlertsInUa(made, witness.bus.publish)
        keeper = asyncio.create_task(supervise(driver, asyncio.Event()))
        try:
            yield
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)

    return ask


async def test_the_services_own_words_one_byte_a_segment(by_hand, asked, witness) -> None:
    answers = {
        "GET /v2/iot/active_air_raid_alerts.json": (200, LETTERS),
        "GET /v1/alerts/active.json": (200, LISTED),
    }
    async with by_hand(answers) as server, asked(server):
        await witness.report(alarm="active", level="yellow", alarm_since="2024-05-20T11:00:00.000Z")
        assert server.heard[0][1]["authorization"] == "Bearer s3cret-token"


async def test_a_service_that_tells_no_age_is_believed_while_it_answers(by_hand, asked, witness) -> None:
    answers = {
        "GET /v2/iot/active_air_raid_alerts.json": (200, LETTERS),
        "GET /v1/alerts/active.json": (200, '{"alerts":[]}'),
    }
    async with by_hand(answers) as server, asked(server):
        await witness.report(alarm="active", level="yellow")


@pytest.mark.parametrize("said", ['"2024/05/20 12:00:00"', "null", '"2999/05/20 12:00:00 +0000"'])
async def test_data_of_an_age_that_is_not_told_is_not_believed(by_hand, asked, witness, said: str) -> None:
    answers = {
        "GET /v2/iot/active_air_raid_alerts.json": (200, LETTERS),
        "GET /v1/alerts/active.json": (200, LISTED.replace('"2024/05/20 12:00:00 +0000"', said)),
    }
    async with by_hand(answers) as server, asked(server):
        await witness.until(lambda: "data is" in witness.readings.get("fault", ""), "its age")
        assert witness.readings["alarm"] == "unknown"


class Later(Clock):
    """A clock that can be put on."""

    by = timedelta()

    def now(self) -> datetime:
        return super().now() + self.by


async def test_nothing_has_changed_is_fresh_however_long_it_is_said(by_hand, asked, witness) -> None:
    listed = LISTED.replace("2024/05/20 12:00:00", f"{datetime.now(UTC):%Y/%m/%d %H:%M:%S}")
    paths = ("GET /v2/iot/active_air_raid_alerts.json", "GET /v1/alerts/active.json")
    answers = dict(zip(paths, ((200, LETTERS), (200, listed)), strict=True))
    changed, clock = "Last-Modified: Mon, 20 May 2024 12:00:00 GMT\r\n", Later()
    with going_by(clock):
        async with by_hand(answers, changed) as server, asked(server, data_minutes=360):
            await witness.report(alarm="active")
            answers.update(dict.fromkeys(paths, (304, "")))
            clock.by = timedelta(hours=7)
            before = len(server.heard)
            await witness.until(lambda: len(server.heard) > before + 6, "further looks")
            assert alarms(witness) == ["unknown", "active"]
            assert server.heard[-1][1]["if-modified-since"] == "Mon, 20 May 2024 12:00:00 GMT"


@pytest.mark.parametrize(("patience", "taken"), [("86400", 600), ("3", 3), ("²", 60), ("soon", 60)])
async def test_a_service_that_asks_for_patience_is_given_some(
    by_hand, asked, witness, patience: str, taken: int
) -> None:
    answers = {"GET /v2/iot/active_air_raid_alerts.json": (429, "{}")}
    async with by_hand(answers, f"Retry-After: {patience}\r\n") as server, asked(server):
        await witness.report(alarm="unknown", fault=f"asked too often; again in {taken} s")


async def test_an_independent_client_is_served(alerts, monkeypatch) -> None:
    alerts.raise_alarm(31, "red")
    async with alerts:
        monkeypatch.setattr(AsyncClient, "API_BASE_URL", f"http://127.0.0.1:{alerts.bound}")
        client = AsyncClient("s3cret-token")
        active = await client.get_active_alerts()
        assert [alert.location_title for alert in active] == ["м. Київ"]
        assert (await client.get_active_alerts()) is not None  # by its cache: 304
        assert 304 in alerts.asked
        status = await client.get_air_raid_alert_status(31)
        assert status.status == "active"
        with pytest.raises(UnauthorizedError):
            await AsyncClient("other").get_active_alerts()
        alerts.most_a_minute = 1
        with pytest.raises(RateLimitError):
            await client.get_active_alerts(use_cache=False)
