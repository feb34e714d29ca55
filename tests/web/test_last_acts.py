"""The last acts of a room: what people did, not what avctl writes into the picture by itself."""

from __future__ import annotations

from typing import Any

from avctl.commands import BookSession
from avctl.events import OverlayShown
from avctl.model.account import Role
from avctl.services.controller import Controller
from dashboards.lines import Diary


async def test_a_count_that_changes_in_the_picture_does_not_push_out_what_people_did(
    controller: Controller, booking: dict[str, Any]
) -> None:
    booked = await controller.desk.obey(BookSession(actor="olha", details=booking))
    session, diary = booked.id, Diary(controller)
    controller.bus.publish(OverlayShown(session=session, actor="olha", overlay="clock", shown=False))
    for _ in range(60):
        controller.bus.publish(OverlayShown(session=session, actor="votes", overlay="vote", shown=True))
        controller.bus.publish(OverlayShown(session=session, actor="follow", overlay="item", shown=True))
    lines = diary.lines(controller, "plenary", Role.TECHNICIAN, "en").lines
    assert [(line.actor, line.detail_word, line.detail) for line in lines] == [("olha", "Clock", "–")]
