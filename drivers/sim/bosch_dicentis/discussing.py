"""The operations of a simulated DICENTIS that concern seats, people and the discussion."""

from __future__ import annotations

import time
from collections.abc import Callable

from drivers.sim.bosch_dicentis import shapes
from drivers.sim.bosch_dicentis.call import Answering, Call, Json, Operation, effect, operation
from drivers.sim.bosch_dicentis.hall import (
    REQUEST,
    RESPONDER,
    RESPONSE_REQUEST,
    SETTLE_SECONDS,
    SPEAKER,
    Hall,
    Seat,
)


def _each(act: Callable[[Hall, Seat], None]) -> Answering:
    def prepare(call: Call) -> Callable[[], None]:
        seats = call.seats()

        def do() -> None:
            for seat in seats:
                act(call.hall, seat)

        return do

    return effect(prepare)


def _add(kind: str) -> Answering:
    return _each(lambda hall, seat: hall.grant(seat, kind))


def _ask_for(kind: str) -> Answering:
    return _each(lambda hall, seat: hall.request(seat, kind))


def _remove(hall: Hall, seat: Seat) -> None:
    turn = hall.turn(seat)
    # A real server loses a removal that comes too soon after the addition.
    if turn is not None and time.monotonic() - turn.since >= SETTLE_SECONDS:
        hall.remove(seat)


def _microphone(mic: str) -> Answering:
    def answer(call: Call) -> Json:
        for turn in call.turns():
            if turn.kind != RESPONDER:  # in response mode only
                raise call.impossible()
            call.hall.set_microphone(turn.seat, mic)
        return {}

    return answer


def _speech_time(seconds: float) -> Answering:
    def answer(call: Call) -> Json:
        turn = call.hall.turn(call.seat())
        if turn is None:
            raise call.impossible()
        turn.extra = turn.extra + seconds if seconds else 0.0
        return {"success": True}

    return answer


def _sensitivities(call: Call) -> Json:
    chosen = call.seats() if call.given.get("seatIds") != [] else list(call.hall.seats.values())
    return {
        "seatMicrophoneSensitivities": [
            {"seatId": seat.id, "seatName": seat.name, "sensitivityValue": seat.sensitivity}
            for seat in chosen
        ]
    }


def _set_sensitivity(call: Call) -> Json:
    for wanted in call.given.get("seatMicrophoneSensitivity") or []:
        if not isinstance(wanted, dict):
            return {"status": False}
        seat, value = call.hall.seats.get(str(wanted.get("seatId"))), wanted.get("sensitivityValue")
        if seat is None or not isinstance(value, int | float) or not -6 <= value <= 6 or value * 2 % 1:
            return {"status": False}
        seat.sensitivity = value
    return {"status": True}


def _reset_sensitivity(call: Call) -> Json:
    for seat in call.seats():
        seat.sensitivity = 0.0
    return {"status": True}


def _illuminate(call: Call) -> Json:
    call.seat().illuminated = bool(call.given.get("setIlluminate"))
    call.system.changed("IlluminatedSeatChanged")
    return {}


SEAT = {"seatId": str}
SEATS = {"seatIds": list, "participantIds": list}
TIME = {"seatId": str, "participantId": str}
SYNOPTIC, EDIT, MUTE = "canViewSynoptic", "canEditSynoptic", "canDeactivateMicrophone"
SENSITIVITY = "canControlMicrophoneSensitivity"

DISCUSSING: tuple[Operation, ...] = (
    operation(
        "GetSeats",
        lambda call: {"seats": [shapes.seat_row(call.hall, seat) for seat in call.hall.seats.values()]},
        SYNOPTIC,
        rearms=("SeatsChanged",),
    ),
    operation(
        "GetParticipants",
        lambda call: {"participants": [shapes.participant_row(call.hall, who) for who in call.hall.people]},
        takes={"meetingId": str},
        rearms=("ParticipantsChanged",),
    ),
    operation(
        "GetParticipantSeats",
        lambda call: {"participantSeats": [shapes.place_row(call.hall, who) for who in call.hall.people]},
        rearms=("ParticipantSeatsChanged",),
    ),
    operation(
        "GetDiscussionList",
        lambda call: shapes.discussion_list(call.hall),
        SYNOPTIC,
        rearms=("DiscussionListChanged",),
    ),
    operation("AddSeatToSpeakers", _add(SPEAKER), EDIT, SEAT),
    operation("RemoveSeatFromDiscussionList", _each(_remove), EDIT, SEAT),
    operation("GrantSpeech", _add(SPEAKER), EDIT, SEATS),
    operation("RemoveSpeech", _each(_remove), EDIT, SEATS),
    operation("RequestSpeech", _ask_for(REQUEST), EDIT, SEATS),
    operation("GrantResponse", _add(RESPONDER), EDIT, SEATS),
    operation("RemoveResponse", _each(_remove), EDIT, SEATS),
    operation("RequestResponse", _ask_for(RESPONSE_REQUEST), EDIT, SEATS),
    operation("ActivateMicrophone", _microphone("on"), MUTE, {**SEAT, **SEATS}),
    operation("DeactivateMicrophone", _microphone("mute"), MUTE, {**SEAT, **SEATS}),
    operation("IncreaseSpeechTime", _speech_time(60), EDIT, TIME),
    operation("DecreaseSpeechTime", _speech_time(-60), EDIT, TIME),
    operation("ResetSpeechTime", _speech_time(0), EDIT, TIME),
    operation(
        "GetDiscussionOptions",
        lambda call: {
            "discussionMode": call.hall.mode,
            "maxRequests": call.hall.max_requests,
            "maxResponses": 10,
        },
        rearms=("DiscussionOptionsChanged",),
    ),
    operation(
        "GetSpeechTimerOptions",
        lambda call: {
            "speechTimerOptions": {
                "showSpeechTimer": True,
                "speechTimerDurationInSeconds": 300,
                "canAdjustSpeechTimer": True,
            }
        },
    ),
    operation("GetMicrophoneSensitivity", _sensitivities, takes={"seatIds": list}),
    operation(
        "UpdateMicrophoneSensitivity", _set_sensitivity, SENSITIVITY, {"seatMicrophoneSensitivity": list}
    ),
    operation("ResetMicrophoneSensitivity", _reset_sensitivity, SENSITIVITY, {"seatIds": list}),
    operation(
        "SetIlluminateSeat", _illuminate, "canEnableSeatIllumination", {"seatId": str, "setIlluminate": bool}
    ),
)
