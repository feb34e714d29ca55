"""What every route of the pages needs: who asks, in which language, and how a page is answered."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from markupsafe import Markup
from starlette.datastructures import FormData, UploadFile

from avctl.errors import AvctlError, BadArgument, Forbidden, NotFound, NotLoggedIn, TooManyTries
from avctl.model.account import Account, Act, Role
from avctl.services.controller import Controller
from avctl.services.doors import Visitor, check_csrf, room_asked, visitor_of
from dashboards import (
    agenda,
    cameras,
    channels,
    house,
    lobby,
    preparation,
    queue,
    room,
    screens,
    sound,
    views,
    votes,
)
from dashboards.buttons import may
from dashboards.language import COOKIE, NAMES, chosen
from dashboards.lines import Diary
from dashboards.live import WIDE, Builder, Live, Topic
from dashboards.render import Renderer
from dashboards.static import Static
from dashboards.words import REFUSALS, ROLES, _

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; "
    "connect-src 'self'; media-src 'self' blob:; worker-src 'self' blob:; form-action 'self'; base-uri 'none'"
)
NOT_FRAMED = "; frame-ancestors 'none'"
STATUSES: tuple[tuple[type[AvctlError], int], ...] = (
    (NotLoggedIn, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (BadArgument, 422),
    (TooManyTries, 429),
    (AvctlError, 409),
)
LARGEST_FORM = 1024 * 1024
NAVIGATION: tuple[tuple[str, str, Act], ...] = (
    ("/control", _("Control room"), Act.SEE_CONTROL),
    ("/schedule", _("Schedule"), Act.SEE_CONTROL),
    ("/queue", _("Queue"), Act.SEE_CONTROL),
    ("/lobby", _("Lobby"), Act.SEE_CONTROL),
    ("/alerts", _("Alerts"), Act.SEE_CONTROL),
    ("/journal", _("Journal"), Act.SEE_JOURNAL),
    ("/people", _("People"), Act.MANAGE_PEOPLE),
)
PARTS: dict[str, tuple[str, Builder]] = {
    "strip": ("strip", house.strip),
    "banner": ("banner", lobby.banner),
    "emergency": ("emergency", lobby.emergency),
    "lobby": ("lobby", lobby.lobby),
    "mains": ("mains", lobby.mains),
    "tiles": ("tiles", house.tiles),
    "mosaic": ("mosaic", room.mosaic),
    "alerts": ("alerts", house.alerts),
    "home": ("home", house.home),
    "now": ("now", house.now_of),
    "bar": ("bar", room.bar),
    "work": ("work", room.work),
    "programme": ("programme", room.programme),
    "floor": ("floor", room.floor),
    "vote": ("vote", votes.vote),
    "screen": ("screen", screens.screen),
    "agenda": ("agenda", agenda.agenda),
    "cameras": ("cameras", cameras.cameras),
    "sound": ("sound", sound.sound),
    "preparation": ("preparation", preparation.preparation),
    "sheet": ("sheet", preparation.preparation),
    "golden": ("golden", preparation.golden),
    "queue": ("queue", queue.queue),
    "waiting": ("waiting", queue.queue),
    "calls": ("calls", queue.calls),
    "devices": ("devices", room.devices),
    "device": ("device", room.device),
    "tv": ("tv", channels.tv),
}


class Front:
    """The pages of one controller."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.static = Static()
        self.renderer = Renderer(controller.config.site, self.static)
        self.diary = Diary(controller)
        self.live = Live(controller, self.renderer, {**PARTS, "log": ("log", self.diary.lines)})

    # --- who asks ------------------------------------------------------------------------------------------

    async def visitor(self, request: Request) -> Visitor | None:
        """Who asks; None when nobody is logged in."""
        return await visitor_of(request, self.controller)

    async def allowed(self, request: Request, act: Act) -> Visitor:
        """Who asks; raised when it is nobody, or not allowed in the room that the address is about."""
        visitor = await self.visitor(request)
        if visitor is None:
            raise NotLoggedIn("log in first")
        visitor.account.must_be_allowed(act, await room_asked(request, self.controller))
        return visitor

    async def asked(self, request: Request, act: Act, csrf: str = "") -> str:
        """The name of the one who asks for a change; raised when not allowed, or another site's form."""
        visitor = await self.allowed(request, act)
        check_csrf(request, visitor, csrf)
        return visitor.account.name

    async def form(self, request: Request) -> dict[str, str]:
        """What a form sent, as text; BadArgument when it is too long to be one of ours."""
        self._must_be_short(request)
        sent = await request.form(max_files=0)
        return {name: value.replace("\x00", "") for name, value in sent.items() if isinstance(value, str)}

    async def fields(self, request: Request) -> FormData:
        """What a form sent, as far as it is text; a field may be there several times."""
        await self.form(request)
        return await request.form(max_files=0)

    async def file(self, request: Request) -> tuple[bytes, Mapping[str, str]]:
        """The one file that a form sent, and its other fields; BadArgument when there is none."""
        self._must_be_short(request)
        async with request.form(max_files=1, max_fields=20) as sent:
            values = {name: value for name, value in sent.items() if isinstance(value, str)}
            upload = sent.get("file")
            if not isinstance(upload, UploadFile):
                raise BadArgument("file", _("Choose a file."))
            return await upload.read(), values

    def _must_be_short(self, request: Request) -> None:
        length = request.headers.get("content-length", "")
        if not length.isdecimal() or int(length[:20]) > LARGEST_FORM:
            raise BadArgument("form", "a form of at most 1 MiB, with its length declared")

    def language(self, request: Request, visitor: Visitor | None) -> str:
        """The language of this answer."""
        preferred = visitor.account.language if visitor else ""
        return chosen(request.cookies.get(COOKIE), preferred, self.controller.config.site.language)

    # --- parts ---------------------------------------------------------------------------------------------

    def topics(
        self,
        language: str,
        role: Role | None,
        parts: Iterable[tuple[str, str]],
        rooms: tuple[str, ...] = (),
    ) -> tuple[Topic, ...]:
        """Parts, each with its subject, as this viewer sees them; of the house only these ``rooms``."""
        return tuple(
            Topic(part, subject, language, role, rooms if part in WIDE else ()) for part, subject in parts
        )

    def texts(self, topics: Iterable[Topic]) -> dict[str, Markup]:
        """The parts of a page by name."""
        return {topic.part: self.live.text(topic) for topic in topics}

    # --- answers -------------------------------------------------------------------------------------------

    def chrome(
        self, request: Request, visitor: Visitor | None, title: str, *, dark: bool = False, stream: str = ""
    ) -> views.Chrome:
        """What surrounds a page; ``title`` is a message id, or a text of the council's own."""
        language = self.language(request, visitor)
        site = self.controller.config.site
        account = visitor.account if visitor else None
        path = request.url.path
        theme = account.theme if account else ""
        entries = [
            views.Link(url=url, title=word, current=path == url or path.startswith(f"{url}/"))
            for url, word, act in NAVIGATION
            if may(account.role if account else None, act) and (url != "/queue" or self._sees_queue(account))
        ]
        return views.Chrome(
            title=self.renderer.say(language, title),
            council=site.council_en if language == "en" else site.council,
            language=language,
            path=path + (f"?{request.url.query}" if request.url.query else ""),
            dark={"dark": True, "light": False}.get(theme, dark),
            account=account.name if account else "",
            role=ROLES[account.role] if account else "",
            csrf=visitor.csrf if visitor else "",
            navigation=tuple(entries),
            stream=stream,
            banner=self.live.text(Topic("banner", "", language, account.role, account.rooms))
            if account
            else "",
            languages=NAMES,
        )

    def _sees_queue(self, account: Account | None) -> bool:
        """Whether there is a queue system where this person has to do with."""
        devices = self.controller.queues.devices()
        return account is not None and any(account.reaches(state.room) for state in devices)

    def answer(self, template: str, page: Any, status: int = 200, *, framed: bool = False) -> HTMLResponse:
        """A page, with what keeps browsers careful."""
        text = self.renderer.page(template, page.chrome.language, page)
        headers = {
            "Content-Security-Policy": POLICY + ("" if framed else NOT_FRAMED),
            "Cache-Control": "no-store" if page.chrome.account else "no-cache",
            "Content-Language": page.chrome.language,
            "Vary": "Cookie",
        }
        return HTMLResponse(text, status, headers)

    async def problem(self, request: Request, error: AvctlError) -> Response:
        """An error as a page, or as a line beside the button that asked."""
        status = next(status for kind, status in STATUSES if isinstance(error, kind))
        visitor = await self.visitor(request)
        language = self.language(request, visitor)
        names = (kind.__name__ for kind in type(error).__mro__)
        advice = next((REFUSALS[name] for name in names if name in REFUSALS), _("It could not be done."))
        if request.headers.get("hx-request"):
            said = self.renderer.say(language, advice)
            detail = self.renderer.told(language, str(error))
            return Response(f"{said} {detail}", status, media_type="text/plain")
        if status == 401 and request.method == "GET":
            back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/login?next={quote(back)}", 303)
        heading = {403: _("This is not for your role"), 404: _("There is no such page")}.get(
            status, _("It could not be done")
        )
        page = views.ProblemPage(
            chrome=self.chrome(request, visitor, heading),
            status=status,
            heading=heading,
            advice=advice,
            detail=self.renderer.told(language, str(error)),
        )
        return self.answer("problem", page, status)

    def router(self) -> APIRouter:
        """A router whose refusals are pages; nothing of it is in the API's document."""
        return APIRouter(route_class=_route_class(self), include_in_schema=False)


def _route_class(front: Front) -> type[APIRoute]:
    class PageRoute(APIRoute):
        """Answers a refusal with a page instead of JSON."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handler = super().get_route_handler()

            async def handle(request: Request) -> Response:
                try:
                    return await handler(request)
                except AvctlError as error:
                    return await front.problem(request, error)
                except RequestValidationError as error:
                    first = error.errors()[0]
                    return await front.problem(request, BadArgument(str(first["loc"][-1]), first["msg"]))

            return handle

    return PageRoute
