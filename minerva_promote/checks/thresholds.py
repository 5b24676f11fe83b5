"""Thresholds: what a value must be, and whether it is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from minerva_promote.checks.file_facts import FileFacts
from minerva_promote.config.models.project import FromFile, Threshold

Value = bool | int | float | Decimal | str


class Incomparable(Exception):  # a fact about a value, not about the program
    """A value that cannot be held against a threshold: text against a number, or NaN (then ``bound`` is None)."""

    def __init__(self, value: Value, bound: Bound | None = None) -> None:
        super().__init__(value, bound)
        self.value, self.bound = value, bound


class NoFact(Exception):  # becomes a skip
    """A threshold names a value of the export file, and there is no file."""


@dataclass(frozen=True, slots=True)
class Bound:
    """One operator with its operand filled in."""

    operator: str  # equals, not_equals, min, max
    operand: Value
    source: str = ""  # "rows.chunks" when it came from the file

    def holds(self, value: Value) -> bool:
        """Whether ``value`` is as it must be. Raises Incomparable."""
        if isinstance(value, str) != isinstance(self.operand, str):
            raise Incomparable(value, self)
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


def resolve(
    threshold: Threshold | Mapping[str, Threshold] | None, facts: FileFacts | None
) -> Mapping[str, tuple[Bound, ...]]:
    """The bounds of ``expect`` or ``warn`` with the file's values filled in. Raises NoFact."""
    named = {"": threshold} if isinstance(threshold, Threshold) else threshold or {}
    return {name: tuple(_bounds(bound, facts)) for name, bound in named.items()}


@dataclass(frozen=True, slots=True)
class Violation:
    """A value that is not as a bound wants it."""

    name: str  # of the value; "" for that of a plain check
    value: Value
    bound: Bound


def violations(bounds: Mapping[str, tuple[Bound, ...]], values: Mapping[str, Value]) -> list[Violation]:
    """Every bound that does not hold. Raises Incomparable."""
    return [
        Violation(name, values[name], bound)
        for name, value_bounds in bounds.items()
        for bound in value_bounds
        if not bound.holds(values[name])
    ]


def _bounds(threshold: Threshold, facts: FileFacts | None) -> Iterator[Bound]:
    for operator in ("equals", "not_equals", "min", "max"):
        operand = getattr(threshold, operator)
        if operand is not None:
            yield Bound(operator, *_operand(operand, facts))
    if threshold.between is not None:
        yield Bound("min", threshold.between[0])
        yield Bound("max", threshold.between[1])


def _operand(operand: Any, facts: FileFacts | None) -> tuple[Value, str]:
    if not isinstance(operand, FromFile):
        return operand, ""
    if facts is None:
        raise NoFact(operand.file)
    return facts.operand(operand.file), operand.file


def _exact(value: Value) -> Decimal:
    """A number as it is written, so that numeric 0.1 of a database equals 0.1 of a YAML file."""
    if isinstance(value, (float, Decimal)) and math.isnan(value):
        raise Incomparable(value)
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
