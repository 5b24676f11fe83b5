"""Tables in other schemas, and names that need quotes: promoted, promoted again, undone, compared."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from minerva_promote.config.load_project import load_project
from minerva_promote.errors import ConfigErrors
from tests import yamlfile
from tests.layouts.conftest import Layout
from tests.layouts.exporting import contents, export
from tests.servers import Database

SCHEMA = """
create schema ref; create schema "Rag Notes";
create table ref.countries (code char(2) primary key, name text not null unique);
create table handbook ("Id" bigint primary key, country char(2) not null references ref.countries, "Größe" text);
create table "Rag Notes"."Notes" (id uuid primary key, handbook_id bigint not null references handbook, "Body" text);
create table "Rag Notes".handbook (id integer primary key, note text)
"""
ROWS = """
insert into ref.countries values ('de', 'Germany'), ('fr', 'France');
insert into handbook values (1, 'de', 'Größe'), (2, 'fr', null);
insert into "Rag Notes"."Notes" values ('a849c435-9ba0-494d-a99c-befbdf45a005', 1, 'x');
insert into "Rag Notes".handbook values (7, 'another table of this name')
"""
TABLES = {  # as SQL names them, with their keys
    "ref.countries": ("code",),
    "handbook": ("Id",),
    '"Rag Notes"."Notes"': ("id",),
    '"Rag Notes".handbook': ("id",),
}
CONTRACT: dict[str, Any] = {
    "roots": {"table": "handbook", "max": 10},
    "tables": {
        "countries": {"schema": "ref", "key": ["code"], "shared": True},
        "handbook": {"key": ["Id"], "references": {"country": "countries"}},
        "Notes": {"schema": "Rag Notes", "key": ["id"], "belongs_to": {"handbook_id": "handbook"}},
        "Rag Notes.handbook": {"key": ["id"]},
    },
}


def prepared(make_layout: Callable[..., Layout]) -> Layout:
    """The project with its target, and privileges in the other schemas."""
    layout = make_layout(SCHEMA, CONTRACT, version=2)
    path = layout.root / "environments" / "target.yaml"
    content = yamlfile.read(path)
    grants = content["roles"][layout.role]["grants"]
    grants["schemas"] = {"public": ["USAGE"], "ref": ["USAGE"], "Rag Notes": ["USAGE"]}
    names = ("ref.countries", "handbook", "Rag Notes.Notes", "Rag Notes.handbook")
    grants["tables"] = {name: ["SELECT", "INSERT"] for name in names}
    yamlfile.write(path, content)
    return layout


def test_promoted_promoted_again_and_undone(
    make_layout: Callable[..., Layout], make_database: Callable[..., Database]
) -> None:
    source, layout = make_database(), prepared(make_layout)
    source.execute(SCHEMA, ROWS)
    assert layout.promote("setup", "--env", "target").exit_code == 0
    text = export(source, list(TABLES.items()))
    ran = layout.run(text)
    assert (ran.exit_code, ran.stderr) == (0, ""), ran.stdout + ran.stderr
    assert [contents(layout.database, table) for table in TABLES] == [contents(source, table) for table in TABLES]
    again = layout.run(text)
    assert (again.exit_code, "nothing was changed" in again.stdout) == (0, True), again.stdout
    assert layout.rows("select distinct table_name from promote.run_rows order by 1") == [
        ("Rag Notes.Notes",), ("Rag Notes.handbook",), ("public.handbook",), ("ref.countries",),
    ]  # fmt: skip
    assert layout.promote("grants", "--env", "target").exit_code == 0
    planned = layout.promote("plan", "--env", "target", "--file", layout.root / "export.sql")
    assert planned.exit_code == 0, planned.stdout + planned.stderr
    (run,) = layout.rows("select run_id::text from promote.events where kind = 'committed'")
    undone = layout.promote("undo", run[0], "--env", "target", "--apply", "--reason", "test", "--no-keep-shared")
    assert undone.exit_code == 0, undone.stdout + undone.stderr
    assert [contents(layout.database, table) for table in TABLES] == [[], [], [], []]
    restored = layout.promote("undo", json.loads(
        layout.promote("history", "--env", "target", "--format", "json").stdout
    )["data"]["runs"][0]["run_id"], "--env", "target", "--apply", "--reason", "test")  # fmt: skip
    assert restored.exit_code == 0, restored.stdout + restored.stderr
    assert [contents(layout.database, table) for table in TABLES] == [contents(source, table) for table in TABLES]


def test_the_snapshot_has_them(make_layout: Callable[..., Layout], make_database: Callable[..., Database]) -> None:
    """Written from the target, it lets a file be validated without a database."""
    source, layout = make_database(), prepared(make_layout)
    source.execute(SCHEMA, ROWS)
    assert layout.promote("setup", "--env", "target").exit_code == 0
    ran = layout.promote("schema", "snapshot", "--env", "target")
    assert ran.exit_code == 0, ran.stdout + ran.stderr
    (layout.root / "export.sql").write_text(export(source, list(TABLES.items())), "utf-8")
    validated = layout.promote("validate", layout.root / "export.sql", "--format", "json")
    assert validated.exit_code == 0, validated.stdout + validated.stderr
    assert json.loads(validated.stdout)["steps"][0]["data"]["rows"] == {
        "ref.countries": 2, "handbook": 2, "Rag Notes.Notes": 1, "Rag Notes.handbook": 1,
    }  # fmt: skip


def test_a_missing_privilege_and_a_missing_table(make_layout: Callable[..., Layout]) -> None:
    layout = prepared(make_layout)
    assert layout.promote("setup", "--env", "target").exit_code == 0
    layout.database.execute(
        f'revoke usage on schema "Rag Notes" from {layout.role}',
        "alter table ref.countries set schema public",
    )
    ran = layout.run("begin;\ncommit;\n", "--format", "json")
    findings = {finding["fact"] for step in json.loads(ran.stdout)["steps"] for finding in step.get("findings", ())}
    assert findings >= {
        f"{layout.role} lacks USAGE on schema Rag Notes",
        "the target has no table countries in schema ref; there is one in schema public",
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 1}, "is a word of version 2"),
        ({"ref.countries": {"key": ["code"]}}, '"ref.countries" is in contract.tables twice'),
        ({"a.b": {"schema": "ref", "key": ["code"]}}, '"a.b" names a schema already'),
        ({"a.b.c": {"key": ["code"]}}, "a name with a dot in it cannot be promoted"),
    ],
)
def test_faults(make_layout: Callable[..., Layout], change: dict[str, Any], message: str) -> None:
    version = change.pop("version", 2)
    layout = make_layout(SCHEMA, {**CONTRACT, "tables": {**CONTRACT["tables"], **change}}, version=version)
    with pytest.raises(ConfigErrors) as caught:
        load_project(layout.root)
    assert any(message in str(error) for error in caught.value.errors)
