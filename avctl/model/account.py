"""People: who they are, and what each role may do."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from avctl.errors import BadArgument, Forbidden

LONGEST_NAME = 64
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 256  # argon2 reads every byte: a megabyte of password would be an attack


class Role(StrEnum):
    """What somebody is in the house (design, section 1)."""

    TECHNICIAN = "technician"
    SCHEDULER = "scheduler"
    SECRETARY = "secretary"
    MANAGER = "manager"
    ADMIN = "admin"
    STAFF = "staff"


class Act(StrEnum):
    """Something that needs a right."""

    SEE_CONTROL = "see_control"
    OPERATE_DEVICES = "operate_devices"
    RUN_SESSIONS = "run_sessions"
    RUN_VOTES = "run_votes"
    BOOK_SESSIONS = "book_sessions"
    OVERRIDE_CLASHES = "override_clashes"
    MANAGE_BODIES = "manage_bodies"
    ACKNOWLEDGE_ALERTS = "acknowledge_alerts"
    SEE_JOURNAL = "see_journal"
    CLOSE_PARTS = "close_parts"
    NAME_PARTICIPANTS = "name_participants"
    SHOW_EMERGENCIES = "show_emergencies"
    FILL_SCREENS = "fill_screens"
    APPROVE_CONTENT = "approve_content"
    APPROVE_PUBLICATION = "approve_publication"
    SEE_REPORTS = "see_reports"
    RAISE_REQUESTS = "raise_requests"
    MANAGE_PEOPLE = "manage_people"


ROLES: Mapping[Role, frozenset[Act]] = {
    Role.TECHNICIAN: frozenset(
        {
            Act.SEE_CONTROL,
            Act.OPERATE_DEVICES,
            Act.RUN_SESSIONS,
            Act.RUN_VOTES,
            Act.CLOSE_PARTS,
            Act.NAME_PARTICIPANTS,
            Act.SHOW_EMERGENCIES,
            Act.FILL_SCREENS,
            Act.APPROVE_CONTENT,
            Act.ACKNOWLEDGE_ALERTS,
            Act.SEE_JOURNAL,
            Act.RAISE_REQUESTS,
        }
    ),
    Role.SCHEDULER: frozenset(
        {
            Act.SEE_CONTROL,
            Act.BOOK_SESSIONS,
            Act.MANAGE_BODIES,
            Act.NAME_PARTICIPANTS,
            Act.RAISE_REQUESTS,
        }
    ),
    Role.SECRETARY: frozenset(
        {
            Act.SEE_CONTROL,
            Act.RUN_VOTES,
            Act.CLOSE_PARTS,
            Act.NAME_PARTICIPANTS,
            Act.SHOW_EMERGENCIES,
            Act.FILL_SCREENS,
            Act.APPROVE_CONTENT,
            Act.APPROVE_PUBLICATION,
            Act.RAISE_REQUESTS,
        }
    ),
    # Whoever decides that two sittings may share a room books them too, and answers for it by name.
    Role.MANAGER: frozenset(
        {
            Act.SEE_CONTROL,
            Act.BOOK_SESSIONS,
            Act.OVERRIDE_CLASHES,
            Act.SHOW_EMERGENCIES,
            Act.APPROVE_CONTENT,
            Act.SEE_JOURNAL,
            Act.SEE_REPORTS,
            Act.RAISE_REQUESTS,
        }
    ),
    Role.ADMIN: frozenset(Act),
    Role.STAFF: frozenset({Act.RAISE_REQUESTS}),
}


def permitted(role: Role, act: Act) -> bool:
    """Whether a role may do it."""
    return act in ROLES[role]


@dataclass(frozen=True, kw_only=True)
class Account:
    """One person's account; nobody shares one."""

    name: str
    role: Role
    created_at: datetime
    disabled: bool = False
    language: str = ""
    theme: str = ""
    rooms: tuple[str, ...] = ()  # the only ones this person may see and act in; empty: all

    def reaches(self, room: str) -> bool:
        """Whether this person has to do with a room; what is in no room concerns everybody."""
        return not room or not self.rooms or room in self.rooms

    def may(self, act: Act, room: str = "") -> bool:
        """Whether this person may do it, there."""
        return not self.disabled and permitted(self.role, act) and self.reaches(room)

    def must_be_allowed(self, act: Act, room: str = "") -> None:
        """Forbidden, unless this person may do it, there."""
        if not self.may(act):
            raise Forbidden(f"{self.role} may not {act.replace('_', ' ')}")
        if not self.reaches(room):
            raise Forbidden(f"{self.name} may not {act.replace('_', ' ')} in {room}")


def folded(name: str) -> str:
    """The one spelling of a name: composed, without case, without blanks around it."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()).strip()


def name_of(name: str) -> str:
    """The name as it is kept; BadArgument when it cannot be one."""
    kept = folded(name)
    if not 1 <= len(kept) <= LONGEST_NAME or not kept.isprintable():
        raise BadArgument("name", f"1 to {LONGEST_NAME} printable characters")
    if kept.startswith("("):
        raise BadArgument("name", "a name that does not begin with a bracket")  # "(unknown)" is ours
    return kept


def must_be_strong(password: str, name: str) -> None:
    """BadArgument, unless it can serve as the password of that account."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise BadArgument("password", f"{SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    if folded(password) == name:
        raise BadArgument("password", "something other than the name")
