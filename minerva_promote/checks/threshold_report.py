"""Thresholds, and values that are not as they must be, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from minerva_promote.checks.thresholds import Bound, Bounds, Incomparable, Value, Violation
from minerva_promote.config.models.project import FromFile, Threshold

_MUST = {"equals": "be ", "not_equals": "not be ", "min": "be >= ", "max": "be <= "}


def describe_bound(bound: Bound) -> str:
    """ "must be <= 0"; with its source where the file gives it."""
    source = f" ({bound.source} of the file)" if bound.source else ""
    return f"must {_MUST[bound.operator]}{format_value(bound.operand)}{source}"


def describe_violations(violations: Iterable[Violation]) -> str:
    """ "37, must be <= 0", one after the other."""
    return "; ".join(
        f"{violation.name} {format_value(violation.value)}, {describe_bound(violation.bound)}".lstrip()
        for violation in violations
    )


def describe_incomparable(error: Incomparable) -> str:
    """Why a value cannot be held against its threshold."""
    if error.bound is None:
        return "the value is NaN, which no threshold can hold"
    kinds = ("text", "a number") if isinstance(error.value, str) else ("a number", "text")
    return f"{format_value(error.value)} is {kinds[0]}, the threshold is {kinds[1]}: {describe_bound(error.bound)}"


def describe_bounds(bounds: Bounds) -> str:
    """Both sides in words: "p95_ms must be <= 200; warns: p95_ms must be <= 50"."""
    sides = []
    for prefix, side in (("", bounds.expect), ("warns: ", bounds.warn)):
        texts = [f"{name} {describe_bound(bound)}".lstrip() for name, of_name in side.items() for bound in of_name]
        sides += [prefix + ", ".join(texts)] if texts else []
    return "; ".join(sides) or "no threshold"


def describe_thresholds(
    expect: Threshold | Mapping[str, Threshold] | None, warn: Threshold | Mapping[str, Threshold] | None
) -> str:
    """Both thresholds for a list of checks: "p95_ms must be <= 200; warns: p95_ms must be <= 50"."""
    sides = []
    for prefix, threshold in (("", expect), ("warns: ", warn)):
        named = {"": threshold} if isinstance(threshold, Threshold) else threshold or {}
        conditions = [
            f"{name} must {_MUST[operator]}{operand}".lstrip()
            for name, bound in named.items()
            for operator, operand in _declared_bounds(bound)
        ]
        sides += [prefix + ", ".join(conditions)] if conditions else []
    return "; ".join(sides) or "no threshold"


def format_value(value: Value) -> str:
    """A value for a sentence: thousands with commas, text in quotes and cut short."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:60] + "…")
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,}" if isinstance(value, Decimal) else f"{value:,.6g}"


def _declared_bounds(threshold: Threshold) -> Iterator[tuple[str, str]]:
    for operator in ("equals", "not_equals", "min", "max"):
        operand = getattr(threshold, operator)
        if operand is not None:
            yield operator, f"{operand.file} of the file" if isinstance(operand, FromFile) else format_value(operand)
    for operator, bound in zip(("min", "max"), threshold.between or (), strict=False):
        yield operator, format_value(bound)
