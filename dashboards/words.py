"""What things are called on the pages: message ids by the words of the code, for the catalogues."""

from __future__ import annotations

from collections.abc import Mapping

from avctl.events import Link, Reason, Severity
from avctl.model.account import Role
from avctl.model.session import Kind, Phase, Policy


def _(text: str) -> str:
    """Mark a text for translation where it stands; it is translated where it is shown."""
    return text


PHASES: Mapping[Phase, str] = {
    Phase.PLANNED: _("planned"),
    Phase.PREPARING: _("being prepared"),
    Phase.READY: _("ready"),
    Phase.OPEN: _("session in progress"),
    Phase.SUSPENDED: _("suspended"),
    Phase.CLOSED: _("ended"),
    Phase.PUBLISHED: _("recording published"),
    Phase.CANCELLED: _("cancelled"),
}
REASONS: Mapping[Reason, str] = {
    Reason.BREAK: _("Break"),
    Reason.TECHNICAL: _("Technical pause"),
    Reason.CLOSED: _("Closed part"),
    Reason.AIR_RAID: _("Air-raid alarm"),
}
LINKS: Mapping[Link, str] = {
    Link.ONLINE: _("works"),
    Link.CONNECTING: _("connecting"),
    Link.OFFLINE: _("does not answer"),
    Link.REFUSED: _("password refused"),
}
SOURCE_LINKS: Mapping[Link, str] = {
    Link.ONLINE: _("signal"),
    Link.CONNECTING: _("waits for the broadcast"),
    Link.OFFLINE: _("no signal"),
    Link.REFUSED: _("password refused"),
}
SEVERITIES: Mapping[Severity, str] = {
    Severity.CRITICAL: _("Critical"),
    Severity.WARNING: _("Attention"),
    Severity.INFO: _("For information"),
}
POLICIES: Mapping[Policy, str] = {
    Policy.LIVE: _("live broadcast"),
    Policy.DELAYED: _("recorded, published later"),
    Policy.RECORD: _("recorded, published after approval"),
    Policy.NONE: _("no broadcast, no recording"),
}
KINDS: Mapping[Kind, str] = {
    Kind.PLENARY: _("plenary sitting"),
    Kind.COMMITTEE: _("committee sitting"),
    Kind.EXECUTIVE: _("executive sitting"),
    Kind.HEARING: _("hearing"),
    Kind.BRIEFING: _("briefing"),
    Kind.ONLINE: _("online event"),
}
ROLES: Mapping[Role, str] = {
    Role.TECHNICIAN: _("technician"),
    Role.SCHEDULER: _("scheduler"),
    Role.SECRETARY: _("secretary"),
    Role.MANAGER: _("manager"),
    Role.ADMIN: _("administrator"),
    Role.STAFF: _("staff member"),
}
RULES: Mapping[str, str] = {
    "device_offline": _("does not answer"),
    "source_lost": _("no signal"),
    "wrong_password": _("refuses our password"),
    "broadcast_stalled": _("the broadcast has stopped: no new picture reaches viewers"),
    "recording_stalled": _("the recording does not grow"),
    "black": _("the programme is black"),
    "freeze": _("the picture stands still"),
    "silence": _("the programme is silent"),
    "clipping": _("the sound is at full scale"),
    "channel_dead": _("one channel has no sound"),
    "loudness": _("the programme is too loud or too quiet"),
    "latency": _("viewers see it much too late"),
    "playlist_faults": _("the public list is faulty"),
    "disk_full": _("the disk of the recordings is getting full"),
    "closed_part_doubt": _("it is not certain that the closed part is closed to viewers"),
    "broadcast_failed": _("the broadcast cannot be kept up"),
}
SLATES: Mapping[str, str] = {
    "starting": _("Starting soon"),
    "break": _("Break"),
    "technical": _("Technical pause"),
    "closed": _("Closed part"),
    "air_raid": _("Air-raid alarm"),
    "sound": _("Sound only"),
    "released": _("The recording will be published"),
    "ended": _("The session has ended"),
}
VERBS: Mapping[str, str] = {
    "set_power": _("power"),
    "set_power True": _("switch on"),
    "set_power False": _("switch off"),
    "set_input": _("input"),
    "set_volume": _("volume"),
    "mute": _("mute"),
    "set_brightness": _("brightness"),
    "join_wall": _("video wall"),
    "leave_wall": _("whole picture"),
    "open_mic": _("open microphone"),
    "close_mic": _("close microphone"),
    "grant_request": _("give the floor"),
    "deny_request": _("refuse the floor"),
    "close_all_mics": _("close all microphones"),
    "clear_requests": _("clear the waiting list"),
    "recall_preset": _("camera shot"),
    "store_preset": _("store camera shot"),
    "drive": _("move camera"),
    "zoom": _("zoom"),
    "set_tally": _("camera on-air lamp"),
    "go_live": _("go live"),
    "end": _("end the broadcast"),
    "start_recording": _("start recording"),
    "show": _("programme picture"),
    "show_lower_third": _("name in the picture"),
}
HAPPENED: Mapping[str, str] = {
    "SessionBooked": _("The session was booked"),
    "SessionAmended": _("The booking was changed"),
    "SessionPreparing": _("Preparation began"),
    "SessionReady": _("The room is ready"),
    "SessionOpened": _("The session was opened"),
    "SessionSuspended": _("The session was suspended"),
    "SessionResumed": _("The session goes on"),
    "SessionClosed": _("The session was ended"),
    "SessionCancelled": _("The session was cancelled"),
    "ChapterMarked": _("Chapter"),
    "SpeakerShown": _("Name in the picture"),
    "BroadcastWanted": _("Broadcast asked for"),
    "BroadcastArmed": _("The broadcast is armed"),
    "BroadcastWentLive": _("On air"),
    "BroadcastDegraded": _("The broadcast has a fault"),
    "BroadcastEnding": _("The broadcast is ending"),
    "BroadcastEnded": _("Off air"),
    "BroadcastFailed": _("The broadcast failed"),
    "ClosedPartEntered": _("The hall is out of every output"),
    "ClosedPartProven": _("The closed part is proven on the public output"),
    "ClosedPartDoubted": _("The closed part is in doubt"),
    "ClosedPartLeft": _("The hall is seen again"),
    "OverlayShown": _("Overlay"),
    "SourceCut": _("Cut to a source"),
    "StandInTaken": _("A stand-in was taken"),
    "SourceRestored": _("Back to the main feed"),
    "RecordingReady": _("The recording is ready"),
    "DiskSpaceChanged": _("Room on the disk"),
    "AlertRaised": _("Alert"),
    "AlertCleared": _("The fault is gone"),
    "AlertAcknowledged": _("Alert acknowledged"),
    "VerbDone": _("Done"),
    "VerbRefused": _("Not done"),
    "VerbAsked": _("Asked"),
    "LinkChanged": _("Connection"),
    "ReadingsChanged": _("Readings"),
    "MicOpened": _("Microphone opened"),
    "MicClosed": _("Microphone closed"),
    "FloorRequested": _("Asks for the floor"),
    "FloorRequestEnded": _("Waits no longer"),
    "ItemStarted": _("Agenda item"),
    "LoggedIn": _("Logged in"),
    "LoggedOut": _("Logged out"),
    "LoginRefused": _("Log-in refused"),
    "AccountChanged": _("Account changed"),
}
REFUSALS: Mapping[str, str] = {
    "Conflict": _("This cannot be done now."),
    "Forbidden": _("Your role may not do this."),
    "NotLoggedIn": _("Your log-in has ended. Log in again."),
    "NotFound": _("There is no such thing any more."),
    "Unsupported": _("This device cannot do that."),
    "BadArgument": _("A value is wrong."),
    "Rejected": _("The device said no."),
    "NoAnswer": _("The device did not answer in time."),
    "TooManyTries": _("Too many attempts. Wait a little."),
}
