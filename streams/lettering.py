"""Type for slates and lower thirds: a font with Ukrainian letters that comes with the program."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from PIL import ImageFont

Font = ImageFont.FreeTypeFont


@cache
def font(size: int, *, bold: bool = False) -> Font:
    """Roboto at a size in pixels. It comes from PyPI: a fresh machine has no fonts at all."""
    face = "Roboto-Bold.ttf" if bold else "Roboto-Regular.ttf"
    return ImageFont.truetype(str(files("font_roboto") / "files" / face), size)


def wrap(text: str, face: Font, width: int, lines: int) -> list[str]:
    """Break text into at most ``lines`` lines of ``width`` pixels; what does not fit ends in an ellipsis."""
    broken: list[str] = []
    words = text.split()
    while words and len(broken) < lines:
        line = words.pop(0)
        while words and face.getlength(f"{line} {words[0]}") <= width:
            line = f"{line} {words.pop(0)}"
        broken.append(shorten(line, face, width))
    if words:
        broken[-1] = shorten(f"{broken[-1]} {words[0]}", face, width, always=True)
    return broken


def shorten(text: str, face: Font, width: int, *, always: bool = False) -> str:
    """Cut text to ``width`` pixels, with an ellipsis when something was cut."""
    if not always and face.getlength(text) <= width:
        return text
    while text and face.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text.rstrip()}…"
