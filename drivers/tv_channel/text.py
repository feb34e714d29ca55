"""Text of a DVB network (EN 300 468, annex A): its first byte says which letters it is written with."""

from __future__ import annotations

import unicodedata

# First byte -> letters. Ukrainian networks send 01 (or 10 00 05) and 15.
LETTERS = {
    **{code: f"iso8859-{code + 4}" for code in (1, 2, 3, 4, 5, 6, 7)},
    **{9: "iso8859-13", 10: "iso8859-14", 11: "iso8859-15"},
    **{0x11: "utf-16-be", 0x13: "gb2312", 0x14: "big5", 0x15: "utf-8"},
}
NUMBERED = 0x10  # followed by 00 and the part of ISO 8859
PARTS = {part: f"iso8859-{part}" for part in (*range(1, 12), 13, 14, 15)}
# Emphasis on and off, new line: as bytes, and as the characters of those alphabets that have more bytes.
CONTROLS = {0x86: "", 0x87: "", 0x8A: " ", 0xE086: "", 0xE087: "", 0xE08A: " "}
# Without a first byte: ISO 6937, where an accent stands before its letter.
ACCENTS = dict(
    zip(
        (0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF),
        "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u0327\u030b\u0328\u030c",
        strict=True,
    )
)


def text_of(data: bytes) -> str:
    """The text, with what cannot be read replaced."""
    if not data:
        return ""
    first = data[0]
    if first >= 0x20:
        text = _latin(data)
    elif first == NUMBERED:
        part = PARTS.get(data[1] << 8 | data[2], "latin-1") if len(data) > 2 else "latin-1"
        text = data[3:].decode(part, "replace")
    else:
        text = data[1:].decode(LETTERS.get(first, "latin-1"), "replace")
    told = text.translate(CONTROLS)
    return " ".join("".join(one if one.isprintable() else " " for one in told).split())


def _latin(data: bytes) -> str:
    text, accent = "", ""
    for byte in data:
        if byte in ACCENTS:
            accent = ACCENTS[byte]
            continue
        text += (chr(byte) if byte < 0xA0 else bytes((byte,)).decode("latin-1")) + accent
        accent = ""
    return unicodedata.normalize("NFC", text)
