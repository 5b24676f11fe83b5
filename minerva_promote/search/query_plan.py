"""What the planner makes of a search: the vector index that it uses, the pages that it touches."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minerva_promote.database.connection import Connection
from minerva_promote.database.read_only import local_settings, run_query
from minerva_promote.search.query_shape import nearest_alone
from minerva_promote.search.vector_indexes import VectorIndex

# With these a vector index is taken wherever one fits, since a small table is rightly read whole.
FORCED: Mapping[str, str] = {"enable_seqscan": "off", "enable_sort": "off"}
Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a search: its nodes, the top one first."""

    nodes: tuple[Node, ...]

    @property
    def tables(self) -> list[str]:
        """The tables that it reads: "public.chunks"."""
        return sorted({f"{node['Schema']}.{node['Relation Name']}" for node in self.nodes if "Relation Name" in node})

    def used(self, indexes: Sequence[VectorIndex]) -> VectorIndex | None:
        """The vector index that it scans in the order of the search."""
        return next(iter(self.ordered(indexes)), None)

    def ordered(self, indexes: Sequence[VectorIndex]) -> list[VectorIndex]:
        """Every vector index that it scans in the order of a search, as often as it does."""
        there = {(index.schema, index.name): index for index in indexes}
        return [there[place] for place in self._ordered if place in there]

    def reads_whole(self, index: VectorIndex) -> bool:
        """Whether it reads the index's table from end to end and leaves no row out."""
        place = (index.schema, index.table)
        return any(
            node["Node Type"] == "Seq Scan"
            and "Filter" not in node
            and (node["Schema"], node["Relation Name"]) == place
            for node in self.nodes
        )

    @property
    def scans(self) -> str:
        """The name of the index that it scans in the order of the search; empty for none."""
        return next((name for _, name in self._ordered), "")

    @property
    def _ordered(self) -> list[tuple[str, str]]:
        """The indexes that give rows in an order, with their schemas."""
        return [
            (str(node.get("Schema", "")), str(node["Index Name"]))
            for node in self.nodes
            if "Order By" in node and "Index Name" in node
        ]

    @property
    def order(self) -> str:
        """What the search is ordered by, as the planner writes it, the vector itself left out; or nothing."""
        for node in self.nodes:
            order = node.get("Order By") or ", ".join(node.get("Sort Key", ()))
            if order:
                return "ORDER BY " + re.sub(r"'\[[^']*\]'", "'[…]'", order)
        return ""


def plan_of(conn: Connection, sql: bytes, parameters: Sequence[Any], *, forced: bool = False) -> Plan:
    """The plan as it is, or as it is when indexes are preferred to everything. Raises QueryError."""
    with local_settings(conn, FORCED if forced else {}):
        return _plan(conn, b"explain (verbose, format json) " + sql, parameters)


def pages_touched(conn: Connection, sql: bytes, parameters: Sequence[Any], index: VectorIndex) -> int:
    """How many pages of the index a search reads; it is made once, for its nearest row alone.

    EXPLAIN counts the pages of an index scan together with those of the rows that it fetches: one is taken off for
    the row, a few of a filter or of a long value may be left. 0 when the plan does not use the index.
    """
    alone = nearest_alone(sql) or sql
    plan = _plan(conn, b"explain (analyze, buffers, timing off, verbose, format json) " + alone, parameters)
    for node in plan.nodes:
        if (node.get("Schema"), node.get("Index Name")) == (index.schema, index.name):
            touched = int(node.get("Shared Hit Blocks", 0)) + int(node.get("Shared Read Blocks", 0))
            return max(0, min(touched - 1, index.pages))
    return 0


def _plan(conn: Connection, explain: bytes, parameters: Sequence[Any]) -> Plan:
    waiting = [run_query(conn, explain, parameters).rows[0][0][0]["Plan"]]
    nodes = []
    while waiting:
        node = waiting.pop(0)
        nodes.append(node)
        waiting.extend(node.get("Plans", ()))
    return Plan(tuple(nodes))
