"""The program that draws slates and overlays: ``python -m streams.paint OUT < jobs``, a process of its own.

The library that draws holds the interpreter for a tenth of a second a page; in the runner's own process that
would be seen. A template that is never done, or eats all memory, ends this process and nothing else.

first   {"width": 1280, "height": 720, "folders": [...], "arms": ""}
job     {"template": "slates/break", "values": {...}, "still": false, "own": false, "known": ""}
answer  {"version": "...", "fault": "", "box": [left, top, width, height], "bytes": 1382400}  and the bytes

``own`` is for templates that ended this program before: ours are taken. With ``known`` there are no bytes
when the templates still have that version.

A slate is a whole frame. An overlay is luma and chroma, each already multiplied by its share, and the shares,
all of 16 bits, for the pixels of its box.
"""

from __future__ import annotations

import base64
import io
import json
import os
import resource
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import resvg_py
from PIL import Image

from streams.frames import Format, Frame, colours_of
from streams.templates import UNITS, Box, Page, TemplateFault, Templates

SVG = "http://www.w3.org/2000/svg"
MOST_MEMORY = 2 << 30
MOST_ARMS = 2 << 20
MOST_PIXELS = 4096 * 4096
FACES = ("Regular", "Bold")

Pixels = tuple[int, int, int, int]


class Brush:
    """Draws for one picture size; keeps the page of each slate, so that only what moves is drawn again."""

    def __init__(self, form: Format, folders: list[Path], arms: str) -> None:
        self._form = form
        self._folders, self._arms_file = folders, arms
        self._templates = Templates(folders)
        self._scale = form.height / UNITS
        self._fonts = [str(files("font_roboto") / "files" / f"Roboto-{face}.ttf") for face in FACES]
        self._pages: dict[str, tuple[str, Image.Image, Frame]] = {}
        self._arms: tuple[object, str, str] | None = None

    def version(self) -> str:
        """Changes when a template or the arms do."""
        return f"{self._templates.version()} {hash(self._arms_of()[0])}"

    def slate(self, name: str, values: Mapping[str, object], still: bool) -> tuple[bytes, str]:
        """A whole frame; without what moves when ``still``."""
        arms, wrong = self._arms_of()

        def draw(page: Page) -> bytes:
            if name not in self._pages or self._pages[name][0] != page.svg:
                ground = self._draw(_rooted(page.svg), (0, 0, self._form.width, self._form.height))
                if ground.getchannel("A").tobytes().count(0xFF) < ground.width * ground.height:
                    ground = Image.alpha_composite(Image.new("RGBA", ground.size, "black"), ground)
                frame = np.empty(self._form.frame_bytes, dtype=np.uint8)
                picture = ground.convert("RGB")
                self._form.paint(frame, picture)
                self._pages[name] = (page.svg, picture, frame)
            _, picture, frame = self._pages[name]
            if still or not page.moving:
                return frame.tobytes()
            frame = frame.copy()
            for box, part in page.moving:
                self._move(frame, picture, box, part)
            return frame.tobytes()

        drawn, fault = self._templates.use(name, self._more(values, arms), draw)
        return drawn, fault or wrong

    def _move(self, frame: Frame, ground: Image.Image, box: Box, part: str) -> None:
        left, top, width, height = place = self._pixels(box)
        root = _rooted(f'<svg xmlns="{SVG}" xmlns:xlink="http://www.w3.org/1999/xlink">{part}</svg>')
        below = ground.crop((left, top, left + width, top + height)).convert("RGBA")
        below.alpha_composite(self._draw(root, place))
        self._form.paint(frame, below.convert("RGB"), left, top)

    def overlay(self, name: str, values: Mapping[str, object]) -> tuple[bytes, Pixels, str]:
        """Ink and share of the pixels of its box; an empty box when there is nothing to see."""
        arms, wrong = self._arms_of()

        def draw(page: Page) -> tuple[bytes, Pixels]:
            root = _rooted(page.svg)
            box = _view(root)
            place = self._pixels(box)
            picture = self._draw(root, place)
            for inner, part in page.moving:
                extra = _rooted(f'<svg xmlns="{SVG}">{part}</svg>')
                left, top, width, height = self._pixels(inner)
                drawn = self._draw(extra, (left, top, width, height))
                picture.alpha_composite(drawn, (max(0, left - place[0]), max(0, top - place[1])))
            return _weighed(picture), place

        (drawn, place), fault = self._templates.use(name, self._more(values, arms), draw)
        return drawn, place, fault or wrong

    def _more(self, values: Mapping[str, object], arms: str) -> Mapping[str, object]:
        return {"width": UNITS * self._form.width / self._form.height, "arms": arms, **values}

    def _draw(self, root: ElementTree.Element, place: Pixels) -> Image.Image:
        left, top, width, height = place
        view = (left / self._scale, top / self._scale, width / self._scale, height / self._scale)
        root.set("viewBox", " ".join(f"{value:g}" for value in view))
        root.set("width", str(width))
        root.set("height", str(height))
        try:
            picture = resvg_py.svg_to_bytes(
                svg_string=ElementTree.tostring(root, encoding="unicode"),
                skip_system_fonts=True,
                font_files=self._fonts,
                font_family="Roboto",
            )
        except ValueError as wrong:
            raise TemplateFault(f"cannot be drawn: {wrong}") from wrong
        return Image.open(io.BytesIO(picture)).convert("RGBA")

    def _pixels(self, box: Box) -> Pixels:
        """The pixels of a box in units: even, because chroma is half, and inside the picture."""
        left, top, width, height = box
        ends = [
            _even(value * self._scale, most)
            for value, most in (
                (left, self._form.width - 2),
                (top, self._form.height - 2),
                (left + width, self._form.width),
                (top + height, self._form.height),
            )
        ]
        return ends[0], ends[1], max(2, ends[2] - ends[0]), max(2, ends[3] - ends[1])

    def _arms_of(self) -> tuple[str, str]:
        """The council's arms as an address for templates, and what is wrong with the file that is set."""
        own = self._folders[-1] / "arms.svg"
        path = Path(self._arms_file) if self._arms_file else own
        try:
            about = path.stat()
            state = (about.st_mtime_ns, about.st_size)
        except OSError:
            state = (0, 0)
        if self._arms is None or self._arms[0] != state:
            try:
                self._arms = (state, _address(path), "")
            except (OSError, ValueError, SyntaxError) as wrong:
                fault = f"{path.name}: {getattr(wrong, 'strerror', None) or wrong}"
                last = self._arms[1] if self._arms is not None else _address(own)
                self._arms = (state, last, fault)
        return self._arms[1], self._arms[2]


def _address(path: Path) -> str:
    if path.stat().st_size > MOST_ARMS:
        raise ValueError(f"is larger than {MOST_ARMS >> 20} MiB")
    content = path.read_bytes()
    if path.suffix.lower() == ".svg":
        ElementTree.fromstring(content)
        kind = "svg+xml"
    else:
        with Image.open(io.BytesIO(content)) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise ValueError("has too many pixels")
            kind = {"PNG": "png", "JPEG": "jpeg"}.get(picture.format or "", "")
        if not kind:
            raise ValueError("is neither SVG nor PNG nor JPEG")
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _rooted(svg: str) -> ElementTree.Element:
    try:
        root = ElementTree.fromstring(svg)
    except ElementTree.ParseError as wrong:
        raise TemplateFault(f"is no SVG: {wrong}") from wrong
    if root.tag != f"{{{SVG}}}svg":
        raise TemplateFault("is no SVG: its first element is not <svg> of that namespace")
    return root


def _view(root: ElementTree.Element) -> Box:
    try:
        left, top, width, height = map(float, root.get("viewBox", "").replace(",", " ").split())
    except ValueError as wrong:
        raise TemplateFault("needs a viewBox of four numbers: its place in the picture") from wrong
    return left, top, width, height


def _even(value: float, most: int) -> int:
    return min(most // 2 * 2, max(0, round(value / 2) * 2))


def _weighed(picture: Image.Image) -> bytes:
    values = np.asarray(picture, dtype=np.float32)
    share = values[:, :, 3] / 255
    height, width = share.shape
    colours = colours_of(values[:, :, :3]) * share[:, :, None]
    chroma = colours[:, :, 1:].reshape(height // 2, 2, width // 2, 2, 2).mean(axis=(1, 3))
    thin = share.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    planes = (colours[:, :, 0], chroma[:, :, 0], chroma[:, :, 1], share, thin)
    return b"".join(np.rint(plane * 256).astype(np.uint16).tobytes() for plane in planes)


def main() -> None:
    """Take jobs, give pictures, until nobody asks any more."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    os.nice(5)  # the programme's pictures go first
    setting: dict[str, Any] = json.loads(sys.stdin.readline())
    form = Format(width=setting["width"], height=setting["height"], fps=25)
    folders = [Path(folder) for folder in setting["folders"]]
    brush = Brush(form, folders, setting["arms"])
    plain = Brush(form, folders[-1:], setting["arms"])
    with open(int(sys.argv[1]), "wb") as out:
        for line in sys.stdin:
            job: dict[str, Any] = json.loads(line)
            answer, drawn = _answer(plain if job["own"] else brush, job)
            answer["version"] = brush.version()
            out.write(json.dumps(answer | {"bytes": len(drawn)}).encode() + b"\n")
            out.write(drawn)
            out.flush()


def _answer(brush: Brush, job: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    name: str = job["template"]
    if job["known"] and job["known"] == brush.version():
        return {"fault": "", "box": []}, b""
    try:
        if name.startswith("slates/"):
            drawn, fault = brush.slate(name, job["values"], job["still"])
            return {"fault": fault, "box": []}, drawn
        drawn, place, fault = brush.overlay(name, job["values"])
        return {"fault": fault, "box": place}, drawn
    except TemplateFault as wrong:
        return {"fault": str(wrong), "box": []}, b""


if __name__ == "__main__":
    main()
