"""The languages of the pages: gettext catalogues, compiled in memory from their .po files at start."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES = ("uk", "en")
NAMES = {"uk": "Українська", "en": "English"}
COOKIE = "avctl_language"
DOMAIN = "avctl"
FOLDER = Path(__file__).parent / "locale"


def catalogue_path(language: str) -> Path:
    """The .po file of a language."""
    return FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.po"


@cache  # reading one takes a tenth of a second, and it comes with the program
def translations(language: str) -> GNUTranslations:
    """What every message says in a language."""
    with catalogue_path(language).open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


def chosen(cookie: str | None, preferred: str, default: str) -> str:
    """The language of a visitor: what they chose, else what the account prefers, else the site's."""
    return _first((cookie or "", preferred, default))


def _first(wanted: Iterable[str]) -> str:
    return next((language for language in wanted if language in LANGUAGES), LANGUAGES[0])
