"""The sealed master: what goes on in the hall during a closed part, encrypted before it meets a disk.

The transport stream is cut into pieces, each a file of its own in the format of age (age-encryption.org/v1)
for the recipients of the configuration: only who has the private key, the secretary, can read them. The
machine has none.
"""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pyrage

from avctl.errors import ConfigError
from streams.child import Child
from streams.ffmpeg import sealed_command
from streams.frames import Format, Frame, Samples
from streams.plan import Plan
from streams.status import replace_file

log = logging.getLogger(__name__)

FOLDER = "sealed"
PIECE_SECONDS = 2.0
PACKET = 188
WAITING = 50  # pictures: two seconds
PAUSE = 1.0


class Sealed:
    """Records while ``begin`` has been said and ``stop`` not yet; does nothing without recipients."""

    def __init__(self, plan: Plan, form: Format, program: str, folder: Path) -> None:
        self.bytes = 0
        self.written_at = 0.0
        self.fault = ""
        self._plan, self._form, self._program = plan, form, program
        self._folder = folder / FOLDER
        self._recipients = [pyrage.x25519.Recipient.from_str(key) for key in plan.closed.recipients]
        self._pairs: queue.Queue[tuple[Frame, Samples] | None] = queue.Queue(WAITING)
        self._wanted = asyncio.Event()
        self._closing = threading.Event()

    @property
    def wanted(self) -> bool:
        """Whether the hall is to be recorded now."""
        return self._wanted.is_set()

    def begin(self) -> None:
        """A closed part began."""
        if self._recipients:
            self._closing.clear()
            self._wanted.set()

    def stop(self) -> None:
        """The closed part ended: what waits is written, then nothing more."""
        self._wanted.clear()
        self._closing.set()

    def put(self, frame: Frame, sound: Samples) -> None:
        """A picture of the hall with its samples; never waits."""
        if self._wanted.is_set():
            with suppress(queue.Full):
                self._pairs.put_nowait((frame, sound))

    async def run(self) -> None:
        """Record whenever a part is closed, until cancelled."""
        while True:
            await self._wanted.wait()
            await self._record()
            if self._wanted.is_set():
                self.fault = self.fault or "the encoder ended"
                await asyncio.sleep(PAUSE)

    async def _record(self) -> None:
        video, audio, stream = os.pipe(), os.pipe(), os.pipe()
        command = sealed_command(self._program, self._plan, video[0], audio[0], stream[1])
        ends = (video[0], audio[0], stream[1])
        child = Child("sealed", command, pass_fds=ends, memory=self._plan.limits.child_memory)
        sounds: queue.Queue[Samples | None] = queue.Queue()
        threads = [
            threading.Thread(target=self._pictures, args=(video[1], sounds), daemon=True),
            threading.Thread(target=self._sounds, args=(audio[1], sounds), daemon=True),
            threading.Thread(target=self._keep, args=(stream[0],), daemon=True),
        ]
        async with child:
            for end in ends:
                os.close(end)
            for thread in threads:
                thread.start()
            await child.ended()
            self.fault = child.said
        for thread in threads:
            await asyncio.to_thread(thread.join)

    def _pictures(self, end: int, sounds: queue.Queue[Samples | None]) -> None:
        with suppress(BrokenPipeError), os.fdopen(end, "wb", buffering=0) as pipe:
            while not (self._closing.is_set() and self._pairs.empty()):
                try:
                    pair = self._pairs.get(timeout=0.2)
                except queue.Empty:
                    continue
                if pair is not None:
                    sounds.put(pair[1])
                    _whole(pipe.write, pair[0].data.cast("B"))
        sounds.put(None)

    @staticmethod
    def _sounds(end: int, sounds: queue.Queue[Samples | None]) -> None:
        with suppress(BrokenPipeError), os.fdopen(end, "wb", buffering=0) as pipe:
            while (sound := sounds.get()) is not None:
                _whole(pipe.write, sound.data.cast("B"))

    def _keep(self, end: int) -> None:
        """Cut the stream into pieces and write each encrypted; nothing else of it is ever on a disk."""
        rest, began = b"", time.monotonic()
        with os.fdopen(end, "rb", buffering=0) as stream:
            while chunk := stream.read(1 << 16):
                rest += chunk
                if time.monotonic() - began >= PIECE_SECONDS:
                    whole = len(rest) - len(rest) % PACKET
                    self.write(rest[:whole])
                    rest, began = rest[whole:], time.monotonic()
        if rest:
            self.write(rest)

    def write(self, data: bytes) -> None:
        """Write a piece, encrypted; nothing when there is nobody who could read it."""
        if not self._recipients:
            return
        try:
            self._folder.mkdir(exist_ok=True, mode=0o700)
            name = f"{time.time_ns():020d}.ts.age"
            replace_file(self._folder / name, pyrage.encrypt(data, self._recipients), 0o600)
        except OSError as fault:
            if not self.fault:
                log.error("the sealed master cannot be written: %s", fault.strerror)
            self.fault = fault.strerror or "it cannot be written"
            return
        self.fault = ""
        self.bytes += len(data)
        self.written_at = time.monotonic()


def _whole(write: Callable[[memoryview], int | None], view: memoryview) -> None:
    while view:
        view = view[write(view) or 0 :]


def pieces_of(folder: Path) -> Sequence[Path]:
    """The pieces of a broadcast's sealed master, in order."""
    return sorted((folder / FOLDER).glob("*.ts.age"))


def unsealed(pieces: Sequence[Path], key: str, target: Path) -> int:
    """Decrypt a sealed master into a transport stream; its bytes. ConfigError for a key that does not fit."""
    try:
        identity = pyrage.x25519.Identity.from_str(key.strip())
    except pyrage.IdentityError as fault:
        raise ConfigError("this is no private key of age", (("key", "AGE-SECRET-KEY-1…"),)) from fault
    size = 0
    with target.open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        for piece in pieces:
            try:
                size += file.write(pyrage.decrypt(piece.read_bytes(), [identity]))
            except pyrage.DecryptError as fault:
                raise ConfigError(f"{piece.name} was not sealed for this key") from fault
    return size
