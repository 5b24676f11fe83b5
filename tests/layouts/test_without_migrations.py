"""A project whose tables are somebody else's: ``migrations: none``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from minerva_promote.config.load_project import load_project
from tests.layouts.conftest import Layout

SCHEMA = """
create table authors (id uuid primary key, name text not null);
create table notes (id uuid primary key, author_id uuid not null references authors, note text);
"""
CONTRACT: dict[str, Any] = {
    "roots": {"table": "authors"},
    "tables": {"authors": {"key": ["id"]}, "notes": {"key": ["id"], "belongs_to": {"author_id": "authors"}}},
}
AUTHOR = "4849c435-9ba0-494d-a99c-befbdf45a005"
EXPORT = f"""begin;
insert into authors (id, name) values ('{AUTHOR}', 'Ada') on conflict (id) do nothing;
insert into notes (id, author_id, note) values ('a849c435-9ba0-494d-a99c-befbdf45a005', '{AUTHOR}', 'x')
on conflict (id) do nothing;
commit;
"""


def test_from_setup_to_undo(make_layout: Callable[..., Layout]) -> None:
    layout = make_layout(SCHEMA, CONTRACT)
    prepared = layout.promote("setup", "--env", "target")
    assert prepared.exit_code == 0, prepared.stdout + prepared.stderr
    assert "migrations" not in prepared.stdout
    assert "vector" not in prepared.stdout
    assert layout.rows("select extname from pg_extension where extname = 'vector'") == []
    again = layout.promote("setup", "--env", "target")
    assert (again.exit_code, "nothing was changed" in again.stdout) == (0, True), again.stdout
    ran = layout.run(EXPORT)
    assert (ran.exit_code, ran.stderr) == (0, ""), ran.stdout + ran.stderr
    assert layout.rows("select name, note from authors a join notes n on n.author_id = a.id") == [("Ada", "x")]
    assert layout.rows("select distinct revision from promote.events") == [(None,)]
    verified = layout.promote("history", "--env", "target", "--verify", "--as", "owner")
    assert verified.exit_code == 0, verified.stdout + verified.stderr
    (run,) = layout.rows("select run_id::text from promote.events where kind = 'committed'")
    undone = layout.promote("undo", run[0], "--env", "target", "--apply", "--reason", "test")
    assert undone.exit_code == 0, undone.stdout + undone.stderr
    assert layout.rows("select count(*) from notes") == [(0,)]


@pytest.mark.parametrize("spelling", ["none", False, ""])
def test_spellings(make_layout: Callable[..., Layout], spelling: object) -> None:
    layout = make_layout(SCHEMA, CONTRACT, migrations=spelling)
    assert load_project(layout.root).migrations is None


def test_commands_of_migrations_say_that_there_are_none(make_layout: Callable[..., Layout]) -> None:
    layout = make_layout(SCHEMA, CONTRACT)
    assert layout.promote("setup", "--env", "target").exit_code == 0
    for command in (("migrate",), ("schema", "drift")):
        ran = layout.promote(*command, "--env", "target")
        assert (ran.exit_code, "the project has no migrations (migrations: none)" in ran.stderr) == (2, True), (
            ran.stdout + ran.stderr
        )


def test_a_snapshot_without_migrations(make_layout: Callable[..., Layout]) -> None:
    layout = make_layout(SCHEMA, CONTRACT)
    assert layout.promote("setup", "--env", "target").exit_code == 0
    written = layout.promote("schema", "snapshot", "--env", "target")
    assert written.exit_code == 0, written.stdout + written.stderr
    (layout.root / "export.sql").write_text(EXPORT, "utf-8")
    offline = layout.promote("validate", "export.sql")
    assert offline.exit_code == 0, offline.stdout + offline.stderr


def test_a_view_that_reads_a_table_is_repaired(make_layout: Callable[..., Layout]) -> None:
    layout = make_layout(SCHEMA, CONTRACT)
    assert layout.promote("setup", "--env", "target").exit_code == 0
    layout.database.execute(
        "create table lies (version_num varchar(32))",
        "create or replace view promote.revision as select version_num from lies",
    )
    found = layout.promote("history", "--env", "target", "--verify", "--as", "owner")
    assert found.exit_code == 1, found.stdout
    assert "promote.revision" in found.stdout
    assert layout.promote("setup", "--env", "target").exit_code == 0
    assert layout.promote("history", "--env", "target", "--verify", "--as", "owner").exit_code == 0
