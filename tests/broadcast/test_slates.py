"""Slates are templates: changed without a restart, and a broken one never darkens the programme."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from streams.frames import Format, to_jpeg_picture
from streams.paint import Brush
from streams.painter import Painted, own_templates
from streams.plan import Plan, SourcePlan
from streams.requests import SLATES, parse_request
from streams.slates import Slates
from streams.templates import TemplateFault, Templates

pytestmark = pytest.mark.timeout(60)

FORM = Format(width=320, height=180, fps=25)
PLAIN = '<svg xmlns="http://www.w3.org/2000/svg"><rect width="2000" height="720" fill="{}"/></svg>'
VALUES = {
    "council": "Київська міська рада",
    "council_en": "Kyiv City Council",
    "title": "Пленарне засідання " * 12,
    "language": "uk",
    "clock": "10:48:23",
    "date": "24.11.2026",
    "until": "11:00",
    "until_date": "",
    "countdown": "12:30",
}


def colour(picture: Any) -> list[int]:
    return [round(value) for value in picture[60:120, 100:220].reshape(-1, 3).mean(axis=0)]


@pytest.mark.parametrize("name", SLATES)
@pytest.mark.parametrize("language", ["uk", "en"])
def test_every_slate_can_be_drawn_and_its_clock_goes(name: str, language: str) -> None:
    brush = Brush(FORM, [own_templates()], "")
    first, fault = brush.slate(f"slates/{name}", VALUES | {"language": language}, still=False)
    later, _ = brush.slate(
        f"slates/{name}", VALUES | {"language": language, "clock": "10:48:24"}, still=False
    )
    assert fault == ""
    assert len(first) == FORM.frame_bytes
    assert first != later
    picture = to_jpeg_picture(FORM, np.frombuffer(first, dtype=np.uint8), 320)
    assert np.asarray(picture.convert("L")).max() > 200


@pytest.mark.parametrize("name", SLATES)
def test_a_slate_needs_neither_council_nor_title(name: str) -> None:
    nobody = {"council": "", "council_en": "", "title": "", "until": "", "countdown": ""}
    drawn, fault = Brush(FORM, [own_templates()], "").slate(f"slates/{name}", VALUES | nobody, still=False)
    assert fault == ""
    assert len(drawn) == FORM.frame_bytes


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"{{ nobody }}", "nobody"),
        (b"{% if %}", "line 1"),
        (b"<html/>", "no SVG"),
        (b"<svg", "no SVG"),
        (b"\xff\xfe", "UTF-8"),
        (b"x" * 600_000, "larger"),
        (b"{{ 1 / 0 }}", "ZeroDivision"),
    ],
)
def test_a_broken_template_is_named_and_ours_is_shown(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "slates").mkdir()
    (tmp_path / "slates" / "break.svg").write_bytes(content)
    brush = Brush(FORM, [tmp_path, own_templates()], "")
    drawn, fault = brush.slate("slates/break", VALUES, still=True)
    ours, _ = Brush(FORM, [own_templates()], "").slate("slates/break", VALUES, still=True)
    assert drawn == ours
    assert fault.startswith("slates/break")
    assert said in fault


def test_a_template_that_nobody_has_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(TemplateFault):
        Templates([tmp_path]).use("slates/none", {}, lambda page: page)


async def test_a_template_changed_on_the_disk_is_shown_without_a_restart(
    runner: Callable[..., Any], look: Callable[..., Any], tmp_path: Path
) -> None:
    mine = tmp_path / "mine" / "slates"
    mine.mkdir(parents=True)
    (mine / "break.svg").write_text(PLAIN.format("#c00000"))
    start = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    async with runner(templates=str(mine.parent), planned_start=start) as running:
        await running.until(lambda: running.status().encoder.alive)
        await running.ask(do="publish")
        await running.ask(do="show", scene="slate:break")

        def shows(red: int, blue: int) -> bool:
            newest = max((running.folder / "live" / "big").glob("0*.ts"))
            seen = colour(look(newest))
            return abs(seen[0] - red) < 30 and abs(seen[2] - blue) < 30

        await running.until(lambda: shows(192, 0))
        (mine / "break.svg").write_text(PLAIN.format("#0000c0"))
        await running.until(lambda: shows(0, 192))
        (mine / "break.svg").write_text("{% broken")
        listed = running.segments()
        await running.until(lambda: running.segments() >= listed + 3)
        assert shows(0, 192)
        assert "slates/break" in (running.folder / "runner.log").read_text()
        assert running.status().encoder.restarts == 0


def test_a_page_says_until_when_and_counts_down() -> None:
    plan = Plan(session="s1", sources=(SourcePlan(id="hall", url="srt://127.0.0.1:1"),))
    slates = Slates(plan, FORM)
    until = datetime.now(UTC) + timedelta(minutes=5, seconds=30)
    slates.until({"break": until})
    slates.frame("break", plan.now())
    job = slates.job()
    assert job is not None
    assert job.template == "slates/break"
    assert job.values["until"] == f"{until.astimezone(ZoneInfo('Europe/Kyiv')):%H:%M}"
    assert str(job.values["countdown"]).startswith("05:")
    slates.until({})
    slates.take(job, Painted(bytearray(FORM.frame_bytes), (), "1", ""))
    assert not slates.drawn("break")  # what was under way says a time that is no longer true
    job = slates.job()
    assert job is not None
    assert job.values["until"] == ""


VOTE = {"question": "Про об’єднання", "votes_for": 78, "votes_against": "3", "abstained": 2, "not_voted": 9}
OVER: list[tuple[str, dict[str, object]]] = [
    ("lower_third", {"name": "Мар’яна Соломʼянська-Подільська", "role": "заступниця голови комісії " * 5}),
    ("lower_third", {"name": "Довге-Подвійне-Прізвище " * 5, "role": ""}),
    ("item", {"number": 7, "title": "Про бюджет міста " * 20}),
    ("item", {}),
    ("vote", VOTE | {"taken": "yes"}),
    ("vote", VOTE),
    ("vote", VOTE | {"taken": "quorum"}),
    ("vote", {"question": "Про бюджет", "open": "yes", "counted": "no"}),
    ("vote", {"question": "Про бюджет", "open": "yes", "counted": "no", "voted": 45}),
    (
        "vote",
        {"question": "Про голову", "choice_1": "Марчук О.", "count_1": 8, "choice_2": "B", "count_2": 1},
    ),
    ("vote", {}),
    *((kind, {}) for kind in ("logo", "clock", "live")),
]


@pytest.mark.parametrize(("kind", "values"), OVER)
def test_every_overlay_can_be_drawn_with_what_may_be_asked_within_the_safe_area(
    kind: str, values: dict[str, object]
) -> None:
    if kind != "lower_third":
        parse_request(json.dumps({"do": "overlay", "kind": kind, "values": values}).encode())
    given = {"council": "Рада", "title": "", "language": "uk", "clock": "10:48:23"} | values
    drawn, box, fault = Brush(FORM, [own_templates()], "").overlay(f"overlays/{kind}", given)
    assert fault == ""
    assert drawn
    left, top, width, height = box
    # Five percent on each side; boxes have even places.
    aside, above = FORM.width // 20 - 1, FORM.height // 20 - 1
    assert left >= aside
    assert top >= above
    assert left + width <= FORM.width - aside
    assert top + height <= FORM.height - above
