"""An IP address and a port as one value (``net.SocketAddress``).

Invariant: a SocketAddress never changes, its address is a valid one of its family, spelled in the
one way in which the system spells it, and it has no zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from socket import AF_INET, AF_INET6, inet_ntop
from typing import Annotated, Any, TypedDict, TypeGuard, Unpack

from nodenet.addresses import _authority
from nodenet.addresses.ip import pack_unzoned
from nodenet.errors import ERR_INVALID_ADDRESS, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE
from nodenet.options import Option, checkPort, checkString, checkUint32, resolve

FAMILIES = {"ipv4": AF_INET, "ipv6": AF_INET6}
"""Node's names of the address families."""

_UNSPECIFIED = {"ipv4": "127.0.0.1", "ipv6": "::"}
_HIGHEST_FLOW_LABEL = 0xFFFFF


def check_family(value: Any, name: str) -> str:
    """Take ``'ipv4'`` or ``'ipv6'``, in letters of any case; return it in small ones."""
    family = value.lower() if isinstance(value, str) else value
    if family not in ("ipv4", "ipv6"):
        raise ERR_INVALID_ARG_VALUE(name, value)
    return str(family)


def check_flow_label(value: Any, name: str) -> int:
    """Take what fits into the 20 bits of a flow label; more would abort Node."""
    label = checkUint32(value, name)
    if label > _HIGHEST_FLOW_LABEL:
        raise ERR_OUT_OF_RANGE(name, f">= 0 && <= {_HIGHEST_FLOW_LABEL}", value)
    return label


class SocketAddressOptions(TypedDict, total=False):
    """The options of a `SocketAddress`."""

    family: Annotated[
        str, Option(default="ipv4", check=check_family, doc="``'ipv4'`` or ``'ipv6'``.")
    ]
    address: Annotated[
        str,
        Option(check=checkString, doc="The address; by default ``'127.0.0.1'`` or ``'::'``."),
    ]
    port: Annotated[int | str, Option(default=0, check=checkPort, doc="The port, 0 to 65,535.")]
    flowlabel: Annotated[
        int, Option(default=0, check=check_flow_label, doc="The IPv6 flow label, 20 bits.")
    ]


class SocketAddress:
    """An address and a port that do not change (Node: Class ``net.SocketAddress``).

    Args:
        options: A mapping of the options below, or ``None``.
        keywords: The same options as keywords.

            - ``address``: an address of the family; a zone (``%eth0``) is dropped. Default:
              ``'127.0.0.1'`` or ``'::'``.
            - ``family``: ``'ipv4'`` (the default) or ``'ipv6'``.
            - ``port``: 0 (the default) to 65,535.
            - ``flowlabel``: 0 (the default) to 1,048,575; always 0 for IPv4.

    Raises:
        ERR_INVALID_ADDRESS: `address` is no address of `family`.
        ERR_INVALID_ARG_TYPE: An option has the wrong type.
        ERR_INVALID_ARG_VALUE: There is no such family.
        ERR_SOCKET_BAD_PORT: The port is out of range.
        ERR_OUT_OF_RANGE: The flow label is out of range.
    """

    __slots__ = ("_address", "_family", "_flowlabel", "_packed", "_port")

    def __init__(
        self,
        options: Mapping[str, Any] | None = None,
        **keywords: Unpack[SocketAddressOptions],
    ) -> None:
        given = resolve(SocketAddressOptions, options, keywords)
        family = given["family"]
        text = given["address"] if given["address"] is not None else _UNSPECIFIED[family]
        packed = pack_unzoned(text, FAMILIES[family])
        if packed is None:
            raise ERR_INVALID_ADDRESS
        self._address = inet_ntop(FAMILIES[family], packed)
        self._port: int = given["port"]
        self._family: str = family
        self._flowlabel: int = given["flowlabel"] if family == "ipv6" else 0
        self._packed = packed

    @staticmethod
    def isSocketAddress(value: object) -> TypeGuard[SocketAddress]:
        """Return whether a value is a SocketAddress (``SocketAddress.isSocketAddress``)."""
        return isinstance(value, SocketAddress)

    @staticmethod
    def parse(input: str) -> SocketAddress | None:
        """Read an address with or without a port (``SocketAddress.parse``).

        The text is read as what follows ``http://`` in a URL: ``'127.1'`` is 127.0.0.1, a path is
        passed over, and the port 80 becomes 0.

        Args:
            input: Such as ``'123.1.2.3:1234'`` or ``'[1::1]:1234'``.

        Returns:
            The address, or ``None`` when there is none.

        Raises:
            ERR_INVALID_ARG_TYPE: `input` is no text.
        """
        authority = _authority.parse(checkString(input, "input"))
        if authority is None:
            return None
        family = "ipv4" if len(authority.address) == 4 else "ipv6"
        address = inet_ntop(FAMILIES[family], authority.address)
        return SocketAddress(address=address, family=family, port=authority.port)

    def toJSON(self) -> dict[str, str | int]:
        """Return the address as what JSON can hold; `SocketAddress` takes it back."""
        return {
            "address": self.address,
            "port": self.port,
            "family": self.family,
            "flowlabel": self.flowlabel,
        }

    @property
    def address(self) -> str:
        """The address, spelled as the system spells it (``socketaddress.address``)."""
        return self._address

    @property
    def port(self) -> int:
        """The port (``socketaddress.port``)."""
        return self._port

    @property
    def family(self) -> str:
        """``'ipv4'`` or ``'ipv6'`` (``socketaddress.family``)."""
        return self._family

    @property
    def flowlabel(self) -> int:
        """The IPv6 flow label, 0 for IPv4 (``socketaddress.flowlabel``)."""
        return self._flowlabel

    @property
    def packed(self) -> bytes:
        """The address as 4 or 16 bytes in network order. Not in Node."""
        return self._packed

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SocketAddress):
            return NotImplemented
        return self.toJSON() == other.toJSON()

    def __hash__(self) -> int:
        return hash((self._packed, self._port, self._flowlabel))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.toJSON().items())
        return f"SocketAddress({shown})"
