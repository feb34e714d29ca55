"""One connection to the server: requests under their numbers, and the answers to them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from avctl.errors import LinkError, NoAnswer, ProtocolError, Rejected
from avctl.wire import WebSocket
from drivers.bosch_dicentis.messages import (
    NO_PERMISSION,
    NOT_LOGGED_IN,
    Answer,
    Notice,
    Refusal,
    decode,
    encode,
)

Parameters = Mapping[str, Any]


class Line:
    """Asks, and gives what is heard to ``learn`` (answers, at once) and ``notice`` (events)."""

    def __init__(
        self,
        wire: WebSocket,
        learn: Callable[[str, Parameters], None],
        notice: Callable[[tuple[str, ...]], Awaitable[None]],
        seconds: float,
        needed: tuple[str, ...] = (),
    ) -> None:
        self._seconds = seconds  # of silence after which nothing more is expected
        self._wire, self._learn, self._notice, self._needed = wire, learn, notice, needed
        self._number = 0
        self._asked: dict[int, tuple[str, asyncio.Future[Parameters] | None]] = {}
        self._newest: dict[str, int] = {}
        self._lost = False

    async def hear(self) -> None:
        """Deal with what comes until the wire breaks or makes no sense."""
        while True:
            match decode(await self._wire.receive()):
                case Notice(names=names):
                    await self._notice(names)
                case Answer(number=number, operation=operation, parameters=parameters):
                    self._answered(number, operation, parameters)
                case Refusal(number=number, text=text):
                    self._refused(number, text)

    async def send(
        self,
        operation: str,
        parameters: Parameters | None = None,
        answer: asyncio.Future[Parameters] | None = None,
    ) -> int:
        """Ask without waiting for the answer; gives the request's number."""
        if self._lost:
            raise LinkError("the connection was lost")
        self._number += 1
        number = self._number
        self._asked[number] = operation, answer
        shown = encode(number, operation) if operation == "Login" else ""
        await self._wire.send(encode(number, operation, parameters), shown)
        return number

    async def ask(self, operation: str, parameters: Parameters | None = None) -> Parameters:
        """The answer to a request; Rejected when the server says no, NoAnswer when it is silent."""
        answer: asyncio.Future[Parameters] = asyncio.get_running_loop().create_future()
        number = 0
        try:
            async with asyncio.timeout(self._seconds):
                number = await self.send(operation, parameters, answer)
                return await answer
        except TimeoutError:
            raise NoAnswer(f"no answer to {operation} within {self._seconds:g} s") from None
        finally:
            self._asked.pop(number, None)

    def lose(self) -> None:
        """Everybody who waits for an answer gets LinkError."""
        self._lost = True
        for _, answer in self._asked.values():
            if answer is not None and not answer.done():
                answer.set_exception(LinkError("the connection was lost"))
        self._asked.clear()

    def _answered(self, number: int, operation: str, parameters: Parameters) -> None:
        asked, answer = self._asked.pop(number, ("", None))
        if not asked:
            if not 0 < number <= self._number:
                raise ProtocolError(f"an answer to nothing: {operation} {number}")
            return  # late: whoever asked has gone
        if asked.lower() != operation.lower():
            raise ProtocolError(f"{asked} was answered with {operation}")
        if number > self._newest.get(asked, 0):  # never an older answer over a newer one
            self._newest[asked] = number
            self._learn(asked, parameters)
        if answer is not None and not answer.done():
            answer.set_result(parameters)

    def _refused(self, number: int, text: str) -> None:
        if NOT_LOGGED_IN in text.lower():
            raise LinkError("the server has forgotten our log-in")
        asked, answer = self._asked.pop(number, ("", None))
        said = text
        if NO_PERMISSION in text.lower():
            said = f"the account has no permission for {asked or 'this'} on the server"
        refusal = Rejected(said, code=text)
        if answer is not None and not answer.done():
            answer.set_exception(refusal)
        elif answer is None and asked in self._needed:
            raise refusal
