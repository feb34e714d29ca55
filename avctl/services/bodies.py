"""The list of those who sit, kept in the record."""

from __future__ import annotations

from collections.abc import Iterator

from avctl.bus import Bus
from avctl.commands import KeepBody, RemoveBody
from avctl.config import Config
from avctl.desk import Desk
from avctl.errors import Conflict, NotFound
from avctl.events import BodyEvent, BodyKept, BodyRemoved, Event
from avctl.model.body import Body, BodyKind
from avctl.services.journal import Journal, Write
from avctl.store import Store, schedule

ORDER = tuple(BodyKind)


class Bodies:
    """Holds every body and answers the commands that change the list."""

    def __init__(self, config: Config, bus: Bus, store: Store, journal: Journal) -> None:
        self._config, self._bus, self._store, self._settled = config, bus, store, journal.settled
        self._bodies: dict[str, Body] = {}
        bus.listen(self._fold, BodyEvent)
        journal.keep(_kept, BodyEvent)

    def handle(self, desk: Desk) -> None:
        """Answer the commands that concern the list."""
        desk.handle(KeepBody, self.keep)
        desk.handle(RemoveBody, self.remove)

    async def restore(self) -> None:
        """Take in what the record holds; a record that never had a list begins with the council's own."""
        async with self._store.read() as connection:
            found = await schedule.bodies(connection)
            fresh = not found and not await schedule.had_bodies(connection)
        self._bodies.update((body.id, body) for body in found)
        if fresh:
            site = self._config.site
            for body in (
                Body(id="council", name=site.council, name_en=site.council_en, kind=BodyKind.COUNCIL),
                Body(
                    id="executive",
                    name="Виконавчий комітет",
                    name_en="Executive committee",
                    kind=BodyKind.EXECUTIVE,
                ),
            ):
                self._bus.publish(BodyKept(body=body.id, details=body.model_dump(mode="json")))

    def __iter__(self) -> Iterator[Body]:
        return iter(sorted(self._bodies.values(), key=lambda body: (ORDER.index(body.kind), body.name)))

    def get(self, body: str) -> Body:
        """The body of an id; NotFound when there is none."""
        try:
            return self._bodies[body]
        except KeyError:
            raise NotFound(f"there is no body {body!r}") from None

    def named(self, text: str) -> str:
        """The name of the body that somebody means by its id or name; what is on no list stays as it is."""
        said = " ".join(text.casefold().split())
        for body in self._bodies.values():
            if said in (body.id, *(" ".join(name.casefold().split()) for name in (body.name, body.name_en))):
                return body.name
        return text.strip()

    async def keep(self, command: KeepBody) -> Body:
        """Enter a body, or change it; Conflict when another one has its name."""
        body = Body.model_validate(command.details)
        for other in self._bodies.values():
            if other.id != body.id and other.name.casefold() == body.name.casefold():
                raise Conflict(f"{other.id!r} has the name {body.name!r} already")
        if self._bodies.get(body.id) != body:
            details = body.model_dump(mode="json")
            self._bus.publish(BodyKept(body=body.id, actor=command.actor, details=details))
            await self._settled()
        return body

    async def remove(self, command: RemoveBody) -> None:
        """Take a body off the list; its sessions keep its name."""
        self.get(command.body)
        self._bus.publish(BodyRemoved(body=command.body, actor=command.actor))
        await self._settled()

    def _fold(self, event: BodyEvent) -> None:
        if isinstance(event, BodyKept):
            self._bodies[event.body] = Body.model_validate(event.details)
        else:
            self._bodies.pop(event.body, None)


def _kept(event: Event) -> Write | None:
    match event:
        case BodyKept():
            return Write(schedule.save_body, Body.model_validate(event.details))
        case BodyRemoved():
            return Write(schedule.forget_body, event.body)
        case _:
            return None
