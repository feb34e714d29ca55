"""The visitors' queue: services, counters and tickets, whatever system it runs on."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from avctl.api.asking import Asked, Asking, allowed
from avctl.api.devices import Confirmed
from avctl.api.problems import documented
from avctl.commands import CallNext, Operate
from avctl.events import encode
from avctl.model.account import Act
from avctl.services.secrecy import masked

State = Literal["waiting", "called", "serving", "done", "no_show", "removed"]
VERBS = {"recall": "recall", "open": "open_counter", "close": "close_counter"}


class ServiceAnswer(BaseModel):
    """Something people come for."""

    device: str = Field(description="Id of the queue system.", examples=["visitor-queue"])
    id: str = Field(description="The system's own id of it.", examples=["1"])
    name: str = Field(examples=["Довідки"])
    waiting: int = Field(description="How many wait.")
    average_wait: float | None = Field(description="Seconds, of the last visitors; null: not known.")


class CounterAnswer(BaseModel):
    """Where people are served."""

    id: str = Field(description="Unique in the house.", examples=["visitor-queue:3"])
    device: str = Field(description="Id of the queue system.")
    counter: str = Field(description="The system's own id of it.", examples=["3"])
    name: str
    open: bool
    ticket: str = Field(description="The ticket called or served; empty: none.", examples=["А012"])
    acts: list[str] = Field(description="Verbs that its system takes.")


class TicketAnswer(BaseModel):
    """A visitor's place in the queue."""

    device: str = Field(description="Id of the queue system.")
    number: str = Field(description="A text: nothing is counted with it.", examples=["А012"])
    service: str
    service_name: str
    state: State
    since: datetime = Field(description="Since when it is in this state.")
    counter: str = Field(description="Id of the counter it was called to; empty: none.")
    counter_name: str
    calls: int = Field(description="How often it was called.")


CounterId = Annotated[
    str,
    Path(
        max_length=128,
        description="Id of the counter; in a house with one queue system its own id will do.",
        examples=["visitor-queue:3"],
    ),
]

router = APIRouter(prefix="/api/v1", tags=["queue"], responses=documented(401, 403))
see = allowed(Act.SEE_CONTROL)
operate = allowed(Act.OPERATE_DEVICES)
REFUSED = documented(404, 409, 413, 422, 502, 504)


@router.get("/services", dependencies=[see])
async def services(asked: Asked) -> list[ServiceAnswer]:
    """What people wait for, and how long."""
    found = asked.controller.queues.services()
    return [ServiceAnswer(**vars(one)) for one in found if _reaches(asked, one.device)]


@router.get("/counters", dependencies=[see])
async def counters(asked: Asked) -> list[CounterAnswer]:
    """Where people are served."""
    found = (one for one in asked.controller.queues.counters() if _reaches(asked, one.device))
    return [CounterAnswer(**{**vars(one), "acts": list(one.acts)}) for one in found]


@router.get("/tickets", dependencies=[see], responses=documented(422))
async def tickets(
    asked: Asked, state: Annotated[State | None, Query(description="Only those in this state.")] = None
) -> list[TicketAnswer]:
    """Who waits, was called, is served, or was until lately; the oldest of a system first."""
    found = asked.controller.queues.tickets()
    wanted = (one for one in found if state in (None, one.state) and _reaches(asked, one.device))
    return [TicketAnswer.model_validate(vars(one)) for one in wanted]


@router.post("/counters/{counter}/next", status_code=202, dependencies=[operate], responses=REFUSED)
async def call_next(asked: Asked, counter: CounterId) -> Confirmed:
    """Call the next ticket; answered with the call, once the queue system shows it."""
    event = await asked.controller.desk.obey(CallNext(actor=asked.actor, counter=counter))
    return Confirmed(event=masked(encode(event)))


@router.post("/counters/{counter}/{act}", status_code=202, dependencies=[operate], responses=REFUSED)
async def act(asked: Asked, counter: CounterId, act: Literal["recall", "open", "close"]) -> Confirmed:
    """Call a counter's ticket once more, open the counter, or close it."""
    found = asked.controller.queues.counter(counter)
    event = await asked.controller.desk.obey(
        Operate(
            actor=asked.actor,
            device=found.device,
            verb=VERBS[act],
            arguments={"counter": found.counter},
        )
    )
    return Confirmed(event=masked(encode(event)))


def _reaches(asked: Asking, device: str) -> bool:
    return asked.account.reaches(asked.controller.house.state(device).room)
