"""Addresses as people may see them: without the keys that are in them."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

MASK = "***"
PLAIN_VALUES = frozenset({"mode", "latency", "pkt_size", "timeout", "pbkeylen", "transtype", "localaddr"})


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
