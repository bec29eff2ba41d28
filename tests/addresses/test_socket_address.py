"""SocketAddress: a value that does not change."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodenet.addresses import SocketAddress
from nodenet.errors import ERR_INVALID_ADDRESS, ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE

LABELLED = SocketAddress(address="::1", family="ipv6", port=80, flowlabel=5)


class TestConstruction:
    def test_by_itself_it_is_loopback(self) -> None:
        address = SocketAddress()
        assert (address.address, address.family) == ("127.0.0.1", "ipv4")
        assert (address.port, address.flowlabel) == (0, 0)

    def test_takes_a_mapping_or_keywords_which_prevail(self) -> None:
        options = {"address": "::1", "family": "ipv6", "port": 80, "flowlabel": 5, "colour": "red"}
        assert SocketAddress(options) == LABELLED
        assert SocketAddress(options, port=81).port == 81

    def test_a_keyword_that_is_no_option_is_refused(self) -> None:
        with pytest.raises(TypeError, match="colour"):
            SocketAddress(colour="red")  # type: ignore[call-arg]

    def test_none_counts_as_not_given(self) -> None:
        nothing = {"address": None, "family": None, "port": None, "flowlabel": None}
        assert SocketAddress(nothing) == SocketAddress(None) == SocketAddress()

    def test_a_flow_label_that_would_abort_node_is_refused(self) -> None:
        with pytest.raises(ERR_OUT_OF_RANGE, match="<= 1048575"):
            SocketAddress(family="ipv6", flowlabel=1 << 20)

    def test_an_address_of_the_other_family_is_refused(self) -> None:
        with pytest.raises(ERR_INVALID_ADDRESS, match="Invalid socket address"):
            SocketAddress(address="::1")


class TestValue:
    def test_does_not_change(self) -> None:
        for name in ("address", "port", "family", "flowlabel", "packed", "colour"):
            with pytest.raises(AttributeError):
                setattr(LABELLED, name, 1)

    def test_equals_what_says_the_same_and_has_the_same_hash(self) -> None:
        same = SocketAddress(address="0:0::0001", family="IPv6", port="0x50", flowlabel=5)
        assert same == LABELLED
        assert hash(same) == hash(LABELLED)
        assert SocketAddress(address="::1", family="ipv6", port=80) != LABELLED
        assert LABELLED != "::1"

    def test_is_shown_as_what_makes_it(self) -> None:
        text = "SocketAddress(address='::1', port=80, family='ipv6', flowlabel=5)"
        assert repr(LABELLED) == text
        assert eval(text) == LABELLED

    def test_survives_pickling_copying_and_json(self) -> None:
        assert pickle.loads(pickle.dumps(LABELLED)) == LABELLED
        assert copy.deepcopy(LABELLED) == LABELLED
        assert SocketAddress(json.loads(json.dumps(LABELLED.toJSON()))) == LABELLED

    def test_knows_its_bytes(self) -> None:
        assert SocketAddress(address="1.2.3.4").packed == b"\1\2\3\4"
        assert LABELLED.packed == bytes(15) + b"\1"

    def test_is_recognised(self) -> None:
        assert SocketAddress.isSocketAddress(LABELLED)
        assert not SocketAddress.isSocketAddress(LABELLED.toJSON())


class TestParse:
    def test_reads_an_address_with_and_without_a_port(self) -> None:
        assert SocketAddress.parse("123.1.2.3:1234") == SocketAddress(
            address="123.1.2.3", port=1234
        )
        assert SocketAddress.parse("[1::1]") == SocketAddress(address="1::1", family="ipv6")

    @pytest.mark.parametrize("text", ["", "localhost:1", "::1", "1.2.3.4:65536", "1.2.3.256"])
    def test_gives_nothing_where_there_is_no_address(self, text: str) -> None:
        assert SocketAddress.parse(text) is None

    def test_takes_text_only(self) -> None:
        with pytest.raises(ERR_INVALID_ARG_TYPE, match='"input" argument must be of type string'):
            SocketAddress.parse(b"1.2.3.4")  # type: ignore[arg-type]


@given(st.ip_addresses(), st.integers(0, 65535).filter(lambda port: port != 80))
def test_parse_takes_back_what_was_written(address: object, port: int) -> None:
    host = f"[{address}]" if ":" in str(address) else address
    parsed = SocketAddress.parse(f"{host}:{port}")
    assert parsed is not None
    family = "ipv6" if ":" in str(address) else "ipv4"
    assert parsed == SocketAddress(address=str(address), family=family, port=port)


@given(st.text())
def test_parse_never_raises(text: str) -> None:
    SocketAddress.parse(text)
