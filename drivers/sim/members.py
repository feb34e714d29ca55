"""The participants of a simulated DICENTIS Wireless: who is known, at which seat, with which card."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

LONGEST, NOWHERE = 32, -1
FIELDS: Mapping[str, type] = {"name": str, "seatId": int, "nfc": str}


class Failure(Exception):
    """The access point says no."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


def must(fault: str) -> None:
    """Failure where there is a fault."""
    if fault:
        raise Failure(fault)


class Members:
    """Those an access point knows; ``seat_them`` is told who sits at a seat, empty: nobody."""

    def __init__(self, seated: Mapping[int, str], seat_them: Callable[[int, str], None]) -> None:
        self._seat_them = seat_them
        self._seats = frozenset(seated)
        self.identifies = 3  # people say at their seats who they are: how; 3 is off
        self.rows = {seat: _row(seat, name, seat) for seat, name in seated.items()}

    def seat(self, seat: int, name: str) -> None:
        """Somebody is given a seat by hand, or with an empty name nobody."""
        self.rows = {one: row for one, row in self.rows.items() if row["seatId"] != seat}
        if name:
            free = seat if seat not in self.rows else 1 + max(self.rows)
            self.rows[free] = _row(free, name[:LONGEST], seat)
        self._seat_them(seat, name)

    def read(self, place: str) -> Any:
        """What it answers about all of them, one of them, or how they say who they are."""
        if place == "settings":
            return {"identification_mode": self.identifies}
        if place:
            return self.rows[self._known(place)]
        return list(self.rows.values())

    def write(self, method: str, place: str, given: Any) -> Any:
        """Somebody is added, changed or removed."""
        match method, place:
            case "PUT", "settings" if isinstance(given, dict):
                if given.get("identification_mode") not in range(4):
                    raise Failure("Value out of range for field 'identification_mode'")
                self.identifies = given["identification_mode"]
            case "POST", "":
                return {"id": self._add(given)}
            case "PUT", _:
                self._change(self._known(place), given)
            case "DELETE", "":
                for one in tuple(self.rows):
                    self._remove(one)
            case "DELETE", _:
                self._remove(self._known(place))
            case _:
                raise Failure("Not found", 404)
        return {}

    def _known(self, place: str) -> int:
        if not place.isdecimal():
            raise Failure("Not found", 404)
        if int(place) not in self.rows:
            raise Failure("Invalid participant id")
        return int(place)

    def _add(self, given: Any) -> int:
        if not isinstance(given, dict):
            raise Failure("Invalid request body type")
        for name in FIELDS:
            must("" if name in given else f"Missing field '{name}'")
        must(self._fault(0, given))
        new = 1 + max(self.rows, default=0)
        self.rows[new] = {"id": new, **{name: given[name] for name in FIELDS}}
        self._place(self.rows[new])
        return new

    def _change(self, one: int, given: Any) -> None:
        must(self._fault(one, given) if isinstance(given, dict) else "Invalid request body type")
        before = self.rows[one]
        row = self.rows[one] = {**before, **{name: given[name] for name in FIELDS if name in given}}
        if before["seatId"] != row["seatId"]:
            self._place({**before, "name": ""})
        self._place(row)

    def _remove(self, one: int) -> None:
        self._place({**self.rows.pop(one), "name": ""})

    def _fault(self, one: int, given: Mapping[str, Any]) -> str:
        for name, kind in FIELDS.items():
            if name in given and (not isinstance(given[name], kind) or isinstance(given[name], bool)):
                return "Invalid request body type"
        if len(given.get("name", "")) > LONGEST:
            return "Value out of range for field 'name'"
        seat, card = given.get("seatId", NOWHERE), given.get("nfc", "")
        others = [row for row in self.rows.values() if row["id"] != one]
        if seat != NOWHERE and seat not in self._seats:
            return "Unknown seat id"
        if seat != NOWHERE and any(row["seatId"] == seat for row in others):
            return "Seat already assigned"
        return "NFC already assigned" if card and any(row["nfc"] == card for row in others) else ""

    def _place(self, row: Mapping[str, Any]) -> None:
        if row["seatId"] != NOWHERE:
            self._seat_them(row["seatId"], row["name"])


def _row(one: int, name: str, seat: int) -> dict[str, Any]:
    return {"id": one, "name": name[:LONGEST], "seatId": seat, "nfc": ""}
