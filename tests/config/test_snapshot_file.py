from __future__ import annotations

from pathlib import Path

import pytest

from minerva_promote.config.snapshot import Column
from minerva_promote.config.snapshot_file import read_snapshot
from minerva_promote.errors import ConfigErrors


def write(folder: Path, text: str) -> Path:
    path = folder / "snapshot.yaml"
    path.write_text(text, encoding="utf-8")
    return path


EVERY_KIND_OF_KEY = """\
format: 2
environment: prod
kind: production
postgresql: 18
revision: [abc]
types:
  kind: {type: enum, labels: [a, b]}
tables:
  books:
    columns:
      id: {type: uuid, not_null: true}
      kind: {type: kind, not_null: true, default: "'a'::kind"}
      kinds: {type: "kind[]"}
      embedding: {type: "vector(${dim})", generated: "f(id)"}
      number: {type: bigint, identity: by default}
      always: {type: bigint, identity: always}
    primary_key:
      books_pkey: {columns: [id]}
    unique:
      u: {columns: [kind, id]}
      broken: {columns: [kind], valid: false}
    indexes:
      a_unique: {columns: [number], unique: true}
      partial: {columns: [id], unique: true, where: "(id > 1)"}
      of_an_expression: {columns: [lower(kind)], unique: true}
      plain: {columns: [kind]}
"""


def test_read(tmp_path: Path) -> None:
    snapshot = read_snapshot(write(tmp_path, EVERY_KIND_OF_KEY), {"dim": 3}, "alembic/snapshot.yaml")
    assert (snapshot.source, snapshot.revision) == ("alembic/snapshot.yaml", ("abc",))
    assert (snapshot.environment, snapshot.kind) == ("prod", "production")
    table = snapshot.tables["books"]
    assert (table.primary_key, table.primary_key_name) == (("id",), "books_pkey")
    assert table.unique == (("number",), ("kind", "id"))
    assert list(table.columns.values()) == [
        Column("id", "uuid", not_null=True),
        Column("kind", "kind", not_null=True, has_default=True, labels=("a", "b")),
        Column("kinds", "kind[]", labels=("a", "b")),
        Column("embedding", "vector(3)", has_default=True, generated=True),
        Column("number", "bigint", has_default=True),
        Column("always", "bigint", has_default=True, identity_always=True),
    ]


def test_faults(tmp_path: Path) -> None:
    text = """\
format: 2
tables:
  a: {primary_key: {p: {columns: [idd]}}, unique: {u: {columns: [x]}}, columns: {id: {type: "v(${d})"}}}
"""
    with pytest.raises(ConfigErrors) as caught:
        read_snapshot(write(tmp_path, text), {"dim": 3}, "s.yaml")
    assert [str(error) for error in caught.value.errors] == [
        's.yaml:3:35: tables.a.primary_key.p.columns[0]: no column "idd"; did you mean "id"?',
        's.yaml:3:66: tables.a.unique.u.columns[0]: no column "x"',
        's.yaml:3:93: tables.a.columns.id.type: no variable "d"',
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tables: {a: {}}", "s.yaml:1:1: format: missing: the file is of an earlier release, this one reads 2"),
        ("format: 1\ntables: 7", "s.yaml:1:9: format: 1 is of an earlier release, this one reads 2"),
        ("format: 3\nmore: 7", "s.yaml:1:9: format: 3 is of a later release, this one reads 2"),
        ("format: two\ntables: {a: {columns: {b: {type: uuid}}}}", 's.yaml:1:9: format: expected a whole number, found "two"'),
    ],
)  # fmt: skip
def test_files_of_other_releases(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        read_snapshot(write(tmp_path, text), {}, "s.yaml")
    assert [str(error) for error in caught.value.errors] == [said]
