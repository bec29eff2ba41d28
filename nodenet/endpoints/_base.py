"""What all endpoints are: a kind, options, and the string that says both.

Law: an endpoint is a value. It opens nothing before it is asked to, it never changes, and
``parse(str(endpoint)) == endpoint``: which reactor it uses is not part of what it says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Self

from nodenet.endpoints._arguments import Arguments
from nodenet.endpoints._syntax import Description
from nodenet.errors import ERR_INVALID_ARG_VALUE


class Endpoint:
    """Where to listen or what to connect to, and how.

    Args:
        reactor: The reactor to do it with; by default Twisted's global one, taken when it is
            needed.
        options: The options of this kind of endpoint, by their own names.

    Raises:
        TypeError: There is no such option, or nothing says where.
        ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE, ERR_SOCKET_BAD_PORT: as the option's check says.
    """

    arguments: ClassVar[Arguments]

    def __init__(self, reactor: Any = None, **options: Any) -> None:
        self._reactor = reactor
        self._options = MappingProxyType(self.arguments.checked(options))

    @classmethod
    def fromDescription(cls, description: Description, reactor: Any = None) -> Self:
        """Make the endpoint that a string describes.

        Args:
            description: The string, taken apart by `parse`.
            reactor: The Twisted reactor; the global one when left out.

        Returns:
            The endpoint.

        Raises:
            EndpointStringError: The string means nothing.
        """
        return cls(reactor, **cls.arguments.read(description))

    @property
    def options(self) -> Mapping[str, Any]:
        """The options that are not the default."""
        return self._options

    def _only(self, names: Collection[str]) -> dict[str, Any]:
        return {name: value for name, value in self._options.items() if name in names}

    def _refuse(self, name: str, reason: str) -> None:
        """Raise `ERR_INVALID_ARG_VALUE` where an option was given that cannot act."""
        if name in self._options:
            raise ERR_INVALID_ARG_VALUE(name, self._options[name], reason)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        assert isinstance(other, Endpoint)
        return self._options == other._options

    def __hash__(self) -> int:
        return hash(str(self))

    def __str__(self) -> str:
        return self.arguments.write(self._options)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"
