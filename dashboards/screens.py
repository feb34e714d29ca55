"""The screens of halls: who speaks, on which item, how the vote stands; nothing of it in a closed part."""

from __future__ import annotations

from datetime import timedelta

from avctl.events import Reason, now
from avctl.model.account import Role
from avctl.model.session import BEFORE, Phase, Session
from avctl.model.vote import Standing
from avctl.services.controller import Controller
from avctl.services.votes import visible
from dashboards import views
from dashboards.room import room_of, room_title
from dashboards.votes import shown
from dashboards.words import PAUSES, _

SOON = timedelta(hours=12)
ENDED = timedelta(minutes=30)  # after which a hall is simply free
SPEAKERS = 3  # that have room


def screen(controller: Controller, subject: str, role: Role | None, language: str) -> views.Screen:
    """What a hall's screen shows now; ``role`` None: only what everybody may know."""
    site = controller.config.site
    session = _shown(controller, subject)
    state, word = _state(session, role)
    running = session if session is not None and state == "open" else None
    floor = controller.follow.floor(subject) if running is not None else None
    speakers = floor.speakers[-SPEAKERS:] if floor is not None and floor.known else ()
    item = (floor.item if floor is not None else "") or (running.item if running is not None else "")
    if running is not None and running.item_closed:  # others look on
        item = ""
    return views.Screen(
        council=site.council_en if language == "en" else site.council,
        room=room_title(room_of(controller, subject), language),
        title=session.title if session is not None else "",
        body=session.booking.body if session is not None else "",
        state=state,
        word=word,
        begins=session.booking.starts_at if session is not None and state == "soon" else None,
        until=session.until if session is not None and state == "pause" else None,
        item=item,
        speaking=tuple(
            views.Speaking(
                seat=one.seat,
                name=one.name,
                group=one.group,
                since=one.since,
                limit=controller.speaking.limit(running, one),
            )
            for one in speakers
        ),
        vote=_vote(controller, running, role) if running is not None else None,
    )


def _shown(controller: Controller, room: str) -> Session | None:
    """The session that a hall's screen is about: the one there, or the one that has just ended."""
    busy = controller.sessions.in_room(room)
    if busy is not None and (busy.phase not in BEFORE or busy.booking.starts_at - now() < ENDED):
        return busy
    over = [
        one
        for one in controller.sessions
        if one.room == room and one.closed_at is not None and now() - one.closed_at < ENDED
    ]
    last = max(over, key=lambda one: one.closed_at or one.since, default=None)
    near = busy is not None and busy.booking.starts_at - now() < SOON
    return last or (busy if near else None)


def _state(session: Session | None, role: Role | None) -> tuple[str, str]:
    if session is None:
        return "free", _("The hall is free")
    if session.phase in BEFORE:
        return "soon", _("Begins at")
    if session.reason is Reason.CLOSED:
        return "closed", _("Closed part")
    if session.phase is Phase.SUSPENDED and session.reason is not None:
        return "pause", PAUSES[session.reason]
    if session.phase is Phase.OPEN:
        told = session.public or role is not None
        return ("open", "") if told else ("hushed", _("The session is in progress"))
    return "ended", _("The session has ended")


def _vote(controller: Controller, session: Session, role: Role | None) -> views.VoteShown | None:
    last = controller.votes.last(session.id)
    # Also who may see votes of closed parts must not see them here: others look on.
    if last is None or last.closed_part or not visible(session, last, role):
        return None
    seconds = controller.config.voting.result_seconds
    if last.state is not Standing.OPEN and (
        last.closed_at is None or now() - last.closed_at > timedelta(seconds=seconds)
    ):
        return None
    return shown(last, controller.votes.count(last))
