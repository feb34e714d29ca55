"""What the doors (API and pages) are given: every service, made once by ``avctl.main``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from avctl.bus import Bus
from avctl.config import Config
from avctl.desk import Desk
from avctl.model.broadcast import Broadcast
from avctl.services.accounts import Accounts
from avctl.services.alerts import Alerts
from avctl.services.follow import Follow
from avctl.services.house import House
from avctl.services.journal import Journal
from avctl.services.sessions import Sessions


class Broadcasts(Protocol):
    """The broadcasts, as the floors above need them."""

    def get(self, session: str) -> Broadcast:
        """The broadcast of a session; NotFound when it never had one."""

    def __iter__(self) -> Iterator[Broadcast]: ...

    def folder(self, session: str) -> Path:
        """Where its files are: ``live/``, ``archive/``, ``preview.jpg``."""

    def hidden(self, session: str) -> bool:
        """Whether the hall may be seen by those only who may close parts."""


@dataclass(frozen=True, kw_only=True)
class Controller:
    """The whole program, handed to whoever opens a door."""

    config: Config
    bus: Bus
    desk: Desk
    house: House
    sessions: Sessions
    follow: Follow
    alerts: Alerts
    broadcasts: Broadcasts
    journal: Journal
    accounts: Accounts
    started_at: datetime
