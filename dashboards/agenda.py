"""The run of show: the agenda with its times, what comes next, and the acts that belong in the minutes."""

from __future__ import annotations

from datetime import datetime, timedelta

from avctl.events import now
from avctl.model.account import Act, Role
from avctl.model.running import Forecast, forecast, lengths
from avctl.model.session import BEFORE, RUNNING, Session, Stamp
from avctl.services.controller import Controller
from dashboards import views
from dashboards.buttons import may
from dashboards.words import ACTS, REASONS, _

NEAR = timedelta(hours=12)  # a next booking beyond is of no concern to those who run this one


def items_of(session: Session) -> tuple[views.Item, ...]:
    """The agenda of a session as it is shown."""
    return tuple(
        views.Item(
            number=item.number,
            title=item.title,
            now=bool(session.item) and place == session.item_place,
            speaker=item.speaker,
            document=str(item.document or ""),
            closed=item.closed,
        )
        for place, item in enumerate(session.booking.agenda, 1)
    )


def public_items_of(session: Session) -> tuple[views.Item, ...]:
    """The same as everybody may read it: of a closed item only that there is one."""
    return tuple(
        views.Item(number=one.number, title="", now=one.now, closed=True) if one.closed else one
        for one in items_of(session)
    )


def outlook(session: Session) -> views.Outlook | None:
    """When it will end, as the rest of its agenda says; None when it is not running or has none."""
    found = forecast(session, now()) if session.phase in RUNNING else None
    return None if found is None else _outlook(found)


def _outlook(found: Forecast) -> views.Outlook:
    return views.Outlook(free_at=found.free_at, rest=round(found.rest, 1), ends_at=found.planned_end)


def agenda(controller: Controller, subject: str, role: Role | None, language: str) -> views.RunOfShow:
    """The agenda of a room's session, item by item."""
    session = controller.sessions.in_room(subject)
    if session is None:
        return views.RunOfShow(room=subject)
    at = now()
    found = forecast(session, at)
    able = session.working and may(role, Act.RUN_SESSIONS)
    return views.RunOfShow(
        room=subject,
        session=session.id,
        item=session.item,
        listed=bool(session.item_place),
        items=tuple(
            _line(session, found, place, able) for place in range(1, len(session.booking.agenda) + 1)
        ),
        outlook=_outlook(found) if found is not None and session.phase in RUNNING else None,
        next=_next(session, able),
        quorum=_quorum(controller, session, role),
        coming=_coming(controller, session, at),
        record=tuple(_stamp(one) for one in reversed(session.record)),
    )


def _line(session: Session, found: Forecast | None, place: int, able: bool) -> views.ShowItem:
    item = session.booking.agenda[place - 1]
    current = bool(session.item) and place == session.item_place
    began = [one.at for one in session.record if one.act == "item" and one.place == place]
    seconds = lengths(session.booking)[place - 1]
    begin = None
    if able and not current:
        begin = views.Button(
            id=f"item-{session.room}-{place}",
            url=_url(session, place),
            label=_("Take up"),
            again=_("Press again: take it up"),
        )
    return views.ShowItem(
        item=views.Item(
            number=item.number,
            title=item.title,
            now=current,
            speaker=item.speaker,
            document=str(item.document or ""),
            closed=item.closed,
        ),
        minutes=round(seconds / 60),
        planned=item.minutes is not None,
        began=began[-1] if began else None,
        begins=found.begins.get(place) if found is not None and not current and not began else None,
        since=session.item_at if current else None,
        limit=round(seconds) if current else None,
        paused=round(session.item_paused) if current else 0,
        stopped=session.item_seconds(now()) if current and not session.working else None,
        following=place == session.item_place + 1,
        begin=begin,
    )


def _url(session: Session, place: int) -> str:
    # With its place: two who press at once mean the same item, and it is taken up once.
    return f"/control/{session.room}/sessions/{session.id}/item/{place}"


def _next(session: Session, able: bool) -> views.Button | None:
    place = session.item_place + 1
    if not able or place > len(session.booking.agenda):
        return None
    label = _("Next item") if session.item_place else _("First item")
    return views.Button(
        id=f"act-{session.room}-next-item", url=_url(session, place), label=label, kind="next", key="N"
    )


def _quorum(controller: Controller, session: Session, role: Role | None) -> views.Quorum | None:
    if session.phase not in RUNNING:
        return None
    needed = controller.config.voting.rule_of(session.booking.body).quorum
    able = may(role, Act.RUN_SESSIONS) or may(role, Act.RUN_VOTES)
    button = views.Button(
        id=f"act-{session.room}-quorum",
        url=f"/control/{session.room}/sessions/{session.id}/quorum",
        label=_("Note the quorum"),
        key="Q",
    )
    return views.Quorum(
        present=session.present,
        needed=needed,
        there=session.present is not None and session.present >= needed,
        button=button if able else None,
    )


def _coming(controller: Controller, session: Session, at: datetime) -> views.Coming | None:
    """The next booking of the room, and whether this one will be out by then."""
    found = controller.sessions.next_in(session)
    if found is None or found.booking.since - at > NEAR:
        return None
    ahead = forecast(session, at)
    ends = session.booking.ends_at if ahead is None or session.phase in BEFORE else ahead.ends_at(at)
    out = max(ends, at) + timedelta(minutes=session.booking.breakdown_minutes)
    return views.Coming(
        title=found.title,
        since=found.booking.since,
        starts_at=found.booking.starts_at,
        late=session.phase in RUNNING and out > found.booking.since,
    )


def _stamp(stamp: Stamp) -> views.Stamped:
    reason = next((word for name, word in REASONS.items() if name.value == stamp.text), "")
    word = reason if stamp.act == "suspended" else ACTS.get(stamp.act, stamp.act)
    return views.Stamped(at=stamp.at, word=word, text="" if reason else stamp.text, actor=stamp.actor)
