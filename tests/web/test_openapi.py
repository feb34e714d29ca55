"""A fuzzer drives the OpenAPI document against the whole program and finds nothing that breaks it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from avctl.api.application import create_app
from avctl.capabilities import CAPABILITIES, verbs_of
from avctl.config import parse
from avctl.events import now
from avctl.model.account import Role
from avctl.services.controller import Controller
from drivers.sim.samsung_mdc import POWER, SamsungMdcSimulator

BODIES = 12  # requests made up for each operation and way
ENDLESS = "/api/v1/events"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a program runs, and things in it that exist."""

    url: str
    token: str
    session: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@pytest.fixture(scope="module")
def place(
    free_port: Callable[[], int],
    tmp_path_factory: pytest.TempPathFactory,
    compose: Callable[..., AbstractAsyncContextManager[Controller]],
) -> Iterator[Place]:
    """The whole program in a thread with a loop of its own: the fuzzer waits for each answer."""
    listens, ended = threading.Event(), threading.Event()
    told: dict[str, Any] = {}

    async def run() -> None:
        wall = {
            "id": "wall",
            "room": "plenary",
            "driver": "samsung_mdc",
            "port": free_port(),
            "options": {"poll": 0.05},
        }
        data: Mapping[str, Any] = {
            "web": {"port": free_port()},
            "preparation": {"minutes_before": 0},
            "schedule": {"soon_minutes": 0},
            "rooms": [{"id": "plenary", "title": "Сесійна зала"}],
            "devices": [wall],
        }
        config = parse(data, "test", {})
        simulator = SamsungMdcSimulator(config.devices[0])
        simulator.settings[POWER] = 1
        folder: Path = tmp_path_factory.mktemp("data")
        async with simulator, compose(config, folder) as everything:
            await everything.accounts.add("admin", Role.ADMIN, "dovhyi parol 7", actor="test")
            told["token"] = await everything.accounts.make_token("admin", "test", actor="test")
            server = uvicorn.Server(
                uvicorn.Config(
                    create_app(everything),
                    port=config.web.port,
                    log_config=None,
                    access_log=False,
                    lifespan="off",
                )
            )
            told["url"] = f"http://127.0.0.1:{config.web.port}"
            told["stop"] = lambda: setattr(server, "should_exit", True)
            serving = asyncio.create_task(server.serve())
            listens.set()
            await serving

    def live() -> None:
        try:
            asyncio.run(run())
        finally:
            listens.set()
            ended.set()

    threading.Thread(target=live, daemon=True).start()
    assert listens.wait(20)
    headers = {"Authorization": f"Bearer {told['token']}"}
    starts_at = now() + timedelta(days=1)
    booking = {
        "title": "Пленарне засідання",
        "room": "plenary",
        "policy": "none",
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + timedelta(hours=8)).isoformat(),
    }
    retry = httpx.HTTPTransport(retries=20)
    with httpx.Client(base_url=told["url"], headers=headers, transport=retry, trust_env=False) as client:
        session = client.post("/api/v1/sessions", json=booking).json()["id"]
    try:
        yield Place(url=told["url"], token=told["token"], session=session)
    finally:
        told["stop"]()
        assert ended.wait(20)


@pytest.fixture(scope="module")
def operations(place: Place) -> list[Any]:
    """Every operation of the document as it is served, but the stream that has no end."""
    schema: Any = schemathesis.openapi.from_url(f"{place.url}/api/openapi.json")
    return [found.ok() for found in schema.exclude(path=ENDLESS).get_all_operations()]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_answer_is_one_the_document_names(
    operations: list[Any], place: Place, mode: GenerationMode
) -> None:
    assert len(operations) > 25
    for operation in operations:
        # Whatever stands in a path is a text: only a body and a query can be wrong.
        if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query):
            continue

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=BODIES,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        )
        def ask(case: Case[Any]) -> None:
            _ask(case, place)

        ask()


def _ask(case: Case[Any], place: Place) -> None:
    known = {"device": "wall", "session": place.session}
    for name, value in known.items():
        # A made-up id is unknown nearly always; every second request is about something that exists.
        # A session that exists is not changed: it would become one that starts a real programme.
        seen = name in (case.path_parameters or {}) and case.method != "PATCH"
        if seen and len(str(case.body) + str(case.query)) % 2:
            case.path_parameters[name] = value
    answer = case.call(headers=place.headers, timeout=25)
    checks: list[Any] = [content_type_conformance, response_schema_conformance, status_code_conformance]
    if answer.status_code not in (502, 504):  # a device that is away is no fault of ours, and is documented
        checks.append(not_a_server_error)
    case.validate_response(answer, checks=checks)


def test_the_document_lists_every_verb_with_an_example(place: Place) -> None:
    document = httpx.get(f"{place.url}/api/openapi.json", trust_env=False).json()
    operate = document["paths"]["/api/v1/devices/{device}/{verb}"]["post"]
    examples = operate["requestBody"]["content"]["application/json"]["examples"]
    verbs = {name for capability in CAPABILITIES for name in verbs_of(capability)}
    assert set(examples) == verbs
    assert examples["recall_preset"]["value"] == {"preset": 3}
    for verb in verbs:
        assert f"`{verb}`" in operate["description"]


def test_every_error_is_documented_as_a_problem(place: Place) -> None:
    document = httpx.get(f"{place.url}/api/openapi.json", trust_env=False).json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for status, said in operation["responses"].items():
                if int(status) >= 400:
                    assert list(said["content"]) == ["application/problem+json"], (method, path, status)
            assert operation["tags"], path
            assert operation.get("description"), path
