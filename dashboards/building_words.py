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
# What can be wrong with a field of the forms of screens, where it is always the same.
FIELDS_OF_SCREENS: Mapping[str, str] = {
    "id": _("lower-case Latin letters, digits and hyphens, at most 63"),
    "title": _("a name of 1 to 200 characters"),
    "url": _("an address that begins with https:// or http://"),
    "rank": _("a whole number from 0 to 100"),
    "entries": _("for each place 1 to 86400 seconds"),
    "hours": _("times such as 08:30 and dates such as 2027-02-11"),
    "since": _("a time such as 08:30"),
    "until": _("a time such as 08:30"),
}


def of_screens(faults: Mapping[str, str]) -> dict[str, str]:
    """What was expected, by the field where it is always the same, else as it was said."""
    return {field: FIELDS_OF_SCREENS.get(field, text) for field, text in faults.items()}


EXPECTED_OF_SCREENS: tuple[str, ...] = (
    _("a picture that can be shown: JPEG, PNG or WebP, and whole"),
    _("a video that browsers play: MP4 with H.264, or WebM with VP8, VP9 or AV1"),
    _("a video that is whole: this one cannot be decoded"),
    _("a video that can be looked at in two minutes"),
    _("a video of at most four hours"),
    _("a picture (JPEG, PNG or WebP) or a video (MP4 or WebM)"),
    _("a file, for a picture or a video"),
    _("fewer pixels, at most this many each way:"),
    _("this many pixels each way:"),
    _("portraits that are pictures here"),
    _("at least one name"),
    _("screens that show pages"),
)
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
    "blackout_ahead": _("a blackout is announced for soon"),
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
