"""Jinja's filters that could make something large, with a bound."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from minerva_promote.templates.bounds import TooMuchError, check_replace, require_size

MOST_DIGITS = 100  # of a rounded number


def bounded_filters(filters: Mapping[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """The same filters, each asking before it works."""
    checks: dict[str, Callable[..., None]] = {
        "batch": lambda value, linecount, fill_with=None: require_size(linecount, "a batch"),
        "slice": lambda value, slices, fill_with=None: require_size(slices, "the result of slice"),
        "round": lambda value, precision=0, method="common": _require_digits(precision),
        "sum": lambda iterable, attribute=None, start=0: _require_number(start),
    }
    made = {name: _asking(filters[name], check) for name, check in checks.items()}
    made["replace"] = _replace(filters["replace"])
    made["join"] = _join(filters["join"])
    return made


def _asking(function: Callable[..., Any], check: Callable[..., None]) -> Callable[..., Any]:
    passes = getattr(function, "jinja_pass_arg", None) is not None  # the environment comes first

    @wraps(function)
    def bounded(*arguments: Any, **named: Any) -> Any:
        check(*arguments[passes:], **named)
        return function(*arguments, **named)

    return bounded


def _replace(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def bounded(context: Any, text: Any, old: Any, new: Any, count: int | None = None) -> Any:
        check_replace(text, old, new)
        return function(context, text, old, new, count)

    return bounded


def _join(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def bounded(context: Any, value: Any, d: str = "", attribute: str | int | None = None) -> Any:
        value = list(value)
        separators = len(str(d)) * max(len(value) - 1, 0)
        plain = sum(len(item) for item in value if isinstance(item, str)) if attribute is None else 0
        require_size(separators + plain, "the result of join")
        return function(context, value, d, attribute)

    return bounded


def _require_digits(precision: int) -> None:
    if abs(precision) > MOST_DIGITS:
        raise TooMuchError(f"round to {precision:,} digits, at most {MOST_DIGITS}")


def _require_number(start: Any) -> None:
    if not isinstance(start, (int, float)):
        raise TooMuchError("sum adds numbers; join texts with join")
