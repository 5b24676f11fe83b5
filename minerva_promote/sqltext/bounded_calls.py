"""Check the size of what an operator or a method in a template would create, before it runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from string import Formatter
from typing import Any

from minerva_promote.sqltext.bounds import ENTRY, Budget, TooMuchError, require_bits, require_size

_MAX_WIDTH = 9_999  # of a field of a format
_PERCENT = re.compile(r"%(?:\([^)]*\))?[#0\- +]*(\*|\d+)?(?:\.(\*|\d+)?)?")
_PADDING = ("center", "ljust", "rjust", "zfill")
_SPLITTING = ("split", "rsplit", "splitlines")
_REFUSED = ("format_map", "translate", "maketrans", "to_bytes", "from_bytes")


def check_operator(budget: Budget, operator: str, left: Any, right: Any) -> None:
    """Raise TooMuchError when the result of ``+``, ``*``, ``**`` or ``%`` would be too large."""
    if operator == "+":
        if isinstance(left, Sequence) and isinstance(right, Sequence):
            require_size(budget.weigh(left) + budget.weigh(right), "the result of +")
    elif operator == "*":
        for many, times in ((left, right), (right, left)):
            if isinstance(many, Sequence) and isinstance(times, int):
                require_size(budget.weigh(many) * max(times, 0), "the result of *")
        if isinstance(left, int) and isinstance(right, int):
            require_bits(left.bit_length() + right.bit_length(), "*")
    elif operator == "**":
        if isinstance(left, int) and isinstance(right, int) and right > 0:
            require_bits(left.bit_length() * right, "**")
    elif operator == "%" and isinstance(left, (str, bytes)):
        text = left if isinstance(left, str) else left.decode("latin-1")
        values = list(right.values()) if isinstance(right, Mapping) else right if isinstance(right, tuple) else [right]
        widths = [width for match in _PERCENT.finditer(text) for width in (match[1], match[2])]
        _check_format(budget, len(text), widths, len(widths) // 2, [*values, right])


def check_method(budget: Budget, method: Any, arguments: Sequence[Any], named: Mapping[str, Any]) -> None:
    """Raise TooMuchError when the result of a method of a text or a number would be too large."""
    method = getattr(method, "__wrapped__", method)  # the sandbox wraps format()
    owner, name = getattr(method, "__self__", None), getattr(method, "__name__", "")
    if not isinstance(owner, (str, bytes, int)):
        return
    if name in _REFUSED:
        raise TooMuchError(f"{name}() is not for templates")
    if isinstance(owner, int):
        return
    first = arguments[0] if arguments else next(iter(named.values()), None)
    if name in _PADDING and isinstance(first, int):
        require_size(first, f"the result of {name}()")
    elif name == "expandtabs":
        tabs = owner.count("\t") if isinstance(owner, str) else owner.count(b"\t")
        require_size(len(owner) + tabs * (first if isinstance(first, int) else 8), "the result of expandtabs()")
    elif name in _SPLITTING:
        require_size(len(owner) * ENTRY, f"the result of {name}()")
    elif name == "replace" and len(arguments) > 1:
        check_replace(budget, owner, *arguments[:2])
    elif name == "join" and isinstance(first, Sequence):
        require_size(len(owner) * len(first) + budget.weigh(first), "the result of join()")
    elif name == "format" and isinstance(owner, str):
        check_str_format(budget, owner, [*arguments, *named.values()])


def check_replace(budget: Budget, text: Any, old: Any, new: Any) -> None:
    """Raise TooMuchError when the result of replacing would be too large."""
    if not isinstance(text, (str, bytes)):
        require_size(budget.text_size(text), "a text")
        text = str(text)
    require_size(budget.text_size(old) + budget.text_size(new), "what replace is given")
    count: Callable[[Any], int] = text.count
    times = count(old if isinstance(old, type(text)) else str(old))
    grows = budget.text_size(new) - (len(old) if isinstance(old, (str, bytes)) else 1)
    require_size(len(text) + times * max(grows, 0), "the result of replace")


def check_str_format(budget: Budget, text: str, values: Sequence[Any]) -> None:
    """Raise TooMuchError when the result of ``text.format(…)`` would be too large."""
    widths: list[str | None] = []
    fields = 0
    try:
        for _, field, spec, _ in Formatter().parse(text):
            fields += field is not None
            widths += re.findall(r"\d+", spec or "")
            if "{" in (spec or ""):  # a width that is a value itself
                fields += 1
                widths += [_width_within(value) for value in values]
    except ValueError:
        return  # not a valid format: format() raises the error
    _check_format(budget, len(text), widths, fields, values)


def _width_within(value: Any) -> str | None:
    """The digits of the widest field that a value causes inside a format specification; ``*`` when not known."""
    if isinstance(value, int):
        return str(value) if 0 <= value <= _MAX_WIDTH else "*"
    if isinstance(value, (str, float)):
        return max(re.findall(r"\d+", str(value)[:_MAX_WIDTH]), key=len, default=None)
    return None if value is None else "*"


def _check_format(
    budget: Budget, literal: int, widths: Sequence[str | None], fields: int, values: Sequence[Any]
) -> None:
    width = 0
    for digits in filter(None, widths):
        if digits == "*" or len(digits) > 4:
            raise TooMuchError(f"a format with a width of more than {_MAX_WIDTH:,} characters, or a computed one")
        width = max(width, int(digits))
    largest = max((budget.text_size(value) for value in values), default=0)
    require_size(literal + fields * (width + largest), "the result of a format")
