"""What a simulated screen shows: the address of its page, in letters that can be read on a small picture."""

from __future__ import annotations

from textwrap import wrap

from PIL import Image, ImageDraw, ImageFont

SIZE = (640, 360)
LETTERS, ACROSS = 30, 36


def painted(page: str) -> Image.Image:
    """The picture of a page that is not really there."""
    image = Image.new("RGB", SIZE, "#10203c")
    text = "\n".join(wrap(page.encode("ascii", "replace").decode(), ACROSS)[:6])
    font = ImageFont.load_default(LETTERS)
    ImageDraw.Draw(image).multiline_text(
        (SIZE[0] / 2, SIZE[1] / 2), text, fill="#f4f7fb", font=font, anchor="mm", align="center"
    )
    return image
