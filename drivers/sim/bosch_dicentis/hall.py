"""The hall of a simulated DICENTIS: seats, who sits there, who speaks, who waits, who has priority."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from drivers.sim.people import Person, Roster

MODES = ("manual", "open", "override", "voice")
PRIORITY, SPEAKER, RESPONDER, REQUEST, RESPONSE_REQUEST = (
    *("isPrioritySpeaker", "isSpeaker", "isResponder"),
    *("isRequest", "isResponseRequest"),
)
SETTLE_SECONDS = 0.1


@dataclass
class Seat:
    """A place with a microphone. ``seated`` is who sits there now, ``assigned`` who should."""

    number: int
    id: str
    assigned: str = ""
    seated: str = ""
    chairman: bool = False
    connected: bool = True
    selected: bool = False
    sensitivity: float = 0.0
    illuminated: bool = False

    @property
    def name(self) -> str:
        """The label on the seat."""
        return f"Місце {self.number}"


@dataclass
class Turn:
    """A row of the discussion list: somebody who speaks, or wants to. Times in seconds of one clock."""

    seat: Seat
    kind: str
    mic: str = "off"
    since: float = field(default_factory=time.monotonic)
    extra: float = 0.0

    @property
    def waits(self) -> bool:
        """Whether it is a request."""
        return self.kind in (REQUEST, RESPONSE_REQUEST)


class Hall:
    """What the buttons and the operators do to the discussion list; ``changed`` is told of each change."""

    def __init__(self, name: str, roster: Roster, changed: Callable[[str], None]) -> None:
        self._name, self._changed = name, changed
        self.mode = MODES.index("open")
        self.max_speakers = 4
        self.max_requests = 50
        self.priority_clears = False
        self.power = "poweredOn"
        self.people: dict[str, Person] = {}
        self.seats: dict[str, Seat] = {}
        self.turns: list[Turn] = []
        for number, person in enumerate(roster.people, 1):
            guest = self._arrives(person)
            seat = Seat(number=number, id=self._id("seat", str(number)), chairman=person.chairman)
            seat.assigned = seat.seated = guest
            self.seats[seat.id] = seat

    # --- who is where --------------------------------------------------------------------------------

    def numbered(self, number: int) -> Seat:
        """The seat with this number; ValueError when there is none."""
        for seat in self.seats.values():
            if seat.number == number:
                return seat
        raise ValueError(f"a seat from 1 to {len(self.seats)}")

    @property
    def chair(self) -> Seat:
        """The chairman's seat."""
        return next(seat for seat in self.seats.values() if seat.chairman)

    def turn(self, seat: Seat) -> Turn | None:
        """The row of the list that is about a seat."""
        return next((turn for turn in self.turns if turn.seat is seat), None)

    def speaking(self) -> list[Seat]:
        """The seats with a live microphone, in order."""
        return [turn.seat for turn in self.turns if turn.mic == "on"]

    def waiting(self) -> list[Seat]:
        """The seats that asked, in order."""
        return [turn.seat for turn in self.turns if turn.waits]

    def sits(self, number: int, name: str) -> None:
        """Somebody takes a seat: one of the roster by name, or a guest; he cannot be in two seats."""
        seat = self.numbered(number)
        known = (id_ for id_, person in self.people.items() if person.name == name)
        first, _, last = name.partition(" ")
        guest = Person(first_name=first, last_name=last, title="запрошений", group="")
        person = next(known, None) or self._arrives(guest)
        for other in self.seats.values():
            if other.seated == person:
                other.seated = ""
        seat.seated = person
        self._tell("SeatsChanged", "ParticipantSeatsChanged", "ParticipantsChanged")

    def leaves(self, number: int) -> None:
        """Whoever sits there goes; his microphone or request goes with him."""
        seat = self.numbered(number)
        seat.seated = ""
        self._tell("SeatsChanged", "ParticipantSeatsChanged")
        self.remove(seat)

    def connect(self, seat: Seat, connected: bool) -> None:
        """A seat's cable is put in or pulled."""
        seat.connected = connected
        self._tell("SeatsChanged")
        if not connected:
            self.remove(seat)

    def switch(self, power: str) -> None:
        """The whole system: poweredOn, poweredOff, or on the way."""
        self.power = power
        self._tell("SystemPowerModeChanged")
        if power not in ("poweredOn", "poweredOff"):
            return
        connected = power == "poweredOn"
        for seat in self.seats.values():
            seat.connected = connected
        self._tell("SeatsChanged")
        if not connected:
            self.clear()

    # --- the discussion ------------------------------------------------------------------------------

    def press(self, seat: Seat) -> None:
        """The button at a seat: ask for the floor, withdraw, stop; the chairman's button is priority."""
        if not seat.connected:
            return
        turn = self.turn(seat)
        if seat.chairman:
            self.remove(seat) if turn is not None else self.take_priority(seat)
        elif turn is None:
            self.request(seat)
        else:
            self.remove(seat)

    def request(self, seat: Seat, kind: str = REQUEST) -> None:
        """Ask for the floor: given at once when the mode says so and a microphone is free."""
        if self.turn(seat) is not None or not seat.connected:
            return
        free = len(self._speakers()) < self.max_speakers and not self._priority()
        if MODES[self.mode] in ("override", "voice") or (MODES[self.mode] == "open" and free):
            self.grant(seat)
        elif len(self.waiting()) < self.max_requests:
            self.turns.append(Turn(seat=seat, kind=kind))
            self._tell("DiscussionListChanged")

    def grant(self, seat: Seat, kind: str = SPEAKER) -> None:
        """Give the floor; a full list loses its oldest speaker."""
        turn = self.turn(seat)
        if not seat.connected or (turn is not None and turn.mic == "on"):
            return
        if turn is not None:
            self.turns.remove(turn)
        speakers = self._speakers()
        for oldest in speakers[: max(0, len(speakers) + 1 - self.max_speakers)]:
            self.turns.remove(oldest)
        self._insert(Turn(seat=seat, kind=kind, mic="on"))

    def take_priority(self, seat: Seat) -> None:
        """The chairman speaks; the others are muted until he stops, or lose the floor."""
        self.turns = [turn for turn in self.turns if turn.waits or not self.priority_clears]
        for turn in self._speakers():
            turn.mic = "mute"
        self.turns.insert(0, Turn(seat=seat, kind=PRIORITY, mic="on"))
        self._tell("DiscussionListChanged")

    def remove(self, seat: Seat) -> None:
        """Take a seat off the list; the next request moves up unless the mode is manual."""
        turn = self.turn(seat)
        if turn is None:
            return
        self.turns.remove(turn)
        if turn.kind == PRIORITY and not self._priority():
            for other in self._speakers():
                other.mic = "on"
        self._promote()
        self._tell("DiscussionListChanged")

    def clear(self) -> None:
        """Nobody speaks, nobody waits."""
        if self.turns:
            self.turns.clear()
            self._tell("DiscussionListChanged")

    def set_microphone(self, seat: Seat, mic: str) -> bool:
        """Mute or unmute somebody who has the floor; false when he has not."""
        turn = self.turn(seat)
        if turn is None or turn.waits:
            return False
        turn.mic = mic
        self._tell("DiscussionListChanged")
        return True

    def set_mode(self, mode: int, max_speakers: int, max_requests: int) -> None:
        """Run the discussion another way."""
        self.mode, self.max_speakers, self.max_requests = mode, max_speakers, max_requests
        self._tell("DiscussionOptionsChanged")
        if self._promote():
            self._tell("DiscussionListChanged")

    def _promote(self) -> bool:
        moved = False
        while MODES[self.mode] != "manual" and not self._priority() and self.waiting():
            if len(self._speakers()) >= self.max_speakers:
                break
            first = next(turn for turn in self.turns if turn.waits)
            self.turns.remove(first)
            kind = RESPONDER if first.kind == RESPONSE_REQUEST else SPEAKER
            self._insert(Turn(seat=first.seat, kind=kind, mic="on"))
            moved = True
        return moved

    def _insert(self, turn: Turn) -> None:
        self.turns.insert(sum(not other.waits for other in self.turns), turn)
        self._tell("DiscussionListChanged")

    def _speakers(self) -> list[Turn]:
        return [turn for turn in self.turns if not turn.waits and turn.kind != PRIORITY]

    def _priority(self) -> bool:
        return any(turn.kind == PRIORITY for turn in self.turns)

    def _arrives(self, person: Person) -> str:
        id_ = self._id("person", person.name)
        self.people[id_] = person
        return id_

    def _id(self, kind: str, name: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"dicentis:{self._name}/{kind}/{name}"))

    def _tell(self, *events: str) -> None:
        for event in events:
            self._changed(event)
