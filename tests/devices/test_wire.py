import asyncio
import logging
import os
import pty
import socket
import ssl
import termios
import threading
import tty
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest
import serial
import serial.rfc2217
import websockets
from websockets.asyncio.server import serve

from avctl import wire
from avctl.errors import LinkError, ProtocolError
from drivers.sim.certificate import self_signed

log = logging.getLogger("device.test")

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(4096):
        writer.write(data)


@asynccontextmanager
async def listening(talk: Talk, tls: ssl.SSLContext | None = None, path: str = "") -> AsyncIterator[int]:
    talks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks[task] = writer
        with suppress(OSError):
            await talk(reader, writer)
        writer.close()

    if path:
        server: asyncio.Server = await asyncio.start_unix_server(converse, path)
    else:
        server = await asyncio.start_server(converse, "127.0.0.1", 0, ssl=tls)
    try:
        yield 0 if path else server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task, writer in talks.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*talks, return_exceptions=True)


async def exactly(line: wire.Wire, count: int) -> bytes:
    got = b""
    while len(got) < count:
        got += await line.receive()
    return got


@pytest.fixture
def nobody() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


# --- TCP -------------------------------------------------------------------------------------------


async def test_bytes_go_there_and_back_and_into_the_log(caplog) -> None:
    caplog.set_level(logging.DEBUG)
    async with listening(echo) as port, wire.tcp("127.0.0.1", port, log) as line:
        await line.send(b"\xaa\x01")
        assert await exactly(line, 2) == b"\xaa\x01"
        line.send_now(b"\x02")
        assert await exactly(line, 1) == b"\x02"
    told = [record.message for record in caplog.records if record.name == "device.test"]
    assert told == [">> aa 01", "<< aa 01", ">> 02", "<< 02"]


async def test_a_secret_is_not_in_the_log(caplog) -> None:
    caplog.set_level(logging.DEBUG)

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)

    async with listening(swallow) as port, wire.tcp("127.0.0.1", port, log) as line:
        await line.send(b"4711", shown="(PIN)")
        with pytest.raises(LinkError):
            await line.receive()
    assert ">> (PIN)" in caplog.text
    assert b"4711".hex(" ") not in caplog.text


async def test_nobody_there_is_a_link_error_with_the_address(nobody: int) -> None:
    with pytest.raises(LinkError, match=f"127.0.0.1:{nobody}"):
        async with wire.tcp("127.0.0.1", nobody, log):
            pass


async def test_a_closed_and_a_broken_connection_are_link_errors() -> None:
    async def closes(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def breaks(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    for talk in (closes, breaks):
        async with listening(talk) as port, wire.tcp("127.0.0.1", port, log) as line:
            with pytest.raises(LinkError):
                await line.receive()


async def test_who_listens_is_called_before_anybody_else_has_a_turn() -> None:
    async def speaks(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"first ")
        await asyncio.sleep(0.05)
        writer.write(b"second")
        writer.close()

    heard = bytearray()
    async with listening(speaks) as port, wire.tcp("127.0.0.1", port, log) as line:
        await asyncio.sleep(0.01)  # what came before anybody listened is not lost
        with pytest.raises(LinkError, match="closed the connection"):
            await line.listen(heard.extend)
        with pytest.raises(LinkError, match="cannot send"):
            await line.send(b"too late")
    assert heard == b"first second"


async def test_what_a_listener_raises_ends_the_listening() -> None:
    def refuse(data: bytes) -> None:
        raise ProtocolError(f"not expected: {data.hex()}")

    async with listening(echo) as port, wire.tcp("127.0.0.1", port, log) as line:
        await line.send(b"\xaa")
        with pytest.raises(ProtocolError, match="not expected: aa"):
            await line.listen(refuse)


async def test_a_fault_of_a_listener_is_raised_as_it_is() -> None:
    async with listening(echo) as port, wire.tcp("127.0.0.1", port, log) as line:
        await line.send(b"not a number")
        with pytest.raises(ValueError, match="invalid literal"):
            await line.listen(int)


async def test_a_device_that_floods_waits_for_who_does_not_read_and_nothing_is_lost() -> None:
    much = bytes(range(256)) * 2**17
    sent = 0

    async def floods(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        for start in range(0, len(much), 2**16):
            writer.write(much[start : start + 2**16])
            await writer.drain()
            sent = start + 2**16
        writer.close()

    async with listening(floods) as port, wire.tcp("127.0.0.1", port, log) as line:
        stands = -1
        while stands != sent:  # what both sides hold is full
            stands = sent
            await asyncio.sleep(0.1)
        got = await exactly(line, len(much))
    assert stands < len(much)
    assert got == much


async def test_who_sends_more_than_a_device_takes_waits_until_it_reads_or_goes() -> None:
    async def sleeps(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        writer.transport.abort()

    async def pour(line: wire.Stream) -> None:
        while True:
            await line.send(bytes(2**20))

    async with listening(sleeps) as port, wire.tcp("127.0.0.1", port, log) as line:
        with pytest.raises(LinkError, match="cannot send"):
            await pour(line)


async def test_a_device_with_its_own_certificate_is_trusted_and_another_than_the_pinned_is_not(
    tmp_path: Path,
) -> None:
    identity = self_signed("device")
    async with listening(echo, identity) as port:
        async with wire.tcp("127.0.0.1", port, log, wire.trusting()) as line:
            await line.send(b"hello")
            assert await exactly(line, 5) == b"hello"
        shown = tmp_path / "shown.pem"
        shown.write_text(await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", port)))
        async with wire.tcp("127.0.0.1", port, log, wire.trusting(str(shown))) as line:
            await line.send(b"again")
            assert await exactly(line, 5) == b"again"
    async with listening(echo, self_signed("impostor")) as port:
        with pytest.raises(LinkError):
            async with wire.tcp("127.0.0.1", port, log, wire.trusting(str(shown))):
                pass


async def test_an_open_connection_goes_on_in_tls() -> None:
    async def starts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"TLS now")
        await writer.start_tls(self_signed("device"))
        await echo(reader, writer)

    async with listening(starts) as port, wire.tcp("127.0.0.1", port, log) as line:
        assert await exactly(line, 7) == b"TLS now"
        await line.secure(wire.trusting())
        await line.send(b"quietly")
        assert await exactly(line, 7) == b"quietly"


async def test_a_peer_that_speaks_no_tls_is_a_link_error() -> None:
    async def babbles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"what?")
        await reader.read(100)
        writer.write(b"I do not understand")

    async with listening(babbles) as port, wire.tcp("127.0.0.1", port, log) as line:
        await exactly(line, 5)
        with pytest.raises(LinkError):
            await line.secure(wire.trusting())


# --- Unix socket, UDP, WebSocket -------------------------------------------------------------------


async def test_a_unix_socket_may_lie_deep(tmp_path: Path, monkeypatch) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    async with listening(echo, path="control"), wire.unix(deep / "control", log) as line:
        await line.send(b"deep")
        assert await exactly(line, 4) == b"deep"


async def test_a_unix_socket_that_is_not_there_is_a_link_error(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path / "no-folder" / "none"):
        with pytest.raises(LinkError):
            async with wire.unix(path, log):
                pass


async def test_each_datagram_is_one_piece() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        device.bind(("127.0.0.1", 0))
        device.settimeout(5)
        async with wire.udp("127.0.0.1", device.getsockname()[1], log) as line:
            line.send_now(b"one")
            await line.send(b"two")
            heard = [device.recvfrom(100) for _ in range(2)]
            assert [data for data, _ in heard] == [b"one", b"two"]
            for data in (b"yes", b"no"):
                device.sendto(data, heard[0][1])
            assert [await line.receive(), await line.receive()] == [b"yes", b"no"]


async def test_a_datagram_to_nobody_is_a_link_error(nobody: int) -> None:
    async with wire.udp("127.0.0.1", nobody, log) as line:
        line.send_now(b"anybody?")
        with pytest.raises(LinkError):
            await line.receive()


async def test_texts_go_both_ways_over_a_websocket_and_its_end_is_a_link_error(caplog) -> None:
    caplog.set_level(logging.DEBUG, "device.test")

    async def parrot(connection: websockets.asyncio.server.ServerConnection) -> None:
        assert connection.subprotocol == "PARROT"
        await connection.send("you said " + str(await connection.recv()))

    async with (
        serve(parrot, "127.0.0.1", 0, subprotocols=[websockets.Subprotocol("PARROT")]) as server,
        wire.websocket(
            f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}", log, "PARROT"
        ) as line,
    ):
        await line.send("the secret word", shown="(secret)")
        assert await line.receive() == "you said the secret word"
        with pytest.raises(LinkError):
            await line.receive()
    assert ">> (secret)" in caplog.text


async def test_a_websocket_nobody_serves_is_a_link_error(nobody: int) -> None:
    with pytest.raises(LinkError, match=str(nobody)):
        async with wire.websocket(f"ws://127.0.0.1:{nobody}", log, "PARROT"):
            pass


# --- serial lines ----------------------------------------------------------------------------------


@contextmanager
def terminal() -> Iterator[tuple[int, str]]:
    """A real pty: the far end's file number, and the device file of the near end."""
    far, near = pty.openpty()
    tty.setraw(near, termios.TCSANOW)
    try:
        yield far, os.ttyname(near)
    finally:
        os.close(near)
        with suppress(OSError):
            os.close(far)


async def test_a_serial_line_carries_every_byte_both_ways() -> None:
    every = bytes(range(256))
    with terminal() as (far, address):
        async with wire.serial_line(address, log) as line:
            await line.send(every)
            assert await asyncio.to_thread(os.read, far, 4096) == every
            for byte in every:
                os.write(far, bytes((byte,)))
            assert await exactly(line, 256) == every


async def test_a_serial_line_can_be_opened_again_and_loses_nothing() -> None:
    with terminal() as (far, address):
        for turn in range(3):
            async with wire.serial_line(address, log) as line:
                waiting = asyncio.create_task(line.receive())
                await asyncio.sleep(0)  # it listens now
                waiting.cancel()
            os.write(far, bytes((turn, 0xFF)))
            async with wire.serial_line(address, log) as line:
                os.write(far, b"next")
                assert (await exactly(line, 4))[-4:] == b"next"


async def test_many_serial_lines_do_not_starve_each_other() -> None:
    with ExitStack() as stack:
        ends = [stack.enter_context(terminal()) for _ in range(40)]
        lines = [wire.serial_line(address, log) for _, address in ends]
        opened = [await line.__aenter__() for line in lines]
        listening = [asyncio.create_task(line.receive()) for line in opened]
        for number, (far, _) in enumerate(ends):
            os.write(far, bytes((number,)))
        assert await asyncio.gather(*listening) == [bytes((number,)) for number in range(40)]
        for line in lines:
            await line.__aexit__(None, None, None)


async def test_an_adapter_that_is_pulled_is_a_link_error() -> None:
    with terminal() as (far, address):
        async with wire.serial_line(address, log) as line:
            waiting = asyncio.create_task(line.receive())
            os.close(far)
            with pytest.raises(LinkError):
                await waiting


@pytest.mark.parametrize("address", ["/dev/there-is-no-such-line", "nonsense://x", "socket://127.0.0.1:1"])
async def test_a_serial_line_that_cannot_be_opened_is_a_link_error(address: str) -> None:
    with pytest.raises(LinkError, match="cannot open"):
        async with wire.serial_line(address, log):
            pass


async def test_a_serial_line_behind_a_socket() -> None:
    async with listening(echo) as port, wire.serial_line(f"socket://127.0.0.1:{port}", log) as line:
        await line.send(b"\xaa\x55")
        assert await exactly(line, 2) == b"\xaa\x55"


@pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")  # pyserial's own
async def test_a_serial_line_behind_a_port_server() -> None:
    with port_server() as port:
        async with wire.serial_line(f"rfc2217://127.0.0.1:{port}", log) as line:
            await line.send(b"\xaa\xff\x00")
            assert await exactly(line, 3) == b"\xaa\xff\x00"


@contextmanager
def port_server() -> Iterator[int]:
    """An RFC 2217 server for one client, on pyserial's own server side, with a line that echoes.

    A pty has no modem lines, which a client of RFC 2217 always sets.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def run() -> None:
        connection, _ = listener.accept()
        connection.settimeout(0.05)
        with connection, serial.serial_for_url("loop://", timeout=0) as port:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

            class Out:
                def write(self, data: bytes) -> None:
                    connection.sendall(data)

            manager = serial.rfc2217.PortManager(port, Out())
            while not ended.is_set():
                if waiting := port.read(100):
                    connection.sendall(b"".join(manager.escape(waiting)))
                with suppress(TimeoutError):
                    data = connection.recv(100)
                    if not data:
                        return
                    port.write(b"".join(manager.filter(data)))

    server = threading.Thread(target=run)
    server.start()
    try:
        yield listener.getsockname()[1]
    finally:
        ended.set()
        server.join()
        listener.close()
