"""Differences against what is declared about them: which are allowed, and which declarations are of no use."""

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
    """One of two schemas that are compared."""

    name: str  # as messages call it: "prod", "alembic/snapshot.yaml", "migrations"
    schema: Schema
    environment: str = ""  # whose it is
    kind: str = ""  # of the environment
    is_file: bool = False

    def has(self, allowance: Allowance) -> bool:
        """Whether it is one of those that an allowance is about."""
        return self.environment in allowance.environments or (
            allowance.kind is not None and self.kind == allowance.kind
        )


@dataclass(frozen=True, slots=True)
class ClassifiedDifference:
    """A difference, and what is declared about it."""

    difference: Difference
    allowance: Allowance | None = None  # None: nothing allows it
    expired: Allowance | None = None  # what allowed it until some day

    @property
    def counts(self) -> bool:
        """Whether the schemas are not the same because of it."""
        return self.allowance is None and not self.difference.is_note


def apply_allowances(
    differences: Iterable[Difference],
    allowances: Sequence[Allowance],
    left: Side,
    right: Side,
    *,
    whole: bool = True,
    today: date | None = None,
) -> tuple[tuple[ClassifiedDifference, ...], tuple[Finding, ...]]:
    """Every difference with its allowance, and the findings about allowances that are unused or have run out.

    An allowance is about a difference between one that has it and one that does not: between two of the environments
    that it names nothing is allowed. Without ``whole`` a part was compared, and none of them is called unused.
    """
    today = today or date.today()
    applying = [each for each in allowances if left.has(each) != right.has(each)]
    judged: list[ClassifiedDifference] = []
    used: set[int] = set()
    for difference in differences:
        meant = [each for each in applying if matches(each, difference)]
        used.update(id(each) for each in meant)
        alive = next((each for each in meant if not _expired(each, today)), None)
        dead = next(iter(meant), None) if alive is None else None
        judged.append(ClassifiedDifference(difference, None if difference.is_note else alive, dead))
    findings = [
        finding
        for each in applying
        if whole or id(each) in used
        for finding in _findings(each, id(each) in used, _expired(each, today), left, right)
    ]
    return tuple(judged), tuple(findings)


def matches(allowance: Allowance, difference: Difference) -> bool:
    """Whether it is about this difference: the object and its aspect, or a constraint of the column that it names."""
    sides = [each for each in (difference.left, difference.right) if each is not None]
    for entity in sides:
        named = allowance.names(entity.path) and allowance.of in ("", entity.kind)
        if named and (not allowance.aspects or difference.aspect in allowance.aspects):
            return True
        on_it = entity.kind in ON_COLUMNS and entity.kind.replace(" ", "_") in allowance.aspects
        columns = [f"{entity.table_path}.{column}" for column in entity.columns]
        if on_it and columns and all(map(allowance.names, columns)):
            return allowance.of in ("", "column")
    return False


def _expired(allowance: Allowance, today: date) -> bool:
    return allowance.until is not None and today > allowance.until


def _findings(allowance: Allowance, used: bool, expired: bool, left: Side, right: Side) -> Iterator[Finding]:
    about = f'the allowed difference "{allowance.object}"'
    if expired:
        owner = f"; ask {allowance.owner}" if allowance.owner else ""
        fact = f"{about} ran out on {allowance.until}" + ("" if used else ", and matches nothing")
        help_ = f"end the difference, or allow it longer{owner}" if used else "take it out"
        yield Finding("expired-allowance", fact, location=allowance.at, hint=help_, severity=Severity.WARN)
    elif not used and _in_scope(allowance, left, right):
        known = _paths(left, right)
        near = "" if any(map(allowance.names, known)) else did_you_mean(allowance.path, known)
        fact = f"{about} matches nothing between {left.name} and {right.name}{near}"
        yield Finding(
            "unused-allowance", fact, location=allowance.at, hint="take it out, or correct it", severity=Severity.WARN
        )


def _in_scope(allowance: Allowance, left: Side, right: Side) -> bool:
    """Whether it could be about what was compared: a part of a schema has only some of the tables."""
    parts = [side.schema.tables for side in (left, right) if side.schema.tables is not None]
    table = allowance.path.partition(".")[0]
    return all(any(matches_pattern(name, table) for name in tables) for tables in parts)


def _paths(*sides: Side) -> set[str]:
    return {entity.path for side in sides for entity in side.schema.entities.values()}
