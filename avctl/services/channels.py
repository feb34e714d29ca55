"""Alerts of TV channels. What is a fault, by rate and duration, the channel's own driver judges."""

from __future__ import annotations

from avctl.bus import Bus
from avctl.events import ReadingsChanged, Severity
from avctl.services.alerts import Alerts
from avctl.services.house import House

RULE = "channel_fault"
# A sign-language slide or a chess game stands still by intent; what this machine loses is not the channel's;
# a channel may be late on purpose, or one of two clocks wrong.
MILD = frozenset(
    {
        "the picture stands still",
        "this machine is too slow for it and loses packets",
        "the web stream is more than a minute late",
    }
)


class Channels:
    """Raises an alert while a channel has a fault."""

    def __init__(self, bus: Bus, house: House, alerts: Alerts) -> None:
        self._house, self._alerts = house, alerts
        bus.listen(self._readings, ReadingsChanged)

    def _readings(self, event: ReadingsChanged) -> None:
        fault = event.readings.get("fault")
        if fault is None or event.device not in self._house:
            return
        state = self._house.state(event.device)
        if "Channel" not in state.capabilities:
            return
        severity = Severity.INFO if fault in MILD else Severity.WARNING
        self._alerts.say(RULE, event.device, f"{state.title}: {fault}" if fault else "", severity)
