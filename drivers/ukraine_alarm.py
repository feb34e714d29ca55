"""The civil alarm from ukrainealarm.com, over HTTPS (source: its clients on PyPI and elsewhere).

``GET /api/v3/alerts/31`` is a list of regions with their ``activeAlerts``; an empty one is clear. The key
stands in ``Authorization``, for some clients after ``Bearer``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from avctl.errors import ProtocolError
from drivers.alarm import AlarmService, Heard, content
from drivers.alarm import Options as AlarmOptions

WIDTHS: Mapping[str, int] = {
    "State": 0,
    "District": 1,
    "Community": 2,
}  # an oblast has raions, these hromadas
INFO = "INFO"  # a message, no danger


class Options(AlarmOptions):
    """What ukrainealarm.com can be told in the configuration."""

    region: str = Field("31", pattern=r"^\d+$", description="Id of the region; 31 is the city of Kyiv.")
    bearer: bool = Field(False, description="Send the key after the word Bearer.")


class UkraineAlarm(AlarmService):
    """The alarm of a region; also reports threats and fault."""

    title = "Civil alarm (ukrainealarm.com)"
    told_apart_by = "region"
    Options = Options

    async def hear(self) -> Heard:
        key = self.options.token.get_secret_value()
        answer = await self.get(
            f"/api/v3/alerts/{self.options.region}", f"Bearer {key}" if self.options.bearer else key
        )
        told = content(answer)
        if not isinstance(told, list):
            raise ProtocolError(f"no list of regions: {answer.text[:60]!r}")
        mine = next((one for one in told if _id(one) == self.options.region), None)
        if mine is None:
            return Heard(alarm="unknown", fault=f"there is no region {self.options.region}")
        alerts = mine.get("activeAlerts")
        if not isinstance(alerts, list) or not all(isinstance(one, Mapping) for one in alerts):
            raise ProtocolError(f"a region without its alerts: {str(mine)[:60]}")
        dangers = [one for one in alerts if one.get("type") != INFO]
        if not dangers:
            return Heard(alarm="clear")
        whole = [one for one in dangers if self._covers(one, mine)]
        return Heard(
            alarm="active" if whole else "partly",
            since=min(str(one.get("lastUpdate", "")) for one in whole or dangers),
            threats=tuple(dict.fromkeys(str(one.get("type", "")) for one in dangers)),
        )

    def _covers(self, alert: Mapping[str, Any], region: Mapping[str, Any]) -> bool:
        """Whether an alert is of the whole region: its own, or of what it lies in; not of a part of it."""
        if _id(alert) == self.options.region:
            return True
        width = WIDTHS.get(str(alert.get("regionType")), 0)  # what is not known is taken to be the larger
        return width <= WIDTHS.get(str(region.get("regionType")), 0) and "regionType" in alert


def _id(region: object) -> str:
    return str(region.get("regionId", "")) if isinstance(region, Mapping) else ""


DRIVER = UkraineAlarm
