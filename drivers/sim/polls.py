"""The votes of a simulated Shure MXCW: configurations with named buttons, one round at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

CONFIGURATIONS: Mapping[int, tuple[str, bool, tuple[str, ...]]] = {
    1: ("Yes Abstain No", False, ("Yes", "Abstain", "No")),
    2: ("Secret", True, ("Yes", "Abstain", "No")),
    3: ("Candidates", False, ("A", "B", "C", "D")),
}
"""By number: name, whether it is secret, its buttons."""
STEPS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "PAUSE_VOTE": (("ACTIVE",), "PAUSE"),
    "RESUME_VOTE": (("PAUSE",), "ACTIVE"),
    "COMPLETE_VOTE": (("ACTIVE", "PAUSE"), "COMPLETE"),
    "CANCEL_VOTE": (("ACTIVE", "PAUSE", "COMPLETE"), "INACTIVE"),
    "CLOSE_VOTING_RESULTS": (("COMPLETE",), "INACTIVE"),
}


class Polls:
    """The voting of an access point; ``tell`` says something to every client."""

    def __init__(self, tell: Callable[..., None]) -> None:
        self._tell = tell
        self.state = "INACTIVE"
        self.configuration = 1
        self.votes: dict[int, int] = {}

    @property
    def _secret(self) -> bool:
        return CONFIGURATIONS[self.configuration][1]

    def get(self, index: int | None, second: int | None, key: str) -> list[str] | None:
        """The answer to a question; None when it is not about votes, or cannot be answered."""
        names = CONFIGURATIONS.get(index or 0, ("", False, ()))
        match key:
            case "VOTING_STATE":
                return [f"VOTING_STATE {self.state}"]
            case "VOTING_CONFIGURATION":
                return [f"VOTING_CONFIGURATION {self.configuration:02}"]
            case "VOTING_CONFIGURATION_NAME" if names[0]:
                return [f"{index} VOTING_CONFIGURATION_NAME {{{names[0]:<31}}}"]
            case "VOTING_BUTTON_NAME" if second and second <= len(names[2]):
                return [f"{index} {second} VOTING_BUTTON_NAME {{{names[2][second - 1]:<31}}}"]
            case "FINAL_VOTING_RESULT" if index in self._buttons() and self.state == "COMPLETE":
                return [self._result("FINAL", index or 0)]
            case "FINAL_VOTING_SELECTION" if self.state == "COMPLETE":
                return self._selections("FINAL")
        return None

    def set(self, key: str, value: str) -> bool:
        """Do what is asked; false when it cannot be done now."""
        if key == "START_VOTE":
            if self.state in ("ACTIVE", "PAUSE") or not value.isdecimal() or int(value) not in CONFIGURATIONS:
                return False
            self.votes.clear()
            self.configuration, self.state = int(value), "ACTIVE"
            self._tell(f"VOTING_CONFIGURATION {self.configuration:02}", "VOTING_STATE ACTIVE")
            return True
        before, after = STEPS.get(key, ((), ""))
        if self.state not in before or value != "TRUE":
            return False
        self.state = after
        self._tell(f"VOTING_STATE {after}")
        if after == "COMPLETE":
            self._tell(*(self._result("FINAL", button) for button in self._buttons()))
            self._tell(*self._selections("FINAL"))
        return True

    def cast(self, seat: int, button: int) -> None:
        """Somebody votes; counts only while the round is open."""
        if self.state == "ACTIVE" and button in self._buttons():
            self.votes[seat] = button
            if not self._secret:
                self._tell(f"{seat} INTERIM_VOTING_SELECTION {button}")
                self._tell(*(self._result("INTERIM", one) for one in self._buttons()))

    def forget(self) -> None:
        """No round is under way."""
        self.state = "INACTIVE"
        self.votes.clear()

    def _buttons(self) -> range:
        return range(1, 1 + len(CONFIGURATIONS[self.configuration][2]))

    def _result(self, when: str, button: int) -> str:
        return f"{button} {when}_VOTING_RESULT {list(self.votes.values()).count(button)}"

    def _selections(self, when: str) -> list[str]:
        if self._secret:
            return []
        return [f"{seat} {when}_VOTING_SELECTION {button}" for seat, button in sorted(self.votes.items())]
