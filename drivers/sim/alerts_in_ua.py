"""An alerts.in.ua that is not there, for our driver and for other people's clients."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from drivers.alerts_in_ua import ACTIVE, Options
from drivers.sim.civil import KYIV, CivilAlarmSimulator


class AlertsInUaSimulator(CivilAlarmSimulator):
    """The service; ``hours_of_data`` is the age of its own data."""

    title = "Civil alarm"
    options_of = Options
    hours_of_data = 0.0

    def right(self, authorization: str) -> bool:
        return authorization == f"Bearer {self.options.token.get_secret_value()}"

    def answer(self, path: str) -> Any:
        if path == ACTIVE:
            return self._active()
        found = re.fullmatch(r"/v([12])/iot/active_air_raid_alerts(?:/(\d+))?\.json", path)
        if found is None:
            return None
        letters = [self._letter(region, found[1] == "2") for region in range(1, KYIV + 1)]
        if found[2]:
            return letters[int(found[2]) - 1] if 1 <= int(found[2]) <= KYIV else None
        return " " + "".join(letters)  # a blank where there is no region 0

    def _letter(self, region: int, levels: bool) -> str:
        if region in self.alarms:
            return {"red": "R", "yellow": "Y"}.get(self.alarms[region][0], "A") if levels else "A"
        return "P" if region in self.parts else "N"

    def _active(self) -> dict[str, Any]:
        updated = datetime.now(UTC) - timedelta(hours=self.hours_of_data)
        alerts = [
            {
                "id": 1000 + region,
                "location_title": "м. Київ" if region == KYIV else f"Область {region}",
                "location_type": "city" if region == KYIV else "oblast",
                "started_at": since.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                "finished_at": None,
                "updated_at": since.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                "alert_type": "air_raid",
                "location_uid": str(region),
                "location_oblast": "м. Київ" if region == KYIV else f"Область {region}",
                "location_oblast_uid": region,
                "location_raion": None,
                "notes": None,
                "country": None,
                "calculated": None,
                **({"alert_level": level} if level else {}),
            }
            for region, (level, since) in self.alarms.items()
        ]
        meta = {"last_updated_at": updated.strftime("%Y/%m/%d %H:%M:%S +0000"), "type": "full"}
        return {"alerts": alerts, "meta": meta, "disclaimer": "A simulation: there is no alarm."}


SIMULATOR = AlertsInUaSimulator
