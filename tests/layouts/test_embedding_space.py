"""Vectors of another model are refused wherever they stand: any key, any kind of vector, in a root or in its children."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tests.layouts.conftest import Layout

DIMENSIONS = 64
# The key of a table: columns with their types, and the SQL values of row ``n``.
KEYS: dict[str, tuple[dict[str, str], Callable[[int], str]]] = {
    "uuid": ({"id": "uuid"}, lambda n: f"'00000000-0000-4000-8000-{n:012d}'"),
    "bigint": ({"id": "bigint"}, lambda n: str(n - 30)),
    "text": ({"id": "text"}, lambda n: f"'row/ä-{n}'"),
    "composite": ({"tenant": "text", "id": "integer"}, lambda n: f"'t{n % 2}', {n}"),
}
KINDS = {"vector": "vector(64)", "halfvec": "halfvec(64)", "bit": "bit(64)", "sparsevec": "sparsevec(64)"}


class Model:
    """Vectors that lean to a direction of their own, as those of one embedding model do."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._direction = self._random.standard_normal(DIMENSIONS)

    def literals(self, kind: str, count: int) -> Iterator[str]:
        """So many vectors as SQL."""
        for vector in self._direction + 0.7 * self._random.standard_normal((count, DIMENSIONS)):
            if kind == "bit":
                yield "'" + "".join("1" if number > 0 else "0" for number in vector) + "'"
            elif kind == "sparsevec":
                parts = ",".join(f"{place}:{number:.4f}" for place, number in enumerate(vector, 1))
                yield f"'{{{parts}}}/{DIMENSIONS}'"
            else:
                yield "'[" + ",".join(f"{number:.4f}" for number in vector) + "]'"


class Cells:
    """One layout of the matrix, and files for it."""

    def __init__(self, make_layout: Callable[..., Layout], key: str, kind: str, *, in_root: bool) -> None:
        self.columns, self.value = KEYS[key]
        self.names, self.kind, self.in_root = ", ".join(self.columns), kind, in_root
        declared = ", ".join(f"{name} {type_name}" for name, type_name in self.columns.items())
        vector: dict[str, Any] = {} if key == "uuid" else {"columns": {"embedding": {"text": "body"}}}
        key_names = list(self.columns)
        if in_root:
            schema = f"create table docs ({declared}, body text, embedding {KINDS[kind]}, primary key ({self.names}))"
            tables: dict[str, Any] = {"docs": {"key": key_names, **vector}}
        else:
            parents = [f"parent_{name}" for name in key_names]
            owner = ", ".join(
                f"{parent} {type_name}" for parent, type_name in zip(parents, self.columns.values(), strict=True)
            )
            schema = (
                f"create table docs ({declared}, title text, primary key ({self.names}));"
                f"create table parts ({declared}, {owner}, body text, embedding {KINDS[kind]}, primary key ({self.names}),"
                f" foreign key ({', '.join(parents)}) references docs)"
            )
            belongs_to: Any = [{"columns": parents, "table": "docs"}]
            tables = {"docs": {"key": key_names}, "parts": {"key": key_names, "belongs_to": belongs_to, **vector}}
        contract = {"roots": {"table": "docs", "max": 100}, "tables": tables}
        self.layout = make_layout(
            f"create extension vector; {schema}", contract, version=2, extensions={"vector": "0.7"}
        )
        assert self.layout.promote("setup", "--env", "target").exit_code == 0
        self.parents = [] if in_root else [f"parent_{name}" for name in key_names]

    def file(self, model: Model, first: int, count: int = 40) -> str:
        """An export of so many rows with vectors of a model."""
        lines = ["begin;"]
        conflict = f"on conflict ({self.names}) do nothing;"
        if not self.in_root:
            lines.append(f"insert into docs ({self.names}, title) values ({self.value(first)}, 't') {conflict}")
        table = "docs" if self.in_root else "parts"
        columns = ", ".join((*self.columns, *self.parents))
        for number, literal in enumerate(model.literals(self.kind, count), first):
            keys = ", ".join((self.value(number), *([] if self.in_root else [self.value(first)])))
            lines.append(
                f"insert into {table} ({columns}, body, embedding) values ({keys}, 'b{number}', {literal}) {conflict}"
            )
        return "\n".join((*lines, "commit;", ""))

    def outcome(self, text: str) -> tuple[int, str, str]:
        """Exit code of a run, and outcome and detail of its step."""
        ran = self.layout.run(text, "--format", "json")
        steps = [step for step in json.loads(ran.stdout)["steps"] if step["name"] == "embedding space"]
        assert len(steps) == 1, ran.stdout
        return ran.exit_code, steps[0]["outcome"], steps[0]["detail"]


MATRIX = [
    pytest.param(key, kind, in_root, marks=[] if mark else pytest.mark.soak, id=f"{key}-{kind}-{place}")
    for key in KEYS
    for kind in KINDS
    for place, in_root in (("root", True), ("child", False))
    for mark in (
        [(key, kind, place) in {("uuid", "bit", "root"), ("bigint", "vector", "root"), ("text", "halfvec", "child"),
                                ("composite", "vector", "child"), ("composite", "sparsevec", "root")}]
    )
]  # fmt: skip


@pytest.mark.parametrize(("key", "kind", "in_root"), MATRIX)
def test_another_model_is_refused(make_layout: Callable[..., Layout], key: str, kind: str, in_root: bool) -> None:
    cells = Cells(make_layout, key, kind, in_root=in_root)
    model, other = Model(1), Model(2)
    tables = "docs"
    first = cells.file(model, 1)
    code, outcome, detail = cells.outcome(first)
    assert (code, outcome) == (0, "skip"), detail
    assert detail == f"nothing to compare: the target has no embedding of other {tables}"
    code, outcome, detail = cells.outcome(cells.file(other, 101))
    assert (code, outcome) == (1, "FAIL"), detail
    assert detail.startswith("40 vectors against 40: ")
    code, outcome, detail = cells.outcome(cells.file(model, 201, 20))
    assert (code, outcome) == (0, "ok"), detail
    assert detail.startswith("20 vectors against 40: ")


def test_rows_that_are_there_already_are_no_others(make_layout: Callable[..., Layout]) -> None:
    """A file of which some rows were promoted before is not compared with these."""
    cells = Cells(make_layout, "bigint", "vector", in_root=True)
    whole = cells.file(Model(1), 1, 60)
    lines = whole.splitlines()
    assert cells.outcome("\n".join((*lines[:31], "commit;", "")))[:2] == (0, "skip")
    code, outcome, detail = cells.outcome(whole)
    assert (code, outcome) == (0, "skip"), detail
    assert detail == "nothing to compare: the target has no embedding of other docs"


def test_a_target_without_structure_says_nothing(make_layout: Callable[..., Layout]) -> None:
    """Its own halves do not pass either."""
    cells = Cells(make_layout, "text", "vector", in_root=True)
    noise = [np.random.default_rng(seed).standard_normal(DIMENSIONS) for seed in range(60)]
    texts = ["[" + ",".join(f"{number:.4f}" for number in vector) + "]" for vector in noise]
    for number, text in enumerate(texts):
        cells.layout.database.execute(f"insert into docs values ('old {number}', 'b', '{text}')")
    code, outcome, detail = cells.outcome(cells.file(Model(1), 1))
    assert (code, outcome) == (0, "skip"), detail
    assert detail.endswith("the target's vectors point nowhere in particular, directions not compared")


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.soak), pytest.param(3, marks=pytest.mark.soak)])
def test_a_target_of_two_models_is_the_measure_of_neither(make_layout: Callable[..., Layout], seed: int) -> None:
    """Whichever of them a file is of, or of a third one."""
    cells = Cells(make_layout, "bigint", "halfvec", in_root=True)
    for number, model in enumerate((Model(1), Model(2))):
        for row, literal in enumerate(model.literals("halfvec", 40)):
            cells.layout.database.execute(f"insert into docs values ({1000 * number + 500 + row}, 'b', {literal})")
    code, outcome, detail = cells.outcome(cells.file(Model(seed), 1))
    assert (code, outcome) == (0, "skip"), detail
    assert detail.endswith("the target's vectors are those of two models, directions not compared")


def _promote(layout: Layout, lines: list[str]) -> tuple[int, str, str]:
    """Exit code of a run of these statements, and outcome and detail of its step."""
    ran = layout.run("\n".join(("begin;", *lines, "commit;", "")), "--format", "json")
    (step,) = [step for step in json.loads(ran.stdout)["steps"] if step["name"] == "embedding space"]
    return ran.exit_code, step["outcome"], step["detail"]


def test_several_vector_columns_without_roots(make_layout: Callable[..., Layout]) -> None:
    """Each column is compared with its own; one that cannot be compared is said, and nothing is ok then."""
    layout = make_layout(
        "create extension vector; create table pages (id bigint primary key, title vector(64), body halfvec(64))",
        {"tables": {"pages": {"key": ["id"], "optional": ["body"]}}},
        version=2,
        extensions={"vector": "0.7"},
    )
    assert layout.promote("setup", "--env", "target").exit_code == 0
    title, body, other = Model(1), Model(2), Model(3)

    def lines(first: int, body_model: Model | None, count: int = 40) -> list[str]:
        bodies = body_model.literals("halfvec", count) if body_model else ["null"] * count
        rows = enumerate(zip(title.literals("vector", count), bodies, strict=True), first)
        return [
            f"insert into pages (id, title, body) values ({n}, {t}, {b}) on conflict (id) do nothing;"
            for n, (t, b) in rows
        ]

    assert _promote(layout, lines(1, None))[:2] == (0, "skip")
    code, outcome, detail = _promote(layout, lines(101, body))
    assert (code, outcome) == (0, "skip"), detail
    assert detail.startswith("pages.title: 40 vectors against 40: ")
    assert detail.endswith("; pages.body: nothing to compare: the target has no body of other rows")
    code, outcome, detail = _promote(layout, lines(201, other))
    assert (code, outcome) == (1, "FAIL"), detail
    assert "pages.body: 40 vectors against 40: " in detail
    assert _promote(layout, lines(301, body))[:2] == (0, "ok")


def test_several_tables_of_roots(make_layout: Callable[..., Layout]) -> None:
    """Rows of the file are left out by the keys of their own table, though others have the same."""
    columns = "(id bigint primary key, embedding vector(64))"
    layout = make_layout(
        f"create extension vector; create table books {columns}; create table notes {columns}",
        {
            "roots": {"tables": ["books", "notes"], "max": 100},
            "tables": {"books": {"key": ["id"]}, "notes": {"key": ["id"]}},
        },
        version=2,
        extensions={"vector": "0.7"},
    )
    assert layout.promote("setup", "--env", "target").exit_code == 0

    def lines(table: str, model: Model, first: int) -> list[str]:
        rows = enumerate(model.literals("vector", 40), first)
        return [f"insert into {table} (id, embedding) values ({n}, {v}) on conflict (id) do nothing;" for n, v in rows]

    books, notes = Model(1), Model(2)
    assert _promote(layout, lines("books", books, 1))[:2] == (0, "skip")
    assert _promote(layout, lines("notes", notes, 21)) == (
        0,
        "skip",
        "nothing to compare: the target has no embedding of other books or notes",
    )
    assert _promote(layout, lines("notes", books, 101))[:2] == (1, "FAIL")
    code, outcome, detail = _promote(layout, lines("notes", notes, 101))
    assert (code, outcome, detail[:26]) == (0, "ok", "40 vectors against 40: nor")


def test_rows_whose_keys_only_the_server_reads(make_layout: Callable[..., Layout]) -> None:
    """Its own form of a key need not be the file's: a file with rows that are there already is not compared."""
    layout = make_layout(
        "create extension vector; create table docs (id int4range primary key, embedding vector(64))",
        {"tables": {"docs": {"key": ["id"]}}},
        version=2,
        extensions={"vector": "0.7"},
    )
    assert layout.promote("setup", "--env", "target").exit_code == 0
    rows = enumerate(Model(1).literals("vector", 120))
    lines = [
        f"insert into docs (id, embedding) values ('[{n},{n}]', {v}) on conflict (id) do nothing;" for n, v in rows
    ]
    assert _promote(layout, lines[:40])[:2] == (0, "skip")
    assert _promote(layout, lines[40:80])[:2] == (0, "ok")
    assert _promote(layout, lines[60:]) == (
        0,
        "skip",
        "not compared: rows of the file cannot be told from other rows of docs by id",
    )


def test_a_few_bits_are_no_vector(make_layout: Callable[..., Layout]) -> None:
    layout = make_layout(
        "create table docs (id integer primary key, flags bit(8))", {"tables": {"docs": {"key": ["id"]}}}, version=2
    )
    assert layout.promote("setup", "--env", "target").exit_code == 0
    lines = [f"insert into docs (id, flags) values ({n}, '{n:08b}') on conflict (id) do nothing;" for n in range(4)]
    assert _promote(layout, lines) == (0, "skip", "the file has no vectors")
