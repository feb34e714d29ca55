"""Bosch DICENTIS Wireless (DCNM-WAP) and CCS 1000 D: one REST API over HTTP (API 1.7).

A log-in gives a session, one for each user. ``?isPolling=true`` holds a question until its answer changes or
about 50 s pass. What is written shows up to half a second later. Undocumented and used: ``/api/discuss``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from avctl.capabilities import lacking
from avctl.config import Device
from avctl.driver import Publish, together
from avctl.errors import AuthRefused, LinkError, ProtocolError, Rejected, Unsupported
from avctl.http import http
from drivers.bosch_wireless.line import checked, rows
from drivers.bosch_wireless.votes import Votes
from drivers.discussion import OWN_ORDER, DiscussionSystem, mode_for, seat_row, within

SEATS, PEOPLE, OPTIONS = "/api/seats", "/api/participants", "/api/discuss"
IDENTIFYING = "/api/participants/settings"
SPEAKERS, WAITING, PRIORITY = "/api/speakers", "/api/waiting-list", "/api/priority"
MODES: Mapping[str, str] = {"0": "open", "1": "override", "2": "voice", "3": "push"}
NOBODY = 65535
NOT_IDENTIFIED = 3  # the mode in which nobody says at the seat who they are
OFTEN_SECONDS = 1  # between two looks while a vote is open
QUICK_SECONDS = 0.25  # between two looks at the lists where nothing is held; one known client does the same
UNKNOWN = ("not found in speakers list", "not found in waiting list")


class Options(BaseModel):
    """How to log in to the access point."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: str = Field("admin", description="Account on the access point, one for avctl alone.")
    password: SecretStr = Field(SecretStr(""), description="Its password; factory: none.")
    override: bool = Field(True, description="End a session the account still has: our own, after a cut.")
    hold_seconds: float = Field(
        50,
        ge=0,
        le=120,
        description="How long it holds a question; 0: it is asked again and again.",
    )
    poll: float = Field(5, gt=0, le=60, description="Seconds between looks at seats, names and settings.")
    voting_mode: int = Field(
        1,
        ge=0,
        le=5,
        description="What is voted: 0 for, against; 1 abstain too; 2 not taking part too; 3 to 5 yes, no.",
    )
    answer_seconds: float = Field(
        10,
        gt=0,
        le=60,
        description="Silence that ends the link; hold_seconds are added.",
    )


class BoschWireless(DiscussionSystem, Votes):
    """An access point, or a CCS 1000 D control unit, which tells no battery and no signal."""

    title = "Bosch DICENTIS Wireless, CCS 1000 D"
    port = 80
    Options = Options

    def __init__(self, device: Device, publish: Publish) -> None:
        super().__init__(device, publish)
        self._newest: dict[str, int] = {}
        self._seats: list[Mapping[str, Any]] = []
        self._people: dict[int, str] = {}
        self._identified = False  # whether people say at their seats who they are
        self._lists: dict[str, list[Mapping[str, Any]]] = {}
        self._options: dict[str, Any] = {}
        self._learners: Mapping[str, Callable[[Any], None]] = {
            SEATS: self._learn_seats,
            PEOPLE: self._learn_people,
            IDENTIFYING: self._learn_identifying,
            OPTIONS: self._learn_options,
            SPEAKERS: lambda found: self._lists.update({SPEAKERS: rows(found)}),
            WAITING: lambda found: self._lists.update({WAITING: rows(found)}),
        }

    # --- the link ------------------------------------------------------------------------------------

    async def serve(self) -> None:
        async with http(self.device.host, int(self.device.port or self.port), self.log) as self._http:
            try:
                self._newest.clear()
                await self._log_in()
                for path in (SEATS, PEOPLE, IDENTIFYING, OPTIONS, SPEAKERS, WAITING):
                    await self._look(path)
                self._tell()
                await self._look_at_vote()
                follow = self._follow if self.options.hold_seconds else self._look_often
                await together(self._look_around(), follow(SPEAKERS), follow(WAITING))
            finally:
                self._http, self._session = None, {}
                self.cut_off()

    async def _log_in(self) -> None:
        secret = self.options.password.get_secret_value()
        wanted = {"override": self.options.override, "username": self.options.user, "password": secret}
        answer = await self._open.ask(
            "POST", "/api/login", self.options.answer_seconds, body=wanted, secret=True
        )
        if answer.status == 401:
            raise AuthRefused(f"the access point does not accept the password of {self.options.user!r}")
        if answer.status == 409:
            raise LinkError(f"{self.options.user!r} is logged in elsewhere, and override is off")
        found = checked(answer).json()
        if not isinstance(found, dict) or not isinstance(sid := found.get("sid"), str):
            raise ProtocolError("a log-in without a session")
        self._session = {"Cookie": f"sid={sid}", "Bosch-Sid": sid}  # the makes differ in which they want

    async def _look_around(self) -> None:
        self._news.set()  # what happened before the first questions are held would be missed
        while True:
            await self.rest(self.options.poll if self.vote is None else OFTEN_SECONDS, self._news)
            self._news.clear()
            await self._look_at_vote()
            for path in (SPEAKERS, WAITING, SEATS, PEOPLE, IDENTIFYING, OPTIONS):
                await self._look(path)
                self._tell()

    async def _look_often(self, path: str) -> None:
        while True:
            await asyncio.sleep(min(QUICK_SECONDS, self.options.poll))
            await self._look(path)
            self._tell()

    async def _follow(self, path: str) -> None:
        while True:
            asked, before = asyncio.get_running_loop().time(), self._lists.get(path)
            await self._look(path, "?isPolling=true")
            self._tell()
            quick = asyncio.get_running_loop().time() - asked < QUICK_SECONDS
            if quick and self._lists.get(path) == before:
                await asyncio.sleep(QUICK_SECONDS)  # not held: this one answers at once, whatever is asked
            else:
                self._news.set()  # and so before the next

    async def _look(self, path: str, how: str = "") -> None:
        begun = self._newest.get(path, 0)
        answer = await self._ask("GET", path + how)
        if path in (OPTIONS, PEOPLE, IDENTIFYING) and not answer.ok:
            return  # not every model has them
        if not how and self._newest.get(path, 0) != begun:
            return  # a held question was answered meanwhile, with what is newer
        self._newest[path] = begun + 1
        self._learners[path](checked(answer).json())

    # --- what the answers mean -----------------------------------------------------------------------

    def _learn_seats(self, found: Any) -> None:
        self._seats = rows(found)

    def _learn_people(self, found: Any) -> None:
        self._people = {
            seat: row["name"].strip()
            for row in rows(found)
            if isinstance(row.get("name"), str) and (seat := _id(row, "seatId")) is not None
        }

    def _learn_identifying(self, found: Any) -> None:
        mode = found.get("identification_mode") if isinstance(found, dict) else None
        self._identified = isinstance(mode, int) and mode != NOT_IDENTIFIED

    def _learn_options(self, found: Any) -> None:
        if isinstance(found, dict) and isinstance(found.get("mode"), int):
            self._options, most = found, found.get("maxOpenMics")
            self.report(mode=MODES.get(str(found["mode"]), str(found["mode"])), modes=tuple(MODES.values()))
            if isinstance(most, int):
                self.report(max_open=most)

    def _tell(self) -> None:
        speaking, asking = self._lists.get(SPEAKERS, []), self._lists.get(WAITING, [])
        # A chairman with priority may stay on the list with a closed microphone.
        speakers = [seat for row in speaking if (seat := _id(row)) and row.get("micOn", True) is not False]
        waiting = [seat for row in asking if (seat := _id(row)) and seat not in speakers]
        listed = {_id(row): _own_name(row) for row in (*speaking, *asking)}
        rows = {seat: row for row in self._seats if (seat := _id(row))}
        seats = {
            str(seat): _seat(rows.get(seat, {}), self._name(seat, listed))
            for seat in sorted({*rows, *speakers, *waiting})
        }
        self.tell_floor(tuple(dict.fromkeys(speakers)), tuple(dict.fromkeys(waiting)), seats=seats)

    def _name(self, seat: int, listed: Mapping[int | None, str]) -> str:
        """Who sits there. Where people say so at their seats, a list without a name has an unknown person."""
        if self._identified and seat in listed:
            return listed[seat]
        return self._people.get(seat) or listed.get(seat, "")

    # --- verbs ---------------------------------------------------------------------------------------

    async def open_mic(self, seat: int) -> None:
        self.must_be_seat(seat)
        await self._do("POST", SPEAKERS, [seat])

    async def close_mic(self, seat: int) -> None:
        self.must_be_seat(seat)
        await self._do("DELETE", f"{SPEAKERS}/{seat}")

    async def grant_request(self, seat: int) -> None:
        self.must_wait(seat)
        await self._do("POST", SPEAKERS, [seat])

    async def deny_request(self, seat: int) -> None:
        self.must_wait(seat)
        await self._do("DELETE", f"{WAITING}/{seat}")

    async def close_all_mics(self) -> None:
        """Take the floor from everybody; where the queue moves up by itself it is cleared first."""
        if self._options.get("autoShift") is not False:
            await self.clear_requests()
        await self._do("DELETE", SPEAKERS)

    async def clear_requests(self) -> None:
        await self._do("DELETE", WAITING)

    async def next_speaker(self) -> None:
        self.first_waiting()
        await self._do("POST", SPEAKERS, [])

    async def take_priority(self, seat: int) -> None:
        self.must_be_seat(seat)
        await self._do("POST", PRIORITY, [seat])

    async def set_mode(self, mode: str) -> None:
        await self._set(mode=int(mode_for(MODES, mode)))

    async def set_max_open(self, count: int) -> None:
        await self._set(maxOpenMics=within("count", count, 1, 25))

    move_up = lacking(OWN_ORDER)
    mute_all = lacking("its microphones are closed, not muted")

    async def _set(self, **options: int) -> None:
        if not self._options:
            raise Unsupported("this model does not tell the settings of its discussion")
        await self._do("PUT", OPTIONS, {**self._options, **options})

    async def _do(self, method: str, path: str, body: object = None) -> None:
        try:
            await self._write(method, path, body)
        except Rejected as refused:
            if method != "DELETE" or not any(text in str(refused) for text in UNKNOWN):
                raise  # else it is already as it was wanted


def _id(row: Mapping[str, Any], name: str = "id") -> int | None:
    value = row.get(name)
    return value if isinstance(value, int) and 0 < value < NOBODY else None


def _own_name(row: Mapping[str, Any]) -> str:
    """Who is in a list; a seat's own label is nobody's name."""
    name = str(row.get("name") or "").strip()
    return "" if name == str(row.get("seatName") or "").strip() else name


def _seat(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    battery, signal = row.get("batteryStatus"), row.get("signalStatus")
    return seat_row(
        name,
        row.get("prio") is True,
        "disconnected" if row.get("connected") is False else "",
        battery_hours=battery if isinstance(battery, int) else None,
        signal_dbm=signal if isinstance(signal, int) else None,
        votes=False if row.get("voting") is False else None,
    )


DRIVER = BoschWireless
