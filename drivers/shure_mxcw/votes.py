"""Votes on an access point: a voting configuration is started, and its buttons are counted.

``VOTING_STATE`` is INACTIVE, ACTIVE, PAUSE or COMPLETE. What seats chose, and counts before the end, are told
only where the configuration is not a secret one.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Iterator

from avctl.config import Device
from avctl.driver import Publish
from avctl.errors import Rejected
from drivers.shure_mxcw.messages import Message, encode
from drivers.voting import Rounds, choice_of, counted

STATE, CONFIGURATION, NAME, BUTTON = (
    "VOTING_STATE",
    "VOTING_CONFIGURATION",
    "VOTING_CONFIGURATION_NAME",
    "VOTING_BUTTON_NAME",
)
INTERIM, FINAL = "INTERIM_VOTING_RESULT", "FINAL_VOTING_RESULT"
CHOICE = "FINAL_VOTING_SELECTION"
BUTTONS = range(1, 6)
KEYS = frozenset({STATE, CONFIGURATION, NAME, BUTTON, INTERIM, FINAL, CHOICE, "INTERIM_VOTING_SELECTION"})


class Votes(Rounds):
    """The voting of an access point. ``_exchange`` sends, and waits for all that it leads to."""

    def __init__(self, device: Device, publish: Publish) -> None:
        super().__init__(device, publish)
        self._runs = self.options.configuration  # the configuration under way, or the last one
        self._names: dict[int, str] = {}
        self._buttons: dict[tuple[int, int], str] = {}
        self._interim: dict[int, int] = {}
        self._final: dict[int, int] = {}
        self._chosen: dict[int, str] = {}
        self._over = asyncio.Event()

    @abstractmethod
    async def _exchange(self, request: bytes) -> int:
        """Send, and wait until all that it leads to was heard; gives the number of errors among it."""

    def questions(self) -> Iterator[Message]:
        """What is asked of the voting at the start; one that an access point does not know is an error."""
        self._over.clear()
        ours = self.options.configuration
        yield Message(verb="GET", index=ours, key=NAME)
        for button in BUTTONS:
            yield Message(verb="GET", index=ours, second=button, key=BUTTON)
        yield Message(verb="GET", key=CONFIGURATION)
        yield Message(verb="GET", key=STATE)  # last: by then it is known what runs

    async def open_vote(self, title: str) -> None:
        """Start our configuration; a round that nobody answers for any more is cancelled first."""
        self.must_not_vote()
        if self._nobodys:
            await self._command("CANCEL_VOTE", "TRUE")
        if self._nobodys:
            raise Rejected("the access point does not end the vote that it runs", code="CANCEL_VOTE")
        self._asked = title
        try:
            await self._command("START_VOTE", str(self.options.configuration))
        except Rejected:
            self._asked = ""
            raise

    async def close_vote(self) -> None:
        self.open_one()
        await self._command("COMPLETE_VOTE", "TRUE")

    async def _command(self, key: str, value: str) -> None:
        if await self._exchange(encode(Message(verb="SET", key=key, value=value))):
            raise Rejected(f"the access point refused {key}", code="ERR")

    def told_of_vote(self, message: Message) -> bool:
        """Learn from a report; false when it is not about votes."""
        if message.key not in KEYS:
            return False
        index, value = message.index or 0, message.value
        match message.key:
            case "VOTING_STATE":
                self._turned(value)
            case "VOTING_CONFIGURATION" if value.isdecimal():
                self._runs = int(value)
            case "VOTING_CONFIGURATION_NAME" if index:
                self._names[index] = value
            case "VOTING_BUTTON_NAME" if value:
                self._named(message)
            case "INTERIM_VOTING_RESULT" if value.isdecimal():
                self._interim[index] = int(value)
                self.vote_counted(self._counted(self._interim), sure=True)
            case "FINAL_VOTING_RESULT" if value.isdecimal():
                self._final[index] = int(value)
            case "FINAL_VOTING_SELECTION" if index and value not in ("", "0", "NONE", "UNKNOWN"):
                self._chosen[index] = value
        return True

    def _named(self, message: Message) -> None:
        """The publication leaves open which place comes first: the configuration or the button."""
        first, second = message.index or 0, message.second
        if second is None:
            self._buttons[self._runs, first] = message.value
        elif second in BUTTONS and (first == self._runs or first not in BUTTONS):
            self._buttons[first, second] = message.value
        else:
            self._buttons[second, first] = message.value

    def _turned(self, state: str) -> None:
        match state:
            case "ACTIVE" | "PAUSE":
                if self.vote is None:
                    for found in (self._interim, self._final, self._chosen):
                        found.clear()
                self.round_runs(self._names.get(self._runs, ""), paused=state == "PAUSE")
            case "COMPLETE" if self.vote is not None:
                self._over.set()  # the counts are on their way
            case "INACTIVE" if self.vote is not None and not self._over.is_set():
                self.vote_lost("the vote was cancelled at the access point")
            case "COMPLETE" | "INACTIVE" if not self._asked:
                self.round_rests()

    async def _finish_vote(self) -> None:
        """Ask for the result once the round is complete: it may have been told before, or not at all."""
        if not self._over.is_set():
            return
        finals = (Message(verb="GET", index=button, key=FINAL) for button in BUTTONS)
        seats = Message(verb="GET", index=0, key=CHOICE)
        await self._exchange(b"".join(map(encode, (*finals, seats))))
        self._over.clear()
        if self.vote is None:
            return
        if not self._final:
            self.vote_lost("the access point tells no result of the vote")
            return
        choices = {
            str(seat): self._choice(int(value)) if value.isdecimal() else choice_of(value)
            for seat, value in self._chosen.items()
        }
        self.vote_closed(self._counted(self._final), choices)

    def _counted(self, told: dict[int, int]) -> dict[str, int]:
        return counted((self._choice(button), count) for button, count in sorted(told.items()))

    def _choice(self, button: int) -> str:
        return choice_of(self._buttons.get((self._runs, button), str(button)))
