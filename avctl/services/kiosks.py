"""Screens of pages: an alert when one shows what it should not, or its browser is dead, for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from avctl.bus import Bus
from avctl.config import Config
from avctl.events import DeviceEvent, LinkChanged, ReadingsChanged
from avctl.services.alerts import Alerts
from avctl.services.house import House

RULES: Mapping[str, tuple[str, str]] = {
    "wrong page": ("wrong_page", "It shows another page than it should"),
    "browser dead": ("browser_dead", "The browser does not run, or its page has crashed"),
}
"""State of a screen -> the alert's rule and text."""


class Kiosks:
    """Watches what the screens say of themselves; one that is away is every device's alert."""

    def __init__(self, config: Config, bus: Bus, house: House, alerts: Alerts) -> None:
        self._after, self._house, self._alerts = config.alerts.page_after, house, alerts
        self._waiting: dict[str, asyncio.TimerHandle] = {}
        self._was: dict[str, str] = {}
        bus.listen(self._look, ReadingsChanged, LinkChanged)

    def close(self) -> None:
        """Let every timer go."""
        for timer in self._waiting.values():
            timer.cancel()

    def _look(self, event: DeviceEvent) -> None:
        if isinstance(event, ReadingsChanged) and "showing" not in event.readings:
            return
        if event.device not in self._house or "Pages" not in self._house.state(event.device).capabilities:
            return
        state = self._house.state(event.device)
        showing = str(state.readings.get("showing", "")) if state.online else ""
        if showing == self._was.get(event.device):
            return
        self._was[event.device] = showing
        if (timer := self._waiting.pop(event.device, None)) is not None:
            timer.cancel()
        for known, (rule, _text) in RULES.items():
            if known != showing and showing != "loading":  # a page that loads has not got better yet
                self._alerts.say(rule, event.device, "")
        if showing in RULES:
            loop = asyncio.get_running_loop()
            self._waiting[event.device] = loop.call_later(self._after, self._raise, event.device, showing)

    def _raise(self, device: str, showing: str) -> None:
        del self._waiting[device]
        if device in self._house:
            rule, text = RULES[showing]
            self._alerts.say(rule, device, text)
