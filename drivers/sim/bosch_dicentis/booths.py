"""The interpreters of a simulated DICENTIS: their languages, and who speaks in which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LANGUAGES = (("floor", "Floor", "FLR"), ("eng", "English", "ENG"), ("pol", "Polski", "POL"))


class Booth:
    """The desks of the interpreters; ``changed`` is told of each change."""

    def __init__(self, changed: Callable[[str], None]) -> None:
        self._changed = changed
        self.languages = [
            {"languageId": id_, "name": name, "abbreviation": short} for id_, name, short in LANGUAGES
        ]
        self.booths: list[dict[str, Any]] = []
        self.routings: list[dict[str, Any]] = []

    def interpret(self, language: str, on: bool) -> None:
        """The interpreter of a language (by its abbreviation) opens or closes the microphone."""
        wanted = next((one for one in self.languages[1:] if one["abbreviation"] == language), None)
        if wanted is None:
            known = ", ".join(one["abbreviation"] for one in self.languages[1:])
            raise ValueError(f"a language: {known}")
        id_ = wanted["languageId"]
        self.routings = [one for one in self.routings if one["destinationLanguageId"] != id_]
        if on:
            self.routings.append(
                {
                    "seatId": f"desk-{id_}",
                    "sourceLanguageId": "floor",
                    "destinationLanguageId": id_,
                    "destinationLanguageQuality": "good",
                    "microphoneState": "activeOnOutputA",
                    "autoRelayContribution": False,
                }
            )
        self._changed("InterpretationRoutingsChanged")
