"""The state of the target before the first row: tables, side effects of writing them, privileges, findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from minerva_promote.config.project import Environment, Project
from minerva_promote.config.snapshot import Snapshot
from minerva_promote.database.catalog import (
    SideEffect,
    TablePrivileges,
    live_snapshot,
    server,
    side_effects,
    table_privileges,
)
from minerva_promote.database.connection import Connection
from minerva_promote.database.quote import full_name
from minerva_promote.errors import TargetError
from minerva_promote.ledger.install import EVENTS_TABLE, ROOTS_TABLE, ROWS_TABLE
from minerva_promote.preflight import server as preflight
from minerva_promote.preflight.excess_privileges import excess_privilege_findings
from minerva_promote.preflight.structure import extension_findings, structure_findings
from minerva_promote.results import Finding, Severity
from minerva_promote.schema_diff.stale_snapshot import stale_to_database


@dataclass(frozen=True, slots=True)
class TargetState:
    """What was read of a target."""

    snapshot: Snapshot
    effects: tuple[SideEffect, ...]
    privileges: Mapping[str, TablePrivileges]  # of the import role, by qualified name
    role: str  # the import role
    findings: tuple[Finding, ...]

    @property
    def not_importable(self) -> bool:
        """Whether a finding rules out any import, so that the file need not be read."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)

    @property
    def triggers(self) -> dict[str, tuple[str, ...]]:
        """The triggers that run with an import, by table."""
        by_table: dict[str, tuple[str, ...]] = {}
        for effect in filter(preflight.runs_with_import, self.effects):
            by_table[effect.table] = (*by_table.get(effect.table, ()), effect.name)
        return by_table


def read_target_state(conn: Connection, project: Project, environment: Environment) -> TargetState:
    """Read the live schema, and collect everything that prevents an import."""
    contract = project.contract
    facts = server(conn)
    snapshot = live_snapshot(conn, contract.tables)
    effects = side_effects(conn, contract.tables)
    ledger = (EVENTS_TABLE, ROWS_TABLE, ROOTS_TABLE)
    privileges = table_privileges(conn, (*map(full_name, contract.tables), *ledger))
    findings = [
        *preflight.server_findings(facts, vector=project.asks_for_vector),
        *preflight.setting_findings(conn, facts),
        *preflight.clock_findings(conn),
        *extension_findings(conn, project.extensions),
        *structure_findings(conn, contract, snapshot, project.recorded, migrated=project.migrations is not None),
        *preflight.privilege_findings(conn, contract, snapshot, facts, privileges),
        *excess_privilege_findings(conn, environment, facts.role),
        *preflight.effect_findings(effects),
    ]
    if not any(
        finding.severity is Severity.ERROR for finding in findings
    ):  # with an error, the stale snapshot would only repeat it
        findings += stale_to_database(project, environment, snapshot)
    return TargetState(snapshot, effects, privileges, facts.role, preflight.placed(findings, environment))


def require_unchanged(conn: Connection, project: Project, expected: TargetState) -> None:
    """Raise TargetError when the tables were changed, as by a migration that held the lock before."""
    tables = project.contract.tables
    if (live_snapshot(conn, tables), side_effects(conn, tables)) != (expected.snapshot, expected.effects):
        raise TargetError(
            "the target's tables were changed while this run waited for its lock", hint="run the command again"
        )
