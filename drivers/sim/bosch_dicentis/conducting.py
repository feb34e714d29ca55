"""The operations of a simulated DICENTIS that concern meetings, votes, the system and interpretation."""

from __future__ import annotations

from drivers.sim.bosch_dicentis import shapes
from drivers.sim.bosch_dicentis.call import Answering, Call, Json, Operation, done, operation, says
from drivers.sim.bosch_dicentis.meeting import NEXT


def _move(state: str) -> Answering:
    return done(lambda call: call.secretary.move(call.secretary.find(call.given.get("meetingId", "")), state))


def _move_current(state: str) -> Answering:
    return done(lambda call: call.secretary.move(call.secretary.meeting, state))


def _meeting_info(call: Call) -> Json:
    if "meetingId" in call.given and call.secretary.find(call.given["meetingId"]) is None:
        raise call.impossible()
    meeting = call.secretary.find(call.given.get("meetingId", "")) or call.secretary.meeting
    return {"meetingInfo": shapes.meeting_row(meeting)}


def _set_power(call: Call) -> Json:
    wanted = str(call.given.get("powerMode", "")).lower()
    if wanted not in ("poweredon", "poweredoff"):
        raise call.impossible()
    call.later.append(lambda: call.system.switch(wanted == "poweredon"))
    return {}


def _set_volume(call: Call) -> Json:
    wanted = call.given.get("volume")
    if wanted is None or not -24 <= wanted <= 0:
        raise call.impossible()
    call.system.volume = float(wanted)
    call.system.changed("MasterVolumeChanged")
    return {}


def _ad_hoc_vote(call: Call) -> Json:
    given = call.given
    call.secretary.put_to_vote(
        given.get("subject", ""), given.get("description", ""), given.get("number", "")
    )
    return {}


def _voting_results(call: Call) -> Json:
    counted = call.secretary.voting.counted() if call.secretary.voting else []
    return {"votingResults": [{"answer": answer, "count": count} for answer, count in counted]}


def _individual_results(call: Call) -> Json:
    votes = call.secretary.voting.votes if call.secretary.voting else {}
    rows = [{"participantId": person, "votingAnswer": answer} for person, answer in votes.items()]
    return {"individualVotingResults": rows}


def _seat_results(call: Call) -> Json:
    votes = call.secretary.voting.votes if call.secretary.voting else {}
    seats = {seat.seated: seat.id for seat in call.hall.seats.values() if seat.seated}
    rows = [{"seatId": seats[who], "votingAnswer": answer} for who, answer in votes.items() if who in seats]
    return {"seatVotingResults": rows}


def _vote_row(call: Call) -> Json:
    info = shapes.voting_info(call.secretary)
    return {"votingList": [] if info is None else [info]}


def _voting_state(call: Call) -> Json:
    return {"votingState": call.secretary.voting.state if call.secretary.voting else "closed"}


def _activate_vote(call: Call) -> bool:
    voting = call.secretary.voting
    return voting is not None and voting.id == call.given.get("votingId") and voting.state == "ready"


VIEW, CONTROL = "canViewVoting", "canControlVoting"
MANAGE, INTERPRETATION, GRANT = "canManageMeeting", "canViewInterpretation", "canControlInterpretation"

MEETING: tuple[Operation, ...] = (
    operation(
        "GetMeetings",
        lambda call: {"meetings": [shapes.meeting_row(meeting) for meeting in call.secretary.meetings]},
    ),
    operation("GetMeetingInfo", _meeting_info, takes={"meetingId": str}, rearms=("MeetingInfoChanged",)),
    operation("ActivateMeeting", _move("opened"), MANAGE, {"meetingId": str}),
    operation("OpenMeeting", _move_current("opened"), MANAGE),
    operation("CloseMeeting", _move_current("closed"), MANAGE),
    operation("DeactivateMeeting", _move_current("deactivated"), MANAGE),
    operation(
        "GetAgendaTopics",
        lambda call: {
            "agendaTopics": [
                shapes.topic_row(call.secretary.meeting, topic) for topic in call.secretary.meeting.topics
            ]
        },
        takes={"meetingId": str},
        rearms=("AgendaTopicsChanged",),
    ),
    operation(
        "OpenAgenda",
        done(lambda call: call.secretary.open_topic(call.given.get("agendaTopicId", ""))),
        MANAGE,
        {"agendaTopicId": str},
    ),
    operation("CloseAgenda", done(lambda call: call.secretary.close_topic()), MANAGE),
)

VOTING: tuple[Operation, ...] = (
    operation("GetVotings", _vote_row, VIEW, rearms=("VotingScriptChanged",)),
    operation("GetVotingState", _voting_state, rearms=("VotingStateChanged",)),
    operation(
        "GetVotingInfo",
        lambda call: {"votingInfo": shapes.voting_info(call.secretary)},
        rearms=("VotingInfoChanged",),
    ),
    operation("GetVotingResults", _voting_results, rearms=("VotingResultChanged",)),
    operation("GetSeatVotingResults", _seat_results, VIEW, rearms=("VotingResultChanged",)),
    operation(
        "GetIndividualVotingResults", _individual_results, VIEW, rearms=("IndividualVotingResultsChanged",)
    ),
    operation("GetQuorumResult", says(quorumResult=None), VIEW, rearms=("QuorumResultChanged",)),
    operation("GetMajorityResult", says(majorityResult=None), VIEW, rearms=("MajorityResultChanged",)),
    operation("GetRemainingVoteTime", says(remainingVoteTime=0), VIEW),
    operation("ActivateVoting", done(_activate_vote), CONTROL, {"votingId": str}),
    operation(
        "ActivateAdHocVoting", _ad_hoc_vote, CONTROL, {"subject": str, "description": str, "number": str}
    ),
    *(operation(name, done(lambda call: call.secretary.step(call.name)), CONTROL) for name in NEXT),
)

SYSTEM: tuple[Operation, ...] = (
    operation("GetRoomName", lambda call: {"roomName": call.system.room}, rearms=("RoomNameChanged",)),
    operation("GetRoomContactEmail", says(roomContactEmail=""), rearms=("RoomContactEmailChanged",)),
    operation(
        "GetSystemPowerMode",
        lambda call: {"powerMode": call.hall.power},
        rearms=("SystemPowerModeChanged",),
    ),
    operation("SetSystemPowerMode", _set_power, "canSwitchSystemPowerOff", {"powerMode": str}),
    operation(
        "GetMasterVolume", lambda call: {"volume": call.system.volume}, rearms=("MasterVolumeChanged",)
    ),
    operation("SetMasterVolume", _set_volume, "canControlMasterVolume", {"volume": float}),
    operation(
        "GetMasterVolumeRange",
        says(range={"minimumVolume": -24.0, "maximumVolume": 0.0}),
        rearms=("MasterVolumeRangeChanged",),
    ),
    operation("EnableSeatIllumination", says(), "canEnableSeatIllumination", {"enable": bool}),
    operation(
        "GetPresentationState", says(presentationState="stopped"), rearms=("PresentationStateChanged",)
    ),
    operation(
        "GetInterpreterBooths",
        lambda call: {"booths": call.system.booth.booths},
        INTERPRETATION,
        rearms=("InterpreterBoothsChanged",),
    ),
    operation("GetInterpreterSeats", says(seats=[]), INTERPRETATION, rearms=("InterpreterSeatsChanged",)),
    operation(
        "GetInterpretationRoutings",
        lambda call: {"routings": call.system.booth.routings},
        INTERPRETATION,
        rearms=("InterpretationRoutingsChanged",),
    ),
    operation(
        "GetInterpretationLanguages",
        lambda call: {"interpretationLanguages": call.system.booth.languages},
        INTERPRETATION,
        rearms=("InterpretationLanguagesChanged",),
    ),
    operation(
        "GrantInterpretation",
        done(lambda call: False),  # there is no such desk
        GRANT,
        {"seatId": str, "microphoneState": str},
    ),
)
