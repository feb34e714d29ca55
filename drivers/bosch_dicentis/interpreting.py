"""What the server says of interpretation: the channels there are, and which are spoken on now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drivers.bosch_dicentis.messages import id_of, rows, text_of


class Interpretation:
    """Folds the answers; only a system that is licensed for it, and shows it to this account, has any."""

    def __init__(self) -> None:
        self._languages: list[Mapping[str, Any]] = []
        self._spoken: set[str] = set()
        self.booths = 0

    @property
    def reading(self) -> tuple[dict[str, Any], ...]:
        """The channels by number: 0 is the floor, in whatever language is spoken there."""
        return tuple(
            {
                "number": number,
                "name": text_of(row, "name") or text_of(row, "abbreviation"),
                "language": text_of(row, "abbreviation"),
                "active": (id_of(row, "languageId") or id_of(row, "id")) in self._spoken,
            }
            for number, row in enumerate(self._languages)
        )

    def take_languages(self, parameters: Mapping[str, Any]) -> None:
        """Learn from GetInterpretationLanguages; the first is the floor."""
        self._languages = list(rows(parameters, "interpretationLanguages"))

    def take_booths(self, parameters: Mapping[str, Any]) -> None:
        """Learn from GetInterpreterBooths."""
        self.booths = len(rows(parameters, "booths"))

    def take_routings(self, parameters: Mapping[str, Any]) -> None:
        """Learn from GetInterpretationRoutings, which has only desks whose microphone is on."""
        self._spoken = {
            id_of(row, "destinationLanguageId")
            for row in rows(parameters, "routings")
            if text_of(row, "microphoneState").lower() != "off"
        }
