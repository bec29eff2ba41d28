"""Text and bytes, as Node's Buffer and StringDecoder turn one into the other.

Law: nothing here fails on data. Bytes that mean nothing become U+FFFD, characters that mean nothing
end or leave the result; only an unknown encoding is an error. A `Decoder` gives the same text
however the bytes were cut.
"""

from __future__ import annotations

import codecs
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Final, NamedTuple

from nodenet.errors import ERR_UNKNOWN_ENCODING

BytesLike = bytes | bytearray | memoryview

_SEVEN_BITS: Final = bytes(byte & 0x7F for byte in range(256))
_NOT_BASE64: Final = re.compile(r"[^A-Za-z0-9+/]+")
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2})*")


class Encoding(NamedTuple):
    """One encoding.

    Attributes:
        name: Node's canonical name.
        encode: From text to bytes.
        decode: ``decode(data, final) -> (text, consumed)``; what is not consumed is the beginning
            of a character whose end has not come yet. With `final`, all is consumed.
    """

    name: str
    encode: Callable[[str], bytes]
    decode: Callable[[bytes, bool], tuple[str, int]]


def encode(text: str, encoding: str) -> bytes:
    """Turn text into bytes.

    Args:
        text: The text.
        encoding: A name of one of Node's encodings, in any case.

    Raises:
        ERR_UNKNOWN_ENCODING: No such encoding.
    """
    if encoding == "utf8":
        try:
            return text.encode()
        except UnicodeEncodeError:
            return _encode_utf8(text)
    return encodingNamed(encoding).encode(text)


def encodingNamed(name: object) -> Encoding:
    """The encoding of that name.

    Raises:
        ERR_UNKNOWN_ENCODING: No such encoding.
    """
    found = _NAMES.get(name.lower()) if isinstance(name, str) else None
    if found is None:
        raise ERR_UNKNOWN_ENCODING(name)
    return found


class Decoder:
    """Turns chunks of bytes into text; what one chunk begins the next one may end.

    Args:
        encoding: A name of one of Node's encodings, in any case.

    Attributes:
        encoding: The canonical name.

    Raises:
        ERR_UNKNOWN_ENCODING: No such encoding.
    """

    __slots__ = ("_begun", "_decode", "encoding")

    def __init__(self, encoding: str) -> None:
        self.encoding, _, self._decode = encodingNamed(encoding)
        self._begun = b""

    def decode(self, chunk: bytes) -> str:
        """The text that is complete with `chunk`; perhaps none."""
        data = self._begun + chunk if self._begun else chunk
        text, consumed = self._decode(data, False)
        self._begun = data[consumed:]
        return text

    def flush(self) -> str:
        """What is left of a character that was begun, at the end."""
        begun, self._begun = self._begun, b""
        return self._decode(begun, True)[0] if begun else ""


def decode(data: bytes, encoding: str) -> str:
    """Turn bytes that are complete into text."""
    return encodingNamed(encoding).decode(data, True)[0]


# -- to bytes -------------------------------------------------------------------------------------


def _encode_utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return _encode_utf16(text).decode("utf-16-le", "replace").encode()


def _encode_utf16(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def _encode_latin1(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return _encode_utf16(text)[::2]


def _narrow(text: str) -> str:
    """As Node reads digits: of each code unit the lower byte."""
    return text if text.isascii() else _encode_latin1(text).decode("latin-1")


def _encode_hex(text: str) -> bytes:
    digits = _HEX.match(_narrow(text))
    return bytes.fromhex(digits[0]) if digits else b""


def _encode_base64(text: str) -> bytes:
    digits = _NOT_BASE64.sub(
        "", _narrow(text).partition("=")[0].replace("-", "+").replace("_", "/")
    )
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    return b64decode(digits + "=" * (-len(digits) % 4))


# -- to text --------------------------------------------------------------------------------------


def _decode_utf8(data: bytes, final: bool) -> tuple[str, int]:
    return codecs.utf_8_decode(data, "replace", final)


def _decode_utf16(data: bytes, final: bool) -> tuple[str, int]:
    if final:
        data = data[: len(data) & ~1]
    return codecs.utf_16_le_decode(data, "surrogatepass", final)


def _decode_latin1(data: bytes, final: bool) -> tuple[str, int]:
    return data.decode("latin-1"), len(data)


def _decode_ascii(data: bytes, final: bool) -> tuple[str, int]:
    return data.translate(_SEVEN_BITS).decode("ascii"), len(data)


def _decode_hex(data: bytes, final: bool) -> tuple[str, int]:
    return data.hex(), len(data)


def _decode_base64(data: bytes, final: bool) -> tuple[str, int]:
    whole = len(data) if final else len(data) // 3 * 3
    return b64encode(data[:whole]).decode("ascii"), whole


def _decode_base64url(data: bytes, final: bool) -> tuple[str, int]:
    text, whole = _decode_base64(data, final)
    return text.rstrip("=").replace("+", "-").replace("/", "_"), whole


_UTF8 = Encoding("utf8", _encode_utf8, _decode_utf8)
_UTF16LE = Encoding("utf16le", _encode_utf16, _decode_utf16)
_LATIN1 = Encoding("latin1", _encode_latin1, _decode_latin1)

_NAMES: Final = {
    "utf8": _UTF8,
    "utf-8": _UTF8,
    "utf16le": _UTF16LE,
    "utf-16le": _UTF16LE,
    "ucs2": _UTF16LE,
    "ucs-2": _UTF16LE,
    "latin1": _LATIN1,
    "binary": _LATIN1,
    "ascii": Encoding("ascii", _encode_latin1, _decode_ascii),
    "hex": Encoding("hex", _encode_hex, _decode_hex),
    "base64": Encoding("base64", _encode_base64, _decode_base64),
    "base64url": Encoding("base64url", _encode_base64, _decode_base64url),
}
