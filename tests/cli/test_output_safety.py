"""What is printed cannot steer a terminal or the log of a CI service, and a script that is printed still runs."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

import minerva_promote
from minerva_promote.config.yaml_text import dump_yaml
from minerva_promote.report import as_sql, text
from minerva_promote.report import json as as_json
from minerva_promote.results import Finding, Outcome, RunResult, Section, StepResult
from minerva_promote.text_format import has_log_commands, printable, shell_word

PACKAGE = Path(minerva_promote.__file__).parent
BIDI = "".join(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)))
CONTROLS = "".join(map(chr, (*range(1, 10), *range(11, 32), *range(127, 160), 0x2028, 0x2029, 0xFEFF)))
HOSTILE = [
    *(BIDI + CONTROLS),
    "::error file=a::b",
    "a\n::error::b",
    "a\n \t ::set-output name=x::y",
    "a ##[command]b",
    "##vso[task.setvariable variable=x]y",
    "##VSO[task.complete]",
    "\x1b]0;title\x07",
    "it's \\ \u202e ##[error]",
    "\n::\u202e",
]


def safe(output: str) -> bool:
    """Whether every character may be printed and no line is taken for a command."""
    lines = output.split("\n")
    return all(line.isprintable() for line in lines) and not any(
        line.lstrip().startswith("::") or "##[" in line or "##vso[" in line.lower() for line in lines
    )


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_reports(hostile: str) -> None:
    finding = Finding("code", hostile, hint=hostile)
    step = StepResult("check", hostile, Outcome.FAIL, hostile, hint=hostile, findings=(finding,))
    result = RunResult("plan", hostile, hostile, hostile, (step,), hostile, sections=(Section("", ((hostile,),)),))
    printed = printable(text.render(result, lambda inner: inner))
    assert safe(printed)
    assert len(printed.splitlines()) == 7 - printed.count("\n\n")
    assert printable(printed) == printed
    as_values = as_json.render(result, lambda inner: inner)
    assert safe(as_values)
    assert yaml.safe_load(as_values)["verdict"] == hostile


def test_plain_text_stays_as_it_is() -> None:
    plain = "Zoë's café — 5 × 3\n  a::text, a # [b] and ## [c]; 東京\n"
    assert printable(plain) == plain
    assert as_sql.render_sql(plain) == plain
    assert not has_log_commands(plain)


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_yaml_is_read_back_as_it_was(hostile: str) -> None:
    values = {"roles": {hostile: {"settings": [hostile, f"x {hostile} y" * 20], "ü": "é"}}}
    dumped = dump_yaml(values)
    assert safe(dumped)
    assert yaml.safe_load(dumped) == values
    assert printable(dumped) == dumped


def test_words_of_a_shell() -> None:
    import subprocess

    for hostile in (*HOSTILE, "plain.sql", "two words", "it's"):
        word = shell_word(hostile)
        assert safe(word)
        done = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True)
        assert done.stdout.decode() == hostile


SCRIPT = """
-- a comment about {name}
/* and a /* nested */ one: {name} */
CREATE TABLE {ident} ({ident} text DEFAULT {string});
INSERT INTO {ident} VALUES ({string}), ({escape}), ({dollar}), ({unicode}), ({continued});
COMMENT ON TABLE {ident} IS{string};
DO {block};
SELECT array_agg({ident}
    ::text ORDER BY ctid) FROM {ident}
"""


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@pytest.mark.parametrize("hostile", ["all", *HOSTILE], ids=ascii)
def test_scripts_mean_the_same(hostile: str, database: Any) -> None:
    if hostile == "all":
        hostile = "'".join(HOSTILE).replace("\n", "\n\\") + "\U000e0001"
    name = hostile[:15]
    values = {
        "name": "".join(char if char.isprintable() else "?" for char in hostile).replace("*/", "").replace("/*", ""),
        "ident": '"' + name.replace('"', '""') + '"',
        "string": quoted(hostile),
        "escape": "E'" + hostile.replace("\\", "\\\\").replace("'", "\\'") + "'",
        "dollar": f"$q${hostile}$q$",
        "unicode": "U&" + quoted(hostile.replace("\\", "\\\\")),
        "continued": f"'a'\n  {quoted(hostile)}",
        "block": f"$do$ begin raise notice '%', {quoted(hostile)}; end $do$",
    }
    script = SCRIPT.format(**values)
    printed = as_sql.render_sql(script)
    assert safe(printed)
    assert printable(printed) == printed
    expected = [hostile] * 4 + ["a" + hostile]
    for statements in (script, printed):
        with psycopg.connect(database.url()) as connection:
            row = None
            cursor = connection.cursor()
            cursor.execute(statements.encode())
            while cursor.nextset():
                row = cursor.fetchone() if cursor.description else row
            assert row is not None
            assert row[0] == expected
            comment = connection.execute("select obj_description(%s::regclass)", (values["ident"],)).fetchone()
            assert comment == (hostile,)
            connection.rollback()


@pytest.mark.parametrize("word", ["##[1]", "##vso[1]", "##VSO[task.x=y]"])
def test_operators_in_scripts(word: str) -> None:
    """An operator ## that touches what follows is no command, and stays one operator."""
    printed = as_sql.render_sql(f"select a {word};\n-- {word}\nselect '{word}'")
    assert safe(printed)
    assert printed.startswith(f"select a ## {word[2:]};")


def test_only_one_module_prints() -> None:
    """Everything is escaped in the same place: no other module calls what writes to a stream."""
    printing = set()
    for path in (PACKAGE / "cli").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "click.echo",
                "print",
                "click.secho",
                "error.show",
            ):
                printing.add((path.name, ast.unparse(node.func)))
    assert printing == {("printing.py", "click.echo"), ("command_line.py", "error.show")}  # the latter into a text
