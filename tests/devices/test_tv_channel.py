"""TV channels: ffmpeg's own packets, every fault of TR 101 290 counted once, real datagrams and pictures."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from avctl.driver import Driver
from avctl.events import Link
from drivers.sim.tv_channel import SIMULATOR, Programme, guide
from drivers.sim.tv_channel.loops import NOTHING, PMT_PID, RATE, SECONDS, SOUND_PID, VIDEO_PID
from drivers.tv_channel import TvChannel, tables
from drivers.tv_channel.hls import playlist_of, variant_of, wrong_with
from drivers.tv_channel.judge import Judge
from drivers.tv_channel.measured import Measured
from drivers.tv_channel.options import Options
from drivers.tv_channel.rtp import Rtp
from drivers.tv_channel.text import text_of
from drivers.tv_channel.transport import Transport

# ffmpeg 5.1 -f mpegts -mpegts_service_id 101 -metadata service_name=Рада -metadata service_provider=КМР
SDT = "474011100042f0260001c10000ff01ff0065fc80154813010715d09ad09cd0a00915d0a0d0b0d0b4d0b0f872d6be"
PAT = "474000100000b00d0001c100000065f00060ed078e"
PMT = "475000100002b01d0065c10000e100f0001be100f0000fe101f0060a0475 6b7200af75052b"
# EN 300 468, 5.2.4, by hand: programme 101, now, event 1 on 13 October 1993 at 12:45 (the example of annex
# C), 1 h 30 min, in Ukrainian, "Новини" in ISO 8859-5.
EIT = (
    "4e f0 29 00 65 c1 00 01 00 01 22 b1 01 4e"
    "00 01 c0 79 12 45 00 01 30 00 80 0e 4d 0c 75 6b 72 07 01 bd de d2 d8 dd d8 00"
)


def packet(written: str) -> bytes:
    return bytes.fromhex(written).ljust(188, b"\xff")


def fed(chunks: Iterator[bytes], number: int = 0) -> Transport:
    transport, at = Transport(number), 0.0
    for chunk in chunks:
        at += len(chunk) * 8 / RATE
        transport.feed(chunk, at)
    return transport


def streamed(wrong: Callable[[Programme], object] = lambda _: None, loops: int = 4) -> Iterator[bytes]:
    """Loops of the simulator's stream in datagrams; something is done to it after two of them."""
    programme = Programme("Рада")
    for at in range(loops):
        if at == 2:
            wrong(programme)
        packets = list(programme.loop())
        yield from (b"".join(packets[first : first + 7]) for first in range(0, len(packets), 7))


def counted(transport: Transport) -> dict[str, int]:
    return {name: count for name, count in transport.errors.items() if count}


pytestmark = pytest.mark.timeout(120)  # real pictures by real ffmpeg, on whatever machine


# --- bytes -------------------------------------------------------------------------------------------


def test_ffmpegs_own_tables_one_byte_at_a_time() -> None:
    transport = Transport()
    null = packet("471fff10")
    for byte in (packet(PAT) + packet(PMT) + packet(SDT)) * 2 + null * 4:  # a packet may come twice
        transport.feed(bytes((byte,)), 0.0)
    programme = transport.programme
    assert programme is not None
    assert (programme.number, programme.pcr_pid) == (101, 0x100)
    assert [(one.pid, one.kind, one.codec, one.language) for one in programme.streams] == [
        (0x100, "video", "H.264", ""),
        (0x101, "sound", "AAC", "ukr"),
    ]
    assert transport.guide.name == "Рада"
    assert counted(transport) == {}


def test_the_guide_of_the_standard_and_the_letters_of_ukrainian_networks() -> None:
    whole = bytes.fromhex(EIT)
    number, place, show = tables.show_of(whole + tables.crc(whole).to_bytes(4))
    assert (number, place) == (101, 0)
    assert show is not None
    assert show.name == "Новини"
    assert show.starts_at is not None
    assert show.starts_at.isoformat() == "1993-10-13T12:45:00+00:00"
    assert show.duration.total_seconds() == 5400
    assert text_of(b"\x10\x00\x05" + "Її".encode("iso8859-5")) == "Її"
    assert text_of(b"\x15" + "Ґанок".encode()) == "Ґанок"
    assert text_of(b"Caf\xc2e") == "Café"  # ISO 6937: the accent comes first
    assert text_of(b"\x01\x86\xb0\x87\x8a\xb1") == "А Б"  # emphasis, a new line
    assert [text_of(odd) for odd in (b"", b"\x01", b"\x10", b"\x1f\x05\x80")] == [
        "",
        "",
        "",
        "\x80".strip("\x80"),
    ]


def test_a_good_stream_has_no_error_wherever_it_is_cut() -> None:
    dice, data = random.Random(7), b"".join(streamed(loops=3))

    def pieces() -> Iterator[bytes]:
        at = 77  # in the middle of a packet
        while at < len(data):
            size = dice.choice((1, 187, 188, 1316, 50_000))
            yield data[at : at + size]
            at += size

    transport = fed(pieces())
    assert counted(transport) == {}
    assert transport.pat
    assert transport.pmt
    assert transport.guide.now is not None
    assert (transport.guide.now.name, transport.guide.name) == ("Новини", "Рада")
    assert 5 < transport.clock < 6


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (lambda one: one.drops.update({VIDEO_PID: 3}), {"continuity": 1}),
        (lambda one: one.without.update({0: 1000}), {"pat": 1, "continuity": 1}),
        (lambda one: one.without.update({PMT_PID: 1000}), {"pmt": 1, "continuity": 1}),
        (lambda one: one.without.update({SOUND_PID: 3000}), {"pts": 3, "continuity": 1}),
        (lambda one: setattr(one, "damages", 1), {"transport": 1, "continuity": 1}),
        (lambda one: setattr(one, "unsynced", 1), {"sync_byte": 1}),
    ],
    ids=["packets", "pat", "pmt", "sound", "damaged", "sync"],
)
def test_each_fault_is_counted_once(wrong: Any, expected: dict[str, int]) -> None:
    assert counted(fed(streamed(wrong))) == expected


def test_what_lasts_is_seen_to_last() -> None:
    broken = fed(streamed(lambda one: setattr(one, "pmt_broken", True)))
    assert not broken.pmt
    assert broken.errors["crc"] > 20
    assert not fed(streamed(lambda one: one.without.update({0: 10**6}))).pat
    gone = fed(streamed(lambda one: one.without.update({SOUND_PID: 10**6}), loops=6))
    assert gone.missing == (SOUND_PID,)
    dark = fed(streamed(lambda one: setattr(one, "scrambled", True)))
    assert dark.errors["cat"] >= 2
    assert dark.scrambled > dark.of_programme * 0.4


def test_sync_is_lost_after_two_wrong_bytes_and_found_again() -> None:
    packets = b"".join(streamed(loops=2))
    torn = bytearray(packets)
    torn[188 * 1000] = torn[188 * 1001] = 0
    transport = fed(iter([bytes(torn[: 188 * 1002]), bytes(torn[188 * 1002 : 188 * 1003])]))
    assert not transport.synced
    assert transport.errors["sync_loss"] == 1
    transport.feed(bytes(torn[188 * 1003 :]), 9.0)
    assert transport.synced
    assert transport.errors["sync_byte"] == 2


def test_a_packet_may_come_twice_and_a_jump_may_be_announced() -> None:
    def one(counter: int, content: int = 0, flags: int | None = None) -> bytes:
        if flags is None:
            return bytes((0x47, 0, 0x30, 0x10 | counter)) + bytes((content,)) * 184
        return bytes((0x47, 0, 0x30, 0x30 | counter, 1, flags)) + bytes((content,)) * 182

    def errors(*packets: bytes) -> int:
        transport = Transport()
        transport.feed(packet("471fff10") * 5 + b"".join(packets), 0.0)
        return transport.errors["continuity"]

    assert errors(one(0), one(1), one(1), one(2)) == 0
    assert errors(one(0), one(1), one(1), one(1), one(2)) == 1  # twice too often
    assert errors(one(0), one(1), one(1, 7), one(2)) == 1  # the same number on another
    assert errors(one(14), one(15), one(0), one(5)) == 1
    assert errors(one(0), one(9, flags=0x80), one(10)) == 0


def test_clock_references_may_not_jump() -> None:
    def clock(value: int, flags: int = 0x10) -> bytes:
        base, extension = divmod(value, 300)
        field = (base << 15 | 0x3F << 9 | extension).to_bytes(6)
        return bytes((0x47, 0x01, 0x00, 0x20, 183, flags)) + field + b"\xff" * 176

    transport = Transport()
    transport.feed(packet("471fff10") * 4 + packet(PAT), 0.0)
    transport.feed(packet(PMT), 0.0)
    for value in (0, 1_000_000, 2_000_000, 7_400_000):  # the last one is 200 ms on
        transport.feed(clock(value), 0.0)
    assert transport.errors["pcr"] == 1
    transport.feed(clock(90_000_000, 0x90), 0.0)  # announced
    transport.feed(clock((1 << 33) * 300 - 1_000_000, 0x90) + clock(500_000), 0.0)  # over the end
    assert transport.errors["pcr"] == 1


def test_rtp_tells_what_the_network_lost_from_what_it_brought_twice() -> None:
    def one(number: int, head: int = 0x80, kind: int = 33, more: bytes = b"") -> bytes:
        return bytes((head, kind)) + number.to_bytes(2) + b"\0\0\x10\x00Rada" + more + packet("471fff10")

    rtp = Rtp()
    for number in (65_534, 65_535, 0, 0, 65_535, 3, 2):
        rtp.feed(one(number))
    assert (rtp.lost, rtp.doubled) == (1, 2)  # 1 and 2 were missing, 2 came late
    assert len(rtp.feed(one(4, 0x92, more=bytes(8) + bytes.fromhex("bede000100000000")))) == 188
    assert [rtp.feed(odd) for odd in (b"", b"\x80", one(9, kind=96), packet(PAT))] == [b""] * 4
    assert rtp.foreign == 4


MASTER = """#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=800000
low.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2500000
hd/high.m3u8?k=1
"""
MEDIA = """#EXTM3U
#EXT-X-TARGETDURATION:6
#EXT-X-MEDIA-SEQUENCE:7
#EXTINF:6.0,
a.ts
#EXT-X-DISCONTINUITY
#EXTINF:6.7,x
b.ts
"""


def test_playlists_and_what_is_wrong_with_them() -> None:
    assert variant_of(MASTER, "/tv/rada.m3u8") == "/tv/hd/high.m3u8?k=1"
    one = playlist_of(MEDIA, "/tv/hd/high.m3u8")
    assert (one.first, one.last, one.target) == (7, 8, 6)
    assert [(part.place.path, part.begins_anew) for part in one.segments] == [
        ("/tv/hd/a.ts", False),
        ("/tv/hd/b.ts", True),
    ]
    assert "longer" in wrong_with(one, None, 0)
    good = playlist_of(MEDIA.replace("6.7", "6.2"), "/")
    assert wrong_with(good, one, 17) == ""
    assert "stands still" in wrong_with(good, one, 19)
    assert "went back" in wrong_with(playlist_of(MEDIA.replace("SEQUENCE:7", "SEQUENCE:1"), "/"), one, 0)
    assert "ended" in wrong_with(playlist_of(MEDIA + "#EXT-X-ENDLIST\n", "/"), one, 0)


def test_one_error_is_no_fault_and_a_fault_ends_after_some_clean_seconds() -> None:
    judge = Judge(alarm_seconds=3, clear_seconds=10)
    told = []
    for second in range(30):
        judge.count({"continuity": 2 if second == 1 or 6 <= second <= 10 else 0}, float(second))
        told.append(judge.fault() != "")
    assert [second for second in range(30) if told[second]] == list(range(9, 21))


@pytest.mark.parametrize("seconds", [0.0, SECONDS + 0.5])
def test_a_segment_of_hls_begins_with_its_lists_and_need_not_repeat_them(seconds: float) -> None:
    transport, at, programme = Transport(), 0.0, Programme("Рада")
    transport.lists_within(seconds)
    for _ in range(3):
        begun = set[int]()
        for each in programme.loop():  # ffmpeg's segments have each list once
            pid = (each[1] & 0x1F) << 8 | each[2]
            at += len(each) * 8 / RATE
            transport.feed(NOTHING if pid in begun & {0, PMT_PID} else bytes(each), at)
            begun.add(pid)
    assert transport.pat is (seconds > 0)
    assert [transport.errors[name] > 0 for name in ("pat", "pmt")] == [not seconds] * 2


def test_the_fault_that_is_told_is_the_cause() -> None:
    nothing = {"black": None, "frozen": None, "silent": None, "loudness": None}
    other = Measured(Options(programme=999, alarm_seconds=0.1))
    for chunk in streamed():
        other.take(chunk, other.transport.clock)
    assert (other.look(0.0, nothing, {}), other.look(1.0, nothing, {})["fault"])[1] == (
        "the programme is not among those that are listed (PAT)"
    )
    dark, told = Measured(Options()), []
    for chunk in streamed():
        dark.take(chunk, dark.transport.clock)
    for second in range(14):  # a black picture stands still, too
        seen = {"black": second > 1, "frozen": second > 1, "silent": second > 1, "loudness": None}
        told.append(dark.look(float(second), seen, {})["fault"])
    assert [*dict.fromkeys(told)] == ["", "the picture is black", "no programme: black and silent"]
    lossy = Measured(Options(alarm_seconds=1))
    for chunk in streamed():
        lossy.take(chunk, lossy.transport.clock)
    for second in range(5):
        lossy.network_lost += 3
        lossy.transport.errors["continuity"] += 2
        fault = lossy.look(float(second), nothing, {})["fault"]
    assert fault == "the network loses packets (RTP)"


# --- on the wire --------------------------------------------------------------------------------------

QUICK = {"poll": 0.1, "gone_seconds": 1, "alarm_seconds": 0.5, "clear_seconds": 0.5}
LOOKS = {"black_seconds": 0.5, "freeze_seconds": 2, "silence_seconds": 0.5}


async def until(witness: Any, driver: Driver, fact: Callable[[dict[str, Any]], bool], named: str) -> None:
    async with asyncio.timeout(60):  # ffmpeg begins, and a look lasts
        while not fact(driver.readings):
            await asyncio.sleep(0.05)


async def test_a_group_is_joined_measured_seen_and_heard(device, witness, served) -> None:
    """The whole of a channel: its name and guide, picture and sound, faults, and its end."""
    channel = SIMULATOR(device("tv_channel", host="239.255.12.7", interface="127.0.0.1", **QUICK, **LOOKS))
    async with channel, served(TvChannel, channel) as driver:
        await witness.report(present=True, pat=True, pmt=True, service="Рада", now="Новини", next="Погода")
        assert driver.readings["streams"] == ("video H.264", "sound AAC ukr")
        await until(witness, driver, lambda told: told["black"] is False, "the picture")
        picture, _taken = driver.picture()
        assert picture.startswith(b"\xff\xd8")
        assert picture.endswith(b"\xff\xd9")
        await until(witness, driver, lambda told: 1e6 < told["bitrate"] < 2e6, "the bitrate")
        await until(witness, driver, lambda told: told["loudness"] is not None, "the loudness")
        assert -25 < driver.readings["loudness"] < -18  # a sine of 1/8 of full scale
        channel.announce("Сесія", "Погода")
        channel.show(black=True, silent=True)
        await witness.report(now="Сесія")
        await until(witness, driver, lambda told: told["black"] and told["silent"], "black and silent")
        assert "black" in driver.readings["fault"]
        channel.show(frozen=True)
        await until(witness, driver, lambda told: told["frozen"] and not told["black"], "a frozen picture")
        assert driver.link is Link.ONLINE
        await channel.unplug()
        assert "no signal" in (await witness.link("offline")).reason
        assert driver.picture() is None
        assert (driver.readings["present"], driver.readings["black"]) == (False, None)
        await channel.plug()
        await witness.link("online")
        await witness.report(present=True, fault="")


async def test_rtp_to_an_address_of_ours_and_each_fault_of_the_transport(device, witness, served) -> None:
    channel = SIMULATOR(device("tv_channel", form="rtp", pictures=False, **QUICK))
    channel.programme.letters = "utf-8"
    async with channel, served(TvChannel, channel) as driver:
        await witness.report(present=True, service="Рада", continuity_errors=0, fault="")
        channel.repeat()
        channel.lose(20)
        await until(witness, driver, lambda told: told["network_losses"] == 20, "what the network lost")
        lost = driver.readings["continuity_errors"]
        assert lost > 0
        before = channel.programme.injected["continuity"]
        channel.lose_packets(3)
        await until(witness, driver, lambda told: told["continuity_errors"] > lost, "what was lost before it")
        assert driver.readings["network_losses"] == 20
        assert channel.programme.injected["continuity"] == before + 1
        for act, text in (
            (lambda: channel.lose_table("pat"), "PAT"),
            (channel.break_pmt, "PMT"),
            (channel.scramble, "scrambled"),
        ):
            act()
            await until(witness, driver, lambda told, text=text: text in told["fault"], text)
            channel.heal()
            await until(witness, driver, lambda told: told["fault"] == "", "all well")
        assert driver.readings["scrambled"] is False
        channel.garble()
        await until(witness, driver, lambda told: told["present"] is False, "nothing that makes sense")
        channel.garble(False)
        await witness.report(present=True, pat=True)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for junk in (b"", b"\x80\x21", b"\x47" * 2000, random.Random(1).randbytes(1316)):
                stranger.sendto(junk, ("127.0.0.1", channel.bound))
        await until(witness, driver, lambda told: told["present"] is True, "still there")


async def test_hls_is_fetched_judged_and_its_standstill_told(device, witness, served) -> None:
    channel = SIMULATOR(device("tv_channel", form="hls", playlist_seconds=0.1, **QUICK, **LOOKS))
    async with channel, served(TvChannel, channel) as driver:
        await witness.report(present=True, service="Рада", now="Новини", pat=True, pmt=True)
        await until(witness, driver, lambda told: told["black"] is False, "the picture")
        assert driver.readings["errors"] == {}
        channel.stall()
        await until(witness, driver, lambda told: "stands still" in told["fault"], "a standstill")
        channel.stall(False)
        await until(witness, driver, lambda told: told["fault"] == "", "it goes on")
        channel.refuse()
        assert "503" in (await witness.link("offline")).reason
        channel.refuse(False)
        await witness.link("online")


async def test_a_port_that_is_taken_is_said(device, witness, served, free_port) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        channel = SIMULATOR(device("tv_channel", port=other.getsockname()[1], pictures=False))
        async with served(TvChannel, channel, online=False):
            assert "cannot listen" in (await witness.link("offline")).reason


def test_the_simulators_tables_are_what_the_standard_says() -> None:
    (made,) = guide.packets(guide.SDT_PID, guide.sdt(101, "Рада", "iso8859-5", 0))
    assert tables.services_of(made[5:]) == {101: "Рада"}
