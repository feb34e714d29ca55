"""The parts of a room's page about its preparation, and about what it is known to be good with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from avctl.model.account import Act, Role
from avctl.model.golden import Difference
from avctl.model.preparation import UNDONE, Line, Preparation, Stage, Verdict
from avctl.model.preparation_words import ADVICE, EXPECTED, LEFT_OUT, WHAT
from avctl.model.session import OVER, Session
from avctl.services.controller import Controller
from dashboards import views
from dashboards.buttons import may
from dashboards.views.preparation import Said
from dashboards.words import SETTINGS, STAGES, VERBS, VERDICTS, _

SHAPES: Mapping[Verdict, str] = {
    Verdict.FAIL: "✗",
    Verdict.WARN: "▲",
    Verdict.SKIPPED: "–",
    Verdict.RUNNING: "⟳",
    Verdict.WAITING: "○",
    Verdict.PASS: "✓",
}
PROBLEMS = (Verdict.FAIL, Verdict.WARN, Verdict.SKIPPED)


def preparation(controller: Controller, subject: str, role: Role | None, language: str) -> views.Sheet:
    """How far the preparation of the room's session is, and what was measured."""
    session = controller.sessions.in_room(subject)
    sheet = controller.preparations.sheets.of(session.id) if session is not None else None
    if session is None or sheet is None:
        return views.Sheet(
            room=subject,
            session=session.id if session else "",
            session_title=session.title if session else "",
            starts_at=session.booking.starts_at if session else None,
            running=False,
            word="",
            by="",
            began_at=None,
            ended_at=None,
            done=0,
            counts=(),
            problems=(),
            lines=(),
            cancel=None,
            paper="",
        )
    run = may(role, Act.RUN_SESSIONS)
    busy = bool(sheet.count(*UNDONE))
    again = run and not busy and session.phase not in OVER
    lines = tuple(_line(sheet, line, session, again) for line in sheet.lines)
    cancel = None
    if run and busy:
        cancel = views.Button(
            id=f"act-{subject}-cancel-preparation",
            url=f"/control/{subject}/sessions/{session.id}/cancel-preparation",
            label=_("Break off the preparation"),
        )
    return views.Sheet(
        room=subject,
        session=session.id,
        session_title=session.title,
        starts_at=session.booking.starts_at,
        running=sheet.stage is Stage.RUNNING,
        word=STAGES[sheet.stage],
        by=sheet.by,
        began_at=sheet.began_at,
        ended_at=sheet.ended_at,
        done=len(sheet.lines) - sheet.count(*UNDONE),
        counts=tuple(
            views.Count(look=verdict.value, shape=SHAPES[verdict], word=VERDICTS[verdict], count=count)
            for verdict in SHAPES
            if (count := sheet.count(verdict))
        ),
        problems=tuple(line for line, one in zip(lines, sheet.lines, strict=True) if one.verdict in PROBLEMS),
        lines=lines,
        cancel=cancel,
        paper=f"/control/{subject}/preparation",
    )


def _line(sheet: Preparation, line: Line, session: Session, again: bool) -> views.SheetLine:
    missed = sheet.line(str(line.measured.get("missed", ""))) if line.text == LEFT_OUT else None
    wrong = line.verdict in PROBLEMS
    rerun = None
    if again:
        rerun = views.Button(
            id=f"rerun-{line.id}",
            url=f"/control/{session.room}/sessions/{session.id}/lines/{line.id}",
            label=_("Again"),
        )
    return views.SheetLine(
        id=line.id,
        look=line.verdict.value,
        shape=SHAPES[line.verdict],
        word=VERDICTS[line.verdict],
        what=_what(line),
        measured=(line.text, line.measured),
        because=_what(missed) if missed is not None else None,
        expected=(EXPECTED[line.kind], line.values),
        advice=(ADVICE[line.kind], line.values) if wrong else ("", {}),
        ended_at=line.ended_at,
        rerun=rerun,
    )


def _what(line: Line) -> Said:
    if line.kind != "step":
        return WHAT[line.kind], line.values
    told = " ".join(str(value) for value in line.values["arguments"].values())
    asks = str(line.values["asks"])
    verb = VERBS.get(f"{asks} {told}")
    shown = "" if verb else ", ".join(str(value) for value in line.values["arguments"].values())
    return WHAT["step"], {**line.values, "verb": verb or VERBS.get(asks, asks), "told": shown}


def golden(controller: Controller, subject: str, role: Role | None, language: str) -> views.GoldenView:
    """What the room is known to be good with, and what differs now."""
    found = controller.golden.get(subject)
    differences = controller.golden.differences(subject)
    able = may(role, Act.OPERATE_DEVICES)
    again = _("Press again: keep it as good") if found.saved_at else ""
    return views.GoldenView(
        saved_at=found.saved_at,
        saved_by=found.saved_by,
        restored_at=found.restored_at,
        restored_by=found.restored_by,
        differences=tuple(_row(subject, one, able) for one in differences),
        unknown=tuple(state.title for state in controller.golden.unknown(subject)),
        save=_button(subject, "save", _("Keep the room as it is now"), again=again) if able else None,
        restore=_button(subject, "restore", _("Bring all back"), kind="next")
        if able and any(not one.lacks for one in differences)
        else None,
    )


def _row(room: str, one: Difference, able: bool) -> views.SettingRow:
    name, _dot, more = one.setting.partition(".")
    number, _dot, part = more.partition(".")
    return views.SettingRow(
        id=one.id,
        title=one.title,
        name=SETTINGS.get(part or name, name),
        more=number,
        wanted=_shown(one.wanted),
        found=_shown(one.found),
        since=one.since,
        by=one.by,
        lacks=one.lacks,
        restore=_button(room, "restore", _("Bring back"), one.id) if able and not one.lacks else None,
    )


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return _("on") if value else _("off")
    return "–" if value in (None, "") else f"{value:g}" if isinstance(value, float) else str(value)


def _button(
    room: str, act: str, label: str, setting: str = "", *, kind: str = "", again: str = ""
) -> views.Button:
    return views.Button(
        id=f"golden-{room}-{act}{'-' if setting else ''}{setting}",
        url=f"/control/{room}/golden/{act}",
        label=label,
        kind=kind,
        again=again,
        values=json.dumps({"setting": setting}) if setting else "",
    )
