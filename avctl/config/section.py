"""What every part of the configuration is made of."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

LINE = re.compile(r"^(/|[A-Za-z][A-Za-z0-9+.-]*://).")


def _identifier(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", name):
        raise ValueError("small Latin letters, digits, - and _, at most 63, a letter or digit first")
    return name


def time_zone(name: str) -> str:
    """The name of a time zone, or ValueError."""
    if name not in available_timezones():
        raise ValueError("a time zone such as Europe/Kyiv")
    return name


def port_or_line(port: object) -> object:
    """A port, or the address of a serial line, or ValueError."""
    if isinstance(port, str) and port.isdecimal():  # from the environment everything is text
        port = int(port)
    if port is None or (isinstance(port, str) and LINE.match(port)):
        return port
    if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65535:
        raise ValueError("a port from 1 to 65535, or a serial line (/dev/ttyS0, rfc2217://...)")
    return port


def _network(text: object) -> object:
    try:
        return ip_network(str(text))
    except ValueError:
        raise ValueError(f"a network such as 192.0.2.0/24, or one address (got {text!r})") from None


def _channel(channel: int | str) -> int | str:
    if isinstance(channel, bool) or not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,19}", str(channel)):
        raise ValueError("a channel's number, 0 for the main output, or a name such as bus-1 or dca-2")
    return channel


Channel = Annotated[int | str, AfterValidator(_channel)]
Identifier = Annotated[str, AfterValidator(_identifier)]
PortNumber = Annotated[int, Field(ge=1, le=65535)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
LOOPBACK: tuple[IPv4Network | IPv6Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class Section(BaseModel):
    """A part of the file: unknown keys are faults, values do not change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)
