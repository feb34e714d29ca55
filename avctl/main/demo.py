"""``avctl demo``: a whole simulated council, live, in one command.

The demo only starts things and uses the doors a person uses: the simulators and the controller are programs
of their own, sessions are booked and opened through the API.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import re
import secrets
import signal
import socket
import sys
import sysconfig
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import typer

from avctl.errors import AvctlError, ConfigError
from avctl.main.council import BUDGET, COUNCIL, EDUCATION, bodies
from avctl.model.account import Role
from avctl.model.session import BEFORE, RUNNING

PEOPLE = (("technician", Role.TECHNICIAN), ("scheduler", Role.SCHEDULER), ("admin", Role.ADMIN))
HALL, COMMITTEE, SECOND = "plenary", "committee", "committee-2"
SITTINGS = ("hall-dicentis", "small-shure", "visitors")  # where scripted scenes play
PATIENCE = 60.0  # seconds for everything to answer
ENDING = 20.0  # seconds for the programmes to end
PR_SET_PDEATHSIG = 1


class Demo:
    """Starts the council, says where it is, and ends it."""

    def __init__(self, *, data: Path, port: int, seconds: float, quiet: bool) -> None:
        self._data = data.absolute()
        self._port, self._seconds, self._quiet = port, seconds, quiet
        self._children: dict[str, asyncio.subprocess.Process] = {}
        self._stop = asyncio.Event()
        self._ending = False

    async def run(self) -> None:
        """Run until the time is over or somebody stops it, and leave no process behind."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        self._data.mkdir(parents=True, exist_ok=True, mode=0o700)
        facts_file = self._data / "demo.json"
        facts_file.unlink(missing_ok=True)
        file, url, simulators = self._configure()
        try:
            sittings = [word for device in SITTINGS for word in ("--sitting", device)]
            await self._start("simulators", "simulate", str(file), *sittings)
            accounts = await self._people()
            await self._start("controller", "run", "--config", str(file), "--data", str(self._data))
            async with asyncio.TaskGroup() as tasks:
                keeper = tasks.create_task(self._keep_alive(file))
                async with httpx.AsyncClient(base_url=url, timeout=30) as client:
                    ready = tasks.create_task(self._set_the_scene(client, simulators, accounts))
                    stopped = tasks.create_task(self._stop.wait())
                    await asyncio.wait((ready, stopped), return_when=asyncio.FIRST_COMPLETED)
                    if ready.done():
                        facts = {
                            "url": url,
                            "simulators": simulators,
                            "accounts": accounts,
                            "sessions": ready.result(),
                            "config": str(file),
                            "processes": {name: child.pid for name, child in self._children.items()},
                        }
                        self._write(facts_file, facts)
                        self._tell(url, simulators, accounts)
                        await self._wait()
                    else:
                        ready.cancel()
                    self._ending = True
                    keeper.cancel()
                    stopped.cancel()
                    await self._go_dark(client, accounts)
        finally:
            self._ending = True
            await self._end_children()

    async def _wait(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._seconds or None):
                await self._stop.wait()

    # --- the configuration, with free ports when asked -----------------------------------------------

    def _configure(self) -> tuple[Path, str, str]:
        text = demo_file().read_text(encoding="utf-8")
        web, control = 8000, 8090
        if self._port == 0:
            text, moved = with_free_ports(text)
            web, control = moved[web], moved[control]
        elif self._port != web:
            text = re.sub(rf"(?m)(^port = |http://127\.0\.0\.1:){web}\b", rf"\g<1>{self._port}", text)
            web = self._port
        file = self._data / "demo.toml"
        file.write_text(text, encoding="utf-8")
        return file, f"http://127.0.0.1:{web}", f"http://127.0.0.1:{control}"

    # --- the programs ----------------------------------------------------------------------------------

    async def _start(self, name: str, *arguments: str) -> None:
        with (self._data / f"{name}.log").open("ab") as log:
            self._children[name] = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "avctl",
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C is for the demo, which ends them in order
                preexec_fn=_end_with_parent,
            )

    async def _keep_alive(self, file: Path) -> None:
        """Start the controller again when it dies, as a service manager would."""
        while True:
            code = await self._children["controller"].wait()
            if self._ending:
                return
            if code == 1:
                raise ConfigError(f"the controller did not start; see {self._data / 'controller.log'}")
            self._say(f"The controller ended ({code}); it is started again.")
            await self._start("controller", "run", "--config", str(file), "--data", str(self._data))

    async def _end_children(self) -> None:
        for name in ("controller", "simulators"):
            child = self._children.get(name)
            if child is None or child.returncode is not None:
                continue
            child.terminate()
            try:
                async with asyncio.timeout(10):
                    await child.wait()
            except TimeoutError:
                child.kill()
                await child.wait()

    # --- the people and the scene ----------------------------------------------------------------------

    async def _people(self) -> list[dict[str, str]]:
        from avctl.main.record import accounts_of

        made = []
        async with accounts_of(self._data) as accounts:
            known = {account.name for account in await accounts.all()}
            for name, role in PEOPLE:
                password = secrets.token_urlsafe(9)
                if name in known:
                    await accounts.set_password(name, password, actor="demo")
                else:
                    await accounts.add(name, role, password, actor="demo")
                token = await accounts.make_token(name, "demo", actor="demo")
                made.append({"name": name, "role": str(role), "password": password, "token": token})
        return made

    async def _set_the_scene(
        self, client: httpx.AsyncClient, simulators: str, accounts: list[dict[str, str]]
    ) -> list[dict[str, str]]:
        """Book the sittings, open the plenary one, and wait until a viewer could watch it."""
        technician, scheduler = (_bearer(accounts, role) for role in (Role.TECHNICIAN, Role.SCHEDULER))
        await self._answers(client, "/health")
        await self._answers(client, f"{simulators}/simulators")
        await self._list_bodies(client, scheduler)
        sessions = await self._book(client, scheduler)
        live = sessions[0]["id"]
        for act in ("prepare", "open"):
            answer = await client.post(f"/api/v1/sessions/{live}/{act}", headers=technician)
            if answer.is_error and answer.status_code != 409:
                raise AvctlError(f"the demo's sitting could not {act}: {answer.text}")
        await self._answers(client, f"/live/{live}/master.m3u8")
        return sessions

    async def _list_bodies(self, client: httpx.AsyncClient, scheduler: dict[str, str]) -> None:
        """Who sits: the council, its standing committees and the executive, with how their sittings are."""
        asked = (
            client.put(f"/api/v1/bodies/{body['id']}", json=body, headers=scheduler) for body in bodies()
        )
        for answer in await asyncio.gather(*asked):
            if answer.is_error:
                raise AvctlError(f"the demo's list of those who sit could not be kept: {answer.text}")

    async def _book(self, client: httpx.AsyncClient, scheduler: dict[str, str]) -> list[dict[str, str]]:
        sessions = []
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        known = (await client.get("/api/v1/sessions", headers=scheduler)).json()
        for left in known:  # by an earlier demo in this folder
            if left["phase"] in BEFORE:
                await client.post(f"/api/v1/sessions/{left['id']}/cancel", headers=scheduler)
        running = [one for one in known if one["phase"] in RUNNING]
        for booking in bookings(now):
            found = next((one for one in running if one["room"] == booking["room"]), None)
            if found is None:
                answer = await client.post("/api/v1/sessions", json=booking, headers=scheduler)
                if answer.is_error:
                    raise AvctlError(f"the demo's sitting could not be booked: {answer.text}")
                found = answer.json()
            sessions.append({"id": found["id"], "room": booking["room"], "title": booking["title"]})
        return sessions

    async def _answers(self, client: httpx.AsyncClient, address: str) -> None:
        last = ""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    try:
                        answer = await client.get(address)
                        if answer.is_success or (address == "/health" and answer.status_code == 503):
                            return  # not well, and it says of what: no reason not to show it
                        last = f"{answer.status_code}"
                    except httpx.TransportError as fault:
                        last = str(fault) or type(fault).__name__
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AvctlError(f"{address} does not answer ({last}); see the logs in {self._data}") from None

    async def _go_dark(self, client: httpx.AsyncClient, accounts: list[dict[str, str]]) -> None:
        """End every programme as a technician would, and wait until their runners are gone."""
        technician = _bearer(accounts, Role.TECHNICIAN)
        with contextlib.suppress(httpx.HTTPError, KeyError, ValueError, TimeoutError):
            async with asyncio.timeout(ENDING):
                answer = await client.get("/api/v1/broadcasts", headers=technician)
                for broadcast in answer.json():
                    await client.post(
                        f"/api/v1/broadcasts/{broadcast['session']}/go-dark", headers=technician
                    )

    # --- what a person sees ------------------------------------------------------------------------------

    def _write(self, file: Path, facts: dict[str, Any]) -> None:
        """For its owner only, and whole from the first moment: scripts wait for it."""
        draft = file.with_suffix(".part")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(facts, ensure_ascii=False, indent=2), encoding="utf-8")
        draft.replace(file)

    def _tell(self, url: str, simulators: str, accounts: list[dict[str, str]]) -> None:
        self._say(
            f"avctl is live at {url}/ · control room {url}/control · simulators {simulators}/simulators"
        )
        for account in accounts:
            self._say(f"  {account['role']:<11} {account['name']:<11} password {account['password']}")
        self._say(f"Everything a script needs is in {self._data / 'demo.json'}. Ctrl-C ends it.")

    def _say(self, text: str) -> None:
        if not self._quiet:
            typer.echo(text)


def demo_file() -> Path:
    """The demo's configuration: in the checkout, or where the wheel put it."""
    checkout = Path(__file__).resolve().parents[2] / "config"
    for folder in (checkout, Path(sysconfig.get_path("data")) / "share" / "avctl"):
        if (folder / "demo.toml").is_file():
            return folder / "demo.toml"
    raise ConfigError("config/demo.toml is missing from this installation")


def with_free_ports(text: str) -> tuple[str, dict[int, int]]:
    """The configuration with every port replaced by a free one, and which became which."""
    pattern = re.compile(r"(?<=\bport = )\d+|(?<=127\.0\.0\.1:)\d+")
    wanted = sorted({int(number) for number in pattern.findall(text)})
    moved = dict(zip(wanted, free_ports(len(wanted)), strict=True))
    return pattern.sub(lambda found: str(moved[int(found.group())]), text), moved


def free_ports(count: int) -> Iterator[int]:
    """Ports nobody uses now, neither for TCP nor for UDP."""
    with contextlib.ExitStack() as taken:
        found: list[int] = []
        while len(found) < count:
            stream = taken.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            stream.bind(("127.0.0.1", 0))
            datagram = taken.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            with contextlib.suppress(OSError):
                datagram.bind(("127.0.0.1", stream.getsockname()[1]))
                found.append(stream.getsockname()[1])
    yield from found


def bookings(now: datetime) -> tuple[dict[str, Any], ...]:
    """The sittings of the demo: one that begins now, one in each other room later, one tomorrow."""
    agenda = [
        {"number": "1", "title": "Про бюджет міста Києва на наступний рік"},
        {"number": "2", "title": "Про програму «Безпечне місто»"},
        {"number": "3", "title": "Про перейменування вулиць у Шевченківському районі"},
        {"number": "4", "title": "Депутатські запити"},
    ]
    return (
        {
            "title": "Пленарне засідання",
            "body": COUNCIL,
            "kind": "plenary",
            "room": HALL,
            "starts_at": (now - timedelta(minutes=1)).isoformat(),
            "ends_at": (now + timedelta(hours=4)).isoformat(),
            "policy": "live",
            "agenda": agenda,
        },
        {
            "title": "Засідання комісії з питань бюджету",
            "body": BUDGET,
            "kind": "committee",
            "room": COMMITTEE,
            "starts_at": (now + timedelta(minutes=30)).isoformat(),
            "ends_at": (now + timedelta(hours=3)).isoformat(),
            "policy": "live",
            "agenda": agenda[:2],
        },
        {
            "title": "Засідання комісії з питань освіти",
            "body": EDUCATION,
            "kind": "committee",
            "room": SECOND,
            # Not soon: three broadcasts at once are too much for two small cores.
            "starts_at": (now + timedelta(hours=2)).isoformat(),
            "ends_at": (now + timedelta(hours=4)).isoformat(),
            "policy": "live",
            "agenda": agenda[1:3],
        },
        {
            "title": "Пленарне засідання (продовження)",
            "body": COUNCIL,
            "kind": "plenary",
            "room": HALL,
            "starts_at": (now + timedelta(days=1)).isoformat(),
            "ends_at": (now + timedelta(days=1, hours=5)).isoformat(),
            "policy": "live",
            "agenda": agenda,
        },
    )


def _bearer(accounts: list[dict[str, str]], role: Role) -> dict[str, str]:
    token = next(account["token"] for account in accounts if account["role"] == role)
    return {"Authorization": f"Bearer {token}"}


def _end_with_parent() -> None:
    """In the child, before it runs: be told to end when the demo dies without a word."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == 1:
        os.kill(os.getpid(), signal.SIGTERM)
