"""Text and bytes: every encoding, however the bytes are cut."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import Oracle, Tracer

from nodenet import streams
from nodenet.errors import ERR_UNKNOWN_ENCODING
from nodenet.streams.encodings import Decoder, decode, encode, encodingNamed

ENCODINGS = ("utf8", "utf16le", "latin1", "ascii", "hex", "base64", "base64url")


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("UTF-8", "utf8"),
        ("ucs2", "utf16le"),
        ("UCS-2", "utf16le"),
        ("utf-16le", "utf16le"),
        ("binary", "latin1"),
        ("Latin1", "latin1"),
        ("ASCII", "ascii"),
        ("Hex", "hex"),
        ("BASE64", "base64"),
        ("base64URL", "base64url"),
    ],
)
def test_encodings_have_many_names(name: str, canonical: str) -> None:
    assert encodingNamed(name).name == canonical
    assert streams.Readable().setEncoding(name).readableEncoding == canonical


@pytest.mark.parametrize("name", ["utf-7", "", "utf_8", None, 8])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ERR_UNKNOWN_ENCODING, match=f"Unknown encoding: {name}"):
        Decoder(name)


@given(st.binary(), st.lists(st.integers(0, 30)), st.sampled_from(ENCODINGS))
def test_text_does_not_depend_on_how_the_bytes_are_cut(
    data: bytes, sizes: list[int], encoding: str
) -> None:
    decoder = Decoder(encoding)
    text = ""
    rest = data
    for size in sizes:
        text += decoder.decode(rest[:size])
        rest = rest[size:]
    text += decoder.decode(rest) + decoder.flush()
    if encoding != "base64url":  # its parts have no padding, so they cannot be told apart
        assert text == decode(data, encoding)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_survives_in_unicode(text: str) -> None:
    for encoding in ("utf8", "utf16le"):
        assert decode(encode(text, encoding), encoding) == text


@given(st.binary())
def test_bytes_survive_as_text(data: bytes) -> None:
    for encoding in ("latin1", "hex", "base64", "base64url"):
        assert encode(decode(data, encoding), encoding) == data


def test_nothing_that_is_written_is_an_error(oracle: Oracle) -> None:
    random = Random("encode")
    characters = "aZ09+/=-_ \n\u00e9\u20ac\U0001f600xyzABf\u0142!"
    texts = ["".join(random.choices(characters, k=random.randint(0, 9))) for _ in range(200)]

    def scenario(t: Tracer) -> None:
        for text in texts:
            t("bytes", [encode(text, encoding) for encoding in ENCODINGS])

    oracle.compareSync(
        f"""
        for (const text of {json.dumps(texts)}) {{
          t('bytes', {json.dumps(ENCODINGS)}.map((encoding) => Buffer.from(text, encoding)))
        }}
        """,
        scenario,
    )


def test_broken_characters_become_what_node_makes_of_them(oracle: Oracle) -> None:
    random = Random("decode")
    pieces = ["61", "c3a9", "e282ac", "f09f9880", "ff", "c3", "e2", "e282", "f09f", "80"]
    pieces += ["eda080", "3dd8", "00de", "f4908080", "c080"]
    cuts = [["".join(random.choices(pieces, k=2)) for _ in range(3)] for _ in range(200)]

    def scenario(t: Tracer) -> None:
        for chunks in cuts:
            for encoding in ENCODINGS:
                decoder = Decoder(encoding)
                texts = [decoder.decode(bytes.fromhex(chunk)) for chunk in chunks]
                # As bytes: halves of surrogate pairs do not travel as text.
                whole = "".join([*texts, decoder.flush()])
                t(encoding, encode(whole, "utf16le"))

    oracle.compareSync(
        f"""
        const {{ StringDecoder }} = require('string_decoder')
        for (const chunks of {json.dumps(cuts)}) {{
          for (const encoding of {json.dumps(ENCODINGS)}) {{
            const decoder = new StringDecoder(encoding)
            const texts = chunks.map((chunk) => decoder.write(Buffer.from(chunk, 'hex')))
            t(encoding, Buffer.from([...texts, decoder.end()].join(''), 'utf16le'))
          }}
        }}
        """,
        scenario,
    )


def test_half_of_a_surrogate_pair_is_written_as_the_replacement_character() -> None:
    assert encode("a\ud83d", "utf8") == b"a\xef\xbf\xbd"
    assert encode("\ud83d\ude00", "utf8") == "\U0001f600".encode()
