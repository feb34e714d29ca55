"""Who sits where in one session, and how that is known.

What a person said in this session goes first, then a card at the seat, the imported list, the discussion
system's own assignment, and last the list of an earlier session. Nobody is in two seats: who is at one by a
stronger word is not named at another by a weaker one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Any, Self

from avctl.events import ParticipantsListed, SeatRestored, SeatSubstituted, SessionEvent

LAST_SEAT = 99_999


class Origin(StrEnum):
    """How a name came to a seat."""

    SUBSTITUTION = "substitution"
    CARD = "card"
    IMPORT = "import"
    SYSTEM = "system"
    EARLIER = "earlier"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Participant:
    """Somebody on a list. ``seat`` 0: wherever their card is."""

    name: str
    group: str = ""
    seat: int = 0
    card: str = ""


@dataclass(frozen=True, kw_only=True)
class Substitute:
    """Who sits at a seat by a person's word; ``instead`` of whom the system had logged in there."""

    name: str
    group: str = ""
    instead: str = ""


@dataclass(frozen=True, kw_only=True)
class Occupant:
    """A seat and who sits there; an empty name: not known, the number stands for it."""

    seat: int
    name: str = ""
    group: str = ""
    origin: Origin = Origin.UNKNOWN


@dataclass(frozen=True, kw_only=True)
class Seating:
    """The people of one session. ``sat`` is who sat where when it ended."""

    session: str
    people: tuple[Participant, ...] = ()
    origin: Origin = Origin.IMPORT
    source: str = ""
    substitutes: Mapping[int, Substitute] | None = None
    sat: tuple[Occupant, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing was said of anybody: the system alone knows."""
        return not self.people and not self.substitutes

    def after(self, event: SessionEvent) -> Self:
        """The seating once ``event`` has happened."""
        match event:
            case ParticipantsListed():
                people = tuple(Participant(**person) for person in event.people)
                return replace(self, people=people, origin=Origin(event.origin), source=event.source)
            case SeatSubstituted():
                one = Substitute(name=event.name, group=event.group, instead=event.instead)
                return replace(self, substitutes={**(self.substitutes or {}), event.seat: one})
            case SeatRestored():
                kept = {seat: one for seat, one in (self.substitutes or {}).items() if seat != event.seat}
                return replace(self, substitutes=kept)
            case _:
                return self

    def occupants(self, told: Mapping[str, Mapping[str, Any]]) -> Mapping[int, Occupant]:
        """Who sits where; ``told`` is the reading ``seats`` of the system, empty while it is away."""
        found: dict[int, Occupant] = {}
        placed: set[str] = set()

        def take(source: Iterable[Occupant]) -> None:
            new = [one for one in source if one.seat not in found and folded(one.name) not in placed]
            found.update((one.seat, one) for one in new)
            placed.update(folded(one.name) for one in new if one.name)

        take(self._said(told))
        take(self._at_card(told))
        if self.origin is Origin.IMPORT:
            take(self._listed)
        take(_assigned(told, found))
        if self.origin is Origin.EARLIER and not any(map(named, told.values())):
            take(self._listed)
        for number in told:
            if int(number) not in found:
                found[int(number)] = Occupant(seat=int(number))
        return dict(sorted(found.items()))

    def _said(self, told: Mapping[str, Mapping[str, Any]]) -> Iterator[Occupant]:
        for seat, one in (self.substitutes or {}).items():
            here = logged_in(told.get(str(seat), {}))
            if here in (
                "",
                one.instead,
                one.name,
            ):  # else somebody came there since, with a card of their own
                yield Occupant(seat=seat, name=one.name, group=one.group, origin=Origin.SUBSTITUTION)

    def _at_card(self, told: Mapping[str, Mapping[str, Any]]) -> Iterator[Occupant]:
        here = [(int(number), row) for number, row in told.items() if row.get("card") or logged_in(row)]
        if not here:
            return
        cards = {person.card: person for person in self.people if person.card}
        groups = {folded(person.name): person.group for person in self.people}
        for seat, row in here:
            person = cards.get(str(row.get("card") or ""))
            if person is not None:
                yield Occupant(seat=seat, name=person.name, group=person.group, origin=Origin.CARD)
            elif name := logged_in(row):
                group = str(row.get("group") or "") or groups.get(folded(name), "")
                yield Occupant(seat=seat, name=name, group=group, origin=Origin.CARD)

    @cached_property
    def _listed(self) -> tuple[Occupant, ...]:
        return tuple(
            Occupant(seat=person.seat, name=person.name, group=person.group, origin=self.origin)
            for person in self.people
            if person.seat
        )


def _assigned(told: Mapping[str, Mapping[str, Any]], found: Mapping[int, Occupant]) -> Iterator[Occupant]:
    for number, row in told.items():
        if int(number) not in found and (name := named(row)):
            group = str(row.get("group") or "")
            yield Occupant(seat=int(number), name=name, group=group, origin=Origin.SYSTEM)


def named(row: Mapping[str, Any]) -> str:
    """Whom a system names at a seat."""
    return str(row.get("name") or "")


def logged_in(row: Mapping[str, Any]) -> str:
    """Who proved to a system that they sit at a seat; empty when nobody did."""
    return named(row) if row.get("authenticated") is True else ""


@lru_cache(maxsize=8192)
def folded(name: str) -> str:
    """The one spelling of a name: apostrophes are written in three ways."""
    plain = unicodedata.normalize("NFC", name).casefold().translate(APOSTROPHES)
    return " ".join(plain.split())


APOSTROPHES = str.maketrans(dict.fromkeys("’ʼ‘`´ʹ", "'"))


def as_list(people: Iterable[Participant]) -> tuple[Mapping[str, Any], ...]:
    """People as an event carries them."""
    return tuple(dict(vars(person)) for person in people)
