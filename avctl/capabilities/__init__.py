"""What a device can do. A driver lists its capabilities as bases.

A capability is its verbs (the abstract methods) and the readings it promises. ``@reads`` on a verb
says which reading proves that it was done: an operator's act is confirmed by the device, not by us;
``keeps`` are those that are settings. A make that lacks a verb says so, ``move_up = lacking("why")``.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, create_model

from avctl.capabilities.building import Alarm, Channel, Counters, Outlets, Ups
from avctl.capabilities.discussion import Discussion, Voting
from avctl.capabilities.pictures import Camera, Mixing, Recording, Routing, Scenes, Streaming
from avctl.capabilities.proofs import Proof, lacking, proved_by, reads
from avctl.capabilities.screens import (
    Brightness,
    Hours,
    Inputs,
    Layouts,
    Lock,
    Pages,
    Picture,
    Power,
    Presets,
    Volume,
    Wake,
)
from avctl.settings import Setting

__all__ = [
    "CAPABILITIES",
    "Alarm",
    "Brightness",
    "Camera",
    "Channel",
    "Counters",
    "Discussion",
    "Hours",
    "Inputs",
    "Layouts",
    "Lock",
    "Mixing",
    "Outlets",
    "Pages",
    "Picture",
    "Power",
    "Presets",
    "Proof",
    "Recording",
    "Routing",
    "Scenes",
    "Streaming",
    "Ups",
    "Volume",
    "Voting",
    "Wake",
    "arguments_of",
    "capabilities_of",
    "lacking",
    "lacks_of",
    "proved_by",
    "reads",
    "settings_of",
    "verbs_of",
]

CAPABILITIES: tuple[type, ...] = (
    Power,
    Wake,
    Inputs,
    Volume,
    Brightness,
    Picture,
    Layouts,
    Presets,
    Lock,
    Hours,
    Discussion,
    Voting,
    Camera,
    Mixing,
    Routing,
    Outlets,
    Ups,
    Alarm,
    Pages,
    Counters,
    Channel,
    Streaming,
    Recording,
    Scenes,
)


def capabilities_of(device: object) -> tuple[str, ...]:
    """The names of what a driver, or a driver's class, can do."""
    kind = _kind(device)
    return tuple(capability.__name__ for capability in CAPABILITIES if issubclass(kind, capability))


def verbs_of(device: object) -> Mapping[str, Callable[..., Awaitable[None]]]:
    """The verbs of a driver by name, as its capabilities declare them (signature, text and proof)."""
    return _verbs(_kind(device))[0]


def lacks_of(device: object) -> Mapping[str, str]:
    """The verbs of its capabilities that a driver's make has not, each with the reason."""
    return _verbs(_kind(device))[1]


def settings_of(device: object) -> tuple[Setting, ...]:
    """Which readings of a driver are settings, as its capabilities declare them."""
    mine = (one for one in CAPABILITIES if one.__name__ in capabilities_of(device))
    return tuple(setting for capability in mine for setting in getattr(capability, "keeps", ()))


def _kind(device: object) -> type:
    return device if isinstance(device, type) else type(device)


@cache
def _verbs(kind: type) -> tuple[Mapping[str, Callable[..., Awaitable[None]]], Mapping[str, str]]:
    declared = {
        name: verb
        for capability in CAPABILITIES
        if issubclass(kind, capability)
        for name, verb in vars(capability).items()
        if getattr(verb, "__isabstractmethod__", False)
    }
    lacks = {name: lack for name in declared if (lack := str(getattr(getattr(kind, name), "lacks", "")))}
    return {name: verb for name, verb in declared.items() if name not in lacks}, lacks


@cache
def arguments_of(verb: Callable[..., Awaitable[None]]) -> type[BaseModel]:
    """A model of what a verb must be given, as its signature says."""
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(verb, eval_str=True).parameters.items():
        if name != "self":
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[name] = (parameter.annotation, default)
    return create_model(verb.__name__, __config__=ConfigDict(extra="forbid", strict=True), **fields)
