"""The sound of a room's page: microphones and programme at its mixer, and how loud they are now."""

from __future__ import annotations

from typing import Any

from avctl.events import SoundMeasured
from avctl.model.account import Act, Role
from avctl.services.controller import Controller
from avctl.services.sound import PARTS
from dashboards import views
from dashboards.buttons import may
from dashboards.words import _

NAMES = {"microphones": _("Microphones"), "programme": _("Programme")}


def sound(controller: Controller, subject: str, role: Role | None, language: str) -> views.SoundView:
    """Microphones and programme."""
    known = controller.sounds.of(subject)
    if known is None or known.mixer not in controller.house:
        return views.SoundView(mixer="", online=False, rows=(), silenced=())
    state = controller.house.state(known.mixer)
    able = may(role, Act.OPERATE_DEVICES) and state.online
    return views.SoundView(
        mixer=state.title,
        online=state.online,
        rows=tuple(_row(controller, subject, what, able) for what in PARTS),
        silenced=controller.sounds.silenced(subject),
    )


def _row(controller: Controller, room: str, what: str, able: bool) -> views.SoundRow:
    strips = controller.sounds.strips(room, what)
    muted = [strip.get("muted") for strip in strips.values()]
    level = ""
    if len(strips) == 1:
        fader = next(iter(strips.values())).get("level")
        level = "−∞ dB" if fader is None else f"{fader:.1f} dB".replace("-", "−")
    if not muted:
        word = _("not known")
    elif all(muted):
        word = _("muted")
    else:
        word = _("partly muted") if any(muted) else _("sounds")
    buttons = []
    if able and not all(muted):
        buttons.append(_button(room, what, "mute", _("Mute"), _("Press again: mute")))
    if able and any(muted):
        buttons.append(_button(room, what, "unmute", _("Let it sound"), ""))
    return views.SoundRow(name=NAMES[what], muted=word, level=level, buttons=tuple(buttons))


def _button(room: str, what: str, act: str, label: str, again: str) -> views.Button:
    url = f"/control/{room}/sound/{what}/{act}"
    return views.Button(id=f"sound-{room}-{what}-{act}", url=url, label=label, again=again)


def levels(controller: Controller, room: str, event: SoundMeasured) -> dict[str, Any]:
    """What the meters of a room's page are sent."""
    mine = {what: controller.sounds.level(room, what, event.levels) for what in PARTS}
    return {"room": room, "levels": mine}
