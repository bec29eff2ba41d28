"""The arguments of one kind of endpoint, read from a string and written into one.

Law: for whatever is accepted, ``read(cut(write(values))) == values``; whatever is not is an
`EndpointStringError`. Which arguments there are, their checks and their spelling come from the
declarations of the options; none is listed here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from nodenet.addresses import BlockList
from nodenet.endpoints._syntax import Argument, Description, join
from nodenet.errors import ERR_INVALID_ARG_VALUE, NodeError
from nodenet.options import Option, Spelling, declarations


class Arguments:
    """What may stand in the endpoint strings of one kind.

    Args:
        kind: The prefix, such as ``'tcp'``.
        declaration: The ``TypedDict`` of the options.
        first: The options that are given by their place, in order.
        without: Options of the declaration that make no sense for this kind.
        places: Options of which one must be given.
        adopting: Options of which one may be given instead: they name a socket that is open.
        opening: Options that only say how a socket is opened.
        names: Further names of options.
    """

    def __init__(
        self,
        kind: str,
        declaration: type,
        first: Sequence[str],
        without: Collection[str] = (),
        places: Collection[str] = (),
        adopting: Collection[str] = (),
        opening: Collection[str] = (),
        names: Mapping[str, str] | None = None,
    ) -> None:
        self.kind = kind
        self._settings: dict[str, Any] = {
            "first": first,
            "without": without,
            "places": places,
            "adopting": adopting,
            "opening": opening,
            "names": names,
        }
        self._options: dict[str, Option] = {}
        self._spellings: dict[str, Spelling] = {}
        for name, option in declarations(declaration).items():
            if name not in without and option.string is not None:
                self._options[name] = option
                self._spellings[name] = option.string
        self._first = tuple(first)
        self._places = (*(places or first), *adopting)
        self._adopting = tuple(adopting)
        self._opening = frozenset(opening)
        # An argument goes by Node's name and by the one that endpoint strings have for it.
        self._names = {name: name for name in self._options}
        self._names |= {option.written: name for name, option in self._options.items()}
        self._names |= names or {}

    def extended(self, kind: str, declaration: type) -> Arguments:
        """The same for another kind, with more options."""
        return Arguments(kind, declaration, **self._settings)

    def read(self, description: Description) -> dict[str, Any]:
        """Read the arguments of a string.

        Returns:
            The options that it gives, checked, without those that are the default anyway.

        Raises:
            EndpointStringError: An argument is unknown, given twice, missing or not what it
                must be.
        """
        values: dict[str, Any] = {}
        places: dict[str, int] = {}
        named = {self._names.get(argument.name or "") for argument in description.arguments}
        in_order = (name for name in self._first if name not in named)
        for argument in description.arguments:
            if argument.name is None:
                name = self._next(description, argument, next(in_order, None))
            else:
                name = self._named(description, argument, argument.name)
            if name in values:
                reason = f"{self._written(name)} is given twice"
                raise description.fail(argument.nameAt, reason)
            values[name] = self._value(description, argument, name)
            places[name] = argument.nameAt
        if not any(name in values for name in self._places):
            raise description.fail(None, f"it does not say where; {self._usage()}")
        for name, reason in self._contradictions(values):
            raise description.fail(places[name], reason)
        return self._without_defaults(values)

    def write(self, values: Mapping[str, Any]) -> str:
        """Write the string from which `read` reads these values."""
        written: list[tuple[str | None, str]] = []
        by_place = True
        for name in dict.fromkeys((*self._first, *self._places, *self._options)):
            by_place = by_place and name in self._first and name in values
            if name in values:
                text = self._spellings[name].format(values[name])
                written.append((None if by_place else self._written(name), text))
        return join(self.kind, written)

    def placeOf(self, description: Description, name: str) -> int | None:
        """Where in a string an option is given by name."""
        for argument in description.arguments:
            if argument.name is not None and self._names.get(argument.name) == name:
                return argument.at
        return None

    def checked(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Check options given as keywords, and leave out what is the default anyway.

        Raises:
            TypeError: Endpoints of this kind have no such option.
        """
        checked = {}
        for name, value in values.items():
            if name not in self._options:
                raise TypeError(f"{name!r} is no option of {self.kind} endpoints")
            if value is not None:
                checked[name] = self._respelled(name, self._check(name, value))
        if not any(name in checked for name in self._places):
            raise TypeError(f"one of these must be given: {', '.join(self._places)}")
        for _, reason in self._contradictions(checked):
            raise TypeError(reason)
        return self._without_defaults(checked)

    @property
    def options(self) -> Mapping[str, Option]:
        """The options, by their own names."""
        return MappingProxyType(self._options)

    @property
    def names(self) -> list[str]:
        """The arguments that go by name, as strings have them."""
        return [self._written(name) for name in self._options if name not in self._first]

    def _contradictions(self, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Options that make no sense beside others, and why."""
        adopted = next((name for name in self._adopting if name in values), None)
        for name in values if adopted else ():
            if name in self._opening or (name in self._places and name != adopted):
                yield name, f"{self._written(name)} is not for a socket that {adopted} has open"

    def _next(self, description: Description, argument: Argument, name: str | None) -> str:
        if name is None:
            raise description.fail(
                argument.at,
                f"{argument.value!r} is one argument too many (a colon inside a value is written "
                f"'\\:'); {self._usage()}",
            )
        return name

    def _named(self, description: Description, argument: Argument, written: str) -> str:
        name = self._names.get(written)
        if name is None:
            close = get_close_matches(written, self._names, 1)
            hint = f"did you mean {close[0]}?" if close else self._usage()
            raise description.fail(argument.nameAt, f"there is no argument {written!r}; {hint}")
        return name

    def _value(self, description: Description, argument: Argument, name: str) -> Any:
        try:
            value = self._spellings[name].parse(argument.value, self._written(name))
            return self._check(name, value)
        except (NodeError, ValueError, OverflowError) as error:
            raise description.fail(argument.at, str(error)) from None

    def _check(self, name: str, value: Any) -> Any:
        check = self._options[name].check
        return value if check is None else check(value, self._written(name))

    def _respelled(self, name: str, value: Any) -> Any:
        """Take of what a program gives only what a string could say."""
        if isinstance(value, BlockList):
            return value  # checked for sure, and long perhaps
        spelling, written = self._spellings[name], self._written(name)
        try:
            text = spelling.format(value)
        except (TypeError, ValueError, AttributeError):
            raise ERR_INVALID_ARG_VALUE(written, value) from None
        same = spelling.parse(text, written)
        if same != value or isinstance(same, bool) != isinstance(value, bool):
            raise ERR_INVALID_ARG_VALUE(written, value)
        return value

    def _without_defaults(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: value
            for name, value in values.items()
            if name in self._places or value != self._options[name].default
        }

    def _written(self, name: str) -> str:
        return self._options[name].written

    def _usage(self) -> str:
        first = ":".join(name.upper() for name in self._first)
        return f"it goes {self.kind}:{first}, then any of {', '.join(self.names)}"
