"""Contracts of version 2: keys of several columns, shared rows of any key, roots that are inherited."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from minerva_promote.config.load_project import load_project
from minerva_promote.errors import ConfigErrors
from tests.layouts.conftest import Layout
from tests.layouts.test_roots import export, facts, run_twice_and_undo, set_up

Rows = dict[str, list[dict[str, object]]]

TENANTS = """
create table tenants (id integer primary key, name text);
create table orders (tenant_id bigint not null references tenants, order_id smallint, note text, primary key (tenant_id, order_id));
create table lines (id bigint primary key, tenant_id bigint not null, order_id bigint not null, previous integer references lines,
    foreign key (tenant_id, order_id) references orders);
create table taxes (country char(2), rate numeric, primary key (country, rate));
create table prices (id bigint primary key, line_id integer not null references lines, country char(2), rate numeric,
    foreign key (country, rate) references taxes);
"""
CONTRACT: dict[str, Any] = {
    "roots": {"table": "orders", "max": 9},
    "tables": {
        "taxes": {"key": ["country", "rate"], "shared": True},
        "tenants": {"key": ["id"], "shared": True},
        "orders": {"key": ["tenant_id", "order_id"], "references": {"tenant_id": "tenants"}},
        "lines": {
            "key": ["id"],
            "belongs_to": [{"columns": ["tenant_id", "order_id"], "table": "orders"}],
            "references": {"previous": "lines"},
        },
        "prices": {
            "key": ["id"],
            "belongs_to": {"line_id": "lines"},
            "references": [{"columns": ["country", "rate"], "table": "taxes"}],
        },
    },
}
KEYS = {"orders": "tenant_id, order_id", "taxes": "country, rate"}
ORDER: Rows = {"orders": [{"tenant_id": 7, "order_id": 1, "note": "n"}, {"tenant_id": 7, "order_id": 2, "note": "o"}]}
LINES: Rows = {
    "lines": [
        {"id": 1, "tenant_id": 7, "order_id": 1, "previous": None},
        {"id": 2, "tenant_id": 7, "order_id": 2, "previous": None},
        {"id": 3, "tenant_id": 7, "order_id": 2, "previous": 2},
    ]
}
PRICES: Rows = {
    "prices": [
        {"id": 1, "line_id": 1, "country": "de", "rate": "1.90"},
        {"id": 2, "line_id": 3, "country": "ch", "rate": "8"},
    ]
}
TAXES: Rows = {"taxes": [{"country": "ch", "rate": "8.0"}]}


def text_of(rows: Rows) -> str:
    """An export whose tables have keys of one column or of two."""
    parts = [export({table: of_table}, KEYS.get(table, "id")) for table, of_table in rows.items()]
    return "begin;\n" + "".join(part.removeprefix("begin;\n").removesuffix("commit;\n") for part in parts) + "commit;\n"


@pytest.fixture
def layout(make_layout: Callable[..., Layout]) -> Layout:
    """The target has one tenant and one tax."""
    made = set_up(make_layout(TENANTS, CONTRACT, version=2))
    made.database.execute("insert into tenants values (7, 't')", "insert into taxes values ('de', 1.9)")
    return made


def test_from_run_to_undo(layout: Layout) -> None:
    text = text_of({**TAXES, **ORDER, **LINES, **PRICES})
    run_twice_and_undo(layout, text, ["orders", "lines", "prices"])
    assert layout.rows("select country, rate::text from taxes order by 1") == [("ch", "8.0"), ("de", "1.9")]  # kept
    (undo,) = layout.rows("select run_id::text from promote.events where kind = 'undone'")
    restored = layout.promote("undo", undo[0], "--env", "target", "--apply", "--reason", "test")
    assert restored.exit_code == 0, restored.stdout + restored.stderr
    assert layout.rows("select count(*) from prices") == [(2,)]
    assert layout.promote("schema", "snapshot", "--env", "target").exit_code == 0
    offline = layout.promote("validate", "export.sql")
    assert (offline.exit_code, "tenants in the file" in offline.stdout) == (1, True), offline.stdout


def test_shared_rows_are_looked_for_in_the_target(layout: Layout) -> None:
    other: Rows = {
        "orders": [{"tenant_id": 8, "order_id": 1, "note": "n"}, {"tenant_id": 9, "order_id": 1, "note": "n"}]
    }
    assert facts(layout, text_of(other)) == [
        f"tenants {number} is neither in the file nor in the target" for number in (8, 9)
    ]
    without = text_of({**ORDER, **LINES, **PRICES})
    assert facts(layout, without) == ["taxes (ch, 8) is neither in the file nor in the target"]


def test_parents_are_looked_for_in_the_file(layout: Layout) -> None:
    lines: Rows = {"lines": [{"id": 1, "tenant_id": 7, "order_id": 3, "previous": 9}]}
    assert facts(layout, text_of({**ORDER, **lines})) == [
        "lines.(tenant_id, order_id) (7, 3) is no row of orders in the file",
        "lines.previous 9 is no row of lines in the file",
    ]


def test_a_root_is_inherited(layout: Layout) -> None:
    """A line of one order may not name a line of another; a price may not join a line that was promoted before."""
    lines: Rows = {"lines": [*LINES["lines"], {"id": 4, "tenant_id": 7, "order_id": 1, "previous": 2}]}
    assert facts(layout, text_of({**ORDER, **lines})) == [
        "lines.previous names a row of lines that belongs to another row of orders"
    ]
    assert layout.run(text_of({**ORDER, **LINES})).exit_code == 0
    prices: Rows = {"prices": [{"id": 1, "line_id": 3, "country": None, "rate": None}]}
    assert facts(layout, text_of({**ORDER, **LINES, **prices})) == [
        "prices 1: is new, but its row of lines 3 was promoted before"
    ]
    more: Rows = {"lines": [*LINES["lines"], {"id": 5, "tenant_id": 7, "order_id": 2, "previous": None}]}
    assert facts(layout, text_of({**ORDER, **more})) == [
        "lines 5: is new, but its row of orders (7, 2) was promoted before"
    ]


ARRAYS = """
create table tags (id integer primary key, name text);
create table notes (id bigint primary key, tag_ids bigint[]);
"""


def test_arrays_of_keys(make_layout: Callable[..., Layout]) -> None:
    """Every element names a row before, whatever the width of its integers; NULL names none."""
    tables: dict[str, Any] = {"tags": {"key": ["id"]}, "notes": {"key": ["id"], "references": {"tag_ids": "tags"}}}
    layout = set_up(make_layout(ARRAYS, {"tables": tables}, version=2))
    tags: Rows = {"tags": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}, {"id": 3, "name": "c"}]}
    arrays = ("{1,2,3}", "{}", "{NULL,3}", "{{1,2},{3,1}}", None)
    notes: Rows = {"notes": [{"id": number, "tag_ids": text} for number, text in enumerate(arrays)]}
    run_twice_and_undo(layout, text_of({**tags, **notes}), ["notes", "tags"])
    lost: Rows = {"notes": [{"id": 1, "tag_ids": "{{1,7},{8,2}}"}]}
    assert facts(layout, text_of({**tags, **lost})) == [
        "notes.tag_ids 7 is no row of tags in the file",
        "notes.tag_ids 8 is no row of tags in the file",
    ]


MODELS = """
create table models (id bigint primary key, name text, dimensions integer);
create table texts (id bigint primary key);
create table pieces (id bigint primary key, text_id bigint not null references texts, model_id integer references models);
"""


@pytest.mark.parametrize("one_per_root", [True, None])
def test_one_shared_row_for_each_root(make_layout: Callable[..., Layout], one_per_root: bool | None) -> None:
    models: dict[str, object] = {"key": ["id"], "shared": True}
    if one_per_root:
        models["one_per_root"] = True
    contract = {
        "roots": {"table": "texts"},
        "tables": {
            "models": models,
            "texts": {"key": ["id"]},
            "pieces": {"key": ["id"], "belongs_to": {"text_id": "texts"}, "references": {"model_id": "models"}},
        },
    }
    layout = set_up(make_layout(MODELS, contract, version=2))
    layout.database.execute("insert into models values (1, 'a', 3), (2, 'b', 3)")
    pieces: list[dict[str, object]] = [{"id": number, "text_id": 1, "model_id": number} for number in (1, 2)]
    text = export({"texts": [{"id": 1}], "pieces": pieces})
    if one_per_root:
        assert facts(layout, text) == ["pieces.model_id is 2, rows before have 1"]
    else:
        run_twice_and_undo(layout, text, ["pieces"])


@pytest.mark.parametrize(
    ("version", "tables", "expected"),
    [
        (
            1,
            {"b": {"key": ["id"], "references": [{"columns": ["a_id"], "table": "a"}]}},
            ["contract.tables.b.references: a list is of version 2"],
        ),
        (
            1,
            {"b": {"key": ["id"], "shared": True, "one_per_root": True}},
            ["contract.tables.b.one_per_root: is a word of version 2"],
        ),
        (2, {"b": {"key": ["id"], "one_per_root": True}}, ["contract.tables.b.one_per_root: is about shared rows"]),
        (
            2,
            {"b": {"key": ["id"], "shared": True, "belongs_to": {"a_id": "a"}}},
            ["contract.tables.b.shared: a shared row belongs to no root, and belongs_to names one"],
        ),
        (
            2,
            {
                "b": {"key": ["id"], "references": {"c_id": "c"}, "belongs_to": {"c_id": "c"}},
                "c": {"key": ["x", "y"], "references": [{"columns": ["a", "b"], "table": "a"}]},
            },
            [
                "contract.tables.b.references.c_id: the key of c is (x, y), and 1 columns name it",
                'contract.tables.b.belongs_to.c_id: "c" is not the table of the roots, "a"',
                "contract.tables.b.belongs_to.c_id: the key of c is (x, y), and 1 columns name it",
                "contract.tables.c.references[0].table: the key of a is (id), and 2 columns name it",
            ],
        ),
        (
            2,
            {"b": {"key": ["id"], "references": [{"columns": [], "table": "d"}, {"table": "a"}]}},
            [
                "contract.tables.b.references[0].columns: needs at least 1 entry",
                'contract.tables.b.references[1]: missing key "columns"',
            ],
        ),
        (
            2,
            {"b": {"key": ["id"], "belongs_to": {"c_id": "c"}}, "c": {"key": ["id"], "belongs_to": {"b_id": "b"}}},
            [
                'contract.tables.b.belongs_to.c_id: "c" is not the table of the roots, "a"',
                'contract.tables.c.belongs_to.b_id: "b" is not the table of the roots, "a"',
            ],
        ),
    ],
)
def test_a_wrong_reference_is_refused_when_it_is_read(
    make_layout: Callable[..., Layout], version: int, tables: dict[str, Any], expected: list[str]
) -> None:
    contract = {"roots": {"table": "a"}, "tables": {"a": {"key": ["id"]}, **tables}}
    layout = make_layout("", contract, version=version)
    with pytest.raises(ConfigErrors) as raised:
        load_project(layout.root)
    assert [error.message for error in raised.value.errors] == expected
