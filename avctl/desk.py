"""Where commands are handed in: each kind has exactly one handler; a refusal is raised."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from avctl.commands import Command

C = TypeVar("C", bound=Command)


class Desk:
    """Brings each command to its one handler."""

    def __init__(self) -> None:
        self._handlers: dict[type[Command], Callable[[Any], Coroutine[Any, Any, Any]]] = {}

    def handle(self, kind: type[C], handler: Callable[[C], Coroutine[Any, Any, Any]]) -> None:
        """Make ``handler`` the one that answers commands of this kind."""
        if kind in self._handlers:
            raise RuntimeError(f"{kind.__name__} has a handler already")
        self._handlers[kind] = handler

    def obey(self, command: Command) -> Coroutine[Any, Any, Any]:
        """Do what is asked and give, awaited, what its handler answers; raises AvctlError when refused.

        A handler may begin before it is awaited, such as that of a camera's shot.
        """
        return self._handlers[type(command)](command)
