"""What viewers have of a session now, put together from its broadcast and its programme's readings."""

from __future__ import annotations

from collections.abc import Mapping

from avctl.errors import NotFound
from avctl.model.broadcast import State, Wanted
from avctl.model.session import Session
from avctl.services.controller import Controller
from dashboards.buttons import PROGRAMME
from dashboards.views import Air

LOUDNESS = (("short", "LUFS"), ("integrated", "LUFS I"), ("true_peak", "dBTP"))
COMING = (State.PLANNED, State.ARMING, State.ARMED)


def air_of(controller: Controller, session: Session | None) -> Air:
    """What viewers have; nothing when the session never had a broadcast."""
    if session is None:
        return Air()
    try:
        broadcast = controller.broadcasts.get(session.id)
    except NotFound:
        return Air()
    readings = {}
    programme = f"{PROGRAMME}{session.id}"
    if programme in controller.house:
        readings = dict(controller.house.state(programme).readings)
    showing = str(readings.get("showing", ""))
    third = readings.get("lower_third") or ""
    return Air(
        state=broadcast.state,
        on=broadcast.on_air,
        going=broadcast.wanted is Wanted.LIVE and not broadcast.on_air and broadcast.state in COMING,
        since=broadcast.since,
        fault=broadcast.reason,
        music_fault=str(readings.get("music_fault", "")),
        recording=bool(readings.get("recording", False)),
        slate=showing.removeprefix("slate:") if showing.startswith("slate:") else "",
        name=str(third),
        recorded=_number(broadcast.meters.get("recorded", 0)),
        kbps=_rates(broadcast.meters.get("kbps")),
        restarts=_number(readings.get("restarts", 0)),
        advancing=readings.get("advancing"),
        growing=readings.get("growing"),
        source=showing.removeprefix("source:") if showing.startswith("source:") else "",
        loudness=_loudness(broadcast.meters),
        sources=_figures(broadcast.meters.get("sources")),
        viewers=controller.viewers.of(session.id),
        latency=_seconds(broadcast.meters.get("latency")),
        closed_at=broadcast.closed_at,
        proven_at=broadcast.proven_at,
        doubt=broadcast.doubt,
    )


def _loudness(meters: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """What is known of it, each with its unit, as people write it."""
    found = ((unit, meters.get(name)) for name, unit in LOUDNESS)
    return tuple(
        (unit, f"{value:.1f}".replace("-", "−")) for unit, value in found if isinstance(value, int | float)
    )


def _figures(sources: object) -> Mapping[str, Mapping[str, object]]:
    return sources if isinstance(sources, Mapping) else {}


def _seconds(value: object) -> int | None:
    return round(value) if isinstance(value, int | float) else None


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0


def _rates(rates: object) -> tuple[tuple[str, int], ...]:
    """Each rendition with what it takes now, in kbit/s."""
    if not isinstance(rates, Mapping):
        return ()
    return tuple((str(name), _number(rate)) for name, rate in rates.items())
