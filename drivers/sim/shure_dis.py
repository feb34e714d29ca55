"""A Shure DIS central unit that is not there: lines of ASCII for our driver and for other people's clients.

Knobs: ``names`` (old units leave them out of ``seat_state``), ``tells_requests_off`` (whether a queued seat
that gets its microphone is also taken off the queue aloud), ``votes_known`` (old units know no votes).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Any

from avctl.config import Device
from drivers.shure_dis import Options
from drivers.sim.people import committee
from drivers.sim.server import Peer, TcpSimulator, act

MODES = ("auto", "fifo", "manual", "vox", "auto+reply", "manual+reply", "vox+reply")
SETTINGS: Mapping[str, Callable[[str], bool]] = {
    "mic_mode": lambda value: value in MODES,
    "mic_interrupt": lambda value: value in ("on", "off"),
    "mic_mute_all": lambda value: value in ("activate", "deactivate"),
    "max_total_speakers": lambda value: value.isdecimal() and 1 <= int(value) <= 8,
    "max_speakers": lambda value: value.isdecimal() and 1 <= int(value) <= 8,
    "max_requests": lambda value: value.isdecimal() and int(value) <= 250,
    "max_replies": lambda value: value.isdecimal() and int(value) <= 250,
    "loudspeaker_volume": lambda value: re.fullmatch(r"0|-\d+", value) is not None and int(value) >= -41,
}
VOTES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "1": ("3-button voting", ("Yes", "Abstain", "No")),
    "2": ("3-button secret voting", ("Yes", "Abstain", "No")),
    "3": ("5-button voting", ("++", "+", "0", "-", "--")),
    "4": ("5-button secret voting", ("++", "+", "0", "-", "--")),
}
VOTING = (
    *("voting_status", "start_voting", "stop_voting", "cancel_voting"),
    *("start_attendance_check", "stop_attendance_check", "cancel_attendance_check"),
)
ATTENDANCE = {"start": "started", "stop": "stopped", "cancel": "cancelled"}
COMMANDS = (
    *("help", "mic_status", "mic_on", "mic_off", "mic_request_on", "mic_request_off"),
    *("mic_all_off", "mic_all_delegates_off", "mic_all_requests_off", "mic_next_on"),
)


class _Client(Peer):
    def __init__(self, writer: asyncio.StreamWriter) -> None:
        super().__init__(writer)
        self.kept = ""


class ShureDisSimulator(TcpSimulator):
    """A central unit with a committee's seats; the chair is in seat 1."""

    title = "Shure DIS central unit"
    port = 3142

    def __init__(self, device: Device, seats: int = 15) -> None:
        super().__init__(device)
        Options.model_validate(device.options)
        self.seats = {place: person.name for place, person in enumerate(committee().people[:seats], 1)}
        self.away: set[int] = set()
        self.settings = {
            **{"max_total_speakers": "4", "max_speakers": "4", "max_requests": "50", "max_replies": "0"},
            **{"mic_mode": "manual", "mic_interrupt": "off", "mic_mute_all": "deactivate"},
            **{"loudspeaker_volume": "-12"},
        }
        self.speakers: list[int] = []
        self.waiting: list[int] = []
        self.voting = ""  # the configuration under way
        self.votes: dict[int, int] = {}
        self.checking = False  # who is there
        self.votes_known = True
        self.names = True
        self.tells_requests_off = True
        self.heard: list[str] = []

    def meet(self, writer: asyncio.StreamWriter) -> Peer:
        return _Client(writer)

    async def received(self, peer: Peer, data: bytes) -> None:
        assert isinstance(peer, _Client)
        *lines, peer.kept = re.split(r"[\r\n]", peer.kept + data.decode(errors="replace"))
        for line in lines:
            if line.strip():
                self.heard.append(line)
                command, _, value = line.strip().partition(" ")
                await self._command(peer, command.lower(), value.strip())

    async def _command(self, peer: Peer, command: str, value: str) -> None:
        match command:
            case "mic_status":
                await self.reply(peer, _lines(*self._everything()))
            case "help":
                await self.reply(peer, _lines(*COMMANDS, *VOTING, *SETTINGS))
            case "voting_status" if self.votes_known:
                told = (f"voting_configuration {number} {name}" for number, (name, _) in VOTES.items())
                await self.reply(peer, _lines(*told, "voting_status_done"))
            case _ if command in VOTING and self.votes_known:
                if self.refusing or not self._vote(command, value):
                    await self.reply(peer, _lines("command_error syntax error"))
            case _ if command not in COMMANDS and command not in SETTINGS:
                await self.reply(peer, _lines("command_error unknown command"))
            case _ if self.refusing or not self._do(command, value):
                await self.reply(peer, _lines("command_error syntax error"))

    def _everything(self) -> list[str]:
        return [
            *(f"{name} {value}" for name, value in self.settings.items()),
            *(self._seat_state(seat) for seat in self.seats),
            *(f"mic_on {seat}" for seat in self.speakers),
            *(f"mic_request_on {seat}" for seat in self.waiting),
            "mic_status_done",
        ]

    def _seat_state(self, seat: int) -> str:
        state = "passive" if seat in self.away else "active"
        return f"seat_state {seat} {state} {self.seats[seat]}" if self.names else f"seat_state {seat} {state}"

    def _do(self, command: str, value: str) -> bool:
        if command in SETTINGS:
            if not SETTINGS[command](value.lower()):
                return False
            self.settings[command] = value.lower()
            self._tell(f"{command} {value.lower()}")
            self._move_up()
            return True
        seat = int(value) if value.isdecimal() else 0
        if command in ("mic_on", "mic_off", "mic_request_on", "mic_request_off"):
            if seat not in self.seats:
                return False
            deed = {"mic_on": self._open, "mic_off": self._close, "mic_request_on": self._ask}
            deed.get(command, self._withdraw)(seat)
            return True
        match command:
            case "mic_all_off" if self.speakers:
                self.speakers.clear()
                self._tell("mic_all_off")
                self._move_up()
            case "mic_all_delegates_off":
                for speaker in [one for one in self.speakers if one != 1]:
                    self._close(speaker)
            case "mic_all_requests_off":
                for waiter in tuple(self.waiting):
                    self._withdraw(waiter)
            case "mic_next_on" if self.waiting:
                self._open(self.waiting[0])
        return True

    # --- votes -----------------------------------------------------------------------------------------

    def _vote(self, command: str, value: str) -> bool:
        match command:
            case "start_voting" if value in VOTES and not self.voting:
                self.voting = value
                self.votes.clear()
                self._tell(f"voting_started {value}", *self._interim())
            case "stop_voting" if self.voting:
                self._tell("voting_stopped", *self._counted("final_voting_result"))
                self.voting = ""
            case "cancel_voting" if self.voting:
                self.voting = ""
                self._tell("voting_cancelled")
            case _ if command.endswith("_attendance_check"):
                deed = command.partition("_")[0]
                if (deed == "start") == self.checking:
                    return False
                self.checking = deed == "start"
                self._tell(f"attendance_check_{ATTENDANCE[deed]}")
            case _:
                return False
        return True

    def _interim(self) -> list[str]:
        secret = "secret" in VOTES[self.voting][0]
        return [] if secret else self._counted("interim_voting_result")

    def _counted(self, command: str) -> list[str]:
        pressed = list(self.votes.values())
        return [
            f"{command} {place + 1} {pressed.count(place)} {name}"
            for place, name in enumerate(VOTES[self.voting][1])
        ]

    # --- the discussion ------------------------------------------------------------------------------

    def _open(self, seat: int) -> None:
        if seat in self.speakers or seat in self.away:
            return
        if seat in self.waiting:
            self.waiting.remove(seat)
            if self.tells_requests_off:
                self._tell(f"mic_request_off {seat}")
        if len(self.speakers) >= int(self.settings["max_total_speakers"]):
            self._tell(f"mic_off {self.speakers.pop(0)}")
        self.speakers.append(seat)
        self._tell(f"mic_on {seat}")

    def _close(self, seat: int) -> None:
        if seat in self.speakers:
            self.speakers.remove(seat)
            self._tell(f"mic_off {seat}")
            self._move_up()

    def _ask(self, seat: int) -> None:
        free = len(self.speakers) < int(self.settings["max_total_speakers"])
        if seat == 1 or (free and not self.settings["mic_mode"].startswith("manual")):
            self._open(seat)
        elif seat not in (*self.waiting, *self.speakers, *self.away):
            self.waiting.append(seat)
            self._tell(f"mic_request_on {seat}")

    def _withdraw(self, seat: int) -> None:
        if seat in self.waiting:
            self.waiting.remove(seat)
            self._tell(f"mic_request_off {seat}")

    def _move_up(self) -> None:
        while (
            self.waiting
            and not self.settings["mic_mode"].startswith("manual")
            and len(self.speakers) < int(self.settings["max_total_speakers"])
        ):
            self._open(self.waiting[0])

    def _tell(self, *lines: str) -> None:
        if lines and not self.muted:
            for peer in self.peers:
                peer.push(_lines(*lines))

    # --- what a person or an accident does -----------------------------------------------------------

    @act
    def press(self, seat: int) -> None:
        """The button at a seat: ask for the floor, withdraw, or stop speaking."""
        self._known(seat)
        if seat in self.speakers:
            self._close(seat)
        elif seat in self.waiting:
            self._withdraw(seat)
        else:
            self._ask(seat)

    @act
    def cast(self, seat: int, choice: int) -> None:
        """The voting button at a seat, by its place from 0."""
        self._known(seat)
        if self.voting and 0 <= choice < len(VOTES[self.voting][1]):
            self.votes[seat] = choice
            self._tell(*self._interim())

    @act
    def sit(self, seat: int, name: str) -> None:
        """Somebody logs in at a seat."""
        self._known(seat)
        self.seats[seat] = name
        self._tell(self._seat_state(seat))

    @act
    def connect_seat(self, seat: int, connected: bool = True) -> None:
        """A unit's cable is put in or pulled."""
        self._known(seat)
        if not connected:
            self._close(seat)
            self._withdraw(seat)
        (self.away.discard if connected else self.away.add)(seat)
        self._tell(self._seat_state(seat))

    @act
    async def restart(self) -> None:
        """The central unit starts again: the lists are empty, no vote is open."""
        await self.hang_up()
        self.voting = ""
        self.speakers.clear()
        self.waiting.clear()
        await self.listen()

    def state(self) -> Mapping[str, Any]:
        return {
            **super().state(),
            "clients": len(self.peers),
            "seats": len(self.seats),
            "speakers": list(self.speakers),
            "waiting": list(self.waiting),
            "mode": self.settings["mic_mode"],
            "voting": self.voting,
        }

    def _known(self, seat: int) -> None:
        if seat not in self.seats:
            raise ValueError(f"a seat from 1 to {len(self.seats)}")


def _lines(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode()


SIMULATOR = ShureDisSimulator
