"""Differences between the ledger's own schema and the one that this release creates, as findings and steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minerva_promote.database.connection import Connection
from minerva_promote.ledger.install import LEDGER_VERSION
from minerva_promote.ledger.repair import Repair, repair_statements
from minerva_promote.ledger.structure import Difference, compare_structure, read_structure
from minerva_promote.results import Finding, Outcome, Severity, StepResult
from minerva_promote.text_format import counted

MAX_LENGTH = 160  # characters of a definition
_GUARDS = ("trigger", "function", "rule", "policy")
_GUARD_ASPECTS = ("row security", "row security forced", "parents", "children", "disabled")
_FORGED = "what was written meanwhile may be forged: find out who can change this database"
_REWRITES = (
    "no command does it: it rewrites every row, and undo can then no longer prove which rows a run inserted;"
    " decide, and do it as the owner: {}"
)
_LOST = "what it held is lost: restore the database from a backup, or find out who removed it"
_FIRING = {"D": "is disabled", "O": "does not fire in every session", "R": "fires in replication sessions only"}


def structure_findings(
    conn: Connection, environment: str, *, revision_table: str | None = None, version: int = LEDGER_VERSION
) -> tuple[Finding, ...]:
    """Every difference of the target's ledger as a finding, whose hint says what repairs it."""
    differences = compare_structure(read_structure(conn), revision_table, version)
    return tuple(_finding(difference, environment) for difference in differences)


def repair_findings(repair: Repair) -> tuple[Finding, ...]:
    """What was repaired, and how, as warnings."""
    return tuple(
        _finding_of(d, f"{_message(d)}: {_action(d)}", _FORGED if _guards(d) else "", Severity.WARN)
        for d in repair.done
    )


def repair_steps(repair: Repair) -> Iterator[StepResult]:
    """What `promote setup` repaired in the ledger's schema, and what it could not; nothing where all was as created."""
    if repair.done:
        findings = repair_findings(repair)
        detail = f"{counted(len(findings), 'differences')} repaired; no row was changed"
        data = {"changed": True}
        yield StepResult("setup", "ledger schema", Outcome.WARN, detail, findings=findings, data=data)
    remaining = tuple(_finding_of(d, _message(d), refused or _by_hand(d), _severity(d)) for d, refused in repair.left)
    if remaining:
        outcome = Outcome.FAIL if any(f.severity is Severity.ERROR for f in remaining) else Outcome.WARN
        yield StepResult("setup", "ledger schema", outcome, "not as this release creates it", findings=remaining)


def _finding(difference: Difference, environment: str) -> Finding:
    hint = _by_hand(difference)
    if any(repair_statements(difference, "x", "x")):
        hint = f"promote setup --env {environment} repairs it"
        if _guards(difference):
            hint += f"; {_FORGED}"
    return _finding_of(difference, _message(difference), hint, _severity(difference))


def _finding_of(difference: Difference, message: str, hint: str, severity: Severity) -> Finding:
    code = "ledger-unguarded" if _guards(difference) else "ledger-schema"
    return Finding(code, message, hint=hint, severity=severity)


def _guards(difference: Difference) -> bool:
    """Whether it protects what is written: then events that were added meanwhile prove less."""
    return difference.subject.kind in _GUARDS or any(aspect in _GUARD_ASPECTS for aspect in difference.aspects)


def _severity(difference: Difference) -> Severity:
    """A warning for objects of others in the schema that do not belong to a table of the ledger."""
    subject = difference.subject
    separate = difference.kind == "foreign" and subject.table in ("", subject.name)
    return Severity.WARN if separate else Severity.ERROR


def _message(difference: Difference) -> str:
    subject = difference.subject
    if difference.kind == "missing":
        return f"{subject} is missing"
    if difference.kind == "foreign":
        definition = " ".join(str(subject.facts.get("definition") or "").split())
        shortened = definition if len(definition) <= MAX_LENGTH else f"{definition[: MAX_LENGTH - 1]}…"
        text = f": {shortened}" if shortened and subject.kind not in ("view", "materialized view", "function") else ""
        return f"{subject} does not belong to the ledger{text}"
    return f"{subject} {', '.join(_aspect(difference, name) for name in difference.aspects)}"


def _aspect(difference: Difference, name: str) -> str:
    assert difference.actual is not None
    assert difference.expected is not None
    live, expected = difference.actual.facts.get(name), difference.expected.facts.get(name)
    match name:
        case "owner":
            return f"belongs to {live}, not to the owner of the ledger"
        case "definition" if difference.subject.kind in ("constraint", "index"):
            return f"is {live}, expected {expected}"
        case "definition":
            return "is not the one that this release creates"
        case "enabled":
            return _FIRING.get(str(live), f"has the state {live}")
        case "persistence":
            return "is unlogged: a crash of the server empties it" if live == "u" else f"has the persistence {live}"
        case "row security" | "row security forced":
            return f"has {name}"
        case "parents":
            return f"inherits from {_value(live)}"
        case "children":
            return f"is inherited by {_value(live)}, whose rows are read with its own"
        case "executable by":
            return f"can be executed by {_value(live)}"
        case "valid":
            return "is not valid"
        case "not null":
            return "is NOT NULL" if live else "may be NULL"
        case _:
            return f"has {name} {_value(live)}, expected {_value(expected)}"


def _action(difference: Difference) -> str:
    if difference.kind == "missing":
        return "created again"
    return "dropped" if difference.kind == "foreign" else "restored"


def _by_hand(difference: Difference) -> str:
    """The hint for a difference for which setup has no statement."""
    subject, aspects = difference.subject, difference.aspects
    if difference.kind == "missing":
        return _LOST
    if difference.kind == "foreign":
        if subject.kind == "column":
            own_name = subject.name.removeprefix(f"{subject.table}.")
            return f"if nothing else needs it, as the owner: ALTER TABLE {subject.table} DROP COLUMN {own_name}"
        return "move it to a schema of its own: a later release may use this name"
    if "persistence" in aspects:
        return _REWRITES.format(f"ALTER TABLE {subject.table} SET LOGGED")
    if "type" in aspects or "collation" in aspects:
        return _REWRITES.format(f"ALTER TABLE {subject.table} ALTER COLUMN … TYPE …")
    return "find out who changed it, and change it back as the owner"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "none" if value is None else str(value)
