"""What was expected of a value that was refused, in the visitor's language."""

from __future__ import annotations

from collections.abc import Mapping

from dashboards.building_words import FIELDS_OF_SCREENS
from dashboards.front import Front
from dashboards.words import EXPECTED


def expected(front: Front, language: str, text: str) -> str:
    """What was expected, in the visitor's language as far as it begins with words of ours."""
    known = next((words for words in sorted(EXPECTED, key=len, reverse=True) if text.startswith(words)), "")
    return front.renderer.say(language, known) + text[len(known) :] if known else text


def of_screens(front: Front, language: str, faults: Mapping[str, str]) -> dict[str, str]:
    """The same for the forms of what screens show: by the field, where nothing else can be wrong with it."""
    return {
        field: front.renderer.say(language, FIELDS_OF_SCREENS[field])
        if field in FIELDS_OF_SCREENS
        else expected(front, language, text)
        for field, text in faults.items()
    }
