"""Blackmagic HyperDeck recorders, on TCP 9993 (source: Companion, npm's hyperdeck-connection).

``transport info`` is answered ``208 transport info:`` and fields up to an empty line, an act by ``200 ok``;
codes from 500 are told unasked, perhaps before the answer to what caused them, with all or only what changed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from pydantic import Field

from avctl.capabilities import Recording
from avctl.errors import LinkError, ProtocolError, Rejected
from drivers.polled import Codec, Options, Polled

LONGEST = 64 * 1024
GREETING, REJECTED, REMOTE_DISABLED = 500, 120, 111
SLOT, DEVICE, TRANSPORT, OK = 202, 204, 208, 200
SLOT_TOLD, TRANSPORT_TOLD = 502, 508
FAULTS: Mapping[int, str] = {
    104: "the disk is full",
    105: "there is no disk",
    106: "the disk is faulty",
    107: "the timeline is empty",
    110: "there is no input",
    111: "remote control is disabled",
    150: "not in this state",
}


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a recorder said."""

    code: int
    text: str
    fields: Mapping[str, str] = field(default_factory=dict)


class Answers:
    """Answers out of bytes that come in any portions: a line, or a block when the line ends in a colon."""

    def __init__(self) -> None:
        self._kept = b""
        self._block: list[str] = []

    def feed(self, data: bytes) -> Iterator[Said]:
        """The answers complete so far; ProtocolError for what cannot be one."""
        *lines, self._kept = (self._kept + data).split(b"\n")
        if len(self._kept) > LONGEST or len(self._block) > LONGEST // 16:
            self._kept, self._block = b"", []
            raise ProtocolError("these are not answers of a recorder")
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip("\r")
            if self._block:
                if text:
                    self._block.append(text)
                    continue
                text, self._block, block = "", [], self._block
                yield read(block)
            elif text.endswith(":"):
                self._block = [text]
            elif text:
                yield read([text])


def read(lines: list[str]) -> Said:
    """An answer of its lines; ProtocolError when it has no code."""
    found = re.fullmatch(r"(\d{3}) (.*?):?", lines[0])
    if found is None:
        raise ProtocolError(f"not an answer: {lines[0][:80]!r}")
    fields = (line.partition(":") for line in lines[1:])
    return Said(
        code=int(found[1]), text=found[2], fields={name.strip(): value.strip() for name, _, value in fields}
    )


def encode(command: str, **fields: str) -> bytes:
    """The bytes of a command: a line, or a block when it has fields."""
    if not fields:
        return f"{command}\r\n".encode()
    lines = (f"{name.replace('_', ' ')}: {value}" for name, value in fields.items())
    return "\r\n".join((f"{command}:", *lines, "", "")).encode()


class RecorderOptions(Options):
    """What a HyperDeck can be told in the configuration."""

    slots: int = Field(2, ge=1, le=4, description="How many disks it takes.")
    poll: float = Field(2, gt=0, le=60, description="Seconds between two looks; changes are told at once.")
    low_minutes: float = Field(10, ge=0, description="Minutes left on its disks below which it is a fault.")


class Hyperdeck(Polled[Said], Recording):
    """A recorder; also reports model, transport, remaining_minutes, timecode, video_format and fault."""

    title = "Recorder (Blackmagic HyperDeck)"
    port = 9993
    Options = RecorderOptions

    def codec(self) -> Codec[Said]:
        return Answers()

    async def serve(self) -> None:
        """Look at the recorder until it fails to answer."""
        self._greeted = asyncio.Event()
        self._left: dict[str, float] = {}
        await super().serve()

    async def begin(self) -> None:
        try:
            async with asyncio.timeout(self.options.answer_seconds):
                await self._greeted.wait()
        except TimeoutError:
            raise LinkError("no answer: it does not say what it is") from None
        with suppress(Rejected):  # then it is only asked
            await self._say(encode("notify", transport="true", slot="true"))

    def unasked(self, answer: Said) -> None:
        if answer.code == REJECTED:
            raise LinkError("it has connections enough")
        if answer.code == GREETING:
            self.report(model=answer.fields.get("model", ""))
            self._greeted.set()
        elif answer.code == TRANSPORT_TOLD:
            self._transported(answer.fields)
        elif answer.code == SLOT_TOLD:
            self._slotted(answer.fields)
        elif answer.code < GREETING:
            super().unasked(answer)

    async def _say(self, request: bytes) -> Said:
        said = await self.ask(request, fits=lambda answer: answer.code < GREETING)
        if said.code < OK:
            raise Rejected(f"the recorder refuses: {FAULTS.get(said.code, said.text)}", str(said.code))
        return said

    async def start_recording(self) -> None:
        await self._act(encode("record"))

    async def stop_recording(self) -> None:
        await self._act(encode("stop"))

    async def _act(self, request: bytes) -> None:
        try:
            await self._say(request)
        except Rejected as refusal:
            if refusal.code != str(REMOTE_DISABLED):
                raise
            await self._say(encode("remote", enable="true"))
            await self._say(request)
        self.look_again()

    async def look(self) -> None:
        self._transported((await self._say(encode("transport info"))).fields)
        for slot in range(1, self.options.slots + 1):
            try:
                self._slotted((await self._say(encode("slot info", slot_id=str(slot)))).fields)
            except Rejected:  # it has fewer
                self._left.pop(str(slot), None)

    def _transported(self, fields: Mapping[str, str]) -> None:
        if "status" in fields:
            self.report(transport=fields["status"], recording=fields["status"] == "record")
        for name, reading in (("timecode", "timecode"), ("video format", "video_format")):
            if name in fields:
                self.report(**{reading: fields[name]})

    def _slotted(self, fields: Mapping[str, str]) -> None:
        """A disk, or what changed of it; without its number it cannot be told which."""
        slot = fields.get("slot id", "")
        if fields.get("status", "mounted") != "mounted":
            self._left.pop(slot, None)
        elif fields.get("recording time", "").isdigit():
            self._left[slot] = int(fields["recording time"]) / 60
        left = sum(self._left.values())
        fault = "" if left > self.options.low_minutes else "disk nearly full" if self._left else "no disk"
        self.report(remaining_minutes=round(left), fault=fault)


DRIVER = Hyperdeck
