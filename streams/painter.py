"""Has slates and overlays drawn by a process of its own (``paint.py``), ahead of the time they are shown."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import sysconfig
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from avctl.errors import ConfigError, LinkError
from streams import beat
from streams.child import Child
from streams.frames import Format

log = logging.getLogger(__name__)

ANSWER_SECONDS = 6.0  # a page takes a tenth of a second; a busy machine's start takes more
LOOK_SECONDS = 0.05
PAUSE_SECONDS = 1.0
OWN_FOLDER = "slates"


@dataclass(frozen=True)
class Job:
    """A template to be drawn. With ``known`` nothing is drawn while the templates have that version."""

    template: str
    values: Mapping[str, object] = field(default_factory=dict)
    still: bool = False
    known: str = ""
    of: int = 0  # for who asked; the painter does not read it


@dataclass(frozen=True)
class Painted:
    """What came of a job; ``drawn`` is empty when it could not be done, or need not be."""

    drawn: bytearray
    box: tuple[int, ...]
    version: str
    fault: str


class Sitter(Protocol):
    """Who wants pictures."""

    def job(self) -> Job | None:
        """What is to be drawn next, if anything."""

    def take(self, job: Job, painted: Painted) -> None:
        """Here it is."""


class Painter:
    """Serves sitters in their order, whatever becomes of its process; ``fault`` says what is wrong."""

    def __init__(
        self,
        form: Format,
        templates: str,
        arms: str,
        sitters: tuple[Sitter, ...],
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._sitters, self._look_seconds = sitters, look_seconds
        self._override = Path(templates) if templates else None
        folders = [own_templates()] if self._override is None else [self._override, own_templates()]
        self._setting = {
            "width": form.width,
            "height": form.height,
            "folders": [str(folder) for folder in folders],
            "arms": arms,
        }
        self._faults: dict[str, str] = {}
        self._deadly: dict[str, object] = {}  # templates that ended the process, and how they looked then

    @property
    def fault(self) -> str:
        """What a person must put right in the templates; empty when nothing."""
        return "; ".join(dict.fromkeys(fault for fault in self._faults.values() if fault))

    async def run(self) -> None:
        """Draw what is wanted, until cancelled."""
        while True:
            try:
                await self._serve()
            except (OSError, LinkError, ValueError, asyncio.IncompleteReadError) as fault:
                log.warning("slates and overlays are not drawn for a moment: %s", fault or "no answer")
            await asyncio.sleep(PAUSE_SECONDS)

    async def _serve(self) -> None:
        inner, outer = os.pipe()
        command = (sys.executable, "-m", "streams.paint", str(outer))
        async with AsyncExitStack() as stack:
            answers = asyncio.StreamReader(limit=1 << 22)
            transport, _ = await asyncio.get_running_loop().connect_read_pipe(
                lambda: asyncio.StreamReaderProtocol(answers), os.fdopen(inner, "rb")
            )
            stack.callback(transport.close)
            try:
                child = await stack.enter_async_context(
                    Child("paint", command, pass_fds=(outer,), wants_input=True)
                )
            finally:
                os.close(outer)
            child.input.write(json.dumps(self._setting).encode() + b"\n")
            while True:
                for sitter in self._sitters:
                    if (job := sitter.job()) is not None:
                        await self._have_done(child, answers, sitter, job)
                        break
                else:
                    await beat.pause(self._look_seconds)

    async def _have_done(self, child: Child, answers: asyncio.StreamReader, sitter: Sitter, job: Job) -> None:
        own = job.template in self._deadly and self._deadly[job.template] == self._state()
        asked = {
            "template": job.template,
            "values": job.values,
            "still": job.still,
            "known": job.known,
            "own": own,
        }
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                child.input.write(json.dumps(asked).encode() + b"\n")
                await child.input.drain()
                answer = json.loads(await answers.readuntil(b"\n"))
                drawn = bytearray(await answers.readexactly(answer["bytes"]))
        except (TimeoutError, OSError, asyncio.IncompleteReadError) as fault:
            self._deadly[job.template] = self._state()
            self._note(job.template, f"{job.template}: cannot be drawn, {child.said or 'it takes too long'}")
            raise LinkError(self._faults[job.template]) from fault
        if not own and not (job.known and not drawn):
            self._note(job.template, answer["fault"])
        sitter.take(job, Painted(drawn, tuple(answer["box"]), answer["version"], answer["fault"]))

    def _note(self, template: str, fault: str) -> None:
        if fault == self._faults.get(template, ""):
            return
        self._faults[template] = fault
        if fault:
            log.error("the template is not used: %s", fault)
        else:
            log.info("the template %s can be used again", template)

    def _state(self) -> object:
        found = []
        if self._override is not None:
            for path in sorted(self._override.glob("*/*.svg")):
                with suppress(OSError):
                    found.append((path, path.stat().st_mtime_ns))
        return found


def own_templates() -> Path:
    """Our templates: in the checkout, or where the wheel put them."""
    checkout = Path(__file__).resolve().parents[1] / "config"
    for folder in (checkout, Path(sysconfig.get_path("data")) / "share" / "avctl"):
        if (folder / OWN_FOLDER).is_dir():
            return folder
    raise ConfigError("config/slates is missing from this installation")
