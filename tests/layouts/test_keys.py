"""Keys of roots of any type: templates, ledger and history have the text of the column itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from tests.layouts.conftest import Layout
from tests.material import REPOSITORY

# The columns of a root's key with their types, and two keys: their values, and the text of each.
KEYS: dict[str, tuple[dict[str, str], list[tuple[tuple[str, ...], str]]]] = {
    "uuid": (
        {"id": "uuid"},
        [(("4849C435-9BA0-494D-A99C-BEFBDF45A005",), "4849c435-9ba0-494d-a99c-befbdf45a005"),
         (("a849c435-9ba0-494d-a99c-befbdf45a005",), "a849c435-9ba0-494d-a99c-befbdf45a005")],
    ),
    "bigint": ({"id": "bigint"}, [(("1",), "1"), (("-9007199254740993",), "-9007199254740993")]),
    "text": ({"id": "text"}, [(("of sixteen bytes",), "of sixteen bytes"), (("Ä/1, 'x'",), "Ä/1, 'x'")]),
    "numeric": ({"id": "numeric(6,2)"}, [(("1.5",), "1.50"), (("1000",), "1000.00")]),
    "date": ({"id": "date"}, [(("2026-01-31",), "2026-01-31"), (("0044-03-15 BC",), "0044-03-15 BC")]),
    "char": ({"id": "char(3)"}, [(("a",), "a"), (("abc",), "abc")]),
    "composite": (
        {"tenant": "text", "id": "integer"},
        [(("a b", "1"), '("a b",1)'), (('x"y', "2"), '("x""y",2)')],
    ),
}  # fmt: skip


OTHERS = {  # a key of a row that is not in the file
    "uuid": ["'b849c435-9ba0-494d-a99c-befbdf45a005'"], "bigint": ["2"], "text": ["'x'"], "numeric": ["2"],
    "date": ["'2026-02-01'"], "char": ["'b'"], "composite": ["'a b'", "2"],
}  # fmt: skip


def quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def make_keyed_layout(make_layout: Callable[..., Layout], name: str) -> Layout:
    """A layout whose roots have the key of that name, with a row that no file has and a check of the roots' text."""
    columns, _ = KEYS[name]
    names = ", ".join(columns)
    contract: dict[str, Any] = {
        "roots": {"table": "works", "max": 5},
        "tables": {"works": {"key": list(columns)}},
    }
    declared = ", ".join(f"{column} {type_name}" for column, type_name in columns.items())
    layout = make_layout(f"create table works ({declared}, title text, primary key ({names}))", contract)
    (layout.root / "templates").mkdir()
    (layout.root / "templates" / "these.sql.j2").write_text(
        f"select count(*) from works where {names if len(columns) == 1 else f'({names})'}::text"
        " = any ({{ file.roots | literal }}::text[])",
        "utf-8",
    )
    for template in (REPOSITORY / "templates").glob("*.j2"):
        shutil.copy(template, layout.root / "templates")
    root = json.dumps(names if len(columns) == 1 else list(columns))
    (layout.root / "checks" / "import.yaml").write_text(
        "checks:\n  - {name: these, template: these.sql.j2, expect: {equals: {file: roots}}}\n"
        f"  - {{name: shipped, template: row_count.sql.j2, params: {{table: works, root: {root}}}, expect: {{equals: 2}}}}\n",
        "utf-8",
    )
    layout.database.execute(f"insert into works ({names}, title) values ({', '.join(OTHERS[name])}, 'not of the file')")
    return layout


@pytest.mark.parametrize("name", KEYS)
def test_the_text_of_a_key(make_layout: Callable[..., Layout], name: str) -> None:
    columns, keys = KEYS[name]
    names = ", ".join(columns)
    layout = make_keyed_layout(make_layout, name)
    assert layout.promote("setup", "--env", "target").exit_code == 0
    rows = [
        f"insert into works ({names}, title) values ({', '.join(map(quoted, values))}, 't')"
        f" on conflict ({names}) do nothing;"
        for values, _ in keys
    ]
    ran = layout.run("\n".join(["begin;", *rows, "commit;", ""]))
    assert (ran.exit_code, ran.stderr) == (0, ""), ran.stdout + ran.stderr
    texts = sorted(text for _, text in keys)
    assert layout.rows('select distinct root collate "C" from promote.run_roots order by 1') == [
        (text,) for text in sorted(texts, key=str.encode)
    ]
    for text in texts:
        listed = layout.promote("history", "--env", "target", "--root", text, "--format", "json")
        assert len(json.loads(listed.stdout)["data"]["runs"]) == 1, listed.stdout
    absent = layout.promote("history", "--env", "target", "--root", texts[0] + "0", "--format", "json")
    assert json.loads(absent.stdout)["data"]["runs"] == []


def test_case_of_a_root_matters_unless_it_is_a_uuid(make_layout: Callable[..., Layout]) -> None:
    contract = {"roots": {"table": "works", "max": 5}, "tables": {"works": {"key": ["id"]}}}
    layout = make_layout("create table works (id text primary key)", contract)
    assert layout.promote("setup", "--env", "target").exit_code == 0
    assert (
        layout.run("begin;\ninsert into works (id) values ('a') on conflict (id) do nothing;\ncommit;\n").exit_code == 0
    )
    for root, count in (("a", 1), ("A", 0)):
        listed = layout.promote("history", "--env", "target", "--root", root, "--format", "json")
        assert len(json.loads(listed.stdout)["data"]["runs"]) == count, listed.stdout


def test_keys_that_only_the_server_reads(make_layout: Callable[..., Layout]) -> None:
    """Rows that are new among rows that are there are written, and undone by the server's form of their keys."""
    layout = make_layout(
        "create table spans (id int4range, wait interval, title text, primary key (id, wait))",
        {"tables": {"spans": {"key": ["id", "wait"]}}},
        version=2,
    )
    assert layout.promote("setup", "--env", "target").exit_code == 0
    lines = [
        f"insert into spans (id, wait, title) values ('[{n},{n}]', '60 min', 'a') on conflict (id, wait) do nothing;"
        for n in range(5)
    ]
    for count, new in ((2, 2), (5, 3), (5, 0)):
        ran = layout.run("\n".join(("begin;", *lines[:count], "commit;", "")), "--format", "json")
        (step,) = [
            step for step in json.loads(ran.stdout)["steps"] if (step["step"], step["name"]) == ("import", "spans")
        ]
        assert (ran.exit_code, step["data"]["new"], step["data"]["identical"]) == (0, new, count - new)
    assert layout.rows("select id::text from spans order by id")[-1] == ("[4,5)",)
    ((run_id,),) = layout.rows(
        "select run_id::text from promote.events where kind = 'committed' order by seq desc limit 1"
    )
    assert layout.promote("undo", "--env", "target", run_id, "--apply").exit_code == 0
    assert layout.rows("select id::text from spans order by id") == [("[0,1)",), ("[1,2)",)]
