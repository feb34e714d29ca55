"""What screens, the air raid and the mains are called on the pages; ``words`` has it all."""

from __future__ import annotations

from collections.abc import Mapping


def _(text: str) -> str:
    """Mark a text for translation, as in ``words``."""
    return text


CONTENT_KINDS: Mapping[str, str] = {
    "page": _("web page"),
    "picture": _("picture"),
    "video": _("video"),
    "stream": _("live stream"),
    "hall": _("who speaks in a hall"),
    "queue": _("visitor queue"),
    "memorial": _("memorial"),
}
SCREEN_STATES: Mapping[str, str] = {
    "ok": _("shows what it should"),
    "loading": _("is loading"),
    "wrong page": _("shows another page"),
    "browser dead": _("its browser does not run"),
    "PC dead": _("its computer does not answer"),
    "panel off": _("its panel is off"),
    "unknown": _("not known"),
}
DAYS = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))
RULES_OF_BUILDING: Mapping[str, str] = {
    "air_raid": _("air-raid alarm"),
    "alarm_unknown": _("whether there is an air-raid alarm is not known"),
    "on_battery": _("runs on battery"),
}
HAPPENED_IN_BUILDING: Mapping[str, str] = {
    "AlarmChanged": _("The air-raid signal changed"),
    "AirRaidBegan": _("An air raid began"),
    "AirRaidEnded": _("All clear"),
    "SuspensionSuggested": _("Suspending is suggested"),
    "ResumptionSuggested": _("Going on is suggested"),
    "SuggestionDropped": _("Suggested no more"),
    "EmergencyOrdered": _("An emergency on every screen"),
    "EmergencyReached": _("A screen shows the emergency"),
    "EmergencyMissed": _("A screen does not show the emergency"),
    "EmergencyLifted": _("The emergency is over"),
    "ScreenRestored": _("A screen has again what it had"),
    "ScreenNotRestored": _("A screen does not have again what it had"),
    "ContentKept": _("Content for screens was kept"),
    "ContentApproved": _("Content for screens was approved"),
    "ContentRemoved": _("Content for screens was removed"),
    "PlaylistKept": _("A playlist was kept"),
    "PlaylistRemoved": _("A playlist was removed"),
    "MainsLost": _("On battery"),
    "MainsReturned": _("The mains are back"),
    "LoadShed": _("Switched off for the battery"),
    "LoadSpared": _("Left on: it is on air"),
    "LoadRestored": _("Switched on again"),
    "BlackoutKept": _("A blackout was announced"),
    "BlackoutRemoved": _("A blackout was called off"),
}
