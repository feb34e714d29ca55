"""The objects in a simulated DICENTIS's answers, with the members a real 6.50 sends."""

from __future__ import annotations

import time
import uuid
from typing import Any

from drivers.sim.bosch_dicentis.hall import PRIORITY, Hall, Seat, Turn
from drivers.sim.bosch_dicentis.meeting import Meeting, Secretary, Topic

Json = dict[str, Any]

PERMISSIONS = (
    *("canManageMeeting", "canEditSynoptic", "canSelect", "canAddDevicesToSeats", "canViewSynoptic"),
    *("canEnableSeatIllumination", "canSwitchSystemPowerOn", "canSwitchSystemPowerOff"),
    *("canViewRequestItems", "canViewFirstRequestOnSeat", "canDeactivateMicrophone"),
    *("canControlInterpretation", "canViewInterpretation", "canControlMasterVolume"),
    *("canPrepareMeetingAndAgenda", "canControlMicrophoneSensitivity", "canControlPresentation"),
    "hasPrepareMeetingLicense",
)
VOTING_PERMISSIONS = ("canViewVoting", "canControlVoting")


def ticks(moment: float | None = None) -> int:
    """Milliseconds of the server's clock."""
    return round((time.monotonic() if moment is None else moment) * 1000)


def screen_line(hall: Hall, seat: Seat) -> str:
    """What the screen of a seat shows: who sits there, else the seat's own label."""
    person = hall.people.get(seat.seated)
    return person.name if person is not None else seat.name


def seat_row(hall: Hall, seat: Seat) -> Json:
    """A row of GetSeats."""
    device = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, seat.id)),
        "name": f"DCNM-MMD {seat.number}",
        "typeOf": "multimediaDevice",
        "serialNumber": f"{4_610_000 + seat.number}",
        "version": "6.50.0",
        "deviceState": "connected" if seat.connected else "disconnected",
        "capabilities": ["speaking", "voting"],
        "isFoundAtSeat": seat.connected,
        "isSelected": seat.selected,
        "subDeviceInstance": 0,
    }
    return {
        "seatId": seat.id,
        "seatName": seat.name,
        "screenLine": screen_line(hall, seat),
        "seatType": "Local",
        "status": ("Selected" if seat.selected else "Connected") if seat.connected else "Disconnected",
        "canPrio": seat.chairman,
        "canVote": True,
        "hasVotingLicense": True,
        "assignedParticipantId": seat.assigned or None,
        "seatedParticipantId": seat.seated or None,
        "attributes": ["Chairman"] if seat.chairman else [],
        "visType": "Default",
        "hideSeat": False,
        "supportsSpeaking": True,
        "devices": [device],
        "foundDevices": [],
    }


def participant_row(hall: Hall, participant: str) -> Json:
    """A row of GetParticipants."""
    person = hall.people[participant]
    return {
        "participantId": participant,
        "firstName": person.first_name,
        "lastName": person.last_name,
        "middleName": "",
        "title": person.title,
        "group": person.group,
        "country": "",
        "region": "",
        "email": "",
        "canPrio": person.chairman,
        "canVote": True,
        "isAuthenticated": True,
        "participantType": "local",
        "personId": participant,
        "pictureUpdatedNumber": 0,
        "visType": "default",
        "voteWeight": 1,
        "userName": "",
        "screenLine": person.name,
    }


def place_row(hall: Hall, participant: str) -> Json:
    """A row of GetParticipantSeats."""
    seats = hall.seats.values()
    return {
        "participantId": participant,
        "assignedSeatId": next((seat.id for seat in seats if seat.assigned == participant), None),
        "seatedSeatId": next((seat.id for seat in seats if seat.seated == participant), None),
    }


def discussion_list(hall: Hall) -> Json:
    """The answer to GetDiscussionList: who speaks, then who waits."""
    heads = {turn.waits: turn for turn in reversed(hall.turns)}
    rows = [_turn_row(hall, turn, turn is heads[turn.waits]) for turn in hall.turns]
    return {"discussionList": rows, "referenceTime": ticks()}


def _turn_row(hall: Hall, turn: Turn, first: bool) -> Json:
    return {
        "seatId": turn.seat.id,
        "participantId": turn.seat.seated or None,
        "personInfoId": turn.seat.seated or None,
        "screenLine": screen_line(hall, turn.seat),
        "microphoneState": turn.mic,
        "speakerType": turn.kind,
        "isFirst": first,
        "activeImage": "",
        "showSpeechTimer": not turn.waits and turn.kind != PRIORITY,
        "remainingSpeechDuration": 0 if turn.waits else max(0, round((300 + turn.extra) * 1000)),
        "speechStartTime": 0 if turn.waits else ticks(turn.since),
        "isLastMinuteActivated": False,
        "adjustSpeechTime": 0,
        "adjustSpeechTimeDuration": 0,
        "totalSpeechTime": 0,
    }


def meeting_row(meeting: Meeting) -> Json:
    """A row of GetMeetings, and the answer to GetMeetingInfo."""
    return {
        "meetingId": meeting.id,
        "title": meeting.title,
        "description": "",
        "state": meeting.state,
        "meetingStartDate": "2026-01-01T10:00:00",
        "meetingEndDate": "2026-01-01T18:00:00",
        "agendaList": None,
        "autoOpenOnActivate": True,
        "autoStartAgendaOnOpen": False,
        "defaultDiscussionId": None,
        "documentationRef": "",
        "identificationMethod": meeting.identification,
        "verificationMethod": "none",
        "isDefault": meeting.default,
    }


def topic_row(meeting: Meeting, topic: Topic) -> Json:
    """A row of GetAgendaTopics."""
    return {
        "agendaTopicId": topic.id,
        "subject": topic.subject,
        "description": "",
        "state": "opened" if topic.opened else "closed",
        "discussionId": None,
        "meetingId": meeting.id,
    }


def voting_info(secretary: Secretary) -> Json | None:
    """The object in the answer to GetVotingInfo; null when nothing is put to the vote."""
    voting = secretary.voting
    if voting is None:
        return None
    return {
        "votingId": voting.id,
        "referenceNumber": voting.number,
        "subject": voting.subject,
        "description": voting.description,
        "state": voting.state,
        "votingAnswers": list(voting.answers),
        "meetingId": secretary.meeting.id,
        "votingTimerType": "noVotingTimer",
        "votingTimeDuration": 0,
        "useVoteWeight": False,
        "usePresentButton": False,
    }
