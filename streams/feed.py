"""A feed from a hall's encoder: it pushes or is fetched by the runner, nobody else opens it.

The link of a feed is what the runner of the room's broadcast sees; without one it waits. Source of the
url's parts: ffmpeg's protocol documentation (srt, rtmp, rtsp, udp).
"""

from __future__ import annotations

import asyncio
from typing import Annotated, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from avctl.driver import Driver
from avctl.events import Link, LinkChanged
from streams.masks import cleaned, masked

SCHEMES = (
    *("srt", "rtmp", "rtmps", "rtsp", "rtsps", "udp", "rtp"),
    *("http", "https", "v4l2", "decklink", "file"),
)
WAITS = "waits for a broadcast"


def _address(url: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(url.get_secret_value())
        port = parts.port
    except ValueError:
        raise ValueError("an address such as srt://127.0.0.1:9100?mode=listener") from None
    if parts.scheme not in SCHEMES:
        raise ValueError(f"an address that begins with one of {', '.join(SCHEMES)}")
    if parts.scheme == "file":
        if not parts.path:
            raise ValueError("a file such as file:///srv/loop.mp4")
    elif parts.scheme == "v4l2":
        if not parts.path.startswith("/dev/"):
            raise ValueError("a device such as v4l2:///dev/video0")
    elif parts.scheme == "decklink":
        if not parts.netloc:
            raise ValueError("a card's name such as decklink://DeckLink%20Mini%20Recorder")
    elif parts.scheme in ("srt", "udp", "rtp") and port is None:
        raise ValueError(f"an address with a port, such as {parts.scheme}://127.0.0.1:9100")
    elif not parts.hostname:
        raise ValueError(f"an address with a host, such as {parts.scheme}://127.0.0.1/live/hall")
    return url


class FeedOptions(BaseModel):
    """Where the feed comes from, and what is done with it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: Annotated[SecretStr, AfterValidator(_address)] = Field(
        description="Where the runner listens or fetches: srt, rtmp, rtsp, udp, rtp, http (HLS), v4l2, "
        "decklink or file; may hold a key."
    )
    fetch: bool = Field(False, description="Fetch rtmp from a server; else an encoder pushes it here.")
    loop: bool = Field(False, description="Begin a file again at its end.")
    stream_copy: bool = Field(
        False, description="Pass its H.264 on as it is, encode nothing; all feeds of the room alike."
    )
    backup_for: str = Field("", description="Id of the feed of the same room that this one stands in for.")

    @model_validator(mode="after")
    def _has_been_encoded(self) -> Self:
        scheme = urlsplit(self.url.get_secret_value()).scheme
        if self.stream_copy and scheme in ("v4l2", "decklink"):
            raise ValueError(f"stream_copy needs a feed that has been encoded; {scheme} has not")
        return self


class Feed(Driver):
    """Reports ``address: str`` (masked), ``backup_for: str``, and of its reader ``present: bool`` and
    ``restarts: int``; for a source with a stand-in ``using: str``, the feed that is shown for it."""

    title: ClassVar[str] = "Feed of an encoder"
    Options: ClassVar[type[BaseModel]] = FeedOptions

    @property
    def url(self) -> str:
        """The whole address, with its secrets: for the runner's plan only."""
        url: str = self.options.url.get_secret_value()
        return url

    async def serve(self) -> None:
        """Wait: what is known of a feed comes from the runner, through ``seen`` and ``unwatched``."""
        self.publish(LinkChanged(device=self.device.id, link=Link.CONNECTING, reason=WAITS))
        self.report(address=masked(self.url), backup_for=self.options.backup_for)
        await asyncio.Event().wait()

    def seen(self, present: bool, reason: str, restarts: int) -> None:
        """The runner says whether pictures arrive."""
        self.report(present=present, restarts=restarts)
        if present:
            self.online()
        else:
            self.set_link(Link.OFFLINE, cleaned(reason, (self.url,)) or "no signal")

    def unwatched(self, reason: str = WAITS) -> None:
        """No runner looks at it now."""
        self.set_link(Link.CONNECTING, reason)


DRIVER = Feed
