"""Allowed differences: which differences the project allows, and which allowances are unused or expired."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from minerva_promote.config.allowed_differences import Allowance, matches_pattern
from minerva_promote.config.schema_aspects import ON_COLUMNS
from minerva_promote.config.suggest import did_you_mean
from minerva_promote.results import Finding, Severity
from minerva_promote.schema_diff.diff import Difference
from minerva_promote.schema_diff.model import Schema


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two schemas of a comparison."""

    name: str  # in messages: "prod", "alembic/snapshot.yaml", "migrations"
    schema: Schema
    environment: str = ""  # of the schema; empty for migrations
    kind: str = ""  # of the environment
    is_file: bool = False

    def has(self, allowance: Allowance) -> bool:
        """Whether an allowance names this side, by environment or kind."""
        return self.environment in allowance.environments or (
            allowance.kind is not None and self.kind == allowance.kind
        )


@dataclass(frozen=True, slots=True)
class ClassifiedDifference:
    """A difference and the allowance that applies to it."""

    difference: Difference
    allowance: Allowance | None = None  # None: not allowed
    expired: Allowance | None = None  # the allowance that allowed it until it expired

    @property
    def counts(self) -> bool:
        """Whether it makes the schemas different: not allowed, and not only a note."""
        return self.allowance is None and not self.difference.is_note


def apply_allowances(
    differences: Iterable[Difference],
    allowances: Sequence[Allowance],
    left: Side,
    right: Side,
    *,
    complete: bool = True,
    today: date | None = None,
) -> tuple[tuple[ClassifiedDifference, ...], tuple[Finding, ...]]:
    """Classify the differences by the allowances; also findings about unused and expired allowances.

    An allowance applies when it names exactly one of the two sides: between two environments that it names nothing is
    allowed. Without ``complete`` only a part was compared, and no allowance is reported as unused.
    """
    today = today or date.today()
    applicable = [allowance for allowance in allowances if left.has(allowance) != right.has(allowance)]
    classified: list[ClassifiedDifference] = []
    used: set[int] = set()
    for difference in differences:
        matching = [allowance for allowance in applicable if matches(allowance, difference)]
        used.update(id(allowance) for allowance in matching)
        active = next((allowance for allowance in matching if not _expired(allowance, today)), None)
        expired = next(iter(matching), None) if active is None else None
        classified.append(ClassifiedDifference(difference, None if difference.is_note else active, expired))
    findings = [
        finding
        for allowance in applicable
        if complete or id(allowance) in used
        for finding in _findings(allowance, id(allowance) in used, _expired(allowance, today), left, right)
    ]
    return tuple(classified), tuple(findings)


def matches(allowance: Allowance, difference: Difference) -> bool:
    """Whether an allowance covers a difference: by object and aspect, or as a constraint on its column."""
    entities = [entity for entity in (difference.left, difference.right) if entity is not None]
    for entity in entities:
        names_object = allowance.names(entity.path) and allowance.of in ("", entity.kind)
        if names_object and (not allowance.aspects or difference.aspect in allowance.aspects):
            return True
        is_for_columns = entity.kind in ON_COLUMNS and entity.kind.replace(" ", "_") in allowance.aspects
        columns = [f"{entity.table_path}.{column}" for column in entity.columns]
        if is_for_columns and columns and all(map(allowance.names, columns)):
            return allowance.of in ("", "column")
    return False


def _expired(allowance: Allowance, today: date) -> bool:
    return allowance.until is not None and today > allowance.until


def _findings(allowance: Allowance, used: bool, expired: bool, left: Side, right: Side) -> Iterator[Finding]:
    subject = f'the allowed difference "{allowance.object}"'
    if expired:
        owner = f"; ask {allowance.owner}" if allowance.owner else ""
        message = f"{subject} ran out on {allowance.until}" + ("" if used else ", and matches nothing")
        hint = f"end the difference, or allow it longer{owner}" if used else "take it out"
        yield Finding("expired-allowance", message, location=allowance.at, hint=hint, severity=Severity.WARN)
    elif not used and _in_scope(allowance, left, right):
        paths = _paths(left, right)
        suggestion = "" if any(map(allowance.names, paths)) else did_you_mean(allowance.path, paths)
        message = f"{subject} matches nothing between {left.name} and {right.name}{suggestion}"
        yield Finding(
            "unused-allowance",
            message,
            location=allowance.at,
            hint="take it out, or correct it",
            severity=Severity.WARN,
        )


def _in_scope(allowance: Allowance, left: Side, right: Side) -> bool:
    """Whether the table of an allowance was compared: a snapshot holds only some tables."""
    table_sets = [side.schema.tables for side in (left, right) if side.schema.tables is not None]
    table = allowance.path.partition(".")[0]
    return all(any(matches_pattern(name, table) for name in tables) for tables in table_sets)


def _paths(*sides: Side) -> set[str]:
    return {entity.path for side in sides for entity in side.schema.entities.values()}
