"""SNMP v1 and v2c as datagrams: questions, answers, errors. pysnmp makes and reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pyasn1.codec.ber import decoder, encoder
from pyasn1.error import PyAsn1Error
from pysnmp.proto import api
from pysnmp.proto.error import ProtocolError as SnmpError

from avctl.errors import ProtocolError

Kind = Literal["get", "next", "set", "answer"]
Value = int | str | None  # None: nothing there, or in a question
VERSIONS: Mapping[str, int] = {"1": api.SNMP_VERSION_1, "2c": api.SNMP_VERSION_2C}
ERRORS: Mapping[int, str] = {
    1: "tooBig",
    2: "noSuchName",
    3: "badValue",
    4: "readOnly",
    5: "genErr",
    6: "noAccess",
    10: "wrongValue",
    16: "authorizationError",
    17: "notWritable",
}


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message of either direction; ``values`` by object, ``error`` as the protocol names it."""

    version: str = "2c"
    community: str
    kind: Kind
    number: int
    values: Mapping[str, Value] = field(default_factory=dict)
    error: int = 0


def encode(message: Message) -> bytes:
    """The datagram of a message."""
    module = api.PROTOCOL_MODULES[VERSIONS[message.version]]
    pdu = {
        "get": module.GetRequestPDU,
        "next": module.GetNextRequestPDU,
        "set": module.SetRequestPDU,
        "answer": module.GetResponsePDU,
    }[message.kind]()
    module.apiPDU.set_defaults(pdu)
    module.apiPDU.set_request_id(pdu, message.number)
    module.apiPDU.set_varbinds(
        pdu, [(name, _typed(module, value, message)) for name, value in message.values.items()]
    )
    if message.error:
        module.apiPDU.set_error_status(pdu, message.error)
        module.apiPDU.set_error_index(pdu, 1)
    whole = module.Message()
    module.apiMessage.set_defaults(whole)
    module.apiMessage.set_community(whole, message.community)
    module.apiMessage.set_pdu(whole, pdu)
    return bytes(encoder.encode(whole))


def decode(datagram: bytes) -> Message:
    """The message of a datagram; ProtocolError when it is none of ours."""
    try:
        number = int(api.decodeMessageVersion(datagram))
        version = next(name for name, one in VERSIONS.items() if one == number)
        module = api.PROTOCOL_MODULES[number]
        whole, _ = decoder.decode(datagram, asn1Spec=module.Message())
        pdu = module.apiMessage.get_pdu(whole)
        kinds = (
            ("get", module.GetRequestPDU),
            ("next", module.GetNextRequestPDU),
            ("set", module.SetRequestPDU),
            ("answer", module.GetResponsePDU),
        )
        kind: Any = next(name for name, one in kinds if pdu.isSameTypeWith(one()))
        return Message(
            version=version,
            community=bytes(module.apiMessage.get_community(whole)).decode("latin-1"),
            kind=kind,
            number=int(module.apiPDU.get_request_id(pdu)),
            values={str(name): _plain(value) for name, value in module.apiPDU.get_varbinds(pdu)},
            error=int(module.apiPDU.get_error_status(pdu)),
        )
    except (PyAsn1Error, SnmpError, StopIteration, ValueError, TypeError, KeyError, IndexError) as fault:
        raise ProtocolError(f"not SNMP: {datagram[:40].hex(' ')}") from fault


def error_name(error: int) -> str:
    """What the protocol calls an error."""
    return ERRORS.get(error, f"error {error}")


def numbers(name: str) -> tuple[int, ...]:
    """The name of an object as numbers, by which objects are in order."""
    return tuple(int(part) for part in name.strip(".").split("."))


def _typed(module: Any, value: Value, message: Message) -> Any:
    if isinstance(value, int):
        return module.Integer(value)
    if isinstance(value, str):
        return module.OctetString(value.encode())
    if message.kind == "answer" and message.version == "2c" and not message.error:
        return module.NoSuchInstance("")
    return module.Null("")


def _plain(value: Any) -> Value:
    name = type(value).__name__
    if name in ("Null", "NoSuchObject", "NoSuchInstance", "EndOfMibView"):
        return None
    if name in ("OctetString", "Opaque", "IpAddress"):
        return bytes(value).decode("utf-8", "replace")
    if name == "ObjectIdentifier":
        return str(value)
    return int(value)


def names(prefix: str, ends: Sequence[int]) -> tuple[str, ...]:
    """The objects under a prefix."""
    return tuple(f"{prefix}.{end}" for end in ends)
