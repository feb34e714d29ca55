"""APC power strips over SNMP v1 or v2c, on UDP 161 (source: PowerNet MIB, as public clients use it).

Three families keep their outlets in three places, and one has on and off the other way round in what it reads
than in what it is told. A wrong community is not answered at all: it looks like a dead device.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, SecretStr

from avctl.capabilities import Outlets
from avctl.driver import Driver, together
from avctl.errors import BadArgument, LinkError, NoAnswer, ProtocolError, Rejected
from avctl.wire import Datagrams, udp
from drivers.apc_pdu.snmp import Kind, Message, Value, decode, encode, error_name, names
from drivers.polled import Options as PolledOptions

ROOT = "1.3.6.1.4.1.318.1.1"
TRIES = 3
LAST_NUMBER = 2**31 - 2
AT_ONCE = 8  # objects in a question: an answer must fit in a datagram
ON, OFF, REBOOT = 1, 2, 3  # what every family is told; more is not sure for all
READ_ONLY = (2, 4, 6, 16, 17)  # noSuchName in v1, noAccess in v2c


@dataclass(frozen=True, kw_only=True)
class Family:
    """Where a family keeps its outlets, and which state is on."""

    name: str
    state: str
    command: str
    load: str
    on: int
    off: int


FAMILIES: Mapping[str, Family] = {
    "rpdu": Family(
        name=f"{ROOT}.12.3.3.1.1.2",
        state=f"{ROOT}.12.3.5.1.1.4",
        command=f"{ROOT}.12.3.3.1.1.4",
        load=f"{ROOT}.12.2.3.1.1.2.1",
        on=1,
        off=2,
    ),
    "rpdu2": Family(
        name=f"{ROOT}.26.9.2.3.1.3",
        state=f"{ROOT}.26.9.2.3.1.5",
        command=f"{ROOT}.26.9.2.4.1.5",
        load=f"{ROOT}.26.6.3.1.5.1",
        on=2,
        off=1,
    ),
    "masterswitch": Family(
        name=f"{ROOT}.4.4.2.1.4", state=f"{ROOT}.4.4.2.1.3", command=f"{ROOT}.4.4.2.1.3", load="", on=1, off=2
    ),
}
MODEL, SERIAL = f"{ROOT}.12.1.5.0", f"{ROOT}.12.1.6.0"


class Options(PolledOptions):
    """What an APC power strip can be told in the configuration."""

    family: Literal["rpdu", "rpdu2", "masterswitch"] = Field(
        "rpdu2", description="rpdu: AP78xx, AP79xx; rpdu2: AP84xx to AP89xx; masterswitch: AP92xx."
    )
    version: Literal["1", "2c"] = Field("2c", description="Version of SNMP.")
    community: SecretStr = Field(SecretStr("public"), description="Community that may read.")
    write_community: SecretStr = Field(SecretStr("private"), description="Community that may switch.")
    outlets: int = Field(8, ge=1, le=48, description="How many outlets it has.")
    answer_seconds: float = Field(1, gt=0, le=10, description="Silence after which it is asked again.")


class ApcPdu(Driver, Outlets):
    """A power strip; also reports model, serial, amperes and fault."""

    title = "Power strip (APC)"
    port = 161
    Options = Options

    _wire: Datagrams | None = None

    async def serve(self) -> None:
        """Look at the power strip until it falls silent."""
        self._number = 0
        self._awaited: dict[int, asyncio.Future[Message]] = {}
        self._names: dict[str, Value] = {}
        self._news = asyncio.Event()
        port = int(self.device.port or self.port)
        async with udp(
            self.device.host, port, self.log, hidden=True
        ) as self._wire:  # answers have the community
            try:
                await together(self._hear(self._wire), self._watch())
            finally:
                self._wire = None
                for future in self._awaited.values():
                    if not future.done():
                        future.set_exception(LinkError("the link ended before the power strip answered"))

    async def switch_outlet(self, outlet: int, on: bool) -> None:
        await self._set(outlet, ON if on else OFF)

    async def cycle_outlet(self, outlet: int) -> None:
        await self._set(outlet, REBOOT)

    async def _set(self, outlet: int, command: int) -> None:
        if not 1 <= outlet <= self.options.outlets:
            raise BadArgument("outlet", f"a number from 1 to {self.options.outlets} (got {outlet})")
        await self._ask("set", {f"{self._family.command}.{outlet}": command})
        self._news.set()

    @property
    def _family(self) -> Family:
        return FAMILIES[self.options.family]

    # --- asking ------------------------------------------------------------------------------------------

    async def _ask(self, kind: Kind, values: Mapping[str, Value]) -> Mapping[str, Value]:
        """The values of the answer; asked again when a datagram was lost."""
        community = self.options.write_community if kind == "set" else self.options.community
        for _ in range(TRIES):
            if self._wire is None:
                raise LinkError("the power strip is not connected")
            number = self._number = self._number % LAST_NUMBER + 1
            request = Message(
                version=self.options.version,
                community=community.get_secret_value(),
                kind=kind,
                number=number,
                values=values,
            )
            future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
            self._awaited[number] = future
            self._wire.send_now(encode(request), shown=f"{kind} {', '.join(values)}")
            try:
                async with asyncio.timeout(self.options.answer_seconds):
                    answer = await future
            except TimeoutError:
                continue
            finally:
                self._awaited.pop(number, None)
            if answer.error in READ_ONLY and kind == "set":
                raise Rejected("the community may not switch it", error_name(answer.error))
            if answer.error:
                raise Rejected("the power strip refuses", error_name(answer.error))
            return answer.values
        raise NoAnswer("no answer: the power strip is away, or does not know the community")

    async def _optional(self, name: str) -> Value:
        """An object that a model may lack."""
        with suppress(Rejected):
            return (await self._ask("get", {name: None})).get(name)
        return None

    async def _hear(self, wire: Datagrams) -> None:
        while True:
            answer = decode(await wire.receive())
            future = self._awaited.get(answer.number)
            if answer.kind == "answer" and future is not None and not future.done():
                future.set_result(answer)  # one that is not awaited any more came late

    # --- looking -----------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            self._news.clear()
            await self._look()
            self.online()
            with suppress(TimeoutError):
                async with asyncio.timeout(self.options.poll):
                    await self._news.wait()

    async def _look(self) -> None:
        if not self._names:
            self.report(model=await self._optional(MODEL) or "", serial=await self._optional(SERIAL) or "")
            self._names = dict(await self._table(self._family.name))
        states = await self._table(self._family.state)
        known = {self._family.on: True, self._family.off: False}
        outlets: dict[str, dict[str, Any]] = {}
        missing = []
        for outlet in range(1, self.options.outlets + 1):
            state = states.get(f"{self._family.state}.{outlet}")
            name = self._names.get(f"{self._family.name}.{outlet}")
            if state is None:
                missing.append(str(outlet))
            else:
                on = known.get(state) if isinstance(state, int) else None
                outlets[str(outlet)] = {"name": str(name or ""), "on": on}
        self.report(outlets=outlets, fault=f"it has no outlet {', '.join(missing)}" if missing else "")
        if self._family.load and isinstance(load := await self._optional(self._family.load), int):
            self.report(amperes=load / 10)

    async def _table(self, prefix: str) -> Mapping[str, Value]:
        """The objects of all outlets, as far as they are there: in v1 one that is not spoils its question."""
        found: dict[str, Value] = {}
        wanted = names(prefix, range(1, self.options.outlets + 1))
        for at in range(0, len(wanted), AT_ONCE):
            some = dict.fromkeys(wanted[at : at + AT_ONCE])
            try:
                found |= await self._ask("get", some)
            except Rejected:
                for name in some:
                    found[name] = await self._optional(name)
        if not all(name in found for name in wanted):
            raise ProtocolError("an answer without what was asked for")
        return found


DRIVER = ApcPdu
