"""One camera's line: what is outstanding, what waits, and which reply belongs to which request.

One request is sent, its first reply is waited for, and only then the next is sent. A command goes on after
that: it is accepted first and completed later. On UDP a request without a reply is repeated under the same
sequence number.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from avctl.errors import AvctlError, Conflict, LinkError, NoAnswer, ProtocolError, Rejected
from drivers.visca.codec import (
    BUFFER_FULL,
    CANCELLED,
    ERRORS,
    NETWORK_CHANGE,
    OF_A_SOCKET,
    RESET,
    SEQUENCE_ABNORMAL,
    Kind,
    Message,
    Packets,
    Reply,
    Says,
    read_reply,
    speaker,
    to,
    unwrap,
    wrap,
)

FULL_PAUSE = 0.1  # seconds before a command is tried again that found both sockets taken
LIFETIME = 10.0  # seconds after which a command that was never completed is forgotten
SILENCES = 2  # requests in a row without any reply that end the link


class Request:
    """Something asked of a camera: ``replied`` with the first reply, ``done`` when it is completed."""

    def __init__(
        self, payload: bytes, kind: Kind = Kind.COMMAND, *, digits: int = 0, patience: float = 0
    ) -> None:
        loop = asyncio.get_running_loop()
        self.payload, self.kind = payload, kind
        self.digits = digits  # length of an inquiry's answer; 0: any
        self.patience = patience  # seconds an acceptance may take that comes only when a move ends
        self.replied: asyncio.Future[bytes] = loop.create_future()
        self.done: asyncio.Future[None] = loop.create_future()
        self.sequence = 0
        self.socket = 0
        self.sent = 0
        self.cancelled = 0
        self.resynchronised = False
        self.timer: asyncio.TimerHandle | None = None
        self.deadline: asyncio.TimerHandle | None = None

    @property
    def replaceable(self) -> bool:
        """Whether a newer one takes its place: only recalls of presets have patience."""
        return self.patience > 0

    def reply(self, data: bytes = b"") -> None:
        """The first reply came."""
        if not self.replied.done():
            self.replied.set_result(data)

    def complete(self) -> None:
        """It is done."""
        self.reply()
        if not self.done.done():
            self.done.set_result(None)

    def fail(self, fault: AvctlError) -> None:
        """It will not be done."""
        for future in (self.replied, self.done):
            if not future.done():
                future.set_exception(fault)
                future.exception()  # whoever asked may have left


class Line:
    """Orders requests to a camera; ``framed`` with Sony's header, ``tries`` times each.

    ``address``: its place on a serial line; others may stand on it.
    """

    def __init__(
        self,
        send: Callable[[bytes], None],
        *,
        framed: bool,
        seconds: float,
        tries: int,
        stream: bool,
        address: int = 1,
    ) -> None:
        self._send, self._framed, self._seconds, self._tries = send, framed, seconds, tries
        self._address = address
        self._stream = Packets() if stream else None
        self._sequence = 0
        self._out: Request | None = None
        self._commands: deque[Request] = deque()
        self._inquiries: deque[Request] = deque()
        self._unfinished: list[Request] = []
        self._full: list[Request] = []  # found both sockets taken, wait to be tried again
        self._silences = 0
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def put(self, request: Request) -> None:
        """Send a request: at once, before this returns, when nothing is outstanding."""
        if self._end.done():
            raise self._fault()
        if request.replaceable:
            for older in (*self._commands, *self._full):
                if older.replaceable:
                    self._forget(older)
                    older.fail(Conflict("a newer shot was asked for"))
        if self._out is None or self._overtakes(request, self._out):
            self._transmit(request)
        else:
            (self._inquiries if request.kind is Kind.INQUIRY else self._commands).append(request)

    async def ended(self) -> None:
        """Wait for the end of the link; raises its fault. Whatever is unanswered fails with it."""
        try:
            await asyncio.shield(self._end)
        finally:
            if not self._end.done():
                self._end.set_result(None)
            for request in (*self._commands, *self._inquiries, *self._full, *self._unfinished):
                self._forget(request)
                request.fail(self._fault())

    def heard(self, data: bytes) -> None:
        """Hand in what came: a datagram, or a piece of a stream."""
        if self._framed:
            message = unwrap(data)
            if message.kind in (Kind.CONTROL_REPLY, Kind.CONTROL):
                self._control(message)
            elif message.kind is Kind.REPLY:
                for packet in Packets().feed(message.payload):
                    self._reply(packet, message.sequence)
            return
        for packet in (self._stream or Packets()).feed(data):
            self._reply(packet, None)

    # --- sending -----------------------------------------------------------------------------------

    def _overtakes(self, request: Request, out: Request) -> bool:
        """Whether a shot need not wait for a look's answer: Sony's header says which reply is whose."""
        return self._framed and request.replaceable and out.kind is Kind.INQUIRY and not self._silences

    def _transmit(self, request: Request) -> None:
        if request.kind is Kind.CONTROL:
            self._sequence = 0
        else:
            self._sequence = self._sequence % 0xFFFFFFFF + 1
        request.sequence = 0 if request.kind is Kind.CONTROL else self._sequence
        request.sent = 0
        self._out = request
        self._unfinished.append(request)
        self._emit(request)
        if request.deadline is None:
            loop = asyncio.get_running_loop()
            request.deadline = loop.call_later(request.patience or LIFETIME, self._too_late, request)

    def _emit(self, request: Request) -> None:
        request.sent += 1
        if self._framed:
            self._send(wrap(request.kind, request.sequence, request.payload))
        else:
            self._send(to(self._address, request.payload))
        request.timer = asyncio.get_running_loop().call_later(self._seconds, self._silent, request)

    def _release(self, request: Request) -> None:
        """The first reply came, or nobody waits for it any more: the next may be sent."""
        if request.timer is not None:
            request.timer.cancel()
        if self._out is request:
            self._out = None
            if self._commands:
                self._transmit(self._commands.popleft())
            elif self._inquiries:
                self._transmit(self._inquiries.popleft())

    def _forget(self, request: Request) -> None:
        for where in (self._commands, self._inquiries, self._unfinished, self._full):
            if request in where:
                where.remove(request)
        for timer in (request.timer, request.deadline):
            if timer is not None:
                timer.cancel()

    def _finish(self, request: Request) -> None:
        self._forget(request)
        self._release(request)

    # --- silence -----------------------------------------------------------------------------------

    def _silent(self, request: Request) -> None:
        if request.kind is Kind.INQUIRY and request is not self._out:
            # Overtaken by a shot: its number is older now than the camera's last, so it gets a new one.
            self._unfinished.remove(request)
            self._inquiries.appendleft(request)
            if self._out is None:
                self._transmit(self._inquiries.popleft())
            return
        replaced = request.replaceable and any(newer.replaceable for newer in self._commands)
        if request.sent < self._tries and not replaced:
            self._emit(request)
            return
        self._silences += 1
        late = self._stream is not None and not request.patience  # it could pass for the next one's answer
        if (self._silences >= SILENCES or late) and not replaced:
            self._stop(LinkError("the camera does not answer"))
        if replaced:
            request.fail(Conflict("a newer shot was asked for"))
        elif not request.patience:
            request.fail(NoAnswer("the camera does not answer"))
        if request.replied.done():
            self._finish(request)
        else:
            self._release(request)  # its acceptance may come when the move has ended

    def _too_late(self, request: Request) -> None:
        did = "completed" if request.replied.done() else "accepted"
        request.fail(NoAnswer(f"not {did} within {request.patience or LIFETIME:g} s"))
        self._finish(request)

    def _fault(self) -> LinkError:
        return LinkError(str(self._end.exception() or "the link to the camera has ended"))

    def _stop(self, fault: LinkError) -> None:
        if not self._end.done():
            self._end.set_exception(fault)

    # --- hearing -----------------------------------------------------------------------------------

    def _control(self, message: Message) -> None:
        request = self._out
        if request is None:
            return
        if request.kind is Kind.CONTROL:
            self._silences = 0
            request.complete()
            self._finish(request)
        elif message.payload != SEQUENCE_ABNORMAL:
            raise ProtocolError(f"the camera refuses our header: {message.payload.hex(' ')}")
        elif message.sequence == request.sequence:
            if request.resynchronised:
                raise ProtocolError("the camera refuses our sequence numbers")
            request.resynchronised = True
            self._unfinished.remove(request)
            self._commands.appendleft(request)
            self._commands.appendleft(Request(RESET, Kind.CONTROL))
            self._release(request)

    def _reply(self, packet: bytes, sequence: int | None) -> None:
        if speaker(packet) != self._address:
            return  # another camera of a serial line, or what goes round it
        if packet[1] == NETWORK_CHANGE and self._stream is not None:
            self._stop(LinkError("the cameras of the line have changed"))
            return
        reply = read_reply(packet)
        request = None if reply is None else self._meant(reply, sequence)
        if reply is None or request is None:
            return  # an answer to a repeated request, or one of a move we no longer follow
        self._silences = 0
        match reply.says:
            case Says.ACCEPTED:
                request.socket = reply.socket
                request.reply()
                self._release(request)
            case Says.COMPLETED:
                request.complete()
                self._finish(request)
            case Says.ANSWER:
                request.reply(reply.data)
                self._finish(request)
            case Says.ERROR if reply.code == BUFFER_FULL and request.kind is Kind.COMMAND:
                self._unfinished.remove(request)
                if request.replaceable and any(newer.replaceable for newer in self._commands):
                    request.fail(Conflict("a newer shot was asked for"))
                    self._finish(request)
                    return
                self._full.append(request)
                self._release(request)
                request.timer = asyncio.get_running_loop().call_later(FULL_PAUSE, self._again, request)
            case Says.ERROR if (
                reply.code == CANCELLED and sequence is None and request.cancelled < request.sent - 1
            ):
                request.cancelled += 1  # without numbers a repetition is a new move, and ends the one before
            case Says.ERROR:
                what = ERRORS.get(reply.code, "an unknown error")
                request.fail(Rejected(f"the camera refused: {what}", code=f"{reply.code:02x}"))
                self._finish(request)

    def _again(self, request: Request) -> None:
        self._full.remove(request)
        if not request.replied.done() and not self._end.done():
            self.put(request)

    def _meant(self, reply: Reply, sequence: int | None) -> Request | None:
        """The request a reply belongs to: by its number, or without numbers by what can be meant."""
        if sequence is not None:
            fitting = (request for request in self._unfinished if request.sequence == sequence)
            return next(fitting, None)
        if reply.says is Says.ANSWER:
            out = self._out
            fits = out is not None and out.kind is Kind.INQUIRY and out.digits in (0, len(reply.data))
            return out if fits else None
        if reply.says is Says.ERROR and reply.code not in OF_A_SOCKET and self._out is not None:
            return self._out
        commands = [request for request in self._unfinished if request.kind is Kind.COMMAND]
        if reply.socket and reply.says is not Says.ACCEPTED:
            for request in commands:
                if request.socket == reply.socket:
                    return request
        return next((request for request in commands if not request.replied.done()), None)
