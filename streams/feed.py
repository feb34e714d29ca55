"""A feed from a hall's encoder: it pushes or is fetched by the runner, nobody else opens it.

The link of a feed is what the runner of the room's broadcast sees; without one it waits. Source of the
url's parts: ffmpeg's protocol documentation (srt, rtmp, rtsp, udp).
"""

from __future__ import annotations

import asyncio
from typing import Annotated, ClassVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from avctl.driver import Driver
from avctl.events import Link, LinkChanged

SCHEMES = (
    *("srt", "rtmp", "rtmps", "rtsp", "rtsps", "udp", "rtp"),
    *("http", "https", "v4l2", "decklink", "file"),
)
MASK = "***"
PLAIN_VALUES = frozenset({"mode", "latency", "pkt_size", "timeout", "pbkeylen", "transtype", "localaddr"})
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
    """Where the feed comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: Annotated[SecretStr, AfterValidator(_address)] = Field(
        description="Where the runner listens or fetches: srt, rtmp, rtsp, udp, rtp, http (HLS), v4l2, "
        "decklink or file; may hold a key."
    )
    fetch: bool = Field(False, description="Fetch rtmp from a server; else an encoder pushes it here.")
    loop: bool = Field(False, description="Begin a file again at its end.")
    backup_for: str = Field("", description="Id of the feed of the same room that this one stands in for.")


def masked(url: str) -> str:
    """The url as people may see it: no user, no password, no stream key, no passphrase."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    if parts.username or parts.password:
        place = f"{MASK}@{place}"
    path = parts.path
    if parts.scheme in ("rtmp", "rtmps"):  # rtmp://host/application/key
        application, slash, key = path.rpartition("/")
        path = f"{application}{slash}{MASK}" if application and key else path
    query = [
        (name, value if name in PLAIN_VALUES else MASK)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    return urlunsplit((parts.scheme, place, path, urlencode(query, safe="*"), ""))


def secrets_of(url: str) -> tuple[str, ...]:
    """What must never be said of a url, longest first: the whole, and each part ``masked`` hides."""
    parts = urlsplit(url)
    hidden = [parts.username or "", parts.password or ""]
    hidden += [value for name, value in parse_qsl(parts.query) if name not in PLAIN_VALUES]
    if parts.scheme in ("rtmp", "rtmps"):
        hidden.append(parts.path.rpartition("/")[2])
    said = {form for part in hidden if len(part) > 2 for form in (part, quote(part, safe=""))}
    if masked(url) != url:
        said.add(url)
    return tuple(sorted(said, key=len, reverse=True))


def cleaned(text: str, urls: tuple[str, ...]) -> str:
    """A text with the secrets of these urls taken out."""
    for url in urls:
        for secret in secrets_of(url):
            text = text.replace(secret, masked(url) if secret == url else MASK)
    return text


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
