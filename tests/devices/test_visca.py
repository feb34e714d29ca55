import asyncio
import contextlib
import socket
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from visca_over_ip import Camera as IndependentCamera
from visca_over_ip.exceptions import ViscaException

from avctl.config import Device
from avctl.errors import BadArgument, Conflict, LinkError, NoAnswer, ProtocolError, Rejected
from avctl.events import Link
from drivers.sim.visca import SIMULATOR, TcpCamera, UdpCamera
from drivers.visca import Visca
from drivers.visca.codec import (
    Kind,
    Message,
    Packets,
    Reply,
    Says,
    command,
    nibbles,
    number,
    read_reply,
    unwrap,
    wrap,
)

RECALL_3 = bytes.fromhex("81 01 04 3F 02 03 FF")
PAN_TILT, MOTION = bytes.fromhex("81 09 06 12 FF"), bytes.fromhex("81 09 06 10 FF")
QUICK = {"poll": 0.05, "answer_seconds": 0.1, "settle_seconds": 0.2}


@pytest.fixture
def camera(device: Callable[..., Device]) -> Callable[..., Any]:
    """A quick camera on the transport of that name."""

    def make(transport: str = "sony-udp", **options: Any) -> Any:
        simulator = SIMULATOR(device("visca", transport=transport, **QUICK | options))
        simulator.steps_per_second = 100_000
        return simulator

    return make


# --- bytes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "kind", "sequence", "payload"),
    [
        ("01 00 00 05 00 00 00 02 81 01 00 01 FF", Kind.COMMAND, 2, "81 01 00 01 FF"),
        ("01 00 00 07 00 00 00 09 81 01 04 3F 02 03 FF", Kind.COMMAND, 9, "81 01 04 3F 02 03 FF"),
        ("01 10 00 05 00 00 00 0A 81 09 04 00 FF", Kind.INQUIRY, 10, "81 09 04 00 FF"),
        ("01 11 00 03 00 00 00 09 90 41 FF", Kind.REPLY, 9, "90 41 FF"),
        ("02 00 00 01 00 00 00 00 01", Kind.CONTROL, 0, "01"),
        ("02 01 00 01 00 00 00 00 01", Kind.CONTROL_REPLY, 0, "01"),
    ],
)
def test_sonys_header_both_ways(written: str, kind: Kind, sequence: int, payload: str) -> None:
    data = bytes.fromhex(payload)
    assert wrap(kind, sequence, data) == bytes.fromhex(written)
    assert unwrap(bytes.fromhex(written)) == Message(kind=kind, sequence=sequence, payload=data)


@pytest.mark.parametrize(
    "broken", ["", "01 11 00", "01 11 00 09 00 00 00 01 90 41 FF", "77 11 00 03 00 00 00 01 90 41 FF"]
)
def test_a_datagram_that_is_none_is_an_error(broken: str) -> None:
    with pytest.raises(ProtocolError):
        unwrap(bytes.fromhex(broken))


def test_packets_come_one_byte_at_a_time() -> None:
    sent = bytes.fromhex("90 41 FF 90 51 FF 90 50 02 FF 90 38 FF 90 61 41 FF 90 50 00 00 01 02 0F FF")
    packets = Packets()
    heard = [packet for byte in sent for packet in packets.feed(bytes((byte,)))]
    assert b"".join(heard) == sent
    assert [read_reply(packet) for packet in heard] == [
        Reply(says=Says.ACCEPTED, socket=1),
        Reply(says=Says.COMPLETED, socket=1),
        Reply(says=Says.ANSWER, data=b"\x02"),
        None,
        Reply(says=Says.ERROR, socket=1, code=0x41),
        Reply(says=Says.ANSWER, data=b"\x00\x00\x01\x02\x0f"),
    ]


@pytest.mark.parametrize("broken", [bytes(20), b"\x00\x41\xff", b"\xff", bytes((0x90, *range(16), 0xFF))])
def test_bytes_that_cannot_be_packets_are_an_error(broken: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(Packets().feed(broken))


def test_a_serial_line_that_was_just_opened_may_begin_with_noise() -> None:
    sent = b"U\xff\0noise of a line" + bytes.fromhex("90 41 FF 90 51 FF")
    for pieces in ([sent], [bytes((byte,)) for byte in sent]):
        packets = Packets(noise=64)
        heard = [packet.hex(" ") for piece in pieces for packet in packets.feed(piece)]
        assert heard == ["90 41 ff", "90 51 ff"]
        with pytest.raises(ProtocolError):
            list(packets.feed(b"noise\xff"))  # later it is none of the line's beginning
    with pytest.raises(ProtocolError):
        list(Packets(noise=64).feed(bytes(100) + b"\xff"))


def test_numbers_are_one_digit_a_byte() -> None:
    assert nibbles(-2) == (0xF, 0xF, 0xF, 0xE)
    assert number(bytes(nibbles(-7000)), signed=True) == -7000
    assert number(bytes(nibbles(0x4000))) == 0x4000
    assert number(bytes(nibbles(-70000, 5)), signed=True) == -70000
    assert command(0x01, 0x04, 0x3F, 0x02, 0x03) == RECALL_3


@given(data=st.binary(max_size=80), cuts=st.lists(st.integers(0, 80), max_size=8))
def test_the_pieces_in_which_bytes_come_do_not_matter(data: bytes, cuts: list[int]) -> None:
    def packets(pieces: list[bytes]) -> list[bytes]:
        codec, found = Packets(), []
        for piece in pieces:
            while True:
                try:
                    for packet in codec.feed(piece):
                        found.append(packet)
                    break
                except ProtocolError:
                    found.append(b"error")
                    piece = b""
        return found

    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    assert packets([data[a:b] for a, b in pairwise(places)]) == packets([data])


def test_a_camera_that_falls_silent_is_offline_within_five_seconds() -> None:
    options = Visca.Options()
    assert options.poll + 2 * options.tries * options.answer_seconds <= 5


# --- the driver, on each transport -----------------------------------------------------------------

TRANSPORTS = ["sony-udp", "udp", "tcp"]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_shot_is_reported_when_the_camera_has_arrived(camera, witness, served, transport) -> None:
    head = camera(transport)
    head.steps_per_second = 20_000
    async with head, served(Visca, head) as driver:
        await witness.report(power=True, preset=None, moving=False, model="SRG-300H")
        await driver.recall_preset(3)
        await witness.report(moving=True)
        assert driver.readings["preset"] is None
        assert head.moving
        await witness.report(preset=3, moving=False)
        pan, tilt, zoom = head.presets[3]
        await witness.report(pan=pan, tilt=tilt, zoom=zoom)
        assert RECALL_3 in head.heard


class AnswersLateToMotion(list[bytes]):
    """What a camera heard; its first answers to whether it moves are lost."""

    def __init__(self, head: Any) -> None:
        super().__init__()
        self.head = head

    def append(self, packet: bytes) -> None:
        if packet == MOTION and MOTION not in self:
            self.head.lose(2, answers=True)
        super().append(packet)


async def test_where_a_shot_is_was_looked_at_after_the_camera_came_to_rest(camera, witness, served) -> None:
    """It arrives while it is asked whether it moves: where it was before is not where its shot is."""
    head = camera("udp", settle_seconds=0.1)
    head.heard = AnswersLateToMotion(head)
    async with head, served(Visca, head) as driver:
        await witness.report(preset=None, moving=False)
        await driver.recall_preset(3)
        await witness.report(preset=3, moving=False)
        pan, tilt, zoom = head.presets[3]
        looks = head.heard.count(PAN_TILT)
        await witness.until(lambda: head.heard.count(PAN_TILT) > looks + 2, "the camera being looked at")
        assert driver.readings["preset"] == 3
        assert (driver.readings["pan"], driver.readings["zoom"]) == (pan, zoom)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_hand_on_the_camera_ends_its_shot(camera, witness, served, transport) -> None:
    head = camera(transport)
    async with head, served(Visca, head) as driver:
        await driver.recall_preset(5)
        await witness.report(preset=5)
        head.joystick(pan=300)
        await witness.report(preset=None, pan=head.presets[5][0] + 300)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_each_verb(camera, witness, served, transport) -> None:
    head = camera(transport)
    async with head, served(Visca, head) as driver:
        await driver.set_tally(True)
        await witness.report(tally=True)
        assert head.tally
        await driver.drive(pan="right", tilt="up", speed=24)
        await witness.report(moving=True)
        await driver.drive()
        await witness.report(moving=False)
        pan, tilt, _ = head.position
        assert pan > 0
        assert tilt > 0
        await driver.zoom("tele", speed=7)
        await witness.until(lambda: driver.readings["zoom"] > 0, "a longer lens")
        await driver.zoom("stop")
        await driver.store_preset(42)
        assert head.presets[42] == head.position
        await driver.set_power(False)
        await witness.report(power=False)
        assert not head.power
    assert bytes.fromhex("81 01 06 01 18 17 02 01 FF") in head.heard
    assert bytes.fromhex("81 01 06 01 08 08 03 03 FF") in head.heard
    assert bytes.fromhex("81 01 04 07 27 FF") in head.heard
    assert bytes.fromhex("81 01 7E 01 0A 00 02 FF") in head.heard


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_camera_in_standby_refuses_and_stays_online(camera, witness, served, transport) -> None:
    head = camera(transport)
    head.power = False
    async with head, served(Visca, head) as driver:
        await witness.report(power=False)
        with pytest.raises(Rejected) as refusal:
            await driver.recall_preset(1)
        assert refusal.value.code == "41"
        head.press_power()
        await witness.report(power=True)
        await driver.recall_preset(1)
        await witness.report(preset=1)
        assert witness.links() == [Link.ONLINE]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_power_cut_and_the_return(camera, witness, served, transport) -> None:
    head = camera(transport)
    async with head, served(Visca, head) as driver:
        await head.unplug()
        await witness.link("offline")
        with pytest.raises(LinkError):
            await driver.recall_preset(1)
        await head.plug()
        await witness.link("online")
        await driver.recall_preset(1)
        await witness.report(preset=1)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_silence_ends_the_link(camera, witness, served, transport) -> None:
    head = camera(transport)
    async with head, served(Visca, head):
        head.mute()
        assert "does not answer" in (await witness.link("offline")).reason
        head.mute(False)
        await witness.link("online")


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_bytes_without_sense_end_the_link(camera, witness, served, transport) -> None:
    head = camera(transport)
    async with head, served(Visca, head):
        head.garble()
        await witness.link("offline")
        head.garble(False)
        await witness.link("online")


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_acceptance_that_comes_after_the_move_is_no_fault(
    camera, witness, served, transport
) -> None:
    head = camera(transport)
    head.late_accept()
    head.steps_per_second = 5_000
    async with head, served(Visca, head) as driver:
        await driver.recall_preset(4)  # farther than all repetitions last
        await witness.report(preset=4, moving=False)
        assert witness.links() == [Link.ONLINE]
    assert head.executed.count(RECALL_3[2:5] + b"\x04") == (3 if transport == "udp" else 1)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_camera_that_never_reports_arrival_has_arrived_when_it_rests(
    camera, witness, served, transport
) -> None:
    head = camera(transport)
    head.no_completion()
    async with head, served(Visca, head) as driver:
        await driver.recall_preset(6)
        await witness.report(preset=6, moving=False)


async def test_a_recall_nobody_accepts_is_given_up(camera, witness, served) -> None:
    head = camera()
    head.late_accept()
    head.steps_per_second = 100
    async with head, served(Visca, head, recall_seconds=0.6) as driver:
        with pytest.raises(NoAnswer):
            await driver.recall_preset(7)
        assert driver.readings["preset"] is None
        assert witness.links() == [Link.ONLINE]


async def test_the_bytes_of_a_recall_leave_before_anything_else_runs(camera, witness, served) -> None:
    head = camera()
    async with head, served(Visca, head, poll=60) as driver:
        await witness.report(moving=False)
        sent: list[bytes] = []
        driver._line._send, send = (lambda data: (sent.append(data), send(data))), driver._line._send
        verb = driver.recall_preset(3)
        with contextlib.suppress(StopIteration):
            verb.send(None)  # one step of the verb, no turn of the event loop
        assert [unwrap(data).payload for data in sent] == [RECALL_3]
        verb.close()


async def test_a_newer_shot_takes_the_place_of_one_that_waits(camera, witness, served) -> None:
    head = camera()
    async with head, served(Visca, head) as driver:
        head.delay(0.05)
        shots = [asyncio.create_task(driver.recall_preset(preset)) for preset in (1, 2, 3, 4)]
        results = await asyncio.gather(*shots, return_exceptions=True)
        await witness.report(preset=4)
        assert results[3] is None
        assert any(isinstance(result, Conflict) for result in results)
        assert head.executed[-1] == bytes((0x04, 0x3F, 0x02, 4))
        assert len(head.executed) <= 2


async def test_a_newer_shot_replaces_one_that_is_under_way(camera, witness, served) -> None:
    head = camera()
    head.steps_per_second = 3_000
    async with head, served(Visca, head) as driver:
        await driver.recall_preset(1)
        await driver.recall_preset(2)
        head.steps_per_second = 100_000
        await driver.recall_preset(3)
        await witness.report(preset=3)
        assert len(head.executed) == 3


async def test_a_camera_with_both_sockets_taken_is_asked_again(camera, witness, served) -> None:
    head = camera()
    head.busy()
    async with head, served(Visca, head) as driver:
        recalled = asyncio.create_task(driver.recall_preset(8))
        await witness.until(lambda: head.heard.count(command(1, 4, 0x3F, 2, 8)) >= 2, "a second try")
        head.busy(False)
        await recalled
        await witness.report(preset=8)


async def test_moves_that_queue_are_done_in_turn(camera, witness, served) -> None:
    head = camera()
    head.queues = True
    head.steps_per_second = 20_000
    async with head, served(Visca, head) as driver:
        await driver.recall_preset(1)
        await driver.recall_preset(2)
        await driver.recall_preset(3)  # the third finds the buffer full
        await witness.report(preset=3)


# --- numbers of Sony's transport -------------------------------------------------------------------


async def test_lost_datagrams_are_sent_again_and_nothing_is_done_twice(camera, witness, served) -> None:
    head = camera()
    async with head, served(Visca, head, poll=60) as driver:
        await witness.report(moving=False)
        head.lose(2)
        await driver.recall_preset(3)
        await witness.report(preset=3)
        head.lose(1, answers=True)
        await driver.set_tally(True)
        assert [body[0] for body in head.executed] == [0x04, 0x7E]
        assert witness.links() == [Link.ONLINE]


async def test_a_camera_that_forgot_our_numbers_is_reset_and_asked_again(camera, witness, served) -> None:
    head = camera()
    async with head, served(Visca, head, poll=60) as driver:
        await witness.report(moving=False)
        head.forget_sequence()
        await driver.recall_preset(3)
        await witness.report(preset=3)
        assert len(head.executed) == 1
        assert witness.links() == [Link.ONLINE]


async def test_answers_under_a_wrong_number_are_not_believed(camera, witness, served) -> None:
    head = camera()
    async with head, served(Visca, head) as driver:
        head.wrong_sequence(1000)
        assert "does not answer" in (await witness.link("offline")).reason
        head.wrong_sequence(0)
        await witness.link("online")
        await driver.recall_preset(2)
        await witness.report(preset=2)


async def test_one_lost_poll_is_not_an_end(camera, witness, served) -> None:
    head = camera()
    async with head, served(Visca, head):
        head.lose(3)  # one poll and all its repetitions
        await witness.until(lambda: head.to_lose == 0, "the loss")
        head.joystick(pan=500)
        await witness.report(pan=500)
        assert witness.links() == [Link.ONLINE]


# --- refusals and ranges ---------------------------------------------------------------------------


async def test_a_refusal_bears_the_vendors_code(camera, served) -> None:
    head = camera()
    async with head, served(Visca, head) as driver:
        head.refuse()
        for verb in (driver.recall_preset(1), driver.set_tally(True), driver.drive(pan="left")):
            with pytest.raises(Rejected) as refusal:
                await verb
            assert refusal.value.code == "41"


async def test_reserved_presets_never_leave(camera, served) -> None:
    head = camera(family="ptzoptics")
    async with head, served(Visca, head) as driver:
        for preset in (90, 95, 99, 255, -1, 256):
            with pytest.raises(BadArgument, match="preset"):
                await driver.recall_preset(preset)
        for wrong in (driver.drive(speed=25), driver.zoom("in"), driver.zoom("tele", speed=8)):
            with pytest.raises(BadArgument):
                await wrong
        await driver.recall_preset(100)
    assert head.executed == [bytes((0x04, 0x3F, 0x02, 100))]


async def test_a_camera_without_a_status_word_is_followed_by_its_position(camera, witness, served) -> None:
    head = camera(family="ptzoptics")
    head.no_completion()
    async with head, served(Visca, head) as driver:
        await driver.recall_preset(9)
        await witness.report(preset=9)


# --- other people's client -------------------------------------------------------------------------


async def test_an_independent_client_drives_the_camera(device) -> None:
    with socket.socket(
        socket.AF_INET, socket.SOCK_DGRAM
    ) as probe:  # it takes the same number on every address
        probe.bind(("0.0.0.0", 0))
        port = probe.getsockname()[1]
    head = SIMULATOR(device("visca", host="127.0.0.2", port=port))
    assert isinstance(head, UdpCamera)
    async with head:
        await asyncio.to_thread(_use, port)
        assert head.presets[12] == head.position
        head.power = False
        with pytest.raises(ViscaException):
            await asyncio.to_thread(_recall, port)
        await asyncio.to_thread(_power, port)
        assert head.power


def _use(port: int) -> None:
    with contextlib.closing(_Client(port)) as client:
        client.set_power(True)
        client.recall_preset(3)
        client.pantilt(0, 0)
        client.pantilt(pan_speed=0, tilt_speed=0, pan_position=500, tilt_position=-300)
        while client.get_pantilt_position() != (500, -300):
            pass
        client.zoom_to(0.5)
        while client.get_zoom_position() != 8192:
            pass
        client.save_preset(12)


def _recall(port: int) -> None:
    with contextlib.closing(_Client(port)) as client:
        client.recall_preset(1)


def _power(port: int) -> None:
    with contextlib.closing(_Client(port)) as client:
        client.set_power(True)


class _Client(IndependentCamera):
    def __init__(self, port: int) -> None:
        super().__init__("127.0.0.2", port)

    def close(self) -> None:
        self.close_connection()


async def test_one_byte_in_each_segment_is_accepted(camera) -> None:
    head = camera("tcp")
    assert isinstance(head, TcpCamera)
    async with head:
        reader, writer = await asyncio.open_connection(head.host, head.bound)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in RECALL_3:
            writer.write(bytes((byte,)))
            await writer.drain()
        assert await reader.readexactly(6) == bytes.fromhex("90 41 FF 90 51 FF")
        writer.close()
