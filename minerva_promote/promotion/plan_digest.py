"""The digest of a plan: of the file, of the configuration, and of the target as it was looked at."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from minerva_promote import __version__
from minerva_promote.config.fingerprint import fingerprint, plain
from minerva_promote.config.project import Environment, Project
from minerva_promote.config.snapshot import Column, Table
from minerva_promote.database.catalog import Server, definitions, revisions, server
from minerva_promote.database.connection import Connection
from minerva_promote.database.database_identity import DatabaseIdentity, read_database_identity
from minerva_promote.errors import UsageError
from minerva_promote.ledger.recent_changes import MOST_CHANGES, RecentChange, latest_changes
from minerva_promote.preflight.target_state import TargetState
from minerva_promote.promotion import gate_report as report
from minerva_promote.promotion.existing_keys import KeyCounts
from minerva_promote.results import Finding

GROUP = 12  # hex digits of each part
VOLATILE = "clock"  # the code of a finding whose numbers differ at every reading
LEAST = 4  # to which a part may be shortened


@dataclass(frozen=True, slots=True)
class PlannedTarget:
    """What a plan relies on."""

    where: DatabaseIdentity
    facts: Server
    revisions: tuple[str, ...] | None
    changes: tuple[RecentChange, ...]  # the last ones, the latest first
    counts: Mapping[str, KeyCounts]  # of the file's rows
    target: TargetState
    definitions: tuple[str, ...]  # of its tables

    def hash(self) -> str:
        """sha256, in hex."""
        findings = [finding for finding in self.target.findings if finding.code != VOLATILE]
        return _hash(
            {
                "database": self.where.database,
                "server": self.where.system_identifier,
                "versions": {"postgresql": self.facts.version_num, "pgvector": self.facts.vector_version},
                "revisions": plain(self.revisions),
                "role": self.facts.role,
                "tables": {name: table_facts(table) for name, table in self.target.snapshot.tables.items()},
                "effects": plain(self.target.effects),
                "definitions": list(self.definitions),
                "privileges": plain(self.target.privileges),
                "findings": [{"code": finding.code, "fact": finding.message} for finding in findings],
                "rows": {name: {"new": count.new, "there": count.there} for name, count in self.counts.items()},
                "last": self.changes[0].run_id if self.changes else "",
            }
        )

    def before(self, number: int) -> Iterator[PlannedTarget]:
        """The states that it may have had before the latest ``number`` changes: with these rows, and without."""
        earlier = replace(self, changes=self.changes[number:])
        yield earlier
        without = {name: KeyCounts(count.new + count.there, 0, count.known) for name, count in self.counts.items()}
        yield replace(earlier, counts=without)


def table_facts(table: Table) -> dict[str, object]:
    """A table as the digest has it: names that no release changes, and what later ones added only where it is set."""
    return {
        "name": table.name,
        "columns": {name: _column_facts(column) for name, column in table.columns.items()},
        "primary_key": list(table.primary_key),
        "primary_key_name": table.primary_key_name,
        "unique": [list(columns) for columns in table.unique],
    }


def _column_facts(column: Column) -> dict[str, object]:
    facts: dict[str, object] = {
        "name": column.name,
        "type": column.type,
        "not_null": column.not_null,
        "has_default": column.has_default,
        "generated": column.generated or column.identity_always,
        "labels": list(column.labels),
    }
    return facts | ({"base": column.base} if column.base else {})


def read_planned_target(conn: Connection, target: TargetState, counts: Mapping[str, KeyCounts]) -> PlannedTarget:
    """The target as it is now. Raises TargetError."""
    return PlannedTarget(
        read_database_identity(conn),
        server(conn),
        revisions(conn),
        latest_changes(conn),
        counts,
        target,
        definitions(conn, target.snapshot.tables),
    )


def with_counts(planned: PlannedTarget, counts: Mapping[str, KeyCounts]) -> PlannedTarget:
    """The target with the keys of the file's rows counted."""
    return replace(planned, counts=counts)


@dataclass(frozen=True, slots=True)
class Digest:
    """Three hashes, cut to their first digits."""

    file: str
    configuration: str
    target: str

    def __str__(self) -> str:
        return "-".join((self.file, self.configuration, self.target))


def digest_of(project: Project, environment: Environment, sha256: str, state: PlannedTarget, *, repair: bool) -> Digest:
    """The digest of what a run would do."""
    configuration = _hash({"declared": fingerprint(project, environment), "repair": repair, "release": __version__})
    return Digest(sha256[:GROUP], configuration[:GROUP], state.hash()[:GROUP])


def parse_digest(text: str) -> Digest:
    """A digest as it is given with ``--plan``; each part may be shortened. Raises UsageError."""
    groups = text.strip().lower().split("-")
    if len(groups) == 3 and all(re.fullmatch(f"[0-9a-f]{{{LEAST},{GROUP}}}", group) for group in groups):
        return Digest(*groups)
    hint = f"promote plan prints it: three groups of {GROUP} hexadecimal digits, each may be cut to {LEAST} or more"
    raise UsageError(f'--plan "{text}" is no digest of a plan', hint=hint)


def plan_differences(
    planned: Digest, now: Digest, state: PlannedTarget, file: str, environment: str
) -> tuple[Finding, ...]:
    """A finding for each part that has changed since the plan was made."""
    findings = []
    if not now.file.startswith(planned.file):
        findings.append(report.other_file_finding(file, now.file[: len(planned.file)], planned.file))
    if not now.configuration.startswith(planned.configuration):
        findings.append(report.other_configuration_finding(environment))
    if not now.target.startswith(planned.target) and now.file.startswith(planned.file):  # else other keys were counted
        findings.append(report.target_changed_finding(_changes_since(planned, state)))
    return tuple(findings)


def _changes_since(planned: Digest, state: PlannedTarget) -> tuple[RecentChange, ...]:
    """The latest changes without which the target is the planned one; none when that is not the reason."""
    for number in range(1, min(MOST_CHANGES, len(state.changes)) + 1):
        if any(earlier.hash().startswith(planned.target) for earlier in state.before(number)):
            return state.changes[:number]
    return ()


def _hash(value: Any) -> str:
    return hashlib.sha256(_text(_ordered(value)).encode("utf-8", "surrogatepass")).hexdigest()


def _ordered(value: Any) -> Any:
    """The value with its lists sorted: the order in which a catalog returns rows is not defined."""
    if isinstance(value, dict):
        return {key: _ordered(inner) for key, inner in value.items()}
    return sorted(map(_ordered, value), key=_text) if isinstance(value, (list, tuple)) else value


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
