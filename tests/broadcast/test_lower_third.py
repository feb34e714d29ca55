"""The name in the picture, looked at: whatever it is, every letter stands inside the safe area."""

from __future__ import annotations

import numpy as np
import pytest

from streams.frames import Format
from streams.lettering import font
from streams.paint import Brush
from streams.painter import own_templates

SAFE = 0.05  # of each side of the picture: EBU R95, titles
LONG = "Олександра-Вікторія Нечуйвітер-Чорнобривенко-Перепелюкова де ла Крус"
NAMES = (
    ("Ян Ко", ""),
    ("Лук’ян Дзвінчук", "Фракція «Кияни»"),
    ("Лукʼян Дзвінчук", "Фракція «Дніпрові схили»"),
    ("Лук'ян Дзвінчук", "голова постійної комісії з питань бюджету та соціально-економічного розвитку міста"),
    (LONG, "Фракція «Каштани»"),
    (f"{LONG} {LONG}", "перший заступник голови " * 12),
    ("Щ" * 120, "Щ" * 300),
    ("Ґедзь-Їжакевич ÅÉŻ", "ї, є, ґ, й"),
)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (640, 360), (960, 720)])
def test_every_name_stands_inside_the_safe_area_with_room_around_its_letters(width: int, height: int) -> None:
    brush = Brush(Format(width=width, height=height, fps=25), [own_templates()], "")
    for name, role in NAMES:
        drawn, (left, top, wide, tall), fault = brush.overlay(
            "overlays/lower_third", {"name": name, "role": role}
        )
        assert not fault
        assert left >= width * SAFE - 2
        assert top >= height * SAFE
        assert left + wide <= width * (1 - SAFE)
        assert top + tall <= height * (1 - SAFE)
        assert tall < height * 0.25  # whoever speaks is still seen
        luma = np.frombuffer(drawn, dtype=np.uint16)[: wide * tall].reshape(tall, wide)
        plain = luma[tall // 2, -3]
        edge = max(2, round(height / 720 * 8))
        for margin in (luma[:, -edge:], luma[: edge // 2, wide // 4 :], luma[-edge // 2 :, wide // 4 :]):
            assert margin.max() < int(plain) + 600, name  # letters are brighter than the ground
        assert luma.max() > int(plain) + 20_000  # and letters there are


def test_all_three_apostrophes_have_a_shape_of_their_own() -> None:
    for bold in (False, True):
        face = font(38, bold=bold)
        missing = bytes(face.getmask("\uffff"))
        shapes = [bytes(face.getmask(sign)) for sign in "’ʼ'"]
        assert missing not in shapes
        assert all(shapes)


def test_a_long_name_is_set_smaller_and_then_in_two_lines() -> None:
    brush = Brush(Format(width=1280, height=720, fps=25), [own_templates()], "")

    def height(name: str) -> int:
        _, box, _ = brush.overlay("overlays/lower_third", {"name": name, "role": ""})
        return box[3]

    assert height("Олена Марчук") == height(LONG[:62]) == 84
    assert height(f"{LONG} {LONG[:20]}") > 84
