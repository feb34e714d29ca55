"""The DICENTIS conference protocol's messages: JSON in text frames, one message in each.

``{"messageId": 1, "operation": "GetSeats", "parameters": {}}`` is answered under the same id and
operation, or with the operation ``error``. Events have the id 0 and carry names only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from avctl.errors import ProtocolError

PATH = "/Dicentis/API"
SUBPROTOCOL = "DICENTIS_1_0"
_as_text = json.JSONEncoder(ensure_ascii=False).encode
TOKEN = re.compile(r'(?<="token":)\s*"[^"]*"')  # worth a log-in, so it stays out of the log
NOT_LOGGED_IN = "please login first"
UNKNOWN = "unknown operation"
NO_PERMISSION = "no permission"

REFRESH: Mapping[str, tuple[str, ...]] = {
    "ApiStateChanged": (),  # everything is asked again
    "DiscussionListChanged": ("GetDiscussionList",),
    "SeatsChanged": ("GetParticipantSeats", "GetSeats"),
    "ParticipantsChanged": ("GetParticipants", "GetSeats"),
    "ParticipantSeatsChanged": ("GetParticipantSeats", "GetSeats"),
    "MeetingInfoChanged": (
        "GetMeetingInfo",
        "GetAgendaTopics",
        "GetParticipants",
        "GetParticipantSeats",
        "GetSeats",
        "GetDiscussionOptions",
    ),
    "AgendaTopicsChanged": ("GetAgendaTopics", "GetDiscussionOptions"),
    "DiscussionOptionsChanged": ("GetDiscussionOptions",),
    "PermissionsChanged": ("GetPermissions", "GetVotingInfo"),
    "VotingStateChanged": ("GetVotingInfo",),
    "VotingInfoChanged": ("GetVotingInfo",),
    "VotingResultChanged": ("GetVotingResults",),
    "InterpretationLanguagesChanged": ("GetInterpretationLanguages",),
    "InterpreterBoothsChanged": ("GetInterpreterBooths",),
    "InterpretationRoutingsChanged": ("GetInterpretationRoutings",),
}
"""Which operations read what an event says has changed; each also arms its event again."""

OLDER: Mapping[str, str] = {
    "GrantSpeech": "AddSeatToSpeakers",
    "GrantResponse": "AddSeatToSpeakers",
    "RemoveSpeech": "RemoveSeatFromDiscussionList",
    "RemoveResponse": "RemoveSeatFromDiscussionList",
}
"""What a server before 6.50 knows instead, one seat at a time."""

MODES: Mapping[int, str] = {0: "request", 1: "open", 2: "override", 3: "voice"}
"""Names of the discussion modes; only 1 (requests move up by themselves) was seen on a real server."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the server says to a request."""

    number: int
    operation: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """The server does not do what was asked."""

    number: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something changed; the server says what kind of thing, not how."""

    names: tuple[str, ...]


def encode(number: int, operation: str, parameters: Mapping[str, Any] | None = None) -> str:
    """A request as the server wants it: ``parameters`` must be there even when empty."""
    message = {"messageId": number, "operation": operation, "parameters": dict(parameters or {})}
    return _as_text(message)


def decode(text: str) -> Answer | Refusal | Notice:
    """What the server sent; ProtocolError when it makes no sense."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise ProtocolError(f"not JSON: {text[:80]!r}") from fault
    match message:
        case {"operation": str(operation), "parameters": dict(parameters)}:
            number = message.get("messageId", 0)
        case {"operation": str(operation), "parameters": list(found)}:
            # The reference prints who voted what as a bare list; a server may well send it so.
            number, parameters = message.get("messageId", 0), {"": found}
        case _:
            raise ProtocolError(f"not a message: {text[:80]!r}")
    if not isinstance(number, int):
        raise ProtocolError(f"not a message number: {number!r}")
    match operation.lower(), parameters:
        case "error", {"message": str(reason)}:
            return Refusal(number=number, text=reason)
        case "event", {"events": list(names)} if all(isinstance(name, str) for name in names):
            return Notice(names=tuple(names))
        case (("error" | "event"), _):
            raise ProtocolError(f"not an {operation}: {text[:80]!r}")
    return Answer(number=number, operation=operation, parameters=parameters)


def rows(parameters: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """A list of objects out of an answer; null is an empty one, anything else is a ProtocolError.

    Not every list's name is known for sure: where it is another one, the only list there is counts.
    """
    found = parameters.get(name, ...)
    if found is ...:
        lists = [value for value in parameters.values() if isinstance(value, list)]
        found = lists[0] if len(lists) == 1 else found
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise ProtocolError(f"no list of {name}")
    return found


def text_of(row: Mapping[str, Any], name: str) -> str:
    """A text out of an object: trimmed, and empty when it is missing, null or no text; a number is one."""
    value = row.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) else ""


def number_of(row: Mapping[str, Any], name: str) -> int | None:
    """A whole number out of an object, also where it is written as a text or with a point."""
    value = row.get(name)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    found = text_of(row, name)
    return int(found) if found.isascii() and found.isdecimal() and len(found) < 10 else None


def id_of(row: Mapping[str, Any], name: str) -> str:
    """An identifier out of an object; the one of all zeros means nobody, so it is empty."""
    value = text_of(row, name)
    return value if value.strip("0-{}") else ""
