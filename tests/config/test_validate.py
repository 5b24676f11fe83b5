from __future__ import annotations

import pytest

from minerva_promote.config.model_validation import validate
from minerva_promote.config.models.project import ChecksFile, EnvironmentFile, Model, ProjectFile
from minerva_promote.config.yaml_source import parse_source
from minerva_promote.errors import ConfigError, Location


def faults(model: type[Model], text: str) -> list[str]:
    found: list[ConfigError] = []
    validate(model, parse_source(text.encode(), "f.yaml"), found)
    found.sort(key=lambda fault: fault.location or Location(""))
    return [f"{fault} | {fault.hint}" if fault.hint else str(fault) for fault in found]


def test_the_example_of_the_style_guide() -> None:
    text = "# a check\n\nchecks:\n  - name: a\n    sql: select 1\n    expect: {maxx: 0}\n"
    assert faults(ChecksFile, text) == ['f.yaml:6:14: checks[0].expect: unknown key "maxx"; did you mean "max"?']


SHAPE = "an operator and a number: {max: 0}; of a probe its values with theirs: {p95_ms: {max: 200}}"


@pytest.mark.parametrize(
    ("expect", "fault"),
    [
        ("{p95_ms: {maxx: 5}}", '3:23: checks[0].expect.p95_ms: unknown key "maxx"; did you mean "max"?'),
        ("{p95_ms: 200}", '3:14: checks[0].expect: unknown key "p95_ms" | known keys: between, equals, max, min, '
         "not_equals"),
        ("{p95_ms: {max: 200}, recall: 3}", "3:42: checks[0].expect.recall: expected a mapping, found 3"),
        ("{min: 5, maxx: 3}", '3:22: checks[0].expect: unknown key "maxx"; did you mean "max"?'),
        ("5", f"3:13: checks[0].expect: expected a mapping, found 5 | {SHAPE}"),
        ("[1]", f"3:13: checks[0].expect: expected a mapping, found a list | {SHAPE}"),
        ("{max: abc}", '3:19: checks[0].expect.max: expected a number or a mapping, found "abc"'),
        ("{p: {max: abc}}", '3:23: checks[0].expect.p.max: expected a number or a mapping, found "abc"'),
        ("{max: {fil: rows.chunks}}", '3:20: checks[0].expect.max: unknown key "fil"; did you mean "file"?'),
        ("{max: {file: 3}}", "3:26: checks[0].expect.max.file: expected text, found 3 | put it in quotes"),
        ("{between: [1]}", "3:23: checks[0].expect.between: too few entries: found 1"),
        ("{between: [1, 2, 3]}", "3:23: checks[0].expect.between: expected 2 entries, found 3"),
        ("{between: [a, 2]}", '3:24: checks[0].expect.between[0]: expected a number, found "a"'),
        ("{equals: }", "3:14: checks[0].expect.equals: has no value | give it one, or take the key out"),
    ],
)  # fmt: skip
def test_one_sentence_for_a_threshold_that_is_none(expect: str, fault: str) -> None:
    assert faults(ChecksFile, f"checks:\n  - name: a\n    expect: {expect}\n") == [f"f.yaml:{fault}"]


@pytest.mark.parametrize(
    "expect", ["{max: 0}", "{max: {file: rows.chunks}}", "{p95_ms: {max: 200}}", "{between: [0, 1.5]}", "{equals: x}"]
)
def test_thresholds_that_are_some(expect: str) -> None:
    assert faults(ChecksFile, f"checks: [{{name: a, expect: {expect}}}]") == []


def test_every_fault_of_a_file_sorted_by_place() -> None:
    text = """\
checks:
  - nam: a
    stage: befor_commit
    samples: 0
    when: {kind: prod, environments: [1]}
  - name: Foo-Bar
    samples: true
    template: 3
    name: x
    params: {a: null, list: [1, 2]}
  - 3
other: 1
"""
    assert faults(ChecksFile, text) == [
        'f.yaml:2:5: checks[0]: unknown key "nam"; did you mean "name"?',
        'f.yaml:3:12: checks[0].stage: "befor_commit" is not allowed; one of: preflight, before_commit, after_commit, '
        'monitor; did you mean "before_commit"?',
        "f.yaml:4:14: checks[0].samples: must be at least 1, found 0",
        'f.yaml:5:18: checks[0].when.kind: "prod" is not allowed; one of: local, production',
        "f.yaml:5:39: checks[0].when.environments[0]: expected text, found 1 | put it in quotes",
        'f.yaml:6:11: checks[1].name: "Foo-Bar" is not a name | lower-case letters, digits and _, a letter first',
        "f.yaml:7:14: checks[1].samples: expected a whole number, found true",
        "f.yaml:8:15: checks[1].template: expected text, found 3 | put it in quotes",
        'f.yaml:9:5: checks[1]: key "name" stands twice; first in line 6',
        "f.yaml:11:5: checks[2]: expected a mapping, found 3",
        'f.yaml:12:1: unknown key "other" | known keys: checks',
    ]


def test_faults_of_the_project_file() -> None:
    text = """\
project: 3
variables: {a: true, b: }
contract:
  roots: {tabel: books, max: 0}
  tables:
    books: {key: [], columns: {a: {must_be: null}, b: {dimensions: 16001}, c: {must_be: nul}}}
    chunks: {key: id}
"""
    assert faults(ProjectFile, text) == [
        "f.yaml:1:10: project: expected text, found 3 | put it in quotes",
        "f.yaml:2:16: variables.a: expected a whole number or text, found true",
        "f.yaml:2:22: variables.b: has no value | give it one, or take the key out",
        'f.yaml:4:11: contract.roots: unknown key "tabel"; did you mean "table"?',
        "f.yaml:4:30: contract.roots.max: must be at least 1, found 0",
        "f.yaml:6:18: contract.tables.books.key: needs at least 1 entry",
        'f.yaml:6:36: contract.tables.books.columns.a.must_be: has no value | write must_be: "null", in quotes',
        "f.yaml:6:68: contract.tables.books.columns.b.dimensions: must be at most 16000, found 16001",
        'f.yaml:6:89: contract.tables.books.columns.c.must_be: "nul" is not allowed; one of: null; did you mean "null"?',
        'f.yaml:7:19: contract.tables.chunks.key: expected a list, found "id"',
    ]
    assert faults(ProjectFile, "project: x\ncontract: {roots: {table: a}}\n") == [
        'f.yaml:2:1: contract: missing key "tables"'
    ]
    assert faults(ProjectFile, "[]") == ["f.yaml:1:1: expected a mapping, found a list"]


@pytest.mark.parametrize("secret", ["12345678", "[hunter2]", "{hunter2: x}", "!hunter2 x", "0x123", "yes", "1.5"])
@pytest.mark.parametrize("place", ["url: {}", "url: x\nadmin_url: {}", "url: x\nroles: {{api: {{password: {}}}}}"])
def test_no_message_shows_a_password_of_the_wrong_type(secret: str, place: str) -> None:
    (fault,) = faults(EnvironmentFile, place.format(secret))
    assert not {"hunter2", "12345678", "0x123", "1.5"} & set(fault.replace(",", " ").split())
    assert "hunter2" not in fault
