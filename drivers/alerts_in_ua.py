"""The civil alarm from alerts.in.ua, over HTTPS (source: its clients on PyPI).

``/v2/iot/active_air_raid_alerts.json`` is one letter for each region, by its number: R red, Y yellow (A in
v1), P partly, N none, blank no such region. ``/v1/alerts/active.json`` says since when. Both know
``If-Modified-Since``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import Field

from avctl.errors import ProtocolError
from avctl.events import now
from avctl.http import Answer
from drivers.alarm import AlarmService, Heard, State, content
from drivers.alarm import Options as AlarmOptions

LETTERS = "/v{}/iot/active_air_raid_alerts.json"
ACTIVE = "/v1/alerts/active.json"
STATES: Mapping[str, tuple[State, str]] = {
    "R": ("active", "red"),
    "Y": ("active", "yellow"),
    "A": ("active", ""),
    "P": ("partly", ""),
    "N": ("clear", ""),
}


class Options(AlarmOptions):
    """What alerts.in.ua can be told in the configuration."""

    region: int = Field(31, ge=1, le=9999, description="Number of the region; 31 is the city of Kyiv.")
    version: int = Field(2, ge=1, le=2, description="Of its letters: 2 tells the level, 1 does not.")
    data_minutes: float = Field(
        360, gt=0, description="Age of the service's own data at which it is not believed."
    )


class AlertsInUa(AlarmService):
    """The alarm of a region; also reports threats and fault."""

    title = "Civil alarm (alerts.in.ua)"
    told_apart_by = "region"
    Options = Options

    async def serve(self) -> None:
        """Look at the alarm until the service fails to answer; then it is unknown."""
        self._kept: dict[str, tuple[str, Any]] = {}
        self._old = ""
        await super().serve()

    async def hear(self) -> Heard:
        letters = await self._newest(LETTERS.format(self.options.version))
        listed = await self._newest(ACTIVE)
        if fault := self._old:
            return Heard(alarm="unknown", fault=fault)
        if not isinstance(letters, str):
            raise ProtocolError(f"no letters: {str(letters)[:60]}")
        letter = letters[self.options.region : self.options.region + 1].strip()
        if not letter:
            return Heard(alarm="unknown", fault=f"there is no region {self.options.region}")
        if letter not in STATES:
            return Heard(alarm="unknown", fault=f"the service says {letter!r}, which is not known")
        alarm, level = STATES[letter]
        mine = [one for one in _alerts(listed) if self._is_mine(one)]
        if mine and alarm == "clear":  # the two differ for a moment: never the quieter one
            alarm = "active"
        since = min((str(one.get("started_at", "")) for one in mine), default="")
        levels = [str(one["alert_level"]) for one in mine if one.get("alert_level")]
        threats = tuple(dict.fromkeys(str(one.get("alert_type", "")) for one in mine))
        level = level or ("red" if "red" in levels else levels[0] if levels else "")
        return Heard(alarm=alarm, level=level if alarm == "active" else "", since=since, threats=threats)

    async def _newest(self, path: str) -> Any:
        """What stands there now: what was kept, where the service says that it is still so."""
        modified, kept = self._kept.get(path, ("", None))
        token = self.options.token.get_secret_value()
        answer: Answer = await self.get(path, f"Bearer {token}", modified)
        if answer.status == 304:
            return kept
        told = content(answer)
        if path == ACTIVE:  # judged once: "nothing has changed" is fresh, however long it is said
            self._old = self._aged(told)
        believed = path != ACTIVE or not self._old  # else the whole of it is asked for again
        self._kept[path] = answer.headers.get("last-modified", "") if believed else "", told
        return told

    def _aged(self, listed: object) -> str:
        """What is wrong with the age of the service's own data; empty when nothing is, or it tells none.

        The letters are the alarm: a service that leaves the rest out is believed while it answers.
        """
        meta = listed.get("meta") if isinstance(listed, Mapping) else None
        text = str(meta.get("last_updated_at", "")) if isinstance(meta, Mapping) else ""
        if not text:
            return ""
        try:
            updated = datetime.strptime(text, "%Y/%m/%d %H:%M:%S %z").astimezone(UTC)
        except (ValueError, OverflowError):
            return f"the service does not say of when its data is ({text[:40]!r})"
        age = now() - updated
        ahead = timedelta(seconds=self.options.skew_seconds)
        wrong = not -ahead <= age <= timedelta(minutes=self.options.data_minutes)
        return f"the service's data is of {updated:%Y-%m-%d %H:%M} UTC" if wrong else ""

    def _is_mine(self, alert: Mapping[str, Any]) -> bool:
        """Whether an alert is of this region, and not over."""
        return alert.get("location_uid") == str(self.options.region) and alert.get("finished_at") is None


def _alerts(listed: object) -> list[Mapping[str, Any]]:
    alerts = listed.get("alerts") if isinstance(listed, Mapping) else None
    if not isinstance(alerts, list):
        raise ProtocolError(f"no list of alerts: {str(listed)[:60]}")
    return [one for one in alerts if isinstance(one, Mapping)]


DRIVER = AlertsInUa
