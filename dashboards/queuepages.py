"""The addresses of the visitors' queue: the staff's page and its acts, the big screen, their live changes."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from avctl.commands import CallNext, Command, Operate
from avctl.errors import NotFound
from avctl.events import Event
from avctl.model.account import Act
from dashboards import views
from dashboards.forms import NUMBER
from dashboards.front import Front
from dashboards.queue import VERBS
from dashboards.streams import PageStream, stream
from dashboards.words import _

ACTS = tuple(verb for verb, *_rest in VERBS)
PARTS = (("strip", ""), ("queue", ""))


def router(front: Front) -> APIRouter:
    """What anybody in the house may read and do, and what everybody in the hall sees."""
    routes = front.router()
    controller = front.controller

    @routes.get("/queue")
    async def page(request: Request) -> Response:
        visitor = await front.allowed(request, Act.SEE_CONTROL)
        chrome = front.chrome(request, visitor, _("Visitor queue"), dark=True, stream="/stream/queue")
        topics = front.topics(chrome.language, visitor.account.role, PARTS, visitor.account.rooms)
        return front.answer("queue", views.Page(chrome=chrome, parts=front.texts(topics)))

    @routes.get("/stream/queue")
    async def live(request: Request) -> PageStream:
        visitor = await front.allowed(request, Act.SEE_CONTROL)
        language = front.language(request, visitor)
        topics = front.topics(language, visitor.account.role, PARTS, visitor.account.rooms)
        return stream(front.live.watch(topics, account=visitor.account.name))

    @routes.post("/queue/{device}/{counter}/{verb}")
    async def act(request: Request, device: str, counter: str, verb: str) -> Response:
        actor = await front.asked(request, Act.OPERATE_DEVICES)
        if verb not in ACTS:
            raise NotFound("there is no such act")
        found = controller.queues.counter(f"{device}:{counter}")
        command: Command = CallNext(actor=actor, counter=found.id)
        if verb != "call_next":
            arguments = {"counter": found.counter}
            command = Operate(actor=actor, device=found.device, verb=verb, arguments=arguments)
        answer = await controller.desk.obey(command)
        number = answer.number if isinstance(answer, Event) else 0
        return Response(status_code=204, headers={NUMBER: str(number or controller.bus.last_number)})

    @routes.get("/screens/queue")
    async def everybody(request: Request) -> Response:
        return big(request, "")

    @routes.get("/screens/queue/{device}")
    async def one_hall(request: Request, device: str) -> Response:
        return big(request, must_be(device))

    @routes.get("/stream/screens/queue")
    async def everybody_live(request: Request) -> PageStream:
        return big_live(request, "")

    @routes.get("/stream/screens/queue/{device}")
    async def one_hall_live(request: Request, device: str) -> PageStream:
        return big_live(request, must_be(device))

    def big(request: Request, device: str) -> Response:
        address = "/stream/screens/queue" + (f"/{device}" if device else "")
        chrome = front.chrome(request, None, _("Visitor queue"), dark=True, stream=address)
        topics = front.topics(chrome.language, None, (("calls", device),))
        page = views.CallsPage(chrome=chrome, parts=front.texts(topics), speak=controller.config.queue.speak)
        answer = front.answer("calls", page, framed=True)
        # A player of our own may have it within, others not.
        answer.headers["Content-Security-Policy"] += "; frame-ancestors 'self'"
        return answer

    def big_live(request: Request, device: str) -> PageStream:
        topics = front.topics(front.language(request, None), None, (("calls", device),))
        return stream(front.live.watch(topics))

    def must_be(device: str) -> str:
        if not controller.queues.devices(device):
            raise NotFound(f"there is no queue system {device!r}")
        return device

    return routes
