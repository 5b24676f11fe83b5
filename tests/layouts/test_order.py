"""Rows that name rows further down in the file, trees, cycles, and tables that have a unique key alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.layouts.conftest import Layout
from tests.layouts.test_references import Rows, text_of
from tests.layouts.test_roots import facts, run_twice_and_undo, set_up

TREE = "create table parts (id bigint primary key, parent_id integer references parts, name text);"
TREE_CONTRACT: dict[str, Any] = {"tables": {"parts": {"key": ["id"], "references": {"parent_id": "parts"}}}}


def parts(*pairs: tuple[int, int | None]) -> Rows:
    return {"parts": [{"id": number, "parent_id": parent, "name": "x" * 100} for number, parent in pairs]}


def run_and_undo(layout: Layout, rows: Rows) -> None:
    """Promoted, promoted again and undone; the undo is reverted, too."""
    run_twice_and_undo(layout, text_of(rows), list(rows))
    (undo,) = layout.rows("select run_id::text from promote.events where kind = 'undone'")
    restored = layout.promote("undo", undo[0], "--env", "target", "--apply", "--reason", "test")
    assert restored.exit_code == 0, restored.stdout + restored.stderr
    for table, of_table in rows.items():
        assert layout.rows(f"select count(*) from {table}") == [(len(of_table),)]


@pytest.mark.parametrize("size", [5, 700])
def test_a_tree_upside_down(make_layout: Callable[..., Layout], size: int) -> None:
    """Every row comes before its parent, also where that is several batches further down."""
    layout = set_up(make_layout(TREE, TREE_CONTRACT, version=2))
    upside_down = [(number, number + 1 if number < size else None) for number in range(1, size + 1)]
    run_and_undo(layout, parts(*upside_down, (size + 1, size + 1)))


def test_a_big_file(make_layout: Callable[..., Layout]) -> None:
    """The same where rows go in while the file is validated."""
    contract = {**TREE_CONTRACT, "limits": {"validate_first": 0}}
    layout = set_up(make_layout(TREE, contract, version=2))
    run_and_undo(layout, parts((1, 2), (2, 3), (4, 3), (3, None)))


def test_a_parent_that_never_comes(make_layout: Callable[..., Layout]) -> None:
    layout = set_up(make_layout(TREE, TREE_CONTRACT, version=2))
    ran = layout.run(text_of(parts((1, 2), (2, 9), (3, None))))
    assert ran.exit_code == 1
    assert "export.sql:3:1: reference: parts.parent_id 9 is no row of parts in the file" in ran.stdout
    assert "export.sql:2:" not in ran.stdout  # its parent is there, and waits in vain itself
    assert layout.rows("select count(*) from parts") == [(0,)]


def test_more_rows_than_may_wait(make_layout: Callable[..., Layout]) -> None:
    layout = set_up(make_layout(TREE, {**TREE_CONTRACT, "limits": {"held_back": 2}}, version=2))
    assert layout.run(text_of(parts((1, 3), (2, 3), (3, None)))).exit_code == 0
    ran = layout.run(text_of(parts((11, 14), (12, 14), (13, 14), (14, None))))
    assert ran.exit_code == 1
    assert "put the row of parts first, or raise contract.limits.held_back" in ran.stdout


def test_version_1_wants_parents_first(make_layout: Callable[..., Layout]) -> None:
    contract: dict[str, Any] = {"roots": {"table": "parts", "max": 9}, **TREE_CONTRACT}
    layout = set_up(make_layout(TREE, contract))
    assert facts(layout, text_of(parts((1, 2), (2, None)))) == ["parts.parent_id 2 is no row of parts before this one"]


CYCLE = """
create table teams (id integer primary key, lead_id integer);
create table people (id integer primary key, team_id integer not null references teams {how});
alter table teams add foreign key (lead_id) references people {how};
"""
CYCLE_CONTRACT: dict[str, Any] = {
    "tables": {
        "teams": {"key": ["id"], "references": {"lead_id": "people"}},
        "people": {"key": ["id"], "references": {"team_id": "teams"}},
    }
}
TEAMS: Rows = {"teams": [{"id": 1, "lead_id": 1}, {"id": 2, "lead_id": 3}]}
PEOPLE: Rows = {"people": [{"id": 1, "team_id": 1}, {"id": 2, "team_id": 2}, {"id": 3, "team_id": 2}]}


def test_a_cycle_of_deferrable_foreign_keys(make_layout: Callable[..., Layout]) -> None:
    schema = CYCLE.format(how="deferrable initially deferred")
    layout = set_up(make_layout(schema, CYCLE_CONTRACT, version=2))
    run_and_undo(layout, {**TEAMS, **PEOPLE})


def test_a_cycle_that_no_order_can_satisfy(make_layout: Callable[..., Layout]) -> None:
    layout = set_up(make_layout(CYCLE.format(how=""), CYCLE_CONTRACT, version=2))
    ran = layout.run(text_of({**TEAMS, **PEOPLE}))
    assert ran.exit_code == 1
    assert "the target refuses a row" in ran.stdout
    assert layout.rows("select count(*) from teams") == [(0,)]
    open_ended: Rows = {
        "people": [{"id": 1, "team_id": 1}],
        "teams": [{"id": 2, "lead_id": 1}, {"id": 1, "lead_id": None}],
    }
    ran = layout.run(text_of(open_ended))
    assert ran.exit_code == 0, ran.stdout
    (run,) = layout.rows("select run_id::text from promote.events where kind = 'committed'")
    undone = layout.promote("undo", run[0], "--env", "target", "--apply", "--reason", "test")
    assert (undone.exit_code, "nothing was changed (rolled back)" in undone.stderr) == (3, True), undone
    assert layout.rows("select count(*) from teams") == [(2,)]


def test_a_child_before_its_root(make_layout: Callable[..., Layout]) -> None:
    schema = "create table books (id integer primary key); create table notes (id integer primary key, book_id integer not null references books)"
    tables = {"books": {"key": ["id"]}, "notes": {"key": ["id"], "belongs_to": {"book_id": "books"}}}
    layout = set_up(make_layout(schema, {"roots": {"table": "books"}, "tables": tables}, version=2))
    rows: Rows = {"notes": [{"id": 1, "book_id": 1}, {"id": 2, "book_id": 1}], "books": [{"id": 1}]}
    run_and_undo(layout, rows)
    lost: Rows = {"notes": [{"id": 3, "book_id": 9}], "books": [{"id": 2}]}
    assert facts(layout, text_of(lost)) == ["notes.book_id 9 is no row of books in the file"]


def test_a_unique_key_without_a_primary_key(make_layout: Callable[..., Layout]) -> None:
    schema = "create table words (word text not null unique, language text, note text, unique (language, note))"
    layout = set_up(make_layout(schema, {"tables": {"words": {"key": ["word"]}}}, version=2))
    rows: Rows = {"words": [{"word": "a", "language": "x", "note": None}, {"word": "b", "language": "x", "note": "n"}]}
    text = text_of(rows).replace("conflict (id)", "conflict (word)")
    run_twice_and_undo(layout, text, ["words"])
    null: Rows = {"words": [{"word": None, "language": "x", "note": None}]}
    assert facts(layout, text_of(null).replace("conflict (id)", "conflict (word)")) == ["words.word is NULL"]


def test_a_key_that_nothing_makes_unique(make_layout: Callable[..., Layout]) -> None:
    layout = set_up(
        make_layout("create table words (word text not null)", {"tables": {"words": {"key": ["word"]}}}, version=2)
    )
    text = "begin;\ninsert into words (word) values ('a') on conflict (word) do nothing;\ncommit;\n"
    assert facts(layout, text)[0] == "the primary key of words is (none), the contract says (word)"
