"""Bounds of what a template may make: the size of every text, list and number, and the time that rendering takes.

Values that grow are stopped before they are made: a template is written by the project, but nobody should have to find
out by a machine that runs out of memory that one of them repeats a text a billion times.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import jinja2

MOST = 16 << 20  # characters of a text, entries of a list
MOST_BITS = 4096  # of a whole number
SECONDS = 10.0  # of one rendering

_WIDTH = re.compile(r"\*|[0-9]{5,}")  # of a format: one that is computed, or more than 9,999 characters
_PADDING = ("center", "ljust", "rjust", "zfill")
_UNBOUNDED = ("format_map", "translate", "to_bytes", "from_bytes")


class TooMuchError(jinja2.TemplateRuntimeError):
    """A template that would make more than it may."""


class Deadline:
    """When rendering has to be over; told anew for each."""

    def __init__(self) -> None:
        self.at = float("inf")

    def start(self) -> None:
        """Rendering begins now."""
        self.at = time.monotonic() + SECONDS

    def check(self) -> None:
        """Raise when it takes too long."""
        if time.monotonic() > self.at:
            raise TooMuchError(f"rendering takes longer than {SECONDS:.0f} s; look for loops within loops")


def require_size(size: int, what: str) -> None:
    """Raise when something would hold more than it may."""
    if size > MOST:
        raise TooMuchError(f"{what} would hold {size:,} characters or entries, at most {MOST:,}")


def check_operator(operator: str, left: Any, right: Any) -> None:
    """Raise when ``left operator right`` would be too large; the operators that can grow are * ** % and +."""
    if operator == "+":
        if isinstance(left, Sequence) and isinstance(right, Sequence):
            require_size(len(left) + len(right), "the result of +")
    elif operator == "*":
        for many, times in ((left, right), (right, left)):
            if isinstance(many, Sequence) and isinstance(times, int):
                require_size(len(many) * max(times, 0), "the result of *")
        if isinstance(left, int) and isinstance(right, int):
            _require_bits(left.bit_length() + right.bit_length(), "*")
    elif operator == "**":
        if isinstance(left, int) and isinstance(right, int) and right > 0:
            _require_bits(left.bit_length() * right, "**")
    elif operator == "%" and isinstance(left, (str, bytes)):
        check_format(str(left))


def check_format(text: str) -> None:
    """Raise when a format asks for very wide fields."""
    if _WIDTH.search(text):
        raise TooMuchError("a format with a width of more than 9,999 characters, or a computed one")


def check_method(method: Any, arguments: Sequence[Any], named: dict[str, Any]) -> None:
    """Raise when a method of a text or a number would make something too large."""
    method = getattr(method, "__wrapped__", method)  # the sandbox wraps format()
    owner, name = getattr(method, "__self__", None), getattr(method, "__name__", "")
    if isinstance(owner, int) and name in _UNBOUNDED:
        raise TooMuchError(f"{name}() is not for templates")
    if not isinstance(owner, (str, bytes)):
        return
    first = arguments[0] if arguments else next(iter(named.values()), None)
    if name in _UNBOUNDED:
        raise TooMuchError(f"{name}() is not for templates")
    if name in _PADDING and isinstance(first, int):
        require_size(first, f"the result of {name}()")
    elif name == "expandtabs":
        require_size(owner.count("\t") * (first if isinstance(first, int) else 8), "the result of expandtabs()")  # type: ignore[arg-type]
    elif name == "replace" and len(arguments) > 1:
        check_replace(owner, *arguments[:2])
    elif name == "join" and isinstance(first, Sequence):
        require_size(len(owner) * len(first) + sum(map(len, map(str, first))), "the result of join()")
    elif name == "format":
        check_format(str(owner))
        if any(isinstance(value, int) and value > 9_999 for value in (*arguments, *named.values())):
            require_size(len(_nested(str(owner))) * MOST * 2, "the result of format()")


def check_replace(text: Any, old: Any, new: Any) -> None:
    """Raise when replacing would make a text too large."""
    times = str(text).count(str(old))
    require_size(len(str(text)) + times * (len(str(new)) - len(str(old))), "the result of replace")


def joined(values: Iterable[Any], separator: str = "") -> str:
    """The values as one text, as long as that is not too long."""
    parts: list[str] = []
    size = 0
    for value in values:
        parts.append(str(value))
        size += len(parts[-1]) + len(separator)
        require_size(size, "a joined text")
    return separator.join(parts)


def watched(values: Iterable[Any], deadline: Deadline) -> Iterator[Any]:
    """The same values, one by one, as long as there is time."""
    for value in values:
        deadline.check()
        yield value


def _nested(text: str) -> list[str]:
    """The fields of a format whose width is a field itself."""
    return re.findall(r"\{[^{}]*\{", text)


def _require_bits(bits: int, operator: str) -> None:
    if bits > MOST_BITS:
        raise TooMuchError(f"the result of {operator} would have more than {MOST_BITS} bits")
