"""Every TV channel of the building: its picture, its state and what is on."""

from __future__ import annotations

from datetime import datetime

from avctl.events import Link
from avctl.model.account import Role
from avctl.model.device import DeviceState
from avctl.services.channels import MILD, RULE
from avctl.services.controller import Controller
from dashboards import views
from dashboards.room import reached
from dashboards.views.television import ChannelView, Television
from dashboards.words import _

# What a channel's driver says is wrong, as it says it.
FAULTS = (
    _("no transport stream in it (sync loss)"),
    _("no programme: black and silent"),
    _("no list of programmes (PAT)"),
    _("the programme is not among those that are listed (PAT)"),
    _("no list of the programme's parts (PMT)"),
    _("it is scrambled"),
    _("parts of the programme do not come"),
    _("the picture stands still and there is no sound"),
    _("the picture is black"),
    _("there is no sound"),
    _("packets are lost (continuity counters)"),
    _("packets are damaged (transport error)"),
    _("tables are damaged (CRC)"),
    _("its clock jumps or comes too rarely (PCR)"),
    _("pictures or sound have no time (PTS)"),
    _("the network loses packets (RTP)"),
    _("this machine is too slow for it and loses packets"),
    _("the picture stands still"),
    _("the web stream has ended (ENDLIST)"),
    _("the web stream began anew: its numbers went back"),
    _("the web stream stands still"),
    _("segments of the web stream are longer than promised"),
    _("segments of the web stream come slower than they play"),
    _("a segment of the web stream is missing or empty"),
    _("segments of the web stream are refused: their address may be over"),
    _("the web stream is more than a minute late"),
    _("its segments are not whole (fragmented MP4)"),
    # Why there are no figures of its packets.
    _("fragmented MP4: packets and tables are not measured"),
    _("encrypted: nothing of it can be read"),
    _("its sound comes apart (a rendition of its own) and is not listened to"),
)


def tv(
    controller: Controller, subject: str, role: Role | None, language: str, seen: tuple[str, ...] = ()
) -> Television:
    """Every channel, in the order of the configuration: each keeps its place."""
    since = {alert.subject: alert.raised_at for alert in controller.alerts.raised() if alert.rule == RULE}
    channels = tuple(
        _channel(state, language, since.get(state.id))
        for state in controller.house
        if "Channel" in state.capabilities and reached(state.room, seen)
    )
    return Television(channels=channels, wrong=sum(one.state.look == "fault" for one in channels))


def _channel(state: DeviceState, language: str, since: datetime | None) -> ChannelView:
    told = state.readings if state.online else {}
    fault = str(told.get("fault", ""))
    bitrate, loudness = told.get("bitrate"), told.get("loudness")
    return ChannelView(
        id=state.id,
        title=state.title,
        picture=f"/tv/{state.id}/picture.jpg",
        state=_state(state, fault, since),
        fault=fault if state.online else "",
        unmeasured=str(told.get("unmeasured", "")),
        service=str(told.get("service", "")),
        now=str(told.get("now", "")),
        next=str(told.get("next", "")),
        bitrate=_number(bitrate / 1e6, 1, language) if isinstance(bitrate, int) and bitrate else "",
        loudness=_number(loudness, 0, language) if isinstance(loudness, float) else "",
    )


def _state(state: DeviceState, fault: str, since: datetime | None) -> views.State:
    if state.link in (Link.OFFLINE, Link.REFUSED):
        return views.State(look="fault", shape="▲", word=_("no signal"), since=state.since)
    if not state.online:
        return views.State(look="idle", shape="○", word=_("connecting"))
    if fault in MILD:
        return views.State(look="idle", shape="■", word=_("look at it"), since=since)
    if fault:
        return views.State(look="fault", shape="▲", word=_("fault"), since=since)
    return views.State(look="idle", shape="✓", word=_("in order"))


def _number(value: float, digits: int, language: str) -> str:
    text = f"{value:.{digits}f}".replace("-", "−")
    return text.replace(".", ",") if language == "uk" else text
