from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minerva_promote.config.snapshot import Column, Snapshot, Table
from minerva_promote.config.snapshot_file import read_snapshot, render_snapshot
from minerva_promote.errors import ConfigErrors
from tests.material import REPOSITORY


def write(folder: Path, text: str) -> Path:
    path = folder / "snapshot.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_read(tmp_path: Path) -> None:
    text = """\
tables:
  books:
    primary_key: [id]
    primary_key_name: books_pkey
    unique: [[id, kind]]
    columns:
      id: {type: uuid, not_null: true}
      kind: {type: kind, labels: [a, b], not_null: true, default: true}
      embedding: {type: "vector(${dim})", generated: true}
"""
    snapshot = read_snapshot(write(tmp_path, text), {"dim": 3}, "alembic/snapshot.yaml")
    assert snapshot.source == "alembic/snapshot.yaml"
    table = snapshot.tables["books"]
    assert (table.primary_key, table.primary_key_name, table.unique) == (("id",), "books_pkey", (("id", "kind"),))
    assert list(table.columns.values()) == [
        Column("id", "uuid", not_null=True),
        Column("kind", "kind", not_null=True, has_default=True, labels=("a", "b")),
        Column("embedding", "vector(3)", generated=True),
    ]


def test_faults(tmp_path: Path) -> None:
    text = 'tables: {a: {primary_key: [idd], unique: [[x]], columns: {id: {type: "v(${d})"}}}}\n'
    with pytest.raises(ConfigErrors) as caught:
        read_snapshot(write(tmp_path, text), {"dim": 3}, "s.yaml")
    assert [str(error) for error in caught.value.errors] == [
        's.yaml:1:27: tables.a.primary_key: no column "idd"; did you mean "id"?',
        's.yaml:1:42: tables.a.unique: no column "x"',
        's.yaml:1:70: tables.a.columns.id.type: no variable "d"',
    ]


def test_the_shipped_one_survives_being_written(tmp_path: Path) -> None:
    snapshot = read_snapshot(REPOSITORY / "alembic" / "snapshot.yaml", {"embedding_dimensions": 1536}, "x")
    assert read_snapshot(write(tmp_path, render_snapshot(snapshot)), {}, "x") == snapshot


names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8) | st.sampled_from(
    ["${", "$${x}", "<<", "true", "null", "12", "a b", "a: b", "uuid[]", "numeric(10,2)", "\u2028", "\ufeff", "ä'\""]
)
columns = st.builds(Column, names, names, st.booleans(), st.booleans(), st.booleans(), st.lists(names).map(tuple))
tables = st.builds(
    lambda name, columns: Table(name, {c.name: c for c in columns}, (columns[0].name,), "k", ((columns[-1].name,),)),
    names,
    st.lists(columns, min_size=1, max_size=3),
)


@given(made=st.lists(tables, min_size=1, max_size=3))
def test_what_is_written_is_read_back(made: list[Table], tmp_path_factory: pytest.TempPathFactory) -> None:
    snapshot = Snapshot({table.name: table for table in made}, "x")
    path = write(tmp_path_factory.mktemp("s"), render_snapshot(snapshot))
    assert read_snapshot(path, {}, "x") == snapshot
