"""Whatever a file holds, the work on it grows with its size and no faster: work is counted, time is not measured."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from benchmarks.hostile import SHAPES
from minerva_promote.exportfile import insert_parser as grammar
from minerva_promote.exportfile import token_patterns as tokens
from minerva_promote.exportfile.validation import Validation, validate
from minerva_promote.sql_parser import parse
from tests.exportfile.support import chunk, contract_of, export, read

SMALL, LARGE = 20_000, 120_000  # bytes


def calls(path: Path) -> tuple[int, Validation]:
    """How many functions are called in one validation, those written in C included."""
    count = 0

    def see(*_: object) -> None:
        nonlocal count
        count += 1

    known = contract_of()
    before = sys.getprofile()
    sys.setprofile(see)
    try:
        result = validate(path, *known)
    finally:
        sys.setprofile(before)
    return count, result


QUICK = (
    "semicolons",
    "comments",
    "comment of blanks",
    "quotes, odd",
    "E quotes",
    "dollars",
    "emoji, one line",
    "BEGIN",
)


@pytest.mark.parametrize("name", QUICK)
def test_work_is_linear(name: str, tmp_path: Path) -> None:
    require_linear(name, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("name", SHAPES)
def test_work_on_every_shape_is_linear(name: str, tmp_path: Path) -> None:
    require_linear(name, tmp_path)


def require_linear(name: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.sql"
    counts = []
    for size in (SMALL, LARGE):
        path.write_bytes(SHAPES[name](size))
        count, _ = calls(path)
        counts.append(count)
    assert counts[1] < counts[0] * 1.3 * LARGE / SMALL + 20_000


def test_more_columns_than_a_table_has_are_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []
    monkeypatch.setattr(grammar, "parse", lambda text: parsed.append(len(text)) or parse(text))
    columns = ", ".join(["id"] * 200_000)
    found = read(export(more=f"INSERT INTO books ({columns}) VALUES (f(1));\n"))
    assert found.codes == ["too-complex"]
    assert max(parsed) < 10_000


def test_nothing_special_is_skipped() -> None:
    """What is skipped without a look at every byte holds nothing that would be found by looking."""
    chance = random.Random(1)
    pieces = [b"a", b"E", b"e", b"u", b"U&", b"x", b"n", b"_", b"$", b"$1", b"$t$", b".", b"..", b".5", b"5", b"1e", b"'",
              b'"', b" ", b"\n", b",", b"{", b"&", b"\xef", b"\xef\xbb\xbf", b"\xbf", b"\xc3\xaf", b"values", b"-", b"+"]  # fmt: skip
    for _ in range(20_000):
        text = b"".join(chance.choices(pieces, k=chance.randint(1, 12)))
        place = chance.randint(0, len(text))
        expected = tokens.SPECIAL.search(text, place)
        skipped = tokens.NOTHING.match(text, place)
        assert skipped is not None
        found = tokens.SPECIAL.search(text, skipped.end())
        assert (found and found.span()) == (expected and expected.span()), (text, place)


def test_findings_stop_being_looked_for() -> None:
    found = read(export(more="SELECT 1;\n" * 30_000))
    assert 5_000 < found.count < 15_000
    last = read(export(more="SELECT 1;\n" * 30_000), findings=20_000).lines[-1]
    assert last.endswith(
        "too-costly: reading stops here: what the file holds costs far more work than its size allows; "
        "it looks like no export; if it is one, raise contract.limits.work in promote.yaml"
    )
    assert read(export(more="SELECT 1;\n" * 30_000), work=10_000_000).count == 30_000
    assert found.sha256 == ""


def test_rows_cost_nothing() -> None:
    """An accepted file is read to its end, whatever its rows are like and however little work it may cost."""
    rows = [
        chunk(1, id=f"'33333333-3333-4333-8333-{n:012}'", chunk_sequence=str(n), chunk_text=f"E'\\\\{n}' /* {n} */")
        for n in range(1, 400)
    ]
    accepted = export(chunk="".join(map(str, rows)), more="-- a comment\n/* another */\n" * 3000 + ";" * 3000)
    found = read(accepted, work=3000)
    assert found.lines == []
    assert len(found.rows) == 402
    assert read(accepted, work=100).codes == ["too-costly"]


def test_parts_of_statements_are_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []
    parse = grammar._parse
    monkeypatch.setattr(grammar, "_parse", lambda parts: parsed.append(parts) or parse(parts))
    row = chunk()
    statements = []
    for number in range(1, 200):
        values = dict(row.values)
        values["id"] = f"'33333333-3333-4333-8333-{number:012}'"
        values["chunk_sequence"] = str(number)
        values["vision_model"] = "'x'" if number & 1 else "varchar 'x'"
        values["screenshot_ids"] = f"ARRAY['44444444-4444-4444-8444-000000000001']{' ' * (number // 50)}::uuid[]"
        names = list(values)
        names = names[number % 13 :] + names[: number % 13]
        statements.append(
            f"INSERT INTO chunks ({', '.join(names)}){' ' * (number % 5)}VALUES ({', '.join(values[name] for name in names)}) "
            "ON CONFLICT (id) DO NOTHING;\n"
        )
    found = read(export(chunk="".join(statements)))
    assert found.lines == []
    assert len(found.rows) == 202
    assert len(parsed) < 20


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("'33333333-3333-4333-8333-000000000001' 'x'", "syntax"),
        ("1, 2", "value-count"),
        ("f('x')", "expression"),
        ("'x'::uuid::uuid", "expression"),
    ],
)
def test_unknown_parts_are_still_parsed(row: str, code: str) -> None:
    sound = str(chunk())
    other = f"INSERT INTO chunks (id) VALUES ({row}) ON CONFLICT (id) DO NOTHING;\n"
    assert read(export(chunk=sound + other)).codes[0] in (code, "column-missing")
