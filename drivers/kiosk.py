"""What the drivers of screens that show web pages share: which page is right, when one was last heard of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import ClassVar, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, Field

from avctl.capabilities import Pages, Wake
from avctl.driver import Driver
from avctl.errors import BadArgument, Unsupported
from avctl.events import now
from avctl.lan import answers, wake
from drivers.polled import WakeOptions

Showing = Literal["ok", "loading", "wrong page", "browser dead", "PC dead", "unknown"]
PORTS = {"http": 80, "https": 443}
TOLD = timedelta(
    minutes=1
)  # a heartbeat that is told each time is an event every few seconds for each screen
LONGEST_FAULT = 200


class Options(WakeOptions):
    """What every screen of pages can be told."""

    page: str = Field("", description="The page it should show; empty: the one it was last told to.")


class Kiosk(Driver, Pages, Wake):
    """A screen that shows web pages."""

    Options: ClassVar[type[BaseModel]] = Options

    _wanted = ""
    _beat_at = datetime.min.replace(tzinfo=UTC)
    _beat_told = datetime.min.replace(tzinfo=UTC)

    @property
    def while_away(self) -> tuple[str, ...]:
        """Waking it, where its MAC address is known."""
        return ("wake",) if self.options.mac else ()

    async def wake(self) -> None:
        if not self.options.mac:
            raise Unsupported("its MAC address is not in the configuration")
        await wake(self.options.mac, self.options.wake_host, self.options.wake_port, self.log)

    @property
    def wanted(self) -> str:
        """The page that is right; empty: any."""
        return str(self._wanted or self.options.page)

    def want(self, url: str) -> None:
        """Take a page for the right one from now on; BadArgument for what is no address of a page."""
        parts = split(url)
        if parts is None or parts.scheme not in PORTS or not parts.hostname:
            raise BadArgument("url", f"an address that begins with http:// or https:// (got {url[:80]!r})")
        if parts.username is not None:
            raise BadArgument("url", "an address without a password in it: addresses are shown and kept")
        self._wanted = url

    def judge(self, page: str, *, loading: bool = False, fault: str = "") -> None:
        """Report the page that is really shown."""
        # A browser writes an address its own way; who asked for it wants to see their own again.
        shown = self.wanted if self.wanted and page and same_page(self.wanted, page) else page
        right = bool(page) and (not self.wanted or shown == self.wanted)
        showing: Showing = "ok" if right and not loading else "loading" if loading else "wrong page"
        self.report(page=shown, showing=showing, fault=fault[:LONGEST_FAULT])

    def beat(self, at: datetime | None = None) -> None:
        """It lives."""
        self._beat_at = at or now()
        if self._beat_at - self._beat_told >= TOLD:
            self._tell_beat()

    def missed(self, showing: Showing, fault: str = "") -> None:
        """It does not: say since when."""
        if self._beat_at > self._beat_told:
            self._tell_beat()
        self.report(page="", showing=showing, fault=fault[:LONGEST_FAULT])

    async def miss(self, host: str, port: int, fault: str) -> None:
        """It does not: say whether its PC is there."""
        self.missed("browser dead" if await answers(host, port) else "PC dead", fault)

    def _tell_beat(self) -> None:
        self._beat_told = self._beat_at
        self.report(heartbeat=self._beat_at.isoformat(timespec="seconds"))


def split(url: str) -> SplitResult | None:
    """The parts of an address; None for what is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def same_page(wanted: str, shown: str) -> bool:
    """Whether a browser shows the page that was wanted: ``http://a`` is ``http://A:80/#top``."""
    one, other = split(wanted), split(shown)
    if one is None or other is None:
        return wanted == shown
    # An application moves within its page by the fragment; only a wanted one must be there.
    return _place(one) == _place(other) and (not one.fragment or one.fragment == other.fragment)


def _place(parts: SplitResult) -> tuple[str, str, int | None, str, str]:
    return (
        parts.scheme,
        (parts.hostname or "").lower(),
        parts.port or PORTS.get(parts.scheme),
        parts.path or "/",
        parts.query,
    )
