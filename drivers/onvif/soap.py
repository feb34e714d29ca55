"""ONVIF's bytes: SOAP 1.2 envelopes, the WS-Security header with a password digest, faults.

Source: ONVIF Core and PTZ service specifications; OASIS WS-Security UsernameToken Profile 1.0. What a device
sends is parsed with defusedxml: no entities, no external documents.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha1
from xml.etree.ElementTree import Element, ParseError, SubElement, register_namespace, tostring

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from avctl.errors import AuthRefused, ProtocolError, Rejected

OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
SPACES: Mapping[str, str] = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "tptz": "http://www.onvif.org/ver20/ptz/wsdl",
    "tt": "http://www.onvif.org/ver10/schema",
    "ter": "http://www.onvif.org/ver10/error",
    "wsse": f"{OASIS}wssecurity-secext-1.0.xsd",
    "wsu": f"{OASIS}wssecurity-utility-1.0.xsd",
}
DIGEST = f"{OASIS}username-token-profile-1.0#PasswordDigest"
BASE64 = f"{OASIS}soap-message-security-1.0#Base64Binary"
LONGEST = 2 * 2**20


def name(short: str) -> str:
    """``tptz:Stop`` as ElementTree writes it."""
    space, _, local = short.partition(":")
    return f"{{{SPACES[space]}}}{local}"


def element(tag: str, *children: Element, text: str = "", **attributes: str) -> Element:
    """An element of a known namespace."""
    made = Element(name(tag), attributes)
    made.text = text or None
    made.extend(children)
    return made


def find(parent: Element, path: str) -> Element | None:
    """The first element at a path of short names."""
    return parent.find(path, dict(SPACES))


def text_of(parent: Element, path: str) -> str:
    """The text at a path; empty when there is none."""
    return (parent.findtext(path, "", dict(SPACES)) or "").strip()


def digest(nonce: bytes, created: str, password: str) -> str:
    """The password as the header carries it: Base64 of SHA-1 over nonce, moment and password."""
    return b64encode(sha1(nonce + created.encode() + password.encode()).digest()).decode()


def security(user: str, password: str, nonce: bytes, created: datetime) -> Element:
    """The header that says who asks; the moment is the device's, not ours."""
    moment = created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{created.microsecond // 1000:03d}Z"
    token = element(
        "wsse:UsernameToken",
        element("wsse:Username", text=user),
        element("wsse:Password", text=digest(nonce, moment, password), Type=DIGEST),
        element("wsse:Nonce", text=b64encode(nonce).decode(), EncodingType=BASE64),
        element("wsu:Created", text=moment),
    )
    return element("wsse:Security", token)


def envelope(body: Element, header: Element | None = None) -> bytes:
    """The bytes of a message."""
    for short, space in SPACES.items():
        register_namespace(short, space)
    whole = Element(name("s:Envelope"))
    if header is not None:
        SubElement(whole, name("s:Header")).append(header)
    SubElement(whole, name("s:Body")).append(body)
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + tostring(whole)


def content(data: bytes) -> Element:
    """What is in the body of a message.

    Raises AuthRefused or Rejected for a fault, ProtocolError for what is no message.
    """
    body = parse(data).find("s:Body", dict(SPACES))
    if body is None or len(body) != 1:
        raise ProtocolError("an envelope without one thing in its body")
    if body[0].tag == name("s:Fault"):
        raise fault_of(body[0])
    return body[0]


def parse(data: bytes) -> Element:
    """The envelope; ProtocolError when it is none."""
    if len(data) > LONGEST:
        raise ProtocolError(f"{len(data)} bytes are no answer of a camera")
    try:
        whole: Element = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as fault:
        raise ProtocolError(f"not SOAP: {data[:80]!r}") from fault
    if whole.tag != name("s:Envelope"):
        raise ProtocolError(f"not a SOAP 1.2 envelope: {whole.tag[:80]}")
    return whole


def fault_of(fault: Element) -> AuthRefused | Rejected:
    """A fault as whoever must act sees it; ``code`` is its innermost subcode."""
    codes = [(one.text or "").strip() for one in fault.iter(name("s:Value"))]
    said = text_of(fault, "s:Reason/s:Text") or "no reason given"
    code = codes[-1].rpartition(":")[2] if codes else ""
    if any(one.rpartition(":")[2] in ("NotAuthorized", "FailedAuthentication") for one in codes):
        return AuthRefused(f"the camera refuses the account: {said}")
    return Rejected(f"the camera refused: {said}", code)
