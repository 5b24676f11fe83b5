"""Bounds of rendering a template: the size of every text, list and number, and the time.

Sizes are checked before a value is created, so that a template which repeats a text a billion times fails with a
message instead of exhausting memory. A value that holds another one twice counts it twice, since comparing or printing
it takes that long.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jinja2

MAX_UNITS = 16 << 20  # of one value and of the output; a character is one unit, an entry of a list or a number ENTRY
MAX_TOTAL_UNITS = 64 << 20  # of all values that one rendering creates
MAX_BITS = 4096  # of a whole number
MAX_SECONDS = 10.0  # of one rendering

ENTRY = 8  # units of an entry, of a number and of any other value that is no text
_ESCAPED = 10  # characters that one unit of a list has at most as text: \\U000e0001


class TooMuchError(jinja2.TemplateRuntimeError):
    """A template exceeds a bound."""


class Budget:
    """The units that the current rendering has created, and its deadline; `start` begins another rendering."""

    _deadline: float  # of time.monotonic()
    _units: int  # created so far
    _weights: dict[int, tuple[Any, int]]  # by id; holding the value keeps its id from being reused

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin a rendering: nothing created, all its time left, no value held."""
        self._deadline = time.monotonic() + MAX_SECONDS
        self._units = 0
        self._weights = {}

    def check(self) -> None:
        """Raise TooMuchError when the rendering takes too long."""
        if time.monotonic() > self._deadline:
            raise TooMuchError(f"rendering takes longer than {MAX_SECONDS:.0f} s; look for loops within loops")

    def weigh(self, value: Any) -> int:
        """The units of a value, including those of its members."""
        if isinstance(value, (str, bytes)):
            return len(value)
        if isinstance(value, int):
            return ENTRY + value.bit_length() // 3
        if not isinstance(value, (list, tuple, Mapping)):
            return ENTRY
        cached = self._weights.get(id(value))
        if cached is None:
            members = (*value.keys(), *value.values()) if isinstance(value, Mapping) else value
            cached = value, ENTRY * (1 + len(members)) + sum(map(self.weigh, members))
            self._weights[id(value)] = cached
        return cached[1]

    def text_size(self, value: Any) -> int:
        """An upper bound of the characters that a value has as text."""
        return len(value) if isinstance(value, str) else self.weigh(value) * _ESCAPED

    def spend(self, value: Any) -> Any:
        """The value itself, after counting it. Raises TooMuchError."""
        size = self.weigh(value)
        require_size(size, "a value")
        self.count(size)
        return value

    def count(self, units: int) -> None:
        """Add to the units created. Raise TooMuchError when they are too many, or the time is over."""
        self.check()
        self._units += units
        if self._units > MAX_TOTAL_UNITS:
            raise TooMuchError(f"all values together hold more than {MAX_TOTAL_UNITS:,} characters or entries")

    def watched(self, values: Iterable[Any], units: int = 0) -> Iterator[Any]:
        """The same values one by one; counts ``units`` for every one of them."""
        for value in values:
            self.count(units)
            yield value

    def joined(self, values: Iterable[Any]) -> str:
        """The values as one text. Raises TooMuchError before that becomes too long."""
        parts: list[str] = []
        size = 0
        for value in values:
            require_size(size + self.text_size(value), "a joined text")
            parts.append(str(value))
            size += len(parts[-1])
        text = "".join(parts)
        self.count(len(text))
        return text


def require_size(size: int, what: str) -> None:
    """Raise TooMuchError when ``what`` would have more than MAX_UNITS."""
    if size > MAX_UNITS:
        raise TooMuchError(f"{what} would hold {size:,} characters or entries, at most {MAX_UNITS:,}")


def require_bits(bits: int, operator: str) -> None:
    """Raise TooMuchError when the result of an operator would have more than MAX_BITS."""
    if bits > MAX_BITS:
        raise TooMuchError(f"the result of {operator} would have more than {MAX_BITS} bits")
