"""What the pages' buttons and forms ask for, handed to the desk with the name of the one who asks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from fastapi import APIRouter, Request, Response

from avctl.commands import (
    AcknowledgeAlert,
    AnnounceSession,
    BeginItem,
    CancelPreparation,
    CloseSession,
    Command,
    CutTo,
    ForgetShot,
    GoLive,
    HoldCameras,
    MuteSound,
    NoteQuorum,
    OpenSession,
    Operate,
    PrepareSession,
    Reconnect,
    ReleaseCameras,
    RerunLine,
    RestoreGolden,
    RestoreSource,
    ResumeSession,
    SaveGolden,
    ShowSpeaker,
    StoreShot,
    SuspendSession,
)
from avctl.errors import BadArgument, NotFound
from avctl.events import Event, Reason
from avctl.model.account import Act
from avctl.model.session import TIMED, in_minutes
from dashboards.buttons import CLOSING
from dashboards.front import Front

SESSION_ACTS: Mapping[str, Callable[[str, str], Command]] = {
    "prepare": lambda actor, session: PrepareSession(actor=actor, session=session),
    "cancel-preparation": lambda actor, session: CancelPreparation(actor=actor, session=session),
    "open": lambda actor, session: OpenSession(actor=actor, session=session),
    "go-live": lambda actor, session: GoLive(actor=actor, session=session),
    "break": lambda actor, session: SuspendSession(actor=actor, session=session, reason=Reason.BREAK),
    "technical": lambda actor, session: SuspendSession(actor=actor, session=session, reason=Reason.TECHNICAL),
    "air-raid": lambda actor, session: SuspendSession(actor=actor, session=session, reason=Reason.AIR_RAID),
    "power": lambda actor, session: SuspendSession(actor=actor, session=session, reason=Reason.POWER),
    "closed": lambda actor, session: SuspendSession(actor=actor, session=session, reason=Reason.CLOSED),
    "leave-closed": lambda actor, session: ResumeSession(actor=actor, session=session, confirmed=True),
    "resume": lambda actor, session: ResumeSession(actor=actor, session=session),
    "resume-as-planned": lambda actor, session: ResumeSession(actor=actor, session=session, move_end=False),
    "announce": lambda actor, session: AnnounceSession(actor=actor, session=session),
    "close": lambda actor, session: CloseSession(actor=actor, session=session),
    "name-off": lambda actor, session: ShowSpeaker(actor=actor, session=session, name=""),
}
LONGEST = 720  # minutes
NUMBER = "X-Event-Number"


def router(front: Front) -> APIRouter:
    """The acts. Each answers 204 with the number of the event that confirmed it; the page changes by that."""
    routes = front.router()
    controller = front.controller

    @routes.post("/control/{room}/sessions/{session}/quorum")
    async def quorum(request: Request, room: str, session: str) -> Response:
        """How many are there: whoever runs the sitting says so, or whoever runs its votes."""
        visitor = await front.allowed(request, Act.SEE_CONTROL)
        runs = visitor.account.may(Act.RUN_SESSIONS)
        actor = await front.asked(request, Act.RUN_SESSIONS if runs else Act.RUN_VOTES)
        present = (await front.form(request)).get("present", "").strip()
        if not (present.isdecimal() and present.isascii() and len(present) <= 5):
            raise BadArgument("present", f"a number of people (got {present[:20]!r})")
        return await obeyed(NoteQuorum(actor=actor, session=in_room(session, room), present=int(present)))

    @routes.post("/control/{room}/sessions/{session}/{act}")
    async def session_act(request: Request, room: str, session: str, act: str) -> Response:
        actor = await front.asked(request, Act.CLOSE_PARTS if act in CLOSING else Act.RUN_SESSIONS)
        make = SESSION_ACTS.get(act)
        if make is None or controller.sessions.get(session).room != room:
            raise NotFound("there is no such act")
        return await obeyed(make(actor, session))

    @routes.post("/control/{room}/sessions/{session}/item/{place:int}")
    async def item(request: Request, room: str, session: str, place: int) -> Response:
        """Take up an item of the agenda; its place is in the address, so that two presses mean one item."""
        actor = await front.asked(request, Act.RUN_SESSIONS)
        return await obeyed(BeginItem(actor=actor, session=in_room(session, room), place=place))

    @routes.post("/control/{room}/sessions/{session}/{reason}/{minutes:int}")
    async def interrupt(request: Request, room: str, session: str, reason: Reason, minutes: int) -> Response:
        """A break of so many minutes, or another time for the present one; 0: not known."""
        actor = await front.asked(request, Act.RUN_SESSIONS)
        if reason not in TIMED or minutes > LONGEST:
            raise BadArgument("minutes", f"at most {LONGEST}, for {' or '.join(TIMED)}")
        until = in_minutes(minutes) if minutes else None
        there = in_room(session, room)
        return await obeyed(
            SuspendSession(actor=actor, session=there, reason=reason, until=until, timed=True)
        )

    @routes.post("/control/{room}/sessions/{session}/cut/{source}")
    async def cut(request: Request, room: str, session: str, source: str) -> Response:
        actor = await front.asked(request, Act.RUN_SESSIONS)
        return await obeyed(CutTo(actor=actor, session=in_room(session, room), source=source))

    @routes.post("/control/{room}/sessions/{session}/restore/{source}")
    async def restore(request: Request, room: str, session: str, source: str) -> Response:
        actor = await front.asked(request, Act.RUN_SESSIONS)
        return await obeyed(RestoreSource(actor=actor, session=in_room(session, room), source=source))

    @routes.post("/control/{room}/sessions/{session}/lines/{line}")
    async def rerun(request: Request, room: str, session: str, line: str) -> Response:
        actor = await front.asked(request, Act.RUN_SESSIONS)
        return await obeyed(RerunLine(actor=actor, session=in_room(session, room), line=line))

    @routes.post("/control/{room}/golden/{act}")
    async def golden(request: Request, room: str, act: str) -> Response:
        actor = await front.asked(request, Act.OPERATE_DEVICES)
        setting = (await front.form(request)).get("setting", "")
        match act:
            case "save":
                return await obeyed(SaveGolden(actor=actor, room=room))
            case "restore":
                return await obeyed(
                    RestoreGolden(actor=actor, room=room, settings=(setting,) if setting else ())
                )
        raise NotFound("there is no such act")

    @routes.post("/control/{room}/devices/{device}/{verb}")
    async def device_act(request: Request, room: str, device: str, verb: str) -> Response:
        actor = await front.asked(request, Act.OPERATE_DEVICES)
        if controller.house.state(device).room != room:
            raise NotFound("there is no such device in this room")
        if verb == "reconnect":
            return await obeyed(Reconnect(actor=actor, device=device))
        arguments = {name: _value(value) for name, value in (await front.form(request)).items()}
        return await obeyed(Operate(actor=actor, device=device, verb=verb, arguments=arguments))

    @routes.post("/control/{room}/cameras/{act}")
    async def cameras_act(request: Request, room: str, act: str) -> Response:
        actor = await front.asked(request, Act.OPERATE_DEVICES)
        form = await front.form(request)
        match act:
            case "hold":
                return await obeyed(HoldCameras(actor=actor, room=room))
            case "release":
                return await obeyed(ReleaseCameras(actor=actor, room=room))
            case "store":
                command = StoreShot(actor=actor, room=room, seat=_seat(form), camera=form.get("camera", ""))
                return await obeyed(command)
            case "forget":
                shot = ForgetShot(actor=actor, room=room, seat=_seat(form), camera=form.get("camera", ""))
                return await obeyed(shot)
        raise NotFound("there is no such act")

    @routes.post("/control/{room}/sound/{what}/{act}")
    async def sound_act(request: Request, room: str, what: str, act: str) -> Response:
        actor = await front.asked(request, Act.OPERATE_DEVICES)
        if act not in ("mute", "unmute"):
            raise NotFound("there is no such act")
        return await obeyed(MuteSound(actor=actor, room=room, what=what, on=act == "mute"))

    @routes.post("/alerts/{alert}/acknowledge")
    async def acknowledge(request: Request, alert: str) -> Response:
        actor = await front.asked(request, Act.ACKNOWLEDGE_ALERTS)
        reason = (await front.form(request)).get("reason", "")
        return await obeyed(AcknowledgeAlert(actor=actor, alert=alert, reason=reason))

    def in_room(session: str, room: str) -> str:
        if controller.sessions.get(session).room != room:
            raise NotFound("there is no such session in this room")
        return session

    async def obeyed(command: Command) -> Response:
        answer = await controller.desk.obey(command)
        number = answer.number if isinstance(answer, Event) else 0
        return Response(status_code=204, headers={NUMBER: str(number or controller.bus.last_number)})

    return routes


def _seat(form: Mapping[str, str]) -> int:
    seat = form.get("seat", "")
    if not (seat.isdecimal() and seat.isascii() and len(seat) <= 5):
        raise BadArgument("seat", f"the number of a seat (got {seat[:20]!r})")
    return int(seat)


def _value(text: str) -> object:
    """An argument as the verb wants it: a form knows text only."""
    try:
        return json.loads(text)
    except ValueError:
        return text
