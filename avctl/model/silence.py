"""Channels of one room's mixer that a closed part has silenced, and that sound again when it ends."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from avctl.events import RoomEvent, SoundMuted, SoundRestored


@dataclass(frozen=True, kw_only=True)
class Silence:
    """What was silenced; a channel that was silent before, or touched by a person since, is not in it."""

    room: str
    channels: tuple[str, ...] = ()

    def after(self, event: RoomEvent) -> Self:
        """The silence once ``event`` has happened."""
        match event:
            case SoundMuted():
                return replace(self, channels=tuple(dict.fromkeys((*self.channels, *event.channels))))
            case SoundRestored():
                left = tuple(one for one in self.channels if one not in event.channels)
                return replace(self, channels=left)
            case _:
                return self
