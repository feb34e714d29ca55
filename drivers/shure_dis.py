"""Shure DIS central units over TCP 3142: DDS 5900, DCS 6000 (CU 6105, 6110) and Microflex Complete.

Lines of ASCII: ``command data``; the unit answers only when something happened, and speaks unasked.
``mic_status`` makes it tell everything, ``mic_status_done`` ends that (source: Shure, command strings, MXC).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from pydantic import BaseModel, ConfigDict, Field

from avctl.capabilities import lacking
from avctl.config import Device
from avctl.driver import Publish, Turns, together
from avctl.errors import LinkError, ProtocolError, Rejected
from avctl.wire import tcp
from drivers.discussion import OWN_ORDER, DiscussionSystem, mode_for, seat_row, within
from drivers.voting import Rounds, counted

EVERYTHING, DONE, ERROR = "mic_status", "mic_status_done", "command_error"
VOTES, VOTES_TOLD = "voting_status", "voting_status_done"
MODES: Mapping[str, str] = {"auto": "open", "fifo": "queue", "manual": "request", "vox": "voice"}
REPLIES = "+reply"  # modes in which a seat may also ask to reply to a speech
LONGEST = 512
_LINE = re.compile(r"([a-z][a-z0-9_]*)(?: (.*))?")


def encode(command: str, *data: int | str) -> bytes:
    """The bytes of a command."""
    return (" ".join((command, *map(str, data))) + "\r\n").encode()


class Codec:
    """Lines out of bytes that come in any portions, each as (command, data)."""

    def __init__(self) -> None:
        self._kept = b""

    def feed(self, data: bytes) -> Iterator[tuple[str, str]]:
        """The lines complete so far; ProtocolError for what is none."""
        *lines, self._kept = re.split(rb"[\r\n]", self._kept + data)
        for line in lines:
            if line.strip():
                yield _line(line)
        if len(self._kept) > LONGEST:
            self._kept = b""
            raise ProtocolError("a line without end")


def _line(line: bytes) -> tuple[str, str]:
    try:
        text = line.decode().strip()
    except UnicodeDecodeError:
        text = line.decode("latin-1").strip()  # older units send names in it
    command, space, data = text.partition(" ")
    found = _LINE.fullmatch(f"{command.lower()}{space}{data}")
    if found is None:
        raise ProtocolError(f"not a line of a central unit: {text[:80]!r}")
    return found[1], (found[2] or "").strip()


@dataclass
class Lists:
    """What the unit said: who speaks, who waits, which seats there are."""

    speakers: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    replies: set[int] = field(default_factory=set)
    seats: dict[int, dict[str, object]] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)  # seats about which there is news; 0 stands for all
    retold: bool = False  # everybody is named again, in order, after what was news meanwhile

    def take(self, command: str, data: str) -> bool:
        """Learn from a line; false when it is about none of this."""
        number, _, rest = data.partition(" ")
        seat = int(number) if number.isdecimal() else 0
        match command:
            case "mic_all_off":
                self.speakers.clear()
                self.changed.add(0)
            case "mic_all_requests_off":
                self.waiting.clear()
                self.replies.clear()
                self.changed.add(0)
            case "seat_state" if seat:
                state, _, name = rest.strip().partition(" ")
                fault = "" if state.lower() == "active" else "disconnected"
                row = seat_row(name.strip(), fault=fault)
                if self.seats.get(seat) != row:
                    self.seats[seat] = row
                    self.changed.add(seat)
                if fault:
                    self._leave(seat)
            case "mic_on" if seat:
                self._leave(seat, spoke=False)
                self._join(self.speakers, seat)
            case "mic_off" if seat:
                self._leave(seat, waited=False)
            case "mic_request_on" | "mic_reply_on" if seat:
                self._join(self.waiting, seat)
                if command == "mic_reply_on":
                    self.replies.add(seat)
            case "mic_request_off" | "mic_reply_off" if seat:
                self._leave(seat, spoke=False)
            case _:
                return False
        return True

    def _join(self, seats: list[int], seat: int) -> None:
        self.seats.setdefault(seat, seat_row())
        if self.retold and seat in seats:
            seats.remove(seat)
        if seat not in seats:
            seats.append(seat)
            self.changed.add(seat)

    def _leave(self, seat: int, spoke: bool = True, waited: bool = True) -> None:
        if spoke and seat in self.speakers:
            self.speakers.remove(seat)
            self.changed.add(seat)
        if waited and seat in self.waiting:
            self.waiting.remove(seat)
            self.replies.discard(seat)
            self.changed.add(seat)


@dataclass
class Ballots:
    """What the unit said of votes: which configurations there are, and the counts of the one under way."""

    known: bool = False  # an older unit has none
    configurations: dict[str, str] = field(default_factory=dict)
    interim: dict[str, tuple[str, int]] = field(default_factory=dict)  # by button: its name, its count
    final: dict[str, tuple[str, int]] = field(default_factory=dict)
    stopped: bool = False

    def begin(self) -> None:
        """A vote began: what was counted before is another's."""
        self.interim, self.final, self.stopped = {}, {}, False

    def count(self, data: str, into: dict[str, tuple[str, int]]) -> bool:
        """Learn from ``id count text``; false when it is none."""
        found = re.fullmatch(r"(\d+) +(\d+) +(.*)", data)
        if found is None:
            return False
        into[found[1]] = (found[3], int(found[2]))
        return True


class Options(BaseModel):
    """How to watch the central unit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    chairmen: tuple[int, ...] = Field((), description="Seats of chairmen: the unit does not tell them.")
    poll: float = Field(4, gt=0, le=60, description="Seconds between two questions about everything.")
    answer_seconds: float = Field(3, gt=0, le=30, description="Silence after which the link is given up.")
    configuration: int = Field(1, ge=1, le=99, description="Voting configuration that votes are opened with.")


class ShureDis(DiscussionSystem, Rounds):
    """A central unit with its wired conference units."""

    title = "Shure DIS central unit"
    port = 3142
    Options = Options

    def __init__(self, device: Device, publish: Publish) -> None:
        super().__init__(device, publish)
        self._turns: Turns[str] | None = None
        self._turn = asyncio.Lock()
        self._lists = Lists()
        self._whole: Lists | None = None  # what is being told anew, until it is complete
        self._ballots = Ballots()
        self._news = asyncio.Event()
        self._rows: dict[str, dict[str, object]] = {}
        self._settled = False
        self._error = ""
        self._suffix = ""

    async def serve(self) -> None:
        async with tcp(self.device.host, int(self.device.port or self.port), self.log) as wire:
            self._turns, self._lists, self._settled = Turns(wire.send), Lists(), False
            self._ballots = Ballots()
            codec = Codec()

            def hear(received: bytes) -> None:
                for command, data in codec.feed(received):
                    self._heard(command, data)

            try:
                await together(wire.listen(hear), self._attend(), self._turns.ended())
            finally:
                self._turns = self._whole = None
                self.cut_off()

    async def _attend(self) -> None:
        await self._exchange(encode(VOTES))
        while True:
            if self._ballots.known and self.vote is None and not self._asked:
                self.no_vote()
            await self.rest(self.options.poll, self._news)
            self._news.clear()
            stopped = self._ballots.stopped
            await self._exchange()
            if stopped:  # all that was told with the stop has been heard by now
                self._finish_vote()

    async def _exchange(self, command: bytes = b"") -> str:
        """Send a command and ask for everything, which ends what it led to; gives the error, if any."""
        async with self._turn:
            if self._turns is None:
                raise LinkError("there is no connection")
            self._error, self._whole = "", Lists(retold=True)
            await self._turns.ask(
                command + encode(EVERYTHING), self.options.answer_seconds, fits=lambda line: line == DONE
            )
            return self._error

    def _heard(self, command: str, data: str) -> None:
        if command == DONE and self._turns is not None and self._turns.heard(command):
            if self._whole is not None:
                # The whole has the order that the unit keeps, and drops what we believed wrongly.
                self._lists, self._whole, self._settled = replace(self._whole, retold=False), None, True
                self._learn_seats()
            self._tell()
        elif command == ERROR:
            self._error = data or command
        else:
            if self._whole is not None:
                self._whole.take(command, data)
            if self._lists.take(command, data):
                # When everything is told again most of it is known: thousands of lines in a large hall.
                if self._settled and self._lists.changed:
                    self._learn_seats()
                    self._tell()
            elif not self._take_vote(command, data):
                self._learn_setting(command, data)

    def _take_vote(self, command: str, data: str) -> bool:
        match command:
            case "voting_configuration":
                number, _, name = data.partition(" ")
                self._ballots.configurations[number] = name.strip()
            case "voting_status_done":
                self._ballots.known = True
            case "voting_started":
                self._ballots.begin()
                self._nobodys = False  # one that begins now is not the one that was cut off
                self.round_runs(self._ballots.configurations.get(data, ""))
            case "interim_voting_result" if self._ballots.count(data, self._ballots.interim):
                self.vote_counted(_counted(self._ballots.interim), sure=True)
            case "final_voting_result" if self._ballots.count(data, self._ballots.final):
                pass
            case "voting_stopped" if self.vote is not None:
                self._ballots.stopped = True
                self._news.set()
            case "voting_cancelled" if self.vote is not None:
                self.vote_lost("the vote was cancelled at the central unit")
            case _:
                return False
        return True

    def _finish_vote(self) -> None:
        self._ballots.stopped = False
        if self.vote is not None and self._ballots.final:
            self.vote_closed(_counted(self._ballots.final), {})  # the unit does not tell who voted what
        elif self.vote is not None:
            self.vote_lost("the central unit tells no result of the vote")

    def _learn_setting(self, command: str, data: str) -> None:
        match command:
            case "mic_mode" if data:
                word, plus, _ = data.lower().partition("+")
                self._suffix = REPLIES if plus else ""
                self.report(mode=MODES.get(word, word), modes=tuple(MODES.values()))
            case "max_total_speakers" if data.isdecimal():
                self.report(max_open=int(data))
            case "mic_mute_all" if data:
                self.report(all_muted=data.lower().startswith("activate"))

    def _learn_seats(self) -> None:
        """Bring the reading of the seats up to date; only what changed, where that is known."""
        changed, self._lists.changed = self._lists.changed, set()
        known = all(str(seat) in self._rows for seat in changed if seat)
        wanted = changed - {0} if known and len(changed) < len(self._lists.seats) else self._lists.seats
        rows = {
            str(seat): {**self._lists.seats[seat], "chairman": seat in self.options.chairmen}
            for seat in sorted(wanted)
        }
        if wanted is not self._lists.seats:
            rows = {**self._rows, **rows} if any(self._rows[one] != rows[one] for one in rows) else self._rows
        if rows is not self._rows and rows != self._rows:
            self._rows = rows

    def _tell(self) -> None:
        if self._settled:
            self.tell_floor(tuple(self._lists.speakers), tuple(self._lists.waiting), seats=self._rows)

    async def _command(self, command: str, *data: int | str) -> None:
        if error := await self._exchange(encode(command, *data)):
            raise Rejected(f"the central unit refused {command}: {error}", code=error)

    # --- verbs ---------------------------------------------------------------------------------------

    async def open_mic(self, seat: int) -> None:
        self.must_be_seat(seat)
        await self._command("mic_on", seat)

    async def close_mic(self, seat: int) -> None:
        self.must_be_seat(seat)
        if seat in self._lists.speakers:  # closing a microphone must not cost a place in the queue
            await self._command("mic_off", seat)

    async def grant_request(self, seat: int) -> None:
        self.must_wait(seat)
        await self._command("mic_on", seat)

    async def deny_request(self, seat: int) -> None:
        self.must_wait(seat)
        await self._command("mic_reply_off" if seat in self._lists.replies else "mic_request_off", seat)

    async def close_all_mics(self) -> None:
        """Take the floor from everybody; where the queue moves up by itself it is cleared too."""
        if self.readings.get("mode") != "request":
            await self.clear_requests()
        await self._command("mic_all_off")

    async def clear_requests(self) -> None:
        await self._command("mic_all_requests_off")
        for seat in tuple(self._lists.waiting):  # those who want to reply are another list
            await self._command("mic_reply_off" if seat in self._lists.replies else "mic_request_off", seat)

    async def next_speaker(self) -> None:
        self.first_waiting()
        await self._command("mic_next_on")

    async def mute_all(self, on: bool) -> None:
        await self._command("mic_mute_all", "activate" if on else "deactivate")

    async def set_mode(self, mode: str) -> None:
        word = mode_for(MODES, mode)
        await self._command("mic_mode", word if word == "fifo" else word + self._suffix)

    async def set_max_open(self, count: int) -> None:
        await self._command("max_total_speakers", within("count", count, 1, 8))

    async def open_vote(self, title: str) -> None:
        self.must_not_vote()
        if self._nobodys:  # a round that was cut off may still run; where none does, this is refused
            with suppress(Rejected):
                await self._command("cancel_voting")
        self._asked = title
        try:
            await self._command("start_voting", self.options.configuration)
        except Rejected:
            self._asked = ""
            raise

    async def close_vote(self) -> None:
        self.open_one()
        await self._command("stop_voting")

    move_up = lacking(OWN_ORDER)
    take_priority = lacking("priority is a level that each unit is given in the central unit")


def _counted(told: Mapping[str, tuple[str, int]]) -> dict[str, int]:
    return counted(told.values())


DRIVER = ShureDis
