"""What is written for people is true: every key, driver, capability, event and command, and the example."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import typer
from pydantic import BaseModel

from avctl.capabilities import CAPABILITIES, capabilities_of, verbs_of
from avctl.config import Config, parse
from avctl.driver import known, load
from avctl.events import kinds
from avctl.main import app

HOUSE = Path(__file__).parents[2]
README = (HOUSE / "README.md").read_text(encoding="utf-8")
ANNOTATED = (HOUSE / "config" / "avctl.toml").read_text(encoding="utf-8")


def table(heading: str) -> list[list[str]]:
    """The rows of the first table under a heading, cell by cell, without backticks."""
    below = README.partition(f"{heading}\n")[2]
    rows = re.search(r"(?:^\|.*\n)+", below, re.MULTILINE)
    assert rows, f"README.md has no table under {heading}"
    return [
        [cell.strip().replace("`", "") for cell in row.split("|")[1:-1]] for row in rows[0].splitlines()[2:]
    ]


def listed(cell: str) -> set[str]:
    return {word.strip() for word in cell.split(",")}


def test_every_driver_is_in_the_table_with_what_it_can_do_and_its_options() -> None:
    rows = {row[0]: row for row in table("## What it can drive")}
    assert set(rows) == set(known())
    for name, (_, _, _, port, can, options) in rows.items():
        driver = load(name)
        assert port == (str(driver.port) if driver.port else ""), name
        assert listed(can) == (set(capabilities_of(driver)) or {"none: it is watched"}), name
        assert listed(options) == (set(driver.Options.model_fields) or {"none"}), name


def test_every_driver_says_where_it_comes_from_what_it_met_and_what_it_lacks() -> None:
    rows = table("### Where each protocol comes from, and what it was tried against")
    assert sorted(row[0] for row in rows) == sorted(known())
    for name, *cells in rows:
        assert len(cells) == 3, name
        assert all(cells), name


def test_every_option_of_every_driver_is_described() -> None:
    for name in known():
        for option, field in load(name).Options.model_fields.items():
            assert field.description, f"{name}: {option} needs a description"


def test_every_capability_is_in_the_table_with_its_verbs_and_readings() -> None:
    rows = {row[0]: row for row in table("### What a device can do")}
    assert list(rows) == [capability.__name__ for capability in CAPABILITIES]
    for capability in CAPABILITIES:
        _, _, verbs, readings = rows[capability.__name__]
        assert listed(verbs) == (set(verbs_of(type("Some", (capability,), {}))) or {"none: it is watched"})
        for reading in listed(readings):
            assert f"``{reading}" in (capability.__doc__ or ""), (
                f"{capability.__name__} promises no {reading}"
            )


def test_every_event_is_in_the_table() -> None:
    rows = [row[0] for row in table("### What can happen")]
    assert sorted(rows) == sorted(kinds())


def commands(command: Any, name: str) -> Iterator[str]:
    parts = getattr(command, "commands", {})  # only a group has them
    for part, inner in parts.items():
        yield from commands(inner, f"{name} {part}")
    if not parts:
        yield name


def test_every_command_is_in_the_table() -> None:
    assert {row[0] for row in table("## The commands")} == set(commands(typer.main.get_command(app), "avctl"))


# --- the annotated configuration --------------------------------------------------------------------


def keys_of_models(model: type[BaseModel], under: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield f"{under}{name}"
        inner = [part for part in (field.annotation, *get_args(field.annotation)) if isinstance(part, type)]
        for part in inner:
            if issubclass(part, BaseModel):
                yield from keys_of_models(part, f"{under}{name}.")


def keys_of_file(data: Any, under: str = "") -> Iterator[str]:
    if isinstance(data, list):
        for part in data:
            yield from keys_of_file(part, under)
    elif isinstance(data, Mapping):
        for name, value in data.items():
            yield f"{under}{name}"
            # What is in them is each driver's own.
            if f"{under}{name}" not in ("devices.options", "devices.prepare", "rooms.prepare.arguments"):
                yield from keys_of_file(value, f"{under}{name}.")


def test_the_annotated_file_has_every_key_there_is_and_no_other() -> None:
    written = set(keys_of_file(tomllib.loads(ANNOTATED)))
    known = {key.replace("rooms.wide.", "rooms.shots.") for key in keys_of_models(Config)}  # both are shots
    assert {key.replace("rooms.wide.", "rooms.shots.") for key in written} == known


def test_the_annotated_file_says_the_defaults() -> None:
    data = tomllib.loads(ANNOTATED)
    del data["rooms"], data["devices"], data["broadcast"]["pushes"], data["voting"]["bodies"]
    del data["power"]["loads"]
    assert parse(data, "avctl.toml", {}) == Config()


def test_the_annotated_file_explains_every_key_once() -> None:
    explained: set[str] = set()
    for line in ANNOTATED.splitlines():
        setting = re.match(r"(\[+)?([\w.]+)(\]+)?(\s*=|\s*#|$)", line)
        if setting is None:
            continue
        if setting[1]:
            section = setting[2].replace("rooms.wide", "rooms.shots")
            continue
        key = f"{section}.{setting[2]}"
        if section not in ("devices.options", "devices.prepare") and key not in explained:
            assert re.search(r"\s# [A-Z].*\.$", line), f"{key} needs a comment that is a sentence: {line}"
            explained.add(key)


# --- the lock ------------------------------------------------------------------------------------------


def test_every_dependency_is_locked_to_one_version() -> None:
    project = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *sum(project["dependency-groups"].values(), [])]
    lock = (HOUSE / "requirements.lock").read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line) for line in lock)
    locked = {re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower() for line in lock}
    named = {re.sub(r"[-_.]+", "-", re.split(r"[\[<>=~! ]", name)[0]).lower() for name in wanted}
    assert named - locked == set(), "make lock writes requirements.lock"


# --- the worked example -------------------------------------------------------------------------------


def example(path: str) -> str:
    found = re.search(rf"<summary>{re.escape(path)}</summary>\n\n```python\n(.*?)\n```", README, re.DOTALL)
    assert found, f"README.md does not show {path}"
    return found[1] + "\n"


def test_the_projector_of_the_readme_can_be_added_as_it_says(tmp_path: Path) -> None:
    """Its three files, in packages of their own, pass the tests they bring."""
    for path in ("drivers/projector.py", "drivers/sim/projector.py", "tests/devices/test_projector.py"):
        text = re.sub(r"\bdrivers\.(?=projector|sim\.projector)", "projectors.", example(path))
        file = tmp_path / re.sub("^drivers", "projectors", path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for folder in ("tests", "tests/devices"):
        shutil.copy(HOUSE / folder / "conftest.py", tmp_path / folder)
    shutil.copy(HOUSE / "pyproject.toml", tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
