"""Jinja's filters and tests, wrapped to stay within the budget of a rendering."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any

from minerva_promote.sqltext.bounded_calls import check_replace
from minerva_promote.sqltext.bounds import ENTRY, Budget, TooMuchError, require_size

MAX_DIGITS = 100  # of a rounded number

# Filters that turn their value into a text, and filters that turn it into a list.
_OF_TEXT = ("float", "int", "lower", "string", "trim", "upper")
_OF_LIST = ("batch", "list", "map", "reject", "rejectattr", "select", "selectattr", "slice", "sort", "unique")

Function = Callable[..., Any]


def bounded_filters(filters: Mapping[str, Function], budget: Budget) -> dict[str, Function]:
    """The same filters, which check sizes before they run and count their results."""
    checks: dict[str, Function] = {
        "batch": lambda value, linecount, fill_with=None: require_size(_whole(linecount) * ENTRY, "a batch"),
        "slice": lambda value, slices, fill_with=None: require_size(_whole(slices) * ENTRY, "the result of slice"),
        "round": lambda value, precision=0, method="common": _require_digits(precision),
        "sum": lambda iterable, attribute=None, start=0: _require_number(start),
        "replace": lambda text, old, new, count=None: check_replace(budget, text, old, new),
    }
    checks |= {name: lambda value, *_, **__: require_size(budget.text_size(value), "a text") for name in _OF_TEXT}
    for name in _OF_LIST:
        checks[name] = _both(_require_short, checks.get(name))
    bounded = {name: _within(budget, function, checks.get(name)) for name, function in filters.items()}
    bounded["join"] = _join(filters["join"], budget)
    return bounded


def bounded_tests(tests: Mapping[str, Function], budget: Budget) -> dict[str, Function]:
    """The same tests, which check the time: filters call them for every entry of a list."""
    return {name: _within(budget, function, None) for name, function in tests.items()}


def _within(budget: Budget, function: Function, check: Function | None) -> Function:
    passes = getattr(function, "jinja_pass_arg", None) is not None  # the environment comes first

    @wraps(function)
    def bounded(*arguments: Any, **named: Any) -> Any:
        budget.check()
        if check is not None:
            check(*arguments[passes:], **named)
        result = function(*arguments, **named)
        return _counted(result, budget) if isinstance(result, Iterator) else budget.spend(result)

    return bounded


def _counted(entries: Iterator[Any], budget: Budget) -> Iterator[Any]:
    for entry in entries:
        budget.count(ENTRY + (budget.weigh(entry) if isinstance(entry, list) else 0))
        yield entry


def _join(function: Function, budget: Budget) -> Function:
    @wraps(function)
    def bounded(context: Any, value: Any, d: str = "", attribute: str | int | None = None) -> Any:
        value = list(value)
        size = sum(map(budget.text_size, value)) if attribute is None else 0
        require_size(size + budget.text_size(d) * len(value), "the result of join")
        return budget.spend(function(context, value, d, attribute))

    return bounded


def _both(first: Function, second: Function | None) -> Function:
    def check(value: Any, *arguments: Any, **named: Any) -> None:
        first(value)
        if second is not None:
            second(value, *arguments, **named)

    return check


def _require_short(value: Any) -> None:
    if isinstance(value, (str, bytes)):  # each character becomes an entry
        require_size(len(value) * ENTRY, "a list of characters")


def _whole(number: Any) -> int:
    return number if isinstance(number, int) else 0


def _require_digits(precision: int) -> None:
    if abs(precision) > MAX_DIGITS:
        raise TooMuchError(f"round to {precision:,} digits, at most {MAX_DIGITS}")


def _require_number(start: Any) -> None:
    if not isinstance(start, (int, float)):
        raise TooMuchError("sum adds numbers; join texts with join")
