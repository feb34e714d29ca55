"""What the server's lists say together: which number a seat has, who sits there, who speaks and waits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from drivers.bosch_dicentis.messages import id_of, rows, text_of
from drivers.discussion import Numbers

WAITS = frozenset({"isrequest", "isresponserequest"})
RESPONDS = frozenset({"isresponder", "isresponserequest"})


@dataclass(frozen=True, kw_only=True)
class Seat:
    """A row of GetSeats. ``assigned`` and ``seated`` are participants."""

    id: str
    label: str = ""
    screen_line: str = ""
    assigned: str = ""
    seated: str = ""
    chairman: bool = False
    fault: str = ""
    votes: bool = True


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A row of the discussion list. A participant without a seat has his own id as ``seat``."""

    seat: str
    participant: str = ""
    screen_line: str = ""
    on: bool = False
    kind: str = ""

    @property
    def waits(self) -> bool:
        """Whether it is a request for the floor."""
        return not self.on and self.kind in WAITS

    @property
    def responds(self) -> bool:
        """Whether it is about a response to a speech, which has its own operations."""
        return self.kind in RESPONDS


@dataclass(frozen=True, kw_only=True)
class Person:
    """A row of GetParticipants."""

    name: str
    group: str
    proven: bool = False


class Hall:
    """Folds the server's answers; gives the readings of a discussion system."""

    def __init__(self) -> None:
        self.numbers = Numbers()
        self.seats: dict[str, Seat] = {}
        self.entries: tuple[Entry, ...] = ()
        self.reading: dict[str, dict[str, Any]] = {}
        self.identified = False  # whether people log in at their seats, by card or name
        self._entry: dict[str, Entry] = {}
        self._place: dict[str, str] = {}
        self._people: dict[str, Person] = {}
        self._seated: dict[str, str] = {}
        self._assigned: dict[str, str] = {}
        self._sits: dict[str, str] = {}

    @property
    def speakers(self) -> tuple[int, ...]:
        """The seats whose microphone is live, in the list's order."""
        return self._numbered(entry for entry in self.entries if entry.on)

    @property
    def waiting(self) -> tuple[int, ...]:
        """The seats that asked for the floor, in the list's order."""
        return self._numbered(entry for entry in self.entries if entry.waits)

    def entry(self, number: int) -> Entry | None:
        """The row of the discussion list that is about a seat."""
        return self._entry.get(self.numbers.seat(number) or "")

    def place(self, participant: str) -> str:
        """The seat in which a participant sits; one who sits in none has his own id as seat."""
        return self._place.get(participant, participant)

    def take_seats(self, parameters: Mapping[str, Any]) -> None:
        """Learn from GetSeats."""
        found = [_seat(row, self._assigned, self._sits) for row in rows(parameters, "seats")]
        self.seats = {seat.id: seat for seat in found if seat.id}
        self._seated = {seat.seated: seat.id for seat in self.seats.values() if seat.seated}
        self._place = {self._occupant(seat): seat.id for seat in self.seats.values()}
        self.numbers.learn({seat.id: seat.label for seat in self.seats.values()})
        self.write()

    def take_participants(self, parameters: Mapping[str, Any]) -> None:
        """Learn from GetParticipants."""
        self._people = {
            id_of(row, "participantId"): Person(
                name=" ".join(filter(None, (text_of(row, "firstName"), text_of(row, "lastName")))),
                group=text_of(row, "group"),
                proven=row.get("isAuthenticated") is True,
            )
            for row in rows(parameters, "participants")
        }
        self.write()

    def take_places(self, parameters: Mapping[str, Any]) -> None:
        """Learn from GetParticipantSeats; counts where GetSeats does not say it itself."""
        self._assigned, self._sits = {}, {}
        for row in rows(parameters, "participantSeats"):
            person = id_of(row, "participantId")
            self._assigned[id_of(row, "assignedSeatId")] = person
            self._sits[id_of(row, "seatedSeatId")] = person

    def take_list(self, parameters: Mapping[str, Any]) -> None:
        """Learn from GetDiscussionList; touches only the seats it is about."""
        found = [_entry(row) for row in rows(parameters, "discussionList")]
        before, self.entries = self._entry, tuple(entry for entry in found if entry.seat)
        self._entry = {}
        for entry in self.entries:
            self._entry.setdefault(entry.seat, entry)
        changed, gone = {}, set()
        for seat in {**before, **self._entry}:
            key, row = str(self.numbers.of(seat)), self._row(seat)
            if (
                seat not in self.seats and seat not in self._entry
            ):  # who speaks from no seat has none afterwards
                gone.add(key)
            elif self.reading.get(key) != row:
                changed[key] = row
        if changed or gone & self.reading.keys():
            kept = {**self.reading, **changed}
            self.reading = {key: row for key, row in kept.items() if key not in gone}

    def unknown(self) -> bool:
        """Whether the discussion list is about a seat that GetSeats did not tell."""
        return any(entry.seat not in self.seats and entry.seat != entry.participant for entry in self.entries)

    def write(self) -> None:
        """Make the reading of all seats anew."""
        known = {seat: self.numbers.of(seat) for seat in (*self.seats, *self._entry)}
        self.reading = {
            str(number): self._row(seat) for seat, number in sorted(known.items(), key=lambda item: item[1])
        }

    def _row(self, id_: str) -> dict[str, Any]:
        seat = self.seats.get(id_) or Seat(id=id_)
        entry = self._entry.get(id_)
        if entry is not None and entry.participant:
            person, line = entry.participant, entry.screen_line or seat.screen_line
            if person != self._occupant(seat):
                line = entry.screen_line
        else:
            person, line = self._occupant(seat), seat.screen_line
        known = self._people.get(person, Person(name="", group=""))
        # The screen of an empty seat shows the seat's own label: that is nobody's name.
        name = known.name or ("" if line == seat.label else line)
        row: dict[str, Any] = {
            "name": name,
            "group": known.group,
            "chairman": seat.chairman,
            "fault": seat.fault,
        }
        if not seat.votes:
            row["votes"] = False
        proven = self.identified and known.proven and bool(name) and person == seat.seated
        return {**row, "authenticated": True} if proven else row

    def _occupant(self, seat: Seat) -> str:
        """Who sits there. Where people log in at their seats, an assigned one may be away: nobody is said."""
        return seat.seated if self._seated else seat.assigned

    def _numbered(self, entries: Iterable[Entry]) -> tuple[int, ...]:
        return tuple(dict.fromkeys(self.numbers.of(entry.seat) for entry in entries))


def _seat(row: Mapping[str, Any], assigned: Mapping[str, str], sits: Mapping[str, str]) -> Seat:
    id_ = id_of(row, "seatId")
    attributes = row.get("attributes")
    status = text_of(row, "status").lower()
    return Seat(
        id=id_,
        label=text_of(row, "seatName"),
        screen_line=text_of(row, "screenLine"),
        assigned=_told(row, "assignedParticipantId", assigned.get(id_, "")),
        seated=_told(row, "seatedParticipantId", sits.get(id_, "")),
        chairman=isinstance(attributes, list)
        and any(isinstance(one, str) and one.lower() == "chairman" for one in attributes),
        fault="disconnected" if status == "disconnected" else "",
        votes=row.get("canVote") is not False,
    )


def _told(row: Mapping[str, Any], name: str, otherwise: str) -> str:
    return id_of(row, name) if name in row else otherwise


def _entry(row: Mapping[str, Any]) -> Entry:
    participant = id_of(row, "participantId")
    return Entry(
        seat=id_of(row, "seatId") or participant,
        participant=participant,
        screen_line=text_of(row, "screenLine"),
        on=text_of(row, "microphoneState").lower() == "on",
        kind=text_of(row, "speakerType").lower(),
    )
