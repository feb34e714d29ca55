"""One alert per cause, raised and cleared by what devices really do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from avctl.commands import AcknowledgeAlert
from avctl.config import Alerts, Config, Device, Room
from avctl.errors import BadArgument, Conflict
from avctl.events import (
    AlertAcknowledged,
    AlertCleared,
    AlertRaised,
    BroadcastDegraded,
    BroadcastFailed,
    Link,
    LinkChanged,
    ReadingsChanged,
    Severity,
)
from avctl.services import alerts

HALL = Room(id="plenary", title="Сесійна зала")


def house_of(*devices: Device) -> Config:
    return Config(rooms=(HALL,), devices=devices, alerts=Alerts(offline_after=0))


async def test_a_device_that_is_gone_raises_one_alert_and_clears_it_when_it_returns(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    wall = Device(
        id="wall",
        room="plenary",
        driver="samsung_mdc",
        title="Стіна",
        port=free_port(),
        options={"poll": 0.1},
    )
    async with building(house_of(wall)) as one:
        await one.all_online()
        await one.simulators["wall"].unplug()
        raised = await one.sees(AlertRaised, rule="device_offline", subject="wall")
        assert raised.severity is Severity.WARNING
        assert raised.text.startswith("Стіна: ")
        assert len(one.alerts.raised()) == 1
        await one.simulators["wall"].plug()
        await one.sees(AlertCleared, alert=raised.alert)
        assert one.alerts.raised() == ()


async def test_a_wrong_password_is_an_alert_of_its_own(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    hall = Device(
        id="hall-dicentis",
        room="plenary",
        driver="bosch_dicentis",
        port=free_port(),
        options={"password": "yesterday's"},
    )
    changed = hall.model_copy(update={"options": {"password": "today's"}})
    async with building(house_of(hall), real=house_of(changed)) as one:
        raised = await one.sees(AlertRaised, rule="wrong_password", subject="hall-dicentis")
        assert raised.severity is Severity.CRITICAL
        assert "yesterday" not in raised.text


async def test_a_broadcast_that_stands_still_is_critical(
    building: Callable[[Config], Any],
) -> None:
    async with building(house_of()) as one:
        for reading, rule in (("advancing", "broadcast_stalled"), ("growing", "recording_stalled")):
            one.bus.publish(ReadingsChanged(device="programme-s1", readings={reading: False}))
            raised = await one.sees(AlertRaised, rule=rule)
            assert raised.severity is Severity.CRITICAL
            one.bus.publish(ReadingsChanged(device="programme-s1", readings={reading: True}))
            await one.sees(AlertCleared, alert=raised.alert)
        one.bus.publish(BroadcastFailed(session="s1", reason="the encoder does not start"))
        await one.sees(AlertRaised, rule="broadcast_failed", subject="s1")


async def test_a_machine_that_is_too_slow_is_one_alert_that_says_what_is_left(
    building: Callable[[Config], Any],
) -> None:
    async with building(house_of()) as one:
        for reduced in ("720p, 360p (superfast)", "720p (superfast)"):
            one.bus.publish(ReadingsChanged(device="programme-s1", readings={"reduced": reduced}))
            raised = await one.sees(AlertRaised, rule="quality_reduced")
            assert raised.severity is Severity.WARNING
            assert raised.text == f"The machine is too slow: quality reduced to {reduced}"
            assert len(one.alerts.raised()) == 1
        one.bus.publish(ReadingsChanged(device="programme-s1", readings={"reduced": ""}))
        await one.sees(AlertCleared, alert=raised.alert)
        assert one.alerts.raised() == ()


async def test_a_part_that_was_replaced_is_told_though_viewers_did_not_notice(
    building: Callable[[Config], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "TOLD_SECONDS", 0.05)
    async with building(house_of()) as one:
        for count in (0, 1):
            one.bus.publish(ReadingsChanged(device="programme-s1", readings={"encoder_restarts": count}))
        raised = await one.sees(AlertRaised, rule="part_replaced", subject="programme-s1")
        assert raised.severity is Severity.WARNING
        assert "1 so far" in raised.text
        await one.sees(AlertCleared, alert=raised.alert)
        # Another runner begins to count anew.
        one.bus.publish(ReadingsChanged(device="programme-s1", readings={"encoder_restarts": 0}))
        assert one.alerts.raised() == ()
        one.bus.publish(BroadcastDegraded(session="s1", reason="the runner ended and is started again"))
        raised = await one.sees(AlertRaised, rule="part_replaced")
        assert raised.text == "the runner ended and is started again"


async def test_a_chip_that_does_not_encode_is_told_with_the_reason(building: Callable[[Config], Any]) -> None:
    async with building(house_of()) as one:
        for fault in ("", "h264_nvenc: Cannot load libcuda.so.1"):
            one.bus.publish(ReadingsChanged(device="programme-s1", readings={"encoder_fault": fault}))
        raised = await one.sees(AlertRaised, rule="encoder_fault")
        assert raised.severity is Severity.WARNING
        assert "libcuda" in raised.text
        one.bus.publish(ReadingsChanged(device="programme-s1", readings={"encoder_fault": ""}))
        await one.sees(AlertCleared, alert=raised.alert)


async def test_a_stream_that_does_not_get_through_is_told(building: Callable[[Config], Any]) -> None:
    async with building(house_of()) as one:
        for over in (True, None):  # it sends again, or is to send no more
            one.bus.publish(ReadingsChanged(device="hall-obs", readings={"sending": False}))
            raised = await one.sees(AlertRaised, rule="stream_stalled", subject="hall-obs")
            assert raised.severity is Severity.WARNING
            one.bus.publish(ReadingsChanged(device="hall-obs", readings={"sending": over}))
            await one.sees(AlertCleared, alert=raised.alert)


async def test_an_alert_is_taken_in_hand_once_and_with_a_reason(building: Callable[[Config], Any]) -> None:
    async with building(house_of()) as one:
        one.bus.publish(BroadcastFailed(session="s1", reason="no disk"))
        raised = await one.sees(AlertRaised)
        with pytest.raises(BadArgument, match="reason"):
            await one.desk.obey(AcknowledgeAlert(actor="olena", alert=raised.alert, reason="  "))
        for _ in range(2):
            alert = await one.desk.obey(
                AcknowledgeAlert(actor="olena", alert=raised.alert, reason="Міняємо диск")
            )
            assert (alert.acknowledged_by, alert.acknowledged_reason) == ("olena", "Міняємо диск")
        lines = await one.journal.page()
        assert [line.kind for line in lines].count(AlertAcknowledged.__name__) <= 1


async def test_a_cleared_alert_cannot_be_acknowledged(building: Callable[[Config], Any]) -> None:
    async with building(house_of()) as one:
        one.bus.publish(ReadingsChanged(device="programme-s1", readings={"growing": False}))
        raised = await one.sees(AlertRaised)
        one.bus.publish(ReadingsChanged(device="programme-s1", readings={"growing": True}))
        await one.sees(AlertCleared)
        with pytest.raises(Conflict):
            await one.desk.obey(AcknowledgeAlert(actor="olena", alert=raised.alert, reason="late"))


async def test_a_short_absence_is_no_alert(building: Callable[[Config], Any]) -> None:
    config = Config(rooms=(HALL,), alerts=Alerts(offline_after=30))
    async with building(config) as one:
        one.bus.publish(LinkChanged(device="wall", link=Link.OFFLINE, reason="cable"))
        one.bus.publish(LinkChanged(device="wall", link=Link.ONLINE))
        await one.sees(LinkChanged, link=Link.ONLINE)
        assert one.alerts.raised() == ()
