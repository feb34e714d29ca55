"""What is asked of votes by the pages, and the page of a vote that can be printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from fastapi import APIRouter, Request, Response

from avctl.commands import EndVote, PutToVote
from avctl.errors import BadArgument, Forbidden, NotFound, NotLoggedIn
from avctl.model.account import Act, Role
from avctl.model.session import Session
from avctl.model.vote import USUAL, Ballot, Standing, Vote
from avctl.services.doors import Visitor
from avctl.services.votes import visible
from avctl.sheets import written
from dashboards import views
from dashboards.forms import NUMBER
from dashboards.front import Front
from dashboards.votes import shown
from dashboards.words import CHOICES, VOTED, _

ALPHABET = "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя"
PATRONYMICS = ("івна", "ївна", "ович", "ілліч", "кузьмич", "лукич", "хомич")  # their ends
PLACES = {letter: f"{place:02}" for place, letter in enumerate(ALPHABET)}


def router(front: Front) -> APIRouter:
    """A vote is opened and closed by 204 like every act; its page needs no log-in where it is public."""
    routes = front.router()
    controller = front.controller

    @routes.post("/control/{room}/votes")
    async def put(request: Request, room: str) -> Response:
        actor = await front.asked(request, Act.RUN_VOTES)
        form = await front.form(request)
        command = PutToVote(
            actor=actor,
            session=running(room),
            title=form.get("title", ""),
            threshold=form.get("threshold", ""),
            present=_number(form.get("present", "")),
        )
        await controller.desk.obey(command)
        return done()

    @routes.post("/control/{room}/votes/{number:int}/close")
    async def close(request: Request, room: str, number: int) -> Response:
        actor = await front.asked(request, Act.RUN_VOTES)
        await controller.desk.obey(EndVote(actor=actor, session=running(room), vote=number))
        return done()

    def running(room: str) -> str:
        found = controller.sessions.running_in(room)
        if found is None:
            raise NotFound("no session is in progress in this room")
        return found.id

    def done() -> Response:
        return Response(status_code=204, headers={NUMBER: str(controller.bus.last_number)})

    @routes.get("/votes/{session}")
    async def every(request: Request, session: str) -> Response:
        """Where a secretary, or anybody, finds the votes of a sitting, also of one long ago."""
        visitor, found, role = await asking(request, session)
        votes = [one for one in await controller.votes.of(session) if visible(found, one, role)]
        return front.answer(
            "votes",
            views.VotesPage(
                chrome=front.chrome(request, visitor, _("Votes of the session")),
                session_title=found.title,
                body=body_of(found),
                starts_at=found.booking.starts_at,
                votes=tuple(shown(one, controller.votes.count(one)) for one in votes),
            ),
        )

    @routes.get("/votes/{session}/{number:int}")
    async def page(request: Request, session: str, number: int, order: str = "") -> Response:
        visitor, found, vote = await seen(request, session, number)
        chrome = front.chrome(request, visitor, _("Roll-call vote"))
        return front.answer(
            "vote",
            views.VotePage(
                chrome=chrome,
                vote=shown(vote, controller.votes.count(vote)),
                session_title=found.title,
                body=body_of(found),
                opened_at=vote.opened_at,
                closed_at=vote.closed_at,
                groups=tuple(roll_groups(vote, order == "name")),
                by_name=order == "name",
                path=f"/votes/{session}/{number}",
                all_url=f"/votes/{session}",
                files=f"/api/v1/sessions/{session}/votes/{number}/roll-call"
                if vote.state is Standing.CLOSED
                else "",
            ),
        )

    @routes.get("/votes/{session}/{number:int}/roll-call.csv")
    async def table(request: Request, session: str, number: int) -> Response:
        """In the words of the page, and with the delimiter that spreadsheets in that language expect."""
        visitor, _found, vote = await seen(request, session, number)
        if vote.state is not Standing.CLOSED:
            raise NotFound(f"vote {number} has no result")
        language = front.language(request, visitor)

        def say(word: str) -> str:
            return front.renderer.say(language, word)

        headings = [say(word) for word in (_("Seat"), _("Deputy"), _("Faction"), _("Choice"))]
        rows = (
            [one.seat, one.name, one.group, say(VOTED.get(one.choice, one.choice))] for one in vote.ballots
        )
        headers = {
            "Content-Disposition": f'attachment; filename="{session}-{number}.csv"',
            "Cache-Control": "no-store",
        }
        body = written((headings, *rows), ";" if language == "uk" else ",")
        return Response(body, media_type="text/csv; charset=utf-8", headers=headers)

    async def seen(request: Request, session: str, number: int) -> tuple[Visitor | None, Session, Vote]:
        visitor, found, role = await asking(request, session)
        vote = await controller.votes.get(session, number)
        if not visible(found, vote, role):
            raise hidden(visitor)
        return visitor, found, vote

    async def asking(request: Request, session: str) -> tuple[Visitor | None, Session, Role | None]:
        visitor = await front.visitor(request)
        found = await controller.sessions.find(session)
        # Whoever has nothing to do with the room sees what the public sees.
        role = visitor.account.role if visitor and visitor.account.reaches(found.room) else None
        if role is None and not found.public:
            raise hidden(visitor)
        return visitor, found, role

    def hidden(visitor: Visitor | None) -> Exception:
        return Forbidden("this vote is not public") if visitor else NotLoggedIn("log in first")

    def body_of(session: Session) -> str:
        """Who sits, unless it is the council, whose name stands above anyway."""
        site, body = controller.config.site, session.booking.body
        return "" if body in (site.council, site.council_en) else body

    return routes


def _number(text: str) -> int | None:
    if not text.strip():
        return None
    if not (text.strip().isdecimal() and len(text.strip()) <= 5):
        raise BadArgument("present", f"a number, or nothing (got {text[:20]!r})")
    return int(text)


def roll_groups(vote: Vote, by_name: bool) -> Iterator[views.RollGroup]:
    """Who voted what, as lists of deputies are ordered: by surname, or by faction and then by surname."""
    ballots = sorted(vote.ballots, key=lambda one: (_surname_first(one.name), one.seat))
    if by_name:
        yield from ([_group("", ballots)] if ballots else [])
        return
    for name in sorted({one.group for one in ballots}, key=lambda group: (not group, _key(group))):
        yield _group(name, (one for one in ballots if one.group == name))


def _group(name: str, ballots: Iterable[Ballot]) -> views.RollGroup:
    rows = tuple(
        views.RollRow(
            seat=one.seat,
            name=one.name,
            group=one.group,
            choice=one.choice,
            word=VOTED.get(one.choice, one.choice),
        )
        for one in ballots
    )
    count = Counter(row.choice for row in rows)
    order = [*(choice for choice in USUAL if choice in count), *(one for one in count if one not in USUAL)]
    totals = tuple((CHOICES.get(choice, choice), count[choice]) for choice in order)
    return views.RollGroup(name=name, rows=rows, totals=totals)


def _surname_first(name: str) -> tuple[bool, str]:
    """Lists are by surname, which is the last word of a name, or the first where a patronymic ends it.

    Whoever is not known comes last.
    """
    words = name.split()
    patronymics = [word.casefold().endswith(PATRONYMICS) for word in words]
    if patronymics[2:] and patronymics[-2:] == [False, True]:
        return False, _key(name)
    return not words, _key(" ".join((*words[-1:], *words[:-1])))


def _key(text: str) -> str:
    """Sorts by the Ukrainian alphabet, in which the order of letters is not that of their numbers."""
    return "".join(PLACES.get(letter, f"99{letter}") for letter in text.casefold() if letter not in "ʼ'’«»")
