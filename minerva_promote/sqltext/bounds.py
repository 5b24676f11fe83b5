"""Bounds of what a template may make: the size of every text, list and number, and the time that rendering takes.

Values that grow are stopped before they are made: a template is written by the project, but nobody should have to find
out by a machine that runs out of memory that one of them repeats a text a billion times. A value that holds another
one twice counts it twice, since comparing or printing it takes that long.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jinja2

MOST = 16 << 20  # units of one value and of the output: a character is one, an entry of a list or a number ENTRY
MOST_MADE = 64 << 20  # units of all values that one rendering makes
MOST_BITS = 4096  # of a whole number
SECONDS = 10.0  # of one rendering

ENTRY = 8  # units of an entry, of a number and of whatever is no text
_ESCAPED = 10  # characters that one unit of a list has at most as text: \\U000e0001


class TooMuchError(jinja2.TemplateRuntimeError):
    """A template that would make more than it may."""


class Budget:
    """What one rendering has made, and when it has to be over; begun anew for each."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Rendering begins now."""
        self._end = time.monotonic() + SECONDS
        self._made = 0
        self._weights: dict[int, tuple[Any, int]] = {}  # by id; the value itself stays, and so does its id

    def check(self) -> None:
        """Raise when it takes too long."""
        if time.monotonic() > self._end:
            raise TooMuchError(f"rendering takes longer than {SECONDS:.0f} s; look for loops within loops")

    def weigh(self, value: Any) -> int:
        """The units of a value, with all that it holds."""
        if isinstance(value, (str, bytes)):
            return len(value)
        if isinstance(value, int):
            return ENTRY + value.bit_length() // 3
        if not isinstance(value, (list, tuple, Mapping)):
            return ENTRY
        known = self._weights.get(id(value))
        if known is None:
            inner = (*value.keys(), *value.values()) if isinstance(value, Mapping) else value
            known = value, ENTRY * (1 + len(inner)) + sum(map(self.weigh, inner))
            self._weights[id(value)] = known
        return known[1]

    def text_size(self, value: Any) -> int:
        """How many characters a value has at most as text."""
        return len(value) if isinstance(value, str) else self.weigh(value) * _ESCAPED

    def spend(self, value: Any) -> Any:
        """The value itself, once it is counted."""
        size = self.weigh(value)
        require_size(size, "a value")
        self.count(size)
        return value

    def count(self, units: int) -> None:
        """Count what was made. Raise when that is too much, or takes too long."""
        self.check()
        self._made += units
        if self._made > MOST_MADE:
            raise TooMuchError(f"all values together hold more than {MOST_MADE:,} characters or entries")

    def watched(self, values: Iterable[Any], units: int = 0) -> Iterator[Any]:
        """The same values, one by one, as long as there is time; each counts for so many units."""
        for value in values:
            self.count(units)
            yield value

    def joined(self, values: Iterable[Any]) -> str:
        """The values as one text, as long as that is not too long."""
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
    """Raise when something would hold more than it may."""
    if size > MOST:
        raise TooMuchError(f"{what} would hold {size:,} characters or entries, at most {MOST:,}")


def require_bits(bits: int, operator: str) -> None:
    """Raise when a number would be too large."""
    if bits > MOST_BITS:
        raise TooMuchError(f"the result of {operator} would have more than {MOST_BITS} bits")
