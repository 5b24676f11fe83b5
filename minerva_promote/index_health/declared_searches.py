"""The vector searches that the project declares: the operator that they order by, and their targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minerva_promote.checks.prepare import prepare_checks
from minerva_promote.config.models.project import Threshold
from minerva_promote.config.project import Environment, Project
from minerva_promote.index_health.verdict import Search, Targets
from minerva_promote.sql_parser import parse
from minerva_promote.sqltext.select_ast import order_key

Declared = Mapping[tuple[str, str], Sequence[Search]]  # (table, column) -> its searches


def declared_searches(project: Project, environment: Environment) -> Declared:
    """The searches of the project's probes that order by a distance, by table and column, whatever the schema.

    Raises ConfigErrors for faults of the checks.
    """
    names = [placed.check.name for placed in project.checks if placed.check.probe in ("latency", "recall", "plan")]
    by_column: dict[tuple[str, str], list[Search]] = {}
    for prepared in prepare_checks(project, environment, None, None, run_id="", only=names) if names else ():
        if prepared.sql and (place := _ordered(prepared.sql)):
            table, column, operator = place
            by_column.setdefault((table, column), []).append(Search(prepared.check.name, operator))
    return by_column


def declared_targets(project: Project, recall: float | None = None, latency: float | None = None) -> Targets:
    """The strictest that the probes demand; what is given on the command line wins, and else the defaults hold."""
    recalls: list[float] = []
    latencies: list[float] = []
    warned: list[float] = []
    for check in (placed.check for placed in project.checks):
        for threshold in (side for side in (check.expect, check.warn) if isinstance(side, Mapping)):
            if check.probe == "latency":
                (latencies if threshold is check.expect else warned).extend(_number(threshold.get("p95_ms"), "max"))
            elif check.probe == "recall":
                recalls += _number(threshold.get("recall_at_k"), "min")
    usual = Targets()
    return Targets(
        recall=recall if recall is not None else max(recalls, default=usual.recall),
        latency=latency if latency is not None else min(latencies, default=usual.latency),
        wanted=min(warned, default=None) if latency is None else None,
    )


def _number(threshold: Threshold | None, operator: str) -> list[float]:
    value = getattr(threshold, operator, None)
    return [float(value)] if isinstance(value, (int, float)) else []


def _ordered(sql: bytes) -> tuple[str, str, str] | None:
    """Table, column and operator of a search of one table; None for another shape, which the linter reports."""
    select = parse(sql.decode()).stmts[0].stmt.select_stmt
    if len(select.from_clause) != 1 or select.from_clause[0].WhichOneof("node") != "range_var":
        return None
    key = order_key(select)
    if key is None or key.WhichOneof("node") != "a_expr" or not key.a_expr.name:
        return None
    column = _column(key.a_expr.lexpr) or _column(key.a_expr.rexpr)
    if column is None:
        return None
    return select.from_clause[0].range_var.relname, column, key.a_expr.name[-1].string.sval


def _column(node: Any) -> str | None:
    """The column that a side of the operator is, casts taken off."""
    while node.WhichOneof("node") == "type_cast":
        node = node.type_cast.arg
    if node.WhichOneof("node") != "column_ref" or not node.column_ref.fields:
        return None
    name: str = node.column_ref.fields[-1].string.sval
    return name or None
