"""How rooms are made ready: the keys of ``[preparation]`` and the steps of each room."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from avctl.config.section import Identifier, Section
from avctl.model.booking import Kind


def _time_server(address: str) -> str:
    if address and not re.fullmatch(r"[^\s:/\[\]]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?", address):
        raise ValueError("a host, or host:port, that answers SNTP; empty: none")
    return address


class Preparation(Section):
    """How a room is made ready."""

    minutes_before: int = Field(
        60, ge=0, le=24 * 60, description="Minutes before the start at which it begins by itself; 0: never."
    )
    seconds: float = Field(60, ge=1, description="Seconds a device may take to reach its wanted state.")
    retry_seconds: float = Field(2, ge=0.05, description="Seconds before a verb that failed is tried again.")
    answer_seconds: float = Field(5, gt=0, le=60, description="Seconds a device has to answer when asked.")
    proof_seconds: float = Field(
        40, ge=5, le=300, description="Seconds the picture, the sound and the recording have to be proven."
    )
    keep_preset: int = Field(
        19, ge=0, le=254, description="Preset that keeps a camera's own shot while it is proven to move."
    )
    time_server: Annotated[str, AfterValidator(_time_server)] = Field(
        "", description="Host of the network's time (SNTP), host or host:port; empty: the system is asked."
    )
    clock_seconds: float = Field(
        0.2, gt=0, le=60, description="Seconds the clock may differ from the network's."
    )


class RoomStep(Section):
    """Something that brings the room to its wanted state before a session."""

    id: Identifier = Field(description="Short name, unique in the room, for those that come after it.")
    device: Identifier = Field(description="Id of a device of this room.")
    verb: str = Field(description="What it is to do.")
    arguments: Mapping[str, Any] = Field(default_factory=dict, description="What the verb is told.")
    after: tuple[str, ...] = Field(
        (), description="Steps, or devices with their own prepare, that must have been done before."
    )
    kinds: tuple[Kind, ...] = Field((), description="Kinds of sessions it is for; none named: all.")


@dataclass(frozen=True, kw_only=True)
class Step:
    """A verb to be used once those ``after`` which it stands are done."""

    id: str
    device: str
    verb: str
    arguments: Mapping[str, Any]
    after: tuple[str, ...] = ()
    kinds: tuple[str, ...] = field(default=(), compare=False)


def steps_of(room: Mapping[str, Any], devices: Sequence[Mapping[str, Any]], kind: str = "") -> list[Step]:
    """The steps of a room's table and of its devices' tables, in the order of the file.

    A device's own ``prepare`` is a chain of steps, ``device.verb``; its id stands for the last of them. Steps
    for other kinds of sessions are left out, and what would come after them comes after what they wait for.
    """
    found: list[Step] = []
    ends: dict[str, tuple[str, ...]] = {}
    for device in devices:
        before: tuple[str, ...] = ()
        for verb, arguments in _table(device.get("prepare")).items():
            step = Step(
                id=f"{device.get('id')}.{verb}",
                device=str(device.get("id")),
                verb=verb,
                arguments=_table(arguments),
                after=before,
            )
            found.append(step)
            before = (step.id,)
        ends[str(device.get("id"))] = before
    for table in tables_in(room, "prepare"):
        found.append(
            Step(
                id=str(table.get("id")),
                device=str(table.get("device")),
                verb=str(table.get("verb")),
                arguments=_table(table.get("arguments")),
                after=tuple(str(one) for one in _list(table.get("after"))),
                kinds=tuple(str(one) for one in _list(table.get("kinds"))),
            )
        )
    own = {step.id for step in found}
    for name in own & ends.keys():
        del ends[name]  # a step's name goes before a device's
    left_out = {step.id: step.after for step in found if kind and step.kinds and kind not in step.kinds}
    return [
        Step(
            id=step.id,
            device=step.device,
            verb=step.verb,
            arguments=step.arguments,
            after=_resolved(step.after, ends, left_out),
        )
        for step in found
        if step.id not in left_out
    ]


def _resolved(
    after: Sequence[str], ends: Mapping[str, tuple[str, ...]], left_out: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    found: dict[str, None] = {}
    waiting, seen = list(after), set()
    while waiting:
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        if name in left_out:
            waiting.extend(left_out[name])
        else:
            found.update(dict.fromkeys(ends.get(name, (name,))))
    return tuple(found)


def cycle_in(steps: Sequence[Step]) -> tuple[str, ...]:
    """Steps that wait for one another, each for the next; empty when there are none."""
    after = {step.id: step.after for step in steps}
    done: set[str] = set()
    for start in after:
        path: list[str] = []
        waiting: list[tuple[str, int]] = [(start, 0)]
        while waiting:
            name, at = waiting.pop()
            if at == 0:
                if name in path:
                    return (*path[path.index(name) :], name)
                if name in done:
                    continue
                path.append(name)
            if at < len(after.get(name, ())):
                waiting += [(name, at + 1), (after[name][at], 0)]
            else:
                path.pop()
                done.add(name)
    return ()


def order_faults(room: Mapping[str, Any], devices: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """What is wrong in the steps of a room by themselves: (key below the room, what was expected)."""
    own = [str(device.get("id")) for device in devices]
    steps = steps_of(room, devices)
    known = {step.id for step in steps} | set(own)
    seen: dict[str, int] = {}
    for at, table in enumerate(tables_in(room, "prepare")):
        name = table.get("id")
        if isinstance(name, str):
            if name in seen:
                yield f"prepare[{at}].id", f"an id of its own ({name!r} is prepare[{seen[name]}] too)"
            seen.setdefault(name, at)
        if isinstance(device := table.get("device"), str) and device not in own:
            yield f"prepare[{at}].device", f"a device of this room (got {device!r})"
        for place, other in enumerate(_list(table.get("after"))):
            if isinstance(other, str) and other not in known:
                yield (
                    f"prepare[{at}].after[{place}]",
                    f"a step or a device of this room: {', '.join(sorted(known))} (got {other!r})",
                )
    if circle := cycle_in(steps):
        at = next((place for name, place in seen.items() if name in circle), 0)
        yield f"prepare[{at}].after", f"an order without a circle ({' waits for '.join(circle)})"


def tables_in(data: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """The tables of an array of tables as far as they are tables; what is not counts as empty."""
    for table in _list(data.get(name)):
        yield table if isinstance(table, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
