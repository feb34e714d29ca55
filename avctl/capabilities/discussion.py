"""The floor of a hall: discussion systems and their votes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from avctl.capabilities.proofs import emptied, listed, proved_by, reads, reads_value, unlisted
from avctl.errors import Unsupported
from avctl.settings import Settings, plain


class Discussion(ABC):
    """The microphones of a hall.

    Reports ``seats: Mapping[str, Mapping]`` (seat number as text -> ``name``, ``group``, ``chairman``,
    ``fault``, and where the system tells them ``card``, ``authenticated`` (the one who is named has logged in
    there), ``battery_percent``, ``battery_hours``, ``signal_dbm``, and ``votes``, false where it may not),
    ``speakers: tuple[int, ...]`` and ``waiting: tuple[int, ...]`` (seats, in order), and where the system
    tells them ``mode: str``, ``modes: tuple[str, ...]`` (those it can be set to), ``max_open: int`` and
    ``all_muted: bool``. Publishes MicOpened, MicClosed, FloorRequested, FloorRequestEnded, ItemStarted.

    Modes have the same words for all makes: ``open`` (a press opens the microphone), ``queue`` (a press asks,
    and the next moves up by itself), ``request`` (a press asks, somebody gives the floor), ``override``,
    ``voice``, ``group``, ``push``, ``handsfree``; a mode that is none of these has the maker's word.
    """

    keeps: ClassVar[Settings] = (
        plain("mode", "set_mode", "mode"),
        plain("max_open", "set_max_open", "count"),
        plain("all_muted", "mute_all", "on"),
    )

    @proved_by(listed("speakers", "seat"))
    @abstractmethod
    async def open_mic(self, seat: int) -> None:
        """Give the floor to a seat: its microphone goes live."""

    @proved_by(unlisted("speakers", "seat"))
    @abstractmethod
    async def close_mic(self, seat: int) -> None:
        """Take the floor from a seat."""

    @proved_by(listed("speakers", "seat"))
    @abstractmethod
    async def grant_request(self, seat: int) -> None:
        """Give the floor to a seat that waits."""

    @proved_by(unlisted("waiting", "seat"))
    @abstractmethod
    async def deny_request(self, seat: int) -> None:
        """Take a seat off the list of those who wait."""

    @proved_by(emptied("speakers"))
    @abstractmethod
    async def close_all_mics(self) -> None:
        """Take the floor from everybody."""

    @proved_by(emptied("waiting"))
    @abstractmethod
    async def clear_requests(self) -> None:
        """Take everybody off the list of those who wait."""

    @abstractmethod
    async def next_speaker(self) -> None:
        """Give the floor to whoever waits longest."""

    @abstractmethod
    async def move_up(self, seat: int) -> None:
        """Let a seat that waits pass the one before it."""

    @proved_by(listed("speakers", "seat"))
    @abstractmethod
    async def take_priority(self, seat: int) -> None:
        """Open the chairman's microphone over all others."""

    @proved_by(reads("all_muted", "on"))
    @abstractmethod
    async def mute_all(self, on: bool) -> None:
        """Silence every microphone without taking the floor from anybody, or let them sound again."""

    @proved_by(reads("mode", "mode"))
    @abstractmethod
    async def set_mode(self, mode: str) -> None:
        """Run the discussion another way: one of ``modes``."""

    @proved_by(reads("max_open", "count"))
    @abstractmethod
    async def set_max_open(self, count: int) -> None:
        """Let at most so many microphones be open at a time."""


class Voting(ABC):
    """Votes at the seats.

    Reports ``vote: str`` (``none`` before the first, ``open``, ``paused``, ``closed``, or ``lost`` when it
    ended without a result that could be believed; empty where this system does not vote), ``vote_title:
    str``, ``voted: int | None`` (how many so far, None where the system keeps it to itself) and
    ``vote_counts: Mapping[str, int]`` (by choice, as far as it is told). Publishes VoteOpened, VoteClosed,
    VoteLost.

    Choices have the same words for all makes: ``yes``, ``no``, ``abstain`` and ``not_voting``; one that is
    none of these has the word it has at the seats.
    """

    @proved_by(reads_value("vote", "open"))
    @abstractmethod
    async def open_vote(self, title: str) -> None:
        """Let the seats vote."""

    @proved_by(reads_value("vote", "closed"))
    @abstractmethod
    async def close_vote(self) -> None:
        """End the vote and read its result."""

    def expect_vote(self, vote: str, title: str) -> None:
        """This vote was open before a restart of ours: what becomes of it is told, under the same id."""
        raise Unsupported("this driver keeps no votes")
