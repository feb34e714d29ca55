import asyncio
import os
import pty
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from samsung_mdc import MDC
from samsung_mdc.exceptions import MDCResponseError, NAKError

from avctl.config import Device
from avctl.driver import supervise
from avctl.errors import BadArgument, LinkError, NoAnswer, ProtocolError, Rejected
from avctl.events import Link
from drivers.samsung_mdc import INPUTS, Codec, Frame, Options, SamsungMdc, encode, input_name
from drivers.sim.samsung_mdc import SIMULATOR, SamsungMdcSimulator

# The vendor's bytes: (request, answer, command, data sent, data answered), display id 1.
SEEN = [
    ("AA 00 01 00 01", "AA FF 01 09 41 00 01 14 00 21 10 00 00 90", 0x00, "", "01 14 00 21 10 00 00"),
    ("AA 11 01 01 01 14", "AA FF 01 03 41 11 01 56", 0x11, "01", "01"),
    ("AA 14 01 01 23 39", "AA FF 01 03 41 14 23 7B", 0x14, "23", "23"),
    ("AA 84 01 01 01 87", "AA FF 01 03 41 84 01 C9", 0x84, "01", "01"),
    ("AA 89 01 00 8A", "AA FF 01 04 41 89 22 01 F1", 0x89, "", "22 01"),
    ("AA 5C 01 01 01 5F", "AA FF 01 03 41 5C 01 A1", 0x5C, "01", "01"),
    ("AA 0D 01 00 0E", "AA FF 01 08 41 0D 00 00 02 00 36 00 8E", 0x0D, "", "00 00 02 00 36 00"),
    ("AA 25 01 01 50 77", "AA FF 01 03 41 25 50 B9", 0x25, "50", "50"),
]
REFUSAL = bytes.fromhex("AA FF 01 03 4E 12 01 64")


@pytest.fixture
def display(device: Callable[..., Device]) -> SamsungMdcSimulator:
    """A display that is on and ready."""
    simulator = SIMULATOR(device("samsung_mdc", poll=0.05, answer_seconds=0.5, boot_seconds=0))
    simulator.settings[0x11] = 1
    return simulator


@pytest.mark.parametrize(("request_", "answer", "command", "sent", "answered"), SEEN)
def test_the_vendors_bytes_both_ways(
    request_: str, answer: str, command: int, sent: str, answered: str
) -> None:
    asked = Frame(command=command, display=1, data=bytes.fromhex(sent))
    told = Frame(command=0xFF, display=1, data=bytes((0x41, command)) + bytes.fromhex(answered))
    assert encode(asked) == bytes.fromhex(request_)
    assert encode(told) == bytes.fromhex(answer)
    assert list(Codec().feed(bytes.fromhex(request_))) == [asked]
    assert list(Codec().feed(bytes.fromhex(answer))) == [told]


def test_frames_come_one_byte_at_a_time() -> None:
    codec, heard = Codec(), []
    for _, answer, *_ in SEEN:
        for byte in bytes.fromhex(answer):
            heard += codec.feed(bytes((byte,)))
    assert [encode(frame) for frame in heard] == [bytes.fromhex(answer) for _, answer, *_ in SEEN]


def test_noise_before_a_header_is_passed_over_but_not_without_end() -> None:
    codec = Codec()
    assert list(codec.feed(b"\x00\x07noise" + REFUSAL))[0].data == b"N\x12\x01"
    with pytest.raises(ProtocolError):
        list(codec.feed(bytes(100)))
    assert len(list(codec.feed(REFUSAL))) == 1


def test_a_wrong_checksum_is_an_error_and_the_next_frame_is_read() -> None:
    codec = Codec()
    with pytest.raises(ProtocolError, match="checksum"):
        list(codec.feed(REFUSAL[:-1] + b"\x00" + REFUSAL))
    assert len(list(codec.feed(b""))) == 1


@given(
    st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=255)), max_size=4),
    st.integers(1, 7),
)
def test_any_frames_are_read_back_in_any_pieces(frames: list[tuple[int, int, bytes]], size: int) -> None:
    sent = [Frame(command=command, display=display, data=data) for command, display, data in frames]
    stream = b"".join(encode(frame) for frame in sent)
    codec = Codec()
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert [frame for piece in pieces for frame in codec.feed(piece)] == sent


@given(st.binary(max_size=600))
def test_no_bytes_whatever_upset_the_codec(data: bytes) -> None:
    codec = Codec()
    with suppress(ProtocolError):
        list(codec.feed(data))


def test_a_twin_bears_the_name_of_its_input() -> None:
    assert [input_name(code) for code in (0x21, 0x22, 0x24, 0x1F, 0x25)] == [
        "hdmi1",
        "hdmi1",
        "hdmi2",
        "dvi",
        "dp1",
    ]
    assert input_name(0x77) == "input_77"


async def test_everything_a_display_tells_is_reported(display, witness, served) -> None:
    display.settings[0x14] = INPUTS["hdmi2"]
    async with display, served(SamsungMdc, display):
        await witness.report(
            power=True,
            input="hdmi2",
            volume=20,
            muted=False,
            brightness=60,
            wall=False,
            rows=1,
            columns=1,
            tile=1,
            temperature=36,
            fault="",
            model="QM55C",
            serial="0H4KHCKT900001",
            inputs=tuple(INPUTS),
        )


@pytest.mark.parametrize(
    ("verb", "arguments", "expected"),
    [
        ("set_input", {"name": "dp1"}, {"input": "dp1"}),
        ("set_volume", {"level": 7}, {"volume": 7}),
        ("mute", {"on": True}, {"muted": True}),
        ("set_brightness", {"level": 80}, {"brightness": 80}),
        ("show_picture", {"on": False}, {"picture": False}),
        ("lock_remote", {"on": True}, {"locked": True}),
        (
            "join_wall",
            {"rows": 2, "columns": 2, "tile": 3},
            {"wall": True, "rows": 2, "columns": 2, "tile": 3},
        ),
        ("leave_wall", {}, {"wall": False}),
        ("set_power", {"on": False}, {"power": False}),
    ],
)
async def test_each_verb_shows_in_the_readings_at_once(
    display, witness, served, verb: str, arguments: dict[str, Any], expected: dict[str, Any]
) -> None:
    async with display, served(SamsungMdc, display, poll=600) as driver:
        await getattr(driver, verb)(**arguments)
        await witness.report(**expected)


@pytest.mark.parametrize("form", [15, 13])
async def test_a_display_keeps_hours_and_what_else_its_timer_says(
    display, witness, served, form: int
) -> None:
    display.timer = display.timer[:10] + display.timer[12:] if form == 13 else display.timer
    async with display, served(SamsungMdc, display, poll=600) as driver:
        await witness.report(on_at="", off_at="", days="daily")
        await driver.set_hours(on_at="07:30", off_at="20:05", days="weekdays")
        await witness.report(on_at="07:30", off_at="20:05", days="weekdays")
        assert display.timer[-3:] == b"\x0a\x21\x00"
        if form == 15:
            async with MDC(f"127.0.0.1:{display.bound}", timeout=5) as client:
                told = await client.timer_15(1, 1, [])
                assert [str(one) for one in told[:4]] == ["07:30:00", "True", "20:05:00", "True"]
                assert [told[4].name, told[6].name, told[8]] == ["MON_FRI", "MON_FRI", 10]
        await driver.set_hours(on_at="00:00", off_at="12:00")
        await witness.report(on_at="00:00", off_at="12:00", days="daily")
        await driver.set_hours(on_at="", off_at="12:00")
        await witness.report(on_at="", off_at="12:00")
        for wrong in ("7:30", "24:00", "noon"):
            with pytest.raises(BadArgument, match="07:30"):
                await driver.set_hours(on_at=wrong, off_at="")


async def test_a_wall_can_be_cut_behind_its_bezels(display, witness, served) -> None:
    async with display, served(SamsungMdc, display, wall_mode="full") as driver:
        await witness.report(wall_mode="natural")
        await driver.join_wall(rows=1, columns=2, tile=1)
        await witness.report(wall=True, wall_mode="full")
    assert bytes.fromhex("AA 5C 01 01 01 5F") in [encode(frame) for frame in display.heard]


async def test_a_display_that_left_the_network_is_woken_and_switched_on(
    device, free_port, witness, served
) -> None:
    port, heard = free_port(), asyncio.Queue[bytes]()

    class Ear(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            heard.put_nowait(data)

    options = {"mac": "00:16:32:aa:bb:cc", "wake_host": "127.0.0.1", "wake_port": port, "boot_seconds": 0}
    asleep = SIMULATOR(device("samsung_mdc", poll=0.05, **options))
    ear, _ = await asyncio.get_running_loop().create_datagram_endpoint(Ear, ("127.0.0.1", port))
    try:
        async with served(SamsungMdc, asleep, online=False) as driver:
            await witness.link("offline")
            await witness.report(wakes=True)
            with pytest.raises(LinkError):
                await driver.set_power(False)
            await driver.set_power(True)
            assert await heard.get() == bytes.fromhex("FF" * 6 + "001632AABBCC" * 16)
            async with asleep:
                await witness.report(power=True)
    finally:
        ear.close()
    with pytest.raises(ValidationError, match="MAC address"):
        Options.model_validate({"mac": "scart"})


async def test_a_layout_leaves_as_the_vendors_bytes(display, witness, served) -> None:
    async with display, served(SamsungMdc, display) as driver:
        await driver.join_wall(rows=2, columns=2, tile=3)
    assert bytes.fromhex("AA 89 01 02 22 03 B1") in [encode(frame) for frame in display.heard]


async def test_what_happens_at_the_display_is_seen(display, witness, served) -> None:
    async with display, served(SamsungMdc, display):
        display.press_source("dp2")
        display.break_lamp()
        display.overheat(81)
        await witness.report(input="dp2", fault="lamp, temperature", temperature=81)
        display.break_lamp(False)
        display.overheat(40)
        display.lose_signal()
        await witness.report(fault="no signal", temperature=40)
        display.press_power()
        await witness.report(power=False, fault="")


async def test_an_input_is_known_by_its_twin_too(display, witness, served) -> None:
    display.twins = True
    async with display, served(SamsungMdc, display) as driver:
        await driver.set_input("hdmi2")
        await witness.report(input="hdmi2")


async def test_a_refusal_bears_the_vendors_code_and_keeps_the_link(display, witness, served) -> None:
    async with display, served(SamsungMdc, display) as driver:
        display.refuse()
        with pytest.raises(Rejected) as refusal:
            await driver.set_volume(5)
        assert refusal.value.code == "01"
        display.refuse(False)
        await driver.set_volume(6)
        await witness.report(volume=6)
        assert witness.links() == [Link.ONLINE]


async def test_a_display_in_standby_is_online_and_has_no_fault(display, witness, served) -> None:
    display.settings[0x11] = 0
    async with display, served(SamsungMdc, display) as driver:
        await witness.report(power=False, fault="")
        with pytest.raises(Rejected):
            await driver.set_brightness(10)
        await driver.set_power(True)
        await witness.report(power=True, brightness=60)
        assert witness.links() == [Link.ONLINE]


@pytest.mark.parametrize("style", ["silent", "refuses", "drops"])
async def test_a_display_that_starts_is_there_again_after_it(display, witness, served, style: str) -> None:
    display.settings[0x11] = 0
    display.options = display.options.model_copy(update={"boot_seconds": 0.3})
    display.boot_style = style
    async with display, served(SamsungMdc, display, boot_seconds=1, answer_seconds=0.2) as driver:
        await driver.set_power(True)
        await witness.report(power=True, brightness=60)
    if style != "drops":  # a silence while it starts is nothing to call offline
        assert witness.links() == [Link.ONLINE]


async def test_values_out_of_range_never_leave(display, served) -> None:
    async with display, served(SamsungMdc, display) as driver:
        for wrong in (
            driver.set_volume(101),
            driver.set_brightness(-1),
            driver.set_input("scart"),
            driver.join_wall(rows=2, columns=2, tile=5),
            driver.join_wall(rows=0, columns=2, tile=1),
        ):
            with pytest.raises(BadArgument):
                await wrong


async def test_silence_ends_the_link(display, witness, served) -> None:
    async with display, served(SamsungMdc, display) as driver:
        display.mute()
        with pytest.raises(NoAnswer):
            await driver.set_volume(3)
        assert "no answer" in (await witness.link("offline")).reason
        display.mute(False)
        await witness.link("online")


async def test_an_answer_that_comes_late_is_not_taken_for_the_next(display, witness, served) -> None:
    async with display, served(SamsungMdc, display) as driver:
        display.delay(0.7)
        await witness.link("offline")
        display.delay(0)
        await witness.link("online")
        await driver.set_volume(9)
        await witness.report(volume=9)


async def test_a_display_with_another_id_never_answers(display, witness, served) -> None:
    async with display, served(SamsungMdc, display, online=False, display_id=4):
        await witness.link("offline")


async def test_bytes_without_sense_end_the_link(display, witness, served) -> None:
    async with display, served(SamsungMdc, display):
        display.garble()
        await witness.link("offline")
        display.garble(False)
        await witness.link("online")


async def test_a_power_cut_and_the_return(display, witness, served) -> None:
    async with display, served(SamsungMdc, display) as driver:
        await display.unplug()
        await witness.link("offline")
        with pytest.raises(LinkError):
            await driver.set_volume(3)
        display.settings[0x12] = 44
        await display.plug()
        await witness.link("online")
        await witness.report(volume=44)


async def test_a_caller_who_leaves_does_not_disturb_the_next(display, witness, served) -> None:
    async with display, served(SamsungMdc, display, poll=600) as driver:
        display.delay(0.1)
        left = asyncio.create_task(driver.set_volume(11))
        await witness.until(lambda: any(frame.command == 0x12 for frame in display.heard), "the request")
        left.cancel()
        await driver.set_brightness(22)
        await witness.report(brightness=22, volume=11)
        assert witness.links() == [Link.ONLINE]


async def test_secured_mode_with_the_right_pin(display, witness, served, device) -> None:
    secured = SIMULATOR(device("samsung_mdc", pin="0042", poll=0.05))
    async with secured, served(SamsungMdc, secured):
        await witness.report(power=False)
        assert secured.pins == ["0042"]


async def test_a_wrong_pin_is_tried_once(device, witness, served, caplog) -> None:
    secured = SIMULATOR(device("samsung_mdc", pin="0042", poll=0.05))
    caplog.set_level("DEBUG")
    async with secured, served(SamsungMdc, secured, online=False, pin="7313"):
        assert (await witness.link("refused")).reason == "the PIN is wrong"
        await secured.unplug()
        await secured.plug()
        await witness.until(lambda: not secured.peers, "the end of the connection")
    assert secured.pins == ["7313"]
    assert "7313" not in caplog.text


async def test_a_display_that_wants_a_pin_says_so(device, witness, served) -> None:
    secured = SIMULATOR(device("samsung_mdc", pin="0042", poll=0.05))
    async with secured, served(SamsungMdc, secured, online=False, pin=None):
        assert "no PIN" in (await witness.link("refused")).reason


@contextmanager
def line_to(simulator: SamsungMdcSimulator) -> Iterator[str]:
    """A real pty whose other end is wired to the simulator's socket; gives its device file."""
    control, line = pty.openpty()
    tty.setraw(line, termios.TCSANOW)
    loop = asyncio.get_running_loop()

    async def carry() -> None:
        reader, writer = await asyncio.open_connection(simulator.host, simulator.bound)
        loop.add_reader(control, lambda: writer.write(os.read(control, 4096)))
        try:
            while data := await reader.read(4096):
                os.write(control, data)
        finally:
            loop.remove_reader(control)
            writer.close()

    carrier = asyncio.create_task(carry())
    try:
        yield os.ttyname(line)
    finally:
        carrier.cancel()
        loop.remove_reader(control)
        os.close(control)
        os.close(line)


async def test_the_same_over_a_serial_line(display, witness) -> None:
    async with display:
        with line_to(display) as address:
            await serve_on(address, display, witness)


async def test_the_same_through_a_socket_address(display, witness) -> None:
    async with display:
        await serve_on(f"socket://127.0.0.1:{display.bound}", display, witness)


async def serve_on(address: str, display: SamsungMdcSimulator, witness: Any) -> None:
    driver = SamsungMdc(display.device.model_copy(update={"port": address}), witness.bus.publish)
    keeper = asyncio.create_task(supervise(driver, asyncio.Event(), first_pause=0.05))
    try:
        await witness.link("online")
        await driver.set_input("hdmi2")
        await driver.set_volume(33)
        await witness.report(input="hdmi2", volume=33)
        display.press_source("dp1")
        await witness.report(input="dp1")
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)


async def test_a_serial_line_that_is_not_there_is_offline(display, witness, served) -> None:
    nowhere = display.device.model_copy(update={"port": "/dev/there-is-no-such-line"})
    display.device = nowhere
    display.bound = "/dev/there-is-no-such-line"
    async with served(SamsungMdc, display, online=False):
        assert "there-is-no-such-line" in (await witness.link("offline")).reason


# --- other people's client -------------------------------------------------------------------------


async def test_an_independent_client_reads_and_writes(display) -> None:
    async with display, MDC(f"127.0.0.1:{display.bound}", timeout=5) as client:
        assert (await client.power(1))[0].name == "ON"
        await client.volume(1, [55])
        await client.input_source(1, ["HDMI2"])
        await client.brightness(1, [80])
        status = await client.status(1)
        assert (status[1], status[3].name) == (55, "HDMI2")
        assert (await client.serial_number(1)) == ("0H4KHCKT900001",)
        assert (await client.model_name(1)) == ("QM55C",)
        errors = await client.error_status(1)
        assert (errors[0].name, errors[4]) == ("NORMAL", 36)
        assert (await client.brightness(0xFE)) == (80,)
        await client.power(1, ["OFF"])
        with pytest.raises(NAKError):
            await client.brightness(1, [10])
        assert (await client.power(1))[0].name == "OFF"


async def test_an_independent_client_enters_secured_mode(device) -> None:
    secured = SIMULATOR(device("samsung_mdc", pin="0042"))
    async with secured:
        async with MDC(f"127.0.0.1:{secured.bound}", timeout=5, pin="0042") as client:
            assert (await client.power(1))[0].name == "OFF"
        with pytest.raises(MDCResponseError, match="auth fail"):  # it reads the code two bytes too short
            await MDC(f"127.0.0.1:{secured.bound}", timeout=5, pin="9999").open()


async def test_the_independent_command_line_is_accepted(display) -> None:
    async with display:
        client = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "samsung_mdc",
            f"1@127.0.0.1:{display.bound}",
            "volume",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        told, complaint = await client.communicate()
        assert b"20" in told, complaint


async def test_ten_connections_are_served_side_by_side(display) -> None:
    async with display:
        clients = [MDC(f"127.0.0.1:{display.bound}", timeout=5) for _ in range(10)]
        for client in clients:
            await client.open()
        assert [await client.volume(1) for client in clients] == [(20,)] * 10
        for client in clients:
            await client.close()


async def test_one_that_hangs_up_as_it_starts_is_told_once_and_believed_by_its_readings(
    device, witness, served
) -> None:
    told: list[bytes] = []

    async def display(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.read(4):
            asked = head + await reader.readexactly(head[3] + 1)
            if asked == bytes.fromhex("AA 11 01 01 01 14"):
                told.append(asked)
                break  # and no word of it
            if asked == bytes.fromhex("AA 00 01 00 01"):
                power, check = (1, 0x90) if told else (0, 0x8F)
                writer.write(bytes.fromhex(f"AA FF 01 09 41 00 0{power} 14 00 21 10 00 00 {check:02X}"))
            else:
                refused = bytes((0xFF, 1, 3, 0x4E, asked[1], 1))
                writer.write(b"\xaa" + refused + bytes((sum(refused) % 256,)))
        writer.close()

    server = await asyncio.start_server(display, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    simulated = SIMULATOR(device("samsung_mdc", port=port, poll=0.1, answer_seconds=0.5, boot_seconds=5))
    async with server, served(SamsungMdc, simulated) as driver:
        await witness.report(power=False)
        await driver.set_power(True)
        await witness.report(power=True, volume=20, input="hdmi1")
        assert len(told) == 1


async def test_a_client_of_another_maker_presses_keys_names_it_and_mutes_its_screen(display) -> None:
    display.settings[0x11] = 1
    async with display:
        reader, writer = await asyncio.open_connection(display.host, display.bound)

        async def ask(*body: int) -> bytes:
            writer.write(bytes((0xAA, *body, sum(body) % 256)))
            answer = await reader.readexactly(4)
            return answer[1:] + await reader.readexactly(answer[3] + 1)

        for request, answer in (
            ((0xB0, 1, 1, 0x07), "FF 01 03 41 B0 07"),
            ((0xB0, 1, 1, 0x55), "FF 01 03 4E B0 01"),
            ((0x12, 1, 0), "FF 01 03 41 12 15"),
            ((0x67, 1, 2, 0x48, 0x31), "FF 01 04 41 67 48 31"),
            ((0x67, 1, 0), "FF 01 04 41 67 48 31"),
            ((0xFE, 1, 2, 0x51, 0x00), "FF 01 04 41 FE 51 00"),
            ((0xFE, 1, 1, 0x51), "FF 01 04 41 FE 51 00"),
            ((0xFE, 1, 1, 0x52), "FF 01 03 4E FE 01"),
            ((0x84, 1, 1, 1), "FF 01 03 41 84 01"),
            ((0x14, 1, 1, 0x20), "FF 01 03 41 14 20"),
            ((0x89, 1, 2, 0x22, 3), "FF 01 03 4E 89 01"),  # nothing from outside: nothing to cut
        ):
            assert (await ask(*request))[:-1] == bytes.fromhex(answer)
        writer.close()
