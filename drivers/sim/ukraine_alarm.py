"""A ukrainealarm.com that is not there."""

from __future__ import annotations

import re
from typing import Any

from drivers.sim.civil import KYIV, CivilAlarmSimulator
from drivers.ukraine_alarm import Options


class UkraineAlarmSimulator(CivilAlarmSimulator):
    """The service; ``threat`` is the kind of its alarms."""

    title = "Civil alarm"
    options_of = Options
    threat = "AIR"

    def right(self, authorization: str) -> bool:
        key = self.options.token.get_secret_value()
        return authorization in (key, f"Bearer {key}")

    def answer(self, path: str) -> Any:
        if path == "/api/v3/alerts":
            return [self._region(region) for region in sorted({*self.alarms, *self.parts})]
        if path == "/api/v3/alerts/status":
            return {"lastActionIndex": int(self.changed_at.timestamp())}
        found = re.fullmatch(r"/api/v3/alerts/(\d+)", path)
        if found is None:
            return None
        return [self._region(int(found[1]))] if 1 <= int(found[1]) <= KYIV else []

    def _region(self, region: int) -> dict[str, Any]:
        moment = self.changed_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        active = []
        if region in self.alarms:
            since = self.alarms[region][1].strftime("%Y-%m-%dT%H:%M:%SZ")
            active.append(
                {"regionId": str(region), "regionType": "State", "type": self.threat, "lastUpdate": since}
            )
        if region in self.parts:
            part = {"regionId": f"{region}77", "regionType": "District"}
            active.append({**part, "type": self.threat, "lastUpdate": moment})
        return {
            "regionId": str(region),
            "regionType": "State",
            "regionName": "м. Київ" if region == KYIV else f"Область {region}",
            "lastUpdate": moment,
            "activeAlerts": active,
        }


SIMULATOR = UkraineAlarmSimulator
