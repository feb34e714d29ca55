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
from avctl.services.air_raid import AirRaids
from avctl.services.alerts import Alerts
from avctl.services.blackouts import Blackouts
from avctl.services.bodies import Bodies
from avctl.services.calendars import Calendars
from avctl.services.contacts import Contacts
from avctl.services.everywhere import Everywhere
from avctl.services.follow import Follow
from avctl.services.framings import Framings
from avctl.services.golden import GoldenStates
from avctl.services.house import House
from avctl.services.imports import Imports
from avctl.services.journal import Journal
from avctl.services.lobby import Lobby
from avctl.services.mainless import BlackoutImports
from avctl.services.mains import MainsWatch
from avctl.services.participants import Participants
from avctl.services.pictures import Pictures
from avctl.services.preparation import Preparations
from avctl.services.queues import Queues
from avctl.services.sessions import Sessions
from avctl.services.sound import Sounds
from avctl.services.speaking import SpeakingTime
from avctl.services.viewers import Viewers
from avctl.services.votes import Votes


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
    framings: Framings
    votes: Votes
    participants: Participants
    speaking: SpeakingTime
    sounds: Sounds
    preparations: Preparations
    golden: GoldenStates
    queues: Queues
    everywhere: Everywhere
    air_raids: AirRaids
    lobby: Lobby
    blackouts: Blackouts
    blackout_imports: BlackoutImports
    mains: MainsWatch
    pictures: Pictures
    alerts: Alerts
    broadcasts: Broadcasts
    journal: Journal
    accounts: Accounts
    bodies: Bodies
    contacts: Contacts
    calendars: Calendars
    imports: Imports
    viewers: Viewers
    started_at: datetime
