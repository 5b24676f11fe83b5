"""The lock mode of each ALTER TABLE subcommand, and what makes it take long."""

from __future__ import annotations

from typing import Any

from minerva_promote.sql_parser import enum_name, walk

AE, SUE, SRE = "ACCESS EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE ROW EXCLUSIVE"
# Subcommands that take less than ACCESS EXCLUSIVE; see the notes on ALTER TABLE in PostgreSQL's documentation.
_WEAKER_MODES = {
    "AT_SetStatistics": SUE,
    "AT_SetOptions": SUE,
    "AT_ResetOptions": SUE,
    "AT_ClusterOn": SUE,
    "AT_DropCluster": SUE,
    "AT_ValidateConstraint": SUE,
    "AT_SetRelOptions": SUE,
    "AT_ResetRelOptions": SUE,
    "AT_AttachPartition": SUE,
    "AT_EnableTrig": SRE,
    "AT_EnableAlwaysTrig": SRE,
    "AT_EnableReplicaTrig": SRE,
    "AT_DisableTrig": SRE,
    "AT_EnableTrigAll": SRE,
    "AT_EnableTrigUser": SRE,
    "AT_DisableTrigAll": SRE,
    "AT_DisableTrigUser": SRE,
}
_REASONS = {
    "AT_DropColumn": "DROP COLUMN {name}",
    "AT_ColumnDefault": "a new default of {name}",
    "AT_DropNotNull": "DROP NOT NULL of {name}",
    "AT_SetNotNull": "SET NOT NULL of {name}, which reads all rows",
    "AT_AlterColumnType": "another type of {name}, which may write the table and its indexes anew",
    "AT_DropConstraint": "DROP CONSTRAINT {name}",
    "AT_ValidateConstraint": "VALIDATE CONSTRAINT {name}, which reads all rows",
    "AT_AddIdentity": "ADD IDENTITY of {name}",
    "AT_SetLogged": "SET LOGGED, which writes the table anew",
    "AT_SetUnLogged": "SET UNLOGGED, which writes the table anew",
    "AT_EnableRowSecurity": "ENABLE ROW LEVEL SECURITY",
    "AT_DisableRowSecurity": "DISABLE ROW LEVEL SECURITY",
}
# Functions with the same result for all rows of one statement: PostgreSQL stores such a default once, in the catalog.
_STABLE = frozenset({"now", "transaction_timestamp", "statement_timestamp", "current_setting", "to_timestamp"})


def alter_table_lock(command: Any) -> tuple[str, str, Any]:
    """The lock mode, the reason in a few words, and the parse node of the table that a foreign key references."""
    kind = enum_name("AlterTableType", command.subtype)
    if kind == "AT_AddColumn":
        return _add_column(command.__getattribute__("def").column_def)
    if kind == "AT_AddConstraint":
        return _add_constraint(command.__getattribute__("def").constraint)
    reason = _REASONS.get(kind, kind.removeprefix("AT_"))
    return _WEAKER_MODES.get(kind, AE), reason.format(name=command.name), None


def _add_column(column: Any) -> tuple[str, str, Any]:
    reason, referenced = f"ADD COLUMN {column.colname}", None
    for node in column.constraints:
        constraint = node.constraint
        kind = _constraint_kind(constraint)
        if kind == "DEFAULT" and _differs_by_row(constraint.raw_expr):
            reason += " with a default that differs from row to row, which writes the table anew"
        elif kind in ("GENERATED", "IDENTITY"):
            reason += " that is generated, which writes the table anew"
        elif kind in ("UNIQUE", "PRIMARY"):
            reason += ", unique, which builds an index over all rows"
        elif kind == "FOREIGN":
            referenced = constraint.pktable
    return AE, reason, referenced


def _add_constraint(constraint: Any) -> tuple[str, str, Any]:
    kind, name = _constraint_kind(constraint), constraint.conname
    reason = f"ADD CONSTRAINT {name}" if name else "ADD CONSTRAINT"
    reads_rows = not constraint.skip_validation
    if kind == "FOREIGN":
        return SRE, f"{reason}{', which reads all rows' if reads_rows else ' NOT VALID'}", constraint.pktable
    if kind in ("UNIQUE", "PRIMARY", "EXCLUSION") and not constraint.indexname:
        return AE, f"{reason}, which builds an index over all rows", None
    if kind in ("CHECK", "NOTNULL"):
        return AE, f"{reason}{', which reads all rows' if reads_rows else ' NOT VALID'}", None
    return AE, reason, None


def _constraint_kind(constraint: Any) -> str:
    return enum_name("ConstrType", constraint.contype).removeprefix("CONSTR_")


def _differs_by_row(expression: Any) -> bool:
    return any(node.funcname[-1].string.sval not in _STABLE for node in walk(expression) if _is_call(node))


def _is_call(node: Any) -> bool:
    return type(node).__name__ == "FuncCall"
