"""Thresholds: what a value must be, and the sentence that says so when it is not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from minerva_promote.checks.file_facts import FileFacts
from minerva_promote.config.models.project import FromFile, Threshold

Value = bool | int | float | Decimal | str
_MUST = {"equals": "be ", "not_equals": "not be ", "min": "be >= ", "max": "be <= "}


class Incomparable(Exception):  # a fact about a value, not about the program
    """A value that cannot be held against a threshold: text against a number, or NaN."""


class NoFact(Exception):  # becomes a skip
    """A threshold names a value of the export file, and there is no file."""


@dataclass(frozen=True, slots=True)
class Bound:
    """One operator with its operand filled in."""

    operator: str  # equals, not_equals, min, max
    operand: Value
    source: str = ""  # "rows.chunks" when it came from the file

    def __str__(self) -> str:
        source = f" ({self.source} of the file)" if self.source else ""
        return f"must {_MUST[self.operator]}{format_value(self.operand)}{source}"

    def holds(self, value: Value) -> bool:
        """Whether ``value`` is as it must be. Raises Incomparable."""
        if isinstance(value, str) != isinstance(self.operand, str):
            kinds = ("text", "a number") if isinstance(value, str) else ("a number", "text")
            raise Incomparable(f"{format_value(value)} is {kinds[0]}, the threshold is {kinds[1]}: {self}")
        if isinstance(value, str):
            return (value == self.operand) is (self.operator == "equals")
        left, right = _exact(value), _exact(self.operand)
        match self.operator:
            case "equals":
                return left == right
            case "not_equals":
                return left != right
            case "min":
                return left >= right
            case _:
                return left <= right


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of one check, per name of a value; the value of a plain check has the name ""."""

    expect: Mapping[str, tuple[Bound, ...]]
    warn: Mapping[str, tuple[Bound, ...]]

    @property
    def names(self) -> set[str]:
        """The values that something is held against."""
        return {name for side in (self.expect, self.warn) for name, bounds in side.items() if bounds}

    @property
    def description(self) -> str:
        """Both sides in words: "p95_ms must be <= 200; warns: p95_ms must be <= 50"."""
        sides = []
        for prefix, side in (("", self.expect), ("warns: ", self.warn)):
            texts = [f"{name} {bound}".lstrip() for name, bounds in side.items() for bound in bounds]
            sides += [prefix + ", ".join(texts)] if texts else []
        return "; ".join(sides) or "no threshold"


def resolve(
    threshold: Threshold | Mapping[str, Threshold] | None, facts: FileFacts | None
) -> Mapping[str, tuple[Bound, ...]]:
    """The bounds of ``expect`` or ``warn`` with the file's values filled in. Raises NoFact."""
    named = {"": threshold} if isinstance(threshold, Threshold) else threshold or {}
    return {name: tuple(_bounds(bound, facts)) for name, bound in named.items()}


def violations(bounds: Mapping[str, tuple[Bound, ...]], values: Mapping[str, Value]) -> list[str]:
    """A sentence for every bound that does not hold: "37, must be <= 0". Raises Incomparable."""
    sentences = []
    for name, value_bounds in bounds.items():
        value = values[name]
        sentences += [
            f"{name} {format_value(value)}, {bound}".lstrip() for bound in value_bounds if not bound.holds(value)
        ]
    return sentences


def describe(
    expect: Threshold | Mapping[str, Threshold] | None, warn: Threshold | Mapping[str, Threshold] | None
) -> str:
    """Both thresholds for a list of checks: "p95_ms must be <= 200; warns: p95_ms must be <= 50"."""
    sides = []
    for prefix, threshold in (("", expect), ("warns: ", warn)):
        named = {"": threshold} if isinstance(threshold, Threshold) else threshold or {}
        conditions = [
            f"{name} must {_MUST[operator]}{operand}".lstrip()
            for name, bound in named.items()
            for operator, operand in _describe_bounds(bound)
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


def _bounds(threshold: Threshold, facts: FileFacts | None) -> Iterator[Bound]:
    for operator in ("equals", "not_equals", "min", "max"):
        operand = getattr(threshold, operator)
        if operand is not None:
            yield Bound(operator, *_operand(operand, facts))
    if threshold.between is not None:
        yield Bound("min", threshold.between[0])
        yield Bound("max", threshold.between[1])


def _describe_bounds(threshold: Threshold) -> Iterator[tuple[str, str]]:
    for operator in ("equals", "not_equals", "min", "max"):
        operand = getattr(threshold, operator)
        if operand is not None:
            yield operator, f"{operand.file} of the file" if isinstance(operand, FromFile) else format_value(operand)
    for operator, bound in zip(("min", "max"), threshold.between or (), strict=False):
        yield operator, format_value(bound)


def _operand(operand: Any, facts: FileFacts | None) -> tuple[Value, str]:
    if not isinstance(operand, FromFile):
        return operand, ""
    if facts is None:
        raise NoFact(operand.file)
    return facts.operand(operand.file), operand.file


def _exact(value: Value) -> Decimal:
    """A number as it is written, so that numeric 0.1 of a database equals 0.1 of a YAML file."""
    if isinstance(value, (float, Decimal)) and math.isnan(value):
        raise Incomparable("the value is NaN, which no threshold can hold")
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
