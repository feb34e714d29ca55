"""Events survive the journal: written as JSON and read back, they are the same."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from typing import Any

import pytest

from avctl.events import (
    Event,
    Link,
    LinkChanged,
    MicOpened,
    ReadingsChanged,
    Reason,
    Room,
    SessionSuspended,
    Severity,
    decode,
    encode,
    kinds,
    subject_of,
)

SAMPLES: dict[str, Any] = {
    "str": "Ґудзь О. Є.",
    "int": 7,
    "float": 1.5,
    "bool": True,
    "Link": Link.REFUSED,
    "Reason": Reason.AIR_RAID,
    "Room": Room.LOW,
    "Severity": Severity.CRITICAL,
    "Mapping[str, Any]": {"speakers": [1, 2], "seats": {"1": {"name": "Олена"}}, "power": None},
    "Mapping[str, int]": {"За": 7, "Проти": 0},
    "Mapping[str, str]": {"12": "За"},
    "Mapping[str, Mapping[str, str]]": {"12": {"name": "Олена", "group": "", "choice": "yes"}},
    "Mapping[str, Mapping[str, Any]]": {"kiosk": {"page": "https://example.org/"}, "wall": {"power": None}},
    "Mapping[str, float]": {"1": -20.5, "bus-1": -99.0},
    "tuple[Mapping[str, Any], ...]": ({"name": "Олена", "seat": 1},),
    "tuple[str, ...]": ("камера 2 не відповідає", "b"),
    "datetime": datetime(2026, 11, 21, 15, 4, 9, 123456, tzinfo=UTC),
}


def sample(kind: type[Event]) -> Event:
    wanted = {field.name: SAMPLES[str(field.type)] for field in fields(kind) if field.default is MISSING}
    return kind(**{"at": SAMPLES["datetime"], **wanted, "actor": "olena", "number": 9})


@pytest.mark.parametrize("name", sorted(kinds()))
def test_every_event_comes_back_from_json_as_it_was(name: str) -> None:
    event = sample(kinds()[name])
    written = json.dumps(encode(event), ensure_ascii=False)
    assert decode(json.loads(written)) == event


def test_an_event_is_written_with_its_kind_and_plain_values() -> None:
    event = LinkChanged(at=SAMPLES["datetime"], device="camera", link=Link.OFFLINE, reason="no answer")
    assert encode(event) == {
        "event": "LinkChanged",
        "at": "2026-11-21T15:04:09.123456Z",
        "actor": "",
        "number": 0,
        "device": "camera",
        "link": "offline",
        "reason": "no answer",
    }


def test_readings_of_a_driver_are_written_whatever_their_shape() -> None:
    event = ReadingsChanged(device="hall", readings={"speakers": (3, 5), "seats": {"3": {"name": "Ірина"}}})
    assert encode(event)["readings"] == {"speakers": [3, 5], "seats": {"3": {"name": "Ірина"}}}


def test_a_kind_this_version_does_not_know_is_named() -> None:
    with pytest.raises(KeyError, match="DoorOpened"):
        decode({"event": "DoorOpened", "door": "3"})


def test_every_kind_has_a_name_of_its_own_and_a_sentence() -> None:
    for name, kind in kinds().items():
        assert kind.__name__ == name
        assert (kind.__doc__ or "").strip().endswith("."), f"{name} needs a docstring that is a sentence"


@pytest.mark.parametrize(
    ("event", "subject"),
    [
        (MicOpened(device="hall", seat=3), "hall"),
        (SessionSuspended(session="s1", reason=Reason.BREAK), "s1"),
    ],
)
def test_the_subject_is_what_the_event_is_about(event: Event, subject: str) -> None:
    assert subject_of(event) == subject
