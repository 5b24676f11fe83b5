"""Every labelled file has its verdict; those that need a target are judged where runs are tested."""

from __future__ import annotations

import re

import pytest

from tests.exportfile.support import read
from tests.material import Labelled, labelled

ALONE = [export for export in labelled() if "target" not in export.needs]

# What each refused file must be refused for, by the first finding in the order of the file.
CODES = {
    "cast": {"cast", "cast-typmod", "form", "array", "expression"},
    "conflict": {"conflict-set", "conflict-missing", "conflict-target", "form"},
    "contract": {
        "enum", "table-empty", "reference", "uuid", "duplicate", "duplicate-key", "local-path", "parent-missing", "gap",
        "header-count", "integer-range", "json", "null", "one-of", "timestamp", "too-many-roots", "number-form",
    },
    "expr": {"expression", "operator", "constant-form", "psql-variable", "parameter", "cast"},
    "form": {"form", "statement", "operator", "duplicate-key"},
    "lex": {
        "statement", "bom", "escape", "syntax", "foreign", "encoding", "header-count", "unterminated", "operator",
        "odd-character", "psql-command", "expression", "name-form", "commit", "begin",
    },
    "psql": {"psql-command", "statement", "parameter"},
    "resource": {"too-complex", "too-deep", "expression", "column"},
    "session": {"statement"},
    "stmt": {"statement"},
    "target": {"table", "form", "value-count", "column", "columns", "syntax"},
    "txn": {"transaction", "transaction-mode", "transaction-chain", "begin", "commit", "statement", "empty", "too-many-roots"},
    "vector": {
        "vector-zero", "expression", "array", "vector-length", "vector-form", "vector-component", "vector-range", "null",
        "cast-typmod",
    },
}  # fmt: skip


def dimensions(export: Labelled) -> int:
    return next(int(need.removeprefix("dims=")) for need in export.needs if need.startswith("dims="))


@pytest.mark.parametrize("export", ALONE, ids=str)
def test_verdict(export: Labelled) -> None:
    found = read(export.path, dimensions=dimensions(export))
    if export.verdict == "accept":
        assert found.lines == []
        assert len(found.rows) >= 3
        return
    assert not found.accepted
    assert found.codes[0] in CODES[export.kind], found.lines
    for finding in found.findings:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", finding.code)
        assert finding.message.isprintable()
        assert finding.hint.isprintable()
        assert len(finding.message) < 300
        assert len(finding.hint) < 300
        assert finding.hint


def test_all_files_are_labelled() -> None:
    folder = ALONE[0].path.parent
    fixtures = {"fixture_state.sql"}  # what a target holds beforehand
    assert {path.name for path in folder.glob("*.sql")} - fixtures == {export.file for export in labelled()}
    assert len(ALONE) == 260
