"""What things are called on the pages: message ids by the words of the code, for the catalogues."""

from __future__ import annotations

from collections.abc import Mapping

from avctl.events import Link, Reason, Severity
from avctl.model.account import Role
from avctl.model.body import BodyKind
from avctl.model.booking import Kind, Policy
from avctl.model.participants import Origin
from avctl.model.preparation import Stage, Verdict
from avctl.model.session import Phase
from avctl.model.vote import Outcome, Threshold
from avctl.services.imports import Verdict as RowVerdict
from dashboards.building_words import RULES_OF_BUILDING


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
    Reason.POWER: _("Power cut"),
}
ACTS: Mapping[str, str] = {
    "opened": _("The session was opened"),
    "quorum": _("Quorum noted"),
    "item": _("Agenda item"),
    "suspended": _("Break"),
    "resumed": _("The session goes on"),
    "closed": _("The session was ended"),
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
FIELDS: Mapping[str, str] = {
    "title": _("Title"),
    "body": _("Who sits"),
    "kind": _("Kind"),
    "room": _("Room"),
    "starts_at": _("Begins"),
    "ends_at": _("Ends"),
    "setup_minutes": _("Minutes to set up"),
    "breakdown_minutes": _("Minutes to break down"),
    "policy": _("The public sees it"),
    "release_at": _("Recording public on"),
    "release_hours": _("Hours after the end"),
    "off_site": _("off-site"),
    "agenda": _("Agenda"),
    "on_duty": _("People on duty"),
    "remote_link": _("Link for remote participants"),
    "remote_source": _("Source with the picture of the conference"),
}
ROW_VERDICTS: Mapping[RowVerdict, str] = {
    RowVerdict.NEW: _("will be booked"),
    RowVerdict.CHANGED: _("will be changed"),
    RowVerdict.SAME: _("is as it is booked"),
    RowVerdict.CANCELLED: _("will be called off"),
    RowVerdict.BAD: _("will be left out"),
}
BODY_KINDS: Mapping[BodyKind, str] = {
    BodyKind.COUNCIL: _("council"),
    BodyKind.COMMITTEE: _("committee"),
    BodyKind.EXECUTIVE: _("executive committee"),
    BodyKind.OTHER: _("other"),
}
RULES: Mapping[str, str] = {
    "device_offline": _("does not answer"),
    "source_lost": _("no signal"),
    "wrong_password": _("refuses our password"),
    "broadcast_stalled": _("the broadcast has stopped: no new picture reaches viewers"),
    "recording_stalled": _("the recording does not grow"),
    "stream_stalled": _("its stream does not get through"),
    "black": _("the programme is black"),
    "freeze": _("the picture stands still"),
    "silence": _("the programme is silent"),
    "clipping": _("the sound is at full scale"),
    "channel_dead": _("one channel has no sound"),
    "out_of_phase": _("left and right cancel each other: those with one speaker hear nothing"),
    "loudness": _("the programme is too loud or too quiet"),
    "latency": _("viewers see it much too late"),
    "playlist_faults": _("the public list is faulty"),
    "quality_reduced": _("the machine is too slow"),
    "encoder_fault": _("the chip that should encode does not work"),
    "part_replaced": _("a part of the broadcast failed and was replaced"),
    "preparation_failed": _("not everything is ready for the session"),
    "wrong_page": _("shows another page"),
    "browser_dead": _("its browser does not run"),
    "queue_closed": _("people wait and no counter is open"),
    "queue_quiet": _("people wait and nothing happens"),
    "queue_unserved": _("a called visitor is not being served"),
    "channel_fault": _("a TV channel is faulty"),
    "not_begun": _("it is time to begin, and nobody has"),
    "overrun": _("it takes longer, and another session is booked here"),
    "disk_full": _("the disk of the recordings is getting full"),
    "closed_part_doubt": _("it is not certain that the closed part is closed to viewers"),
    "closed_part_heard": _("the closed part is heard where it must not be"),
    **RULES_OF_BUILDING,
    "broadcast_failed": _("the broadcast cannot be kept up"),
}
SLATES: Mapping[str, str] = {
    "starting": _("Starting soon"),
    "break": _("Break"),
    "technical": _("Technical pause"),
    "closed": _("Closed part"),
    "air_raid": _("Air-raid alarm"),
    "power": _("Power cut"),
    "sound": _("Sound only"),
    "released": _("The recording will be published"),
    "ended": _("The session has ended"),
}
OVERLAYS: Mapping[str, str] = {
    "item": _("Agenda item"),
    "vote": _("Vote"),
    "logo": _("Emblem"),
    "clock": _("Clock"),
    "live": _("Mark “live”"),
}
MODES: Mapping[str, str] = {
    "open": _("Mode: a press opens"),
    "queue": _("Mode: the next moves up"),
    "request": _("Mode: the floor is given"),
    "override": _("Mode: the newest replaces the oldest"),
    "voice": _("Mode: the voice opens"),
    "group": _("Mode: group"),
    "push": _("Mode: press and hold"),
    "handsfree": _("Mode: all stay open"),
    "only_requests": _("Mode: presses only ask"),
}
ALARMS: Mapping[str, str] = {
    "active": _("alarm in the region"),
    "partly": _("alarm in a part of the region"),
    "clear": _("no alarm"),
    "unknown": _("not known"),
    "red": _("red"),
    "yellow": _("yellow"),
}
SOUNDS: Mapping[str, str] = {
    "mono": _("mono"),
    "stereo": _("stereo"),
    "none": _("no sound"),
}
ORIGINS: Mapping[Origin, str] = {
    Origin.SUBSTITUTION: _("substitution"),
    Origin.CARD: _("card at the seat"),
    Origin.IMPORT: _("imported list"),
    Origin.SYSTEM: _("discussion system"),
    Origin.EARLIER: _("list of an earlier session"),
    Origin.UNKNOWN: _("not known"),
}
CELLS: Mapping[str, str] = {
    "no_name": _("a name is missing"),
    "long_name": _("the name is longer than 200 characters"),
    "long_group": _("the faction is longer than 200 characters"),
    "signs": _("it has characters that cannot be written"),
    "no_seat": _("a seat is missing, and there is no card"),
    "bad_seat": _("the seat is no number from 1 to 99999"),
    "same_seat": _("the seat is taken by an earlier row"),
    "bad_card": _("the card is longer than 64 characters"),
    "same_card": _("the card is an earlier row's"),
    "overfull": _("it has more cells than the table has columns"),
}
COLUMNS: Mapping[str, str] = {
    "name": _("Name"),
    "group": _("Faction"),
    "seat": _("Seat"),
    "card": _("Card"),
}
TICKETS: Mapping[str, str] = {
    "waiting": _("waits"),
    "called": _("called"),
    "serving": _("being served"),
    "done": _("served"),
    "no_show": _("did not come"),
    "removed": _("left the queue"),
}
VERBS: Mapping[str, str] = {
    "wake": _("wake over the network"),
    "show_page": _("show a page"),
    "reload_page": _("load the page again"),
    "call_next": _("call the next ticket"),
    "recall": _("call the ticket again"),
    "open_counter": _("open the counter"),
    "close_counter": _("close the counter"),
    "set_power": _("power"),
    "set_power True": _("switch on"),
    "set_power False": _("switch off"),
    "set_input": _("input"),
    "set_volume": _("volume"),
    "mute": _("mute"),
    "set_brightness": _("brightness"),
    "show_picture": _("picture"),
    "join_wall": _("video wall"),
    "leave_wall": _("whole picture"),
    "lock_remote": _("lock of the remote control"),
    "set_hours": _("hours in which it is on"),
    "open_mic": _("open microphone"),
    "close_mic": _("close microphone"),
    "grant_request": _("give the floor"),
    "deny_request": _("refuse the floor"),
    "close_all_mics": _("close all microphones"),
    "clear_requests": _("clear the waiting list"),
    "next_speaker": _("give the floor to the next"),
    "move_up": _("move up the waiting list"),
    "take_priority": _("chairman's priority"),
    "mute_all": _("mute all microphones"),
    "mute_all False": _("let the microphones sound again"),
    "set_mode": _("mode of the discussion"),
    "set_max_open": _("number of open microphones"),
    "open_vote": _("open a vote"),
    "close_vote": _("close the vote"),
    "recall_layout": _("arrangement of the wall"),
    "recall_preset": _("camera shot"),
    "store_preset": _("store camera shot"),
    "drive": _("move camera"),
    "zoom": _("zoom"),
    "set_tally": _("camera on-air lamp"),
    "mute_channel": _("mute a channel"),
    "set_level": _("level of a channel"),
    "recall_scene": _("scene of the mixer"),
    "route": _("route"),
    "switch_outlet": _("outlet"),
    "cycle_outlet": _("outlet off and on"),
    "recall_routes": _("stored routes"),
    "cut": _("cut to the preview"),
    "go_live": _("go live"),
    "end": _("end the broadcast"),
    "start_recording": _("start recording"),
    "stop_recording": _("stop recording"),
    "show": _("programme picture"),
    "show_lower_third": _("name in the picture"),
}
VERDICTS: Mapping[Verdict, str] = {
    Verdict.WAITING: _("waits"),
    Verdict.RUNNING: _("under way"),
    Verdict.PASS: _("in order"),
    Verdict.WARN: _("attention"),
    Verdict.FAIL: _("fault"),
    Verdict.SKIPPED: _("left out"),
}
STAGES: Mapping[Stage, str] = {
    Stage.RUNNING: _("The room is being prepared"),
    Stage.DONE: _("Prepared"),
    Stage.CANCELLED: _("Broken off"),
}
SETTINGS: Mapping[str, str] = {
    "power": _("power"),
    "input": _("input"),
    "volume": _("volume"),
    "muted": _("muted"),
    "brightness": _("brightness"),
    "wall": _("video wall"),
    "mode": _("mode of the discussion"),
    "max_open": _("number of open microphones"),
    "all_muted": _("all microphones muted"),
    "scene": _("scene of the mixer"),
    "level": _("level of a channel"),
    "routes": _("route"),
}
CHOICES: Mapping[str, str] = {
    "yes": _("For"),
    "no": _("Against"),
    "abstain": _("Abstained"),
    "not_voting": _("Did not vote"),
}
VOTED: Mapping[str, str] = {
    "yes": _("for"),
    "no": _("against"),
    "abstain": _("abstained"),
    "not_voting": _("did not vote"),
}
OUTCOMES: Mapping[Outcome, str] = {
    Outcome.ADOPTED: _("The decision is adopted"),
    Outcome.NOT_ADOPTED: _("The decision is not adopted"),
    Outcome.NO_QUORUM: _("There is no quorum"),
    Outcome.COUNTED: _("The votes are counted"),
}
STANDINGS: Mapping[str, str] = {
    "open": _("Voting"),
    "paused": _("The vote is paused"),
    "closed": _("Result of the vote"),
    "lost": _("The vote is lost"),
}
THRESHOLDS: Mapping[Threshold, str] = {
    Threshold.ELECTED: _("majority of those elected"),
    Threshold.PRESENT: _("majority of those present"),
    Threshold.TWO_THIRDS: _("two thirds of those elected"),
}
PAUSES: Mapping[Reason, str] = {
    Reason.BREAK: _("Break"),
    Reason.TECHNICAL: _("Technical pause"),
    Reason.CLOSED: _("Closed part"),
    Reason.AIR_RAID: _("Air-raid alarm. Go to the shelter"),
    Reason.POWER: _("Power cut"),
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
