"""A project whose tables are somebody else's: ``migrations: none``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from minerva_promote.config.load_project import load_project
from tests import yamlfile
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


def test_nothing_is_needed_to_begin(make_layout: Callable[..., Layout]) -> None:
    layout = make_layout(SCHEMA, {**CONTRACT, "snapshot": "snapshot.yaml"})
    written = layout.promote("schema", "snapshot", "--env", "target", "--out", "-")
    assert (written.exit_code, "author_id: {type: uuid, not_null: true}" in written.stdout) == (0, True), written.stderr
    assert layout.promote("setup", "--env", "target").exit_code == 0
    ran = layout.run(EXPORT)
    assert (ran.exit_code, ran.stderr) == (0, ""), ran.stdout + ran.stderr


def test_validate_without_a_snapshot(make_layout: Callable[..., Layout]) -> None:
    layout = make_layout(SCHEMA, CONTRACT, extensions={})
    (layout.root / "export.sql").write_text(EXPORT, "utf-8")
    (layout.root / "bad.sql").write_text(EXPORT.replace("note)", "note2)"), "utf-8")
    offline = layout.promote("validate", "export.sql")
    assert (offline.exit_code, offline.stdout) == (2, "")
    assert offline.stderr == (
        "error: without alembic/snapshot.yaml the columns of the tables are not known: no file can be checked\n"
        "  promote validate --env ENV reads them from that database; promote schema snapshot --env ENV writes the file\n"
    )
    read = layout.promote("validate", "--env", "target", "export.sql", "bad.sql", "--format", "json")
    report = json.loads(read.stdout)
    assert (read.exit_code, report["environment"], report["verdict"]) == (1, "target", "refused: 1 of 2 files")
    assert [finding["code"] for finding in report["steps"][1]["findings"]] == ["column"]


def test_validate_with_a_database_that_lacks_a_table(make_layout: Callable[..., Layout]) -> None:
    layout = make_layout(SCHEMA, CONTRACT)
    layout.database.execute("drop table notes")
    (layout.root / "export.sql").write_text(EXPORT, "utf-8")
    read = layout.promote("validate", "--env", "target", "export.sql")
    assert (read.exit_code, read.stderr) == (
        3,
        "error: target: the target has no table notes\n"
        "  have whoever makes the tables change it, or correct promote.yaml\n",
    )


def test_a_stale_snapshot_blocks_neither_setup_nor_itself(make_layout: Callable[..., Layout]) -> None:
    layout = make_layout(SCHEMA, CONTRACT)
    assert layout.promote("schema", "snapshot", "--env", "target").exit_code == 0
    layout.database.execute("alter table notes add column page int", "alter table notes drop column note")
    contract = {**CONTRACT, "tables": {**CONTRACT["tables"]}}
    contract["tables"]["notes"] = {**CONTRACT["tables"]["notes"], "columns": {"page": {"required": True}}}
    yamlfile.write(layout.root / "promote.yaml", {"project": "layout", "migrations": "none", "contract": contract})
    blocked = layout.promote("env", "list")
    assert 'no column "page" of notes in alembic/snapshot.yaml' in blocked.stderr
    assert layout.promote("setup", "--env", "target").exit_code == 0
    assert layout.promote("schema", "snapshot", "--env", "target").exit_code == 0
    assert layout.promote("env", "list").exit_code == 0


def test_a_missing_constraint_is_told_with_its_statement(make_layout: Callable[..., Layout]) -> None:
    contract = {**CONTRACT, "tables": {**CONTRACT["tables"]}}
    contract["tables"]["notes"] = {**CONTRACT["tables"]["notes"], "unique": [["author_id", "note"]]}
    layout = make_layout(SCHEMA.replace(" references authors", ""), contract)
    assert layout.promote("setup", "--env", "target").exit_code == 0
    refused = layout.run(EXPORT, "--format", "json")
    findings = [finding for step in json.loads(refused.stdout)["steps"] for finding in step["findings"]]
    hints = {finding["code"]: finding["help"] for finding in findings}
    assert (refused.exit_code, hints) == (
        1,
        {
            "unique": 'ALTER TABLE "public"."notes" ADD CONSTRAINT "notes_author_id_note_key"'
            ' UNIQUE ("author_id", "note")',
            "foreign-key": 'ALTER TABLE "public"."notes" ADD FOREIGN KEY ("author_id")'
            ' REFERENCES "public"."authors" ("id")',
        },
    )
    layout.database.execute(*hints.values())
    ran = layout.run(EXPORT)
    assert ran.exit_code == 0, ran.stdout


def test_hints_lead_to_a_project_without_migrations(make_layout: Callable[..., Layout]) -> None:
    layout = make_layout(SCHEMA, CONTRACT, migrations="alembic")
    (layout.root / "alembic" / "versions").mkdir(parents=True)
    without = "migrations: none, where somebody else makes the tables"
    refused = layout.promote("setup", "--env", "target")
    assert (refused.exit_code, without in refused.stderr) == (2, True), refused.stderr
    (layout.root / "alembic" / "env.py").write_text("", "utf-8")
    refused = layout.promote("setup", "--env", "target")
    assert (refused.exit_code, without in refused.stderr) == (2, True), refused.stderr
    revision = 'revision, down_revision = "a", None\ndef upgrade():\n    pass\n'
    (layout.root / "alembic" / "versions" / "a.py").write_text(revision, "utf-8")
    refused = layout.promote("setup", "--env", "target")
    assert (refused.exit_code, without in refused.stderr + refused.stdout) == (3, True), refused.stderr


def test_a_run_without_checks_says_how_to_declare_one(make_layout: Callable[..., Layout]) -> None:
    layout = make_layout(SCHEMA, CONTRACT)
    assert layout.promote("setup", "--env", "target").exit_code == 0
    (layout.root / "checks" / "import.yaml").unlink()
    closed = layout.run(EXPORT)
    assert closed.exit_code == 1
    assert "add one to checks/*.yaml: checks: [{name: has_rows, sql: select count(*) from TABLE" in closed.stdout


def test_vectors_without_a_length_are_a_warning(make_layout: Callable[..., Layout]) -> None:
    contract = {**CONTRACT, "tables": {**CONTRACT["tables"]}}
    columns = {"plain": {"dimensions": 3}, "half": {"dimensions": 3}, "vector": {"dimensions": 3}}
    contract["tables"]["notes"] = {**CONTRACT["tables"]["notes"], "columns": columns}
    vectors = "alter table notes add plain vector, add half halfvec(3), add vector vector(3);"
    layout = make_layout(f"create extension vector; {SCHEMA} {vectors}", contract)
    prepared = layout.promote("setup", "--env", "target", "--format", "json")
    report = json.loads(prepared.stdout)
    warned = [(step["outcome"], step["detail"]) for step in report["steps"] if step["step"] == "migrate"]
    assert (prepared.exit_code, report["verdict"]) == (0, "ready"), prepared.stdout
    assert warned == [("WARN", "notes.plain is vector without a length: no index can serve it")]
