"""SVG templates of slates and overlays: read again when they change, the last good ones kept when broken.

A template is Jinja in SVG, 720 units high and as wide as the picture's shape asks. What changes from second
to second stands inside ``{% call moving(x, y, width, height) %}...{% endcall %}``: it is drawn apart from the
page, so that a clock does not cost a whole page. An overlay's place in the picture is its ``viewBox``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from jinja2 import DictLoader, Environment, StrictUndefined, TemplateError, TemplateSyntaxError
from markupsafe import Markup

from streams.lettering import font, wrap

UNITS = 720  # a template's height
MOST_FILE = 512 * 1024
MOST_PAGE = 4 * 1024 * 1024

Drawn = TypeVar("Drawn")
Values = Mapping[str, object]
Box = tuple[float, float, float, float]


class TemplateFault(ValueError):
    """A template cannot be used; says which one and why."""


@dataclass(frozen=True)
class Page:
    """A template filled in: the page, and what moves on it with its places, all as SVG."""

    svg: str
    moving: tuple[tuple[Box, str], ...]


class Templates:
    """The templates of several folders; a file of an earlier one goes before its namesake in a later one."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._newest = _Set("", Environment(), {})
        self._own = _read(self._folders[-1:])
        self._good: dict[str, _Set] = {}
        self._bad: dict[str, tuple[str, str]] = {}
        self._state: object = None

    def version(self) -> str:
        """Changes when any template does."""
        state = _state(self._folders)
        if state != self._state:
            self._state = state
            self._newest = _read(self._folders)
        return self._newest.version

    def use(self, name: str, values: Values, draw: Callable[[Page], Drawn]) -> tuple[Drawn, str]:
        """Draw a template as it is now, or else as it last was when it could be drawn, or else our own.

        The second part of the answer says what is wrong with the template as it is now; empty: nothing.
        """
        version, fault = self.version(), ""
        if self._bad.get(name, ("", ""))[0] == version:
            fault = self._bad[name][1]
        else:
            try:
                drawn = draw(self._newest.fill(name, values))
            except TemplateFault as wrong:
                fault = f"{name}: {wrong}"
                self._bad[name] = (version, fault)
            else:
                self._good[name] = self._newest
                return drawn, ""
        for kept in (self._good.get(name), self._own):
            if kept is not None:
                try:
                    return draw(kept.fill(name, values)), fault
                except TemplateFault:
                    continue
        raise TemplateFault(fault)


@dataclass(frozen=True)
class _Set:
    version: str
    environment: Environment
    faults: Mapping[str, str]

    def fill(self, name: str, values: Values) -> Page:
        if name in self.faults:
            raise TemplateFault(self.faults[name])
        moving: list[tuple[Box, str]] = []

        def apart(x: float, y: float, width: float, height: float, caller: Callable[[], str]) -> Markup:
            moving.append(((float(x), float(y), float(width), float(height)), str(caller())))
            return Markup("")

        try:
            svg = self.environment.get_template(name).render(**values, moving=apart)
        except TemplateSyntaxError as wrong:
            raise TemplateFault(f"line {wrong.lineno}: {wrong.message}") from wrong
        except TemplateError as wrong:
            raise TemplateFault(str(wrong)) from wrong
        except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError, MemoryError) as wrong:
            raise TemplateFault(f"{type(wrong).__name__}: {wrong}") from wrong
        if not svg.strip():
            raise TemplateFault("is empty")
        if len(svg) + sum(len(part) for _, part in moving) > MOST_PAGE:
            raise TemplateFault(f"is longer than {MOST_PAGE >> 20} MiB when filled in")
        return Page(svg, tuple(moving))


def _state(folders: Sequence[Path]) -> object:
    found = []
    for folder in folders:
        for path in sorted(folder.glob("*/*.svg")):
            try:
                about = path.stat()
            except OSError:
                continue  # gone since it was listed
            found.append((path, about.st_mtime_ns, about.st_size))
    return found


def _read(folders: Sequence[Path]) -> _Set:
    texts: dict[str, str] = {}
    faults: dict[str, str] = {}
    for folder in reversed(folders):
        for path in sorted(folder.glob("*/*.svg")):
            name = f"{path.parent.name}/{path.stem}"
            faults.pop(name, None)
            try:
                content = path.read_bytes() if path.stat().st_size <= MOST_FILE else None
            except OSError as fault:
                faults[name] = fault.strerror or type(fault).__name__
                continue
            if content is None:
                faults[name] = f"is larger than {MOST_FILE >> 10} KiB"
                continue
            try:
                texts[name] = content.decode()
            except UnicodeDecodeError:
                faults[name] = "is not UTF-8"
    environment = Environment(
        loader=DictLoader(texts), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.globals.update(lines=_lines, measure=_measure)
    version = hashlib.sha256(repr((sorted(texts.items()), sorted(faults.items()))).encode()).hexdigest()
    return _Set(version, environment, faults)


def _lines(text: str, width: float, size: float, lines: int = 1, bold: bool = False) -> list[str]:
    """Text broken into lines that fit, because SVG does not do it; an empty one when there is no text."""
    return wrap(str(text), font(max(1, round(size)), bold=bold), int(width), lines) or [""]


def _measure(text: str, size: float, bold: bool = False) -> float:
    """How wide text is, in units."""
    return float(font(max(1, round(size)), bold=bold).getlength(str(text)))
