"""The votes of a simulated DICENTIS Wireless: settings, and a round; 0 closed, 1 open, 2 on hold."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

ABSTAIN, ABSENT = "abstain", "dnpv"
CHOICES = {
    **{0: ("for", "against"), 1: ("for", "against", ABSTAIN), 2: ("for", "against", ABSTAIN, ABSENT)},
    **{3: ("yes", "no"), 4: ("yes", "no", ABSTAIN), 5: ("yes", "no", ABSTAIN, ABSENT)},
}
STEPS = ((0, 1), (1, 2), (2, 1), (1, 0), (2, 0))
SUBJECT = 141


class Round:
    """The voting of an access point; ``changed`` is called when its state shows, ``lag`` seconds late."""

    def __init__(self, changed: Callable[[], None], lag: Callable[[], float]) -> None:
        self._changed, self._lag = changed, lag
        self.settings: dict[str, Any] = {
            **{"mode": 1, "subject": "", "hundredPercentMode": 0, "individuals": False},
        }
        self._asked = dict(self.settings)  # settings changed during a round take effect in the next
        self.state = 0
        self.shown = 0  # what is written shows after a while
        self.votes: dict[int, str] = {}

    def set(self, given: dict[str, Any]) -> str:
        """Change the settings; gives what is wrong with them."""
        if given.get("mode", 0) not in CHOICES:
            return "Value out of range for field 'mode'"
        if len(str(given.get("subject", ""))) > SUBJECT:
            return "Value out of range for field 'subject'"
        self.settings.update(given)
        return ""

    def step(self, wanted: int) -> str:
        """Open, hold or close the round; gives why it cannot be done."""
        if (self.state, wanted) not in STEPS:
            return f"Cannot change state from {self.state} to {wanted}"
        if (self.state, wanted) == (0, 1):
            self.votes.clear()
            self._asked = dict(self.settings)
        self.state = wanted
        asyncio.get_running_loop().call_later(self._lag(), self._show)
        return ""

    def cast(self, seat: int, answer: str) -> None:
        """Somebody votes; counts only while the round is open."""
        answers = CHOICES[self._asked["mode"]]
        if answer not in answers:
            raise ValueError(f"one of {', '.join(answers)}")
        if self.state == 1:
            self.votes[seat] = answer

    def results(self, present: int, early: bool) -> dict[str, Any]:
        """What is counted; ``early``: also while the round is open."""
        told = self.votes if early or self.state == 0 else {}
        pressed = list(told.values())
        rows = [{"name": answer, "value": pressed.count(answer)} for answer in CHOICES[self._asked["mode"]]]
        rows += [{"name": "present", "value": present}, {"name": "notVoted", "value": present - len(told)}]
        single = [{"seatId": seat, "vote": vote} for seat, vote in told.items()]
        return {
            **{name: self._asked[name] for name in ("mode", "subject")},
            **{"state": self.state, "results": rows},
            "individuals": single if self._asked["individuals"] else [],
        }

    def forget(self) -> None:
        """No round is under way."""
        self.state = self.shown = 0
        self.votes.clear()

    def _show(self) -> None:
        self.shown = self.state
        self._changed()
