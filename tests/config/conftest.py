"""A small project on disk, and faults as lines of text."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from minerva_promote.errors import ConfigErrors

FILES = {
    "promote.yaml": """\
project: small
variables: {dim: 3, label: x}
contract:
  roots: {table: books}
  tables:
    books: {key: [id]}
    chunks: {key: [id], belongs_to: {book_id: books}, columns: {embedding: {dimensions: "${dim}"}}}
""",
    "alembic/snapshot.yaml": """\
format: 2
tables:
  books: {columns: {id: {type: uuid}}}
  chunks: {columns: {id: {type: uuid}, book_id: {type: uuid}, embedding: {type: "vector(${dim})"}}}
""",
    "environments/local.yaml": """\
url: ${U:-embedded://api@/x}
admin_url: ${A:-embedded:///x}
roles: {api: {login: true, password: "${P:-}"}}
""",
    "templates/a.sql.j2": "select 1\n",
    "checks/c.yaml": "checks: [{name: a, template: a.sql.j2, expect: {max: 0}}]\n",
}

MakeProject = Callable[..., Path]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.endswith(("DATABASE_URL", "_PASSWORD")) or name in ("U", "A", "P", "PGPASSWORD"):
            monkeypatch.delenv(name)


@pytest.fixture
def make_project(tmp_path: Path) -> MakeProject:
    """``make_project({"promote.yaml": …})``: the small project with these files instead; None leaves one out."""

    def make(files: dict[str, str | None] | None = None) -> Path:
        for name, text in (FILES | (files or {})).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.unlink(missing_ok=True)
            else:
                path.write_text(text, encoding="utf-8")
        return tmp_path

    return make


@pytest.fixture
def faults_of() -> Callable[[Callable[[], object]], list[str]]:
    """The faults that a call raises, each as ``place: fact`` or ``place: fact | hint``."""

    def faults(call: Callable[[], object]) -> list[str]:
        with pytest.raises(ConfigErrors) as caught:
            call()
        return [f"{error} | {error.hint}" if error.hint else str(error) for error in caught.value.errors]

    return faults
