"""Who is at which seat of a CoCon room: the plan of the meeting, and who has logged in or left since.

``BadgeEvent`` tells a card that was put in or taken out, ``DelegateOnSeat`` who came or went. Both tell news
only: after a cut nobody is known to have logged in, and the plan is all there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drivers.televic_cocon.messages import number, rows


@dataclass(frozen=True, kw_only=True)
class Delegate:
    """Somebody who takes part in the meeting; without a name: nobody is known."""

    name: str = ""
    group: str = ""


NOBODY = Delegate()


class People:
    """Folds delegates and events; a name of the plan never outlives its owner's leaving."""

    def __init__(self) -> None:
        self._plan: dict[int, Delegate] = {}
        self._known: dict[str, Delegate] = {}  # by number in the database, and by card
        self._here: dict[int, Delegate] = {}  # who logged in, by seat; NOBODY: whoever sat there has left
        self._came: set[int] = set()  # at these somebody is whom only the next look can name
        self._cards: dict[int, str] = {}

    def forget(self) -> None:
        """The link was cut: what was told by events may be over."""
        self._here.clear()
        self._came.clear()
        self._cards.clear()

    def learn(self, found: Any) -> None:
        """Learn from the delegates of the meeting; without a running one nobody is logged in."""
        self._plan, self._known = {}, {}
        for row in rows(found, "Delegates"):
            delegate = _delegate(row)
            for key in (row.get("Id"), row.get("BadgeNumber")):
                if key not in (None, ""):
                    self._known[str(key)] = delegate
            if (seat := number(row.get("SeatNumber"))) is not None:
                self._plan[seat] = delegate
        for seat in self._came:
            self._here.pop(seat, None)
        self._came.clear()
        if isinstance(found, dict) and found.get("IsMeetingRunning") is False:
            self._here.clear()

    def heard(self, event: str, value: Mapping[str, Any]) -> None:
        """Learn from an event about a seat, by its name in small letters."""
        told = {name.casefold(): one for name, one in value.items()}
        seat = number(told.get("seatnr"))
        if seat is None:
            return
        if event == "badgeevent":
            card = str(told.get("bid") or "")
            if told.get("badgeinserted") is True:
                self._cards[seat] = card
                self._here[seat] = self._who(told.get("delegate")) or self._known.get(card, NOBODY)
            else:
                self._cards.pop(seat, None)
                self._here[seat] = NOBODY
        elif event == "delegateonseat":
            who = self._who(told.get("delegate")) if told.get("onseat") is True else None
            self._here[seat] = who or NOBODY
            if told.get("onseat") is True and who is None:
                self._came.add(seat)

    def row(self, seat: int) -> dict[str, Any]:
        """What the reading of a seat says of whoever is there."""
        here = self._here.get(seat)
        who = here or self._plan.get(seat, NOBODY)
        return {
            "name": who.name,
            "group": who.group,
            "card": self._cards.get(seat) or None,
            "authenticated": True if here is not None and here.name else None,
        }

    def _who(self, told: object) -> Delegate | None:
        """A delegate as an event bears one: an object, a number, or a name; None when none is known."""
        if isinstance(told, Mapping):
            return _delegate(told) if _delegate(told).name else self._known.get(str(told.get("Id")))
        named = {one.name: one for one in (*self._known.values(), *self._plan.values())}
        return self._known.get(str(told)) or named.get(str(told)) if told else None


def _delegate(row: Mapping[str, Any]) -> Delegate:
    name = " ".join(str(part).strip() for part in (row.get("FirstName"), row.get("Name")) if part)
    groups = row.get("Groups")
    first = groups[0] if isinstance(groups, list) and groups else {}
    group = first.get("Name") if isinstance(first, dict) else ""
    return Delegate(name=name, group=str(group or "").strip())
