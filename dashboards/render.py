"""Templates and what they need: one environment per language, times in the site's zone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from babel.dates import format_date, format_datetime
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from avctl.config import Site
from avctl.model.preparation_words import filled
from dashboards.language import LANGUAGES, translations
from dashboards.sentences import telling
from dashboards.static import Static

TEMPLATES = Path(__file__).parent / "templates"


class Renderer:
    """Turns a view into text in a language."""

    def __init__(self, site: Site, static: Static) -> None:
        self._site = site
        self._static = static
        self._says = {language: _saying(language) for language in LANGUAGES}
        self._told = {language: telling(say) for language, say in self._says.items()}
        self._environments: Mapping[str, Environment] = {
            language: self._environment(language) for language in LANGUAGES
        }

    def page(self, template: str, language: str, page: Any) -> str:
        """A whole page; the template knows its view as ``page``."""
        return self._environments[language].get_template(f"{template}.html").render(page=page)

    def part(self, template: str, language: str, view: Any, identifier: str) -> Markup:
        """A part of a page, with ``identifier`` as the id of its root; the template knows ``view``."""
        found = self._environments[language].get_template(f"parts/{template}.html")
        return Markup(found.render(view=view, id=identifier))  # rendered with autoescape

    def say(self, language: str, message: str) -> str:
        """A message in a language."""
        return self._says[language](message)

    def told(self, language: str, sentence: str) -> str:
        """What a device or a service said, in a language as far as the pages know it."""
        return self._told[language](sentence)

    def _environment(self, language: str) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            extensions=["jinja2.ext.i18n"],
        )
        environment.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
        zone, told = self._site.zone, self._told[language]

        def local(moment: datetime) -> datetime:
            return moment.astimezone(zone)

        environment.filters.update(
            clock=lambda moment: f"{local(moment):%H:%M:%S}",
            second=lambda moment: f"{local(moment):%H:%M:%S}",
            minute=lambda moment: f"{local(moment):%H:%M}",
            day=lambda moment: format_date(local(moment).date(), "d MMMM y", locale=language),
            weekday=lambda moment: format_date(local(moment).date(), "EEEE, d MMMM y", locale=language),
            moment=lambda moment: format_datetime(
                local(moment).replace(tzinfo=None), "d MMM, HH:mm", locale=language
            ),
            iso=lambda moment: moment.isoformat(timespec="milliseconds"),
            say=self._says[language],
            told=told,
            fill=lambda said: _filled(self._says[language], told, *said),
            size=lambda count: _size(count, language),
        )
        environment.globals.update(static=self._static.url, zone=self._site.timezone, lang=language)
        return environment


def _saying(language: str) -> Callable[[str], str]:
    """What translates a text that a view brings; one that is no message stays as it is."""
    catalogue = translations(language)
    return lambda message: catalogue.gettext(message) if message else ""


def _filled(
    say: Callable[[str], str], told: Callable[[str], str], text: str, values: Mapping[str, Any]
) -> str:
    """A message with its values, those of them that are messages or known sentences translated too."""
    in_words = {name: told(value) if isinstance(value, str) else value for name, value in values.items()}
    return filled(say(text), in_words)


def _size(count: int, language: str) -> str:
    """Bytes for people: 14,2 ГБ."""
    units = ("Б", "кБ", "МБ", "ГБ", "ТБ") if language == "uk" else ("B", "kB", "MB", "GB", "TB")
    value, unit = float(count), 0
    while value >= 1000 and unit < len(units) - 1:
        value, unit = value / 1000, unit + 1
    text = f"{value:.1f}" if unit > 1 and value < 100 else f"{value:.0f}"
    return f"{text.replace('.', ',') if language == 'uk' else text} {units[unit]}"
