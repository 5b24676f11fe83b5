"""Contracts of version 2 without roots, and with several tables of roots."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from minerva_promote.config.load_project import load_project
from minerva_promote.errors import ConfigErrors
from tests.layouts.conftest import Layout

SHOP = """
create table customers (id bigint primary key, name text not null);
create table orders (id bigint primary key, customer_id bigint not null references customers, path text);
"""
SHOP_CONTRACT: dict[str, Any] = {
    "tables": {"customers": {"key": ["id"]}, "orders": {"key": ["id"], "references": {"customer_id": "customers"}}}
}
SHOP_ROWS = {
    "customers": [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Bob"}],
    "orders": [{"id": 1, "customer_id": 2, "path": "/home/ada/order.pdf"}],
}
NOTES = """
create table handbook (id bigint primary key, title text);
create table notes (id bigint primary key, title text);
create table parts (id bigint primary key, handbook_id bigint references handbook, note_id bigint references notes);
create table links (id bigint primary key, note_id bigint not null references notes, part_id bigint references parts);
"""
NOTES_CONTRACT: dict[str, Any] = {
    "roots": {"tables": ["handbook", "notes"], "max": 5},
    "tables": {
        "handbook": {"key": ["id"]},
        "notes": {"key": ["id"]},
        "parts": {"key": ["id"], "belongs_to": {"handbook_id": "handbook", "note_id": "notes"}},
        "links": {"key": ["id"], "belongs_to": {"note_id": "notes"}, "references": {"part_id": "parts"}},
    },
}


def constant(value: object) -> str:
    return "NULL" if value is None else str(value) if isinstance(value, int) else f"'{value}'"


def export(rows: dict[str, list[dict[str, object]]], key: str = "id") -> str:
    statements = [
        f"insert into {table} ({', '.join(row)}) values ({', '.join(map(constant, row.values()))})"
        f" on conflict ({key}) do nothing;"
        for table, rows_of_table in rows.items()
        for row in rows_of_table
    ]
    return "\n".join(["begin;", *statements, "commit;", ""])


def set_up(layout: Layout) -> Layout:
    prepared = layout.promote("setup", "--env", "target")
    assert prepared.exit_code == 0, prepared.stdout + prepared.stderr
    return layout


def run_twice_and_undo(layout: Layout, text: str, tables: list[str]) -> None:
    """A run, a second one that changes nothing, and the undo of the first, which leaves the tables empty."""
    for expected in ("committed", "nothing was changed"):
        ran = layout.run(text)
        assert (ran.exit_code, ran.stderr, expected in ran.stdout) == (0, "", True), ran.stdout + ran.stderr
    (run,) = layout.rows("select run_id::text from promote.events where kind = 'committed' order by at limit 1")
    undone = layout.promote("undo", run[0], "--env", "target", "--apply", "--reason", "test")
    assert undone.exit_code == 0, undone.stdout + undone.stderr
    assert [layout.rows(f"select count(*) from {table}") for table in tables] == [[(0,)]] * len(tables)


def facts(layout: Layout, text: str) -> list[str]:
    """What a run that is refused finds."""
    ran = layout.run(text, "--format", "json")
    assert ran.exit_code == 1, ran.stdout + ran.stderr
    return [finding["fact"] for step in json.loads(ran.stdout)["steps"] for finding in step["findings"]]


def test_a_file_without_roots(make_layout: Callable[..., Layout]) -> None:
    layout = set_up(make_layout(SHOP, SHOP_CONTRACT, version=2))
    text = export(SHOP_ROWS)
    run_twice_and_undo(layout, text, ["customers", "orders"])
    assert layout.promote("schema", "snapshot", "--env", "target").exit_code == 0
    assert layout.promote("validate", "export.sql").exit_code == 0
    orphan = export({"orders": [{"id": 2, "customer_id": 9, "path": None}]})
    assert facts(layout, orphan) == ["orders.customer_id 9 is no row of customers in the file"]


def test_several_tables_of_roots(make_layout: Callable[..., Layout]) -> None:
    """Two roots with the same number are two roots."""
    layout = set_up(make_layout(NOTES, NOTES_CONTRACT, version=2))
    rows: dict[str, list[dict[str, object]]] = {
        "handbook": [{"id": 1, "title": "h"}],
        "notes": [{"id": 1, "title": "n"}, {"id": 2, "title": "o"}],
        "parts": [{"id": 1, "handbook_id": 1, "note_id": None}, {"id": 2, "handbook_id": None, "note_id": 1}],
        "links": [{"id": 1, "note_id": 1, "part_id": 2}],
    }
    run_twice_and_undo(layout, export(rows), list(rows))
    listed = layout.rows("select distinct root from promote.run_roots order by 1")
    assert listed == [("1",), ("2",)]
    crossed: dict[str, list[dict[str, object]]] = {**rows, "links": [{"id": 1, "note_id": 1, "part_id": 1}]}
    assert facts(layout, export(crossed)) == [
        "links.part_id names a row of parts that belongs to another row of handbook or notes"
    ]
    many: dict[str, list[dict[str, object]]] = {
        "handbook": [{"id": n, "title": "h"} for n in range(4)],
        "notes": rows["notes"],
    }
    assert facts(layout, export(many)) == ["6 handbook and notes, at most 5 in one file"]


def test_a_row_that_joins_a_root_of_the_target(make_layout: Callable[..., Layout]) -> None:
    layout = set_up(make_layout(NOTES, NOTES_CONTRACT, version=2))
    handbook: dict[str, list[dict[str, object]]] = {"handbook": [{"id": 1, "title": "h"}]}
    assert layout.run(export(handbook)).exit_code == 0
    of_note: dict[str, list[dict[str, object]]] = {
        **handbook,
        "notes": [{"id": 1, "title": "n"}],
        "parts": [{"id": 1, "handbook_id": None, "note_id": 1}],
    }
    assert layout.run(export(of_note)).exit_code == 0  # the handbook was there, the note was not
    of_handbook: dict[str, list[dict[str, object]]] = {
        **handbook,
        "parts": [{"id": 2, "handbook_id": 1, "note_id": None}],
    }
    assert facts(layout, export(of_handbook)) == [
        "parts 2: is new, but its row of handbook 1 was promoted before",
    ]


@pytest.mark.parametrize(
    ("version", "contract", "expected"),
    [
        (1, SHOP_CONTRACT, ['contract: missing key "roots"']),
        (1, {**SHOP_CONTRACT, "roots": {"max": 2}}, ['contract.roots: missing key "table"']),
        (1, NOTES_CONTRACT, ["contract.roots.tables: is a word of version 2"]),
        (2, {**SHOP_CONTRACT, "roots": {"max": 2}}, ['contract.roots: missing key "table"']),
        (
            2,
            {**SHOP_CONTRACT, "roots": {"table": "orders", "tables": ["customers"]}},
            ["contract.roots.tables: stands beside table: give one of them"],
        ),
        (
            2,
            {**SHOP_CONTRACT, "roots": {"tables": ["orders", "orders", "order"]}},
            [
                'contract.roots.tables[1]: "orders" stands twice',
                'contract.roots.tables[2]: no table "order" in contract.tables; did you mean "orders"?',
            ],
        ),
        (3, SHOP_CONTRACT, ["version: must be at most 2, found 3"]),
        (
            2,
            {"tables": {"a": {"key": ["id"]}, "b": {"key": ["id"], "belongs_to": {"a_id": "a"}}}},
            ['contract.tables.b.belongs_to.a_id: "a" is no table of roots: the contract has no roots'],
        ),
    ],
)
def test_a_wrong_contract_is_refused_when_it_is_read(
    make_layout: Callable[..., Layout], version: int, contract: dict[str, Any], expected: list[str]
) -> None:
    layout = make_layout("", contract, version=version)
    with pytest.raises(ConfigErrors) as raised:
        load_project(layout.root)
    assert [error.message for error in raised.value.errors] == expected


def test_local_paths_are_refused_by_default_in_version_1_only(make_layout: Callable[..., Layout]) -> None:
    contract = {"roots": {"table": "orders"}, **SHOP_CONTRACT}
    assert load_project(make_layout(SHOP, contract).root).contract.local_paths.forbid
    assert not load_project(make_layout(SHOP, contract, version=2).root).contract.local_paths.forbid
    strict = {**contract, "local_paths": {"forbid": True}}
    assert load_project(make_layout(SHOP, strict, version=2).root).contract.local_paths.forbid
