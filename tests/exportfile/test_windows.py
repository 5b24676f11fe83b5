"""The window over the file never shows: tiny blocks, and units read without their likeness to those before."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from minerva_promote.exportfile import byte_window as source
from minerva_promote.exportfile.lexer import Lexer
from tests.exportfile.accepted import ACCEPTED
from tests.exportfile.refused import REFUSED
from tests.exportfile.support import Read, chunk, export, read, shot, written
from tests.material import REPOSITORY, labelled

EXAMPLES = REPOSITORY / "examples"
CONTENTS: dict[str, str | bytes] = {
    f"{group}: {name}": content
    for files in (ACCEPTED, REFUSED)
    for group, cases in files.items()
    for name, content in cases.items()
    if len(content) < 20_000
}
BLOCKS = [1, 2, 3, 7, 64, 500]


def shards(count: int) -> list[list[str]]:
    names = sorted(CONTENTS)[::2]
    return [names[start::count] for start in range(count)]


@pytest.mark.parametrize(
    "names",
    [shard if number < 4 else pytest.param(shard, marks=pytest.mark.soak) for number, shard in enumerate(shards(12))],
    ids=range(12),
)
def test_blocks_of_any_size(names: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    expected = {name: read(CONTENTS[name]) for name in names}
    for name in names:
        for block in random.Random(name).sample(BLOCKS, 1):
            monkeypatch.setattr(source, "BLOCK", block)
            assert read(CONTENTS[name]) == expected[name], (name, block)


@pytest.mark.parametrize("export", [file for file in labelled() if file.path.stat().st_size < 20_000][::3], ids=str)
def test_blocks_of_labelled_files(export: object, monkeypatch: pytest.MonkeyPatch) -> None:
    path = export.path  # type: ignore[attr-defined]
    expected = read(path)
    monkeypatch.setattr(source, "BLOCK", random.Random(path.name).choice(BLOCKS))
    assert read(path) == expected


@pytest.mark.parametrize("name", ["lighthouse", "refused", "old-exporter"])
def test_blocks_of_a_bigger_file(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = EXAMPLES / f"{name}.sql"
    expected = read(path, dimensions=1536)
    for block in (997, 16_384, 50_001):
        monkeypatch.setattr(source, "BLOCK", block)
        assert read(path, dimensions=1536) == expected


def without_likeness(content: str | bytes | Path, dimensions: int = 3) -> Read:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Lexer, "_match_pattern", lambda *_: None)
        return read(content, dimensions=dimensions)


@pytest.mark.parametrize(
    "names",
    [shard if number < 2 else pytest.param(shard, marks=pytest.mark.soak) for number, shard in enumerate(shards(6))],
    ids=range(6),
)
def test_likeness_changes_nothing(names: list[str]) -> None:
    for name in names:
        assert without_likeness(CONTENTS[name]) == read(CONTENTS[name]), name


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.sql")), ids=lambda path: path.stem)
def test_likeness_changes_nothing_in_a_bigger_file(path: Path) -> None:
    assert without_likeness(path, 1536) == read(path, dimensions=1536)


ODD = [
    "'a'", "'it''s'", "''''", "'', '", "'a'', ''b'", "'\\'", "'), ('", "';'", "'a'\n'b'", "'a' -- x\n 'b'", "E'a'", "$$'$$",
    "'a' || 'b'", "'a'\n, 'b'", "5", "-5", "5.5", "05", "5e1", "5a", "NULL", "'--'", "'/*'", "'x'::varchar", "'\n'", "'a' 'b'",
    "'') --'", "('a')", "'a'/**/", "U&'a'", "f('a')", "'\u00e9'", "''", "'5'", ":x", "$1", "'a", "'a';", "",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_likeness_with_odd_neighbours(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Statements that are nearly alike: each change must be seen, whatever was read before it."""
    at = random.Random(seed)
    chunks = []
    for number in range(1, 9):
        values: dict[str, Any] = {"id": f"'33333333-3333-4333-8333-{number:012}'", "chunk_sequence": str(number)}
        if at.random() < 0.5:
            values[at.choice(["chunk_text", "chunk_token_count", "embedding", "vision_model"])] = at.choice(ODD)
        if at.random() < 0.2:
            values["conflict"] = at.choice(
                ["ON CONFLICT (id) DO NOTHING -- x\n", "ON CONFLICT DO NOTHING", "", "ON  CONFLICT (id) DO NOTHING"]
            )
        if at.random() < 0.2:
            values["end"] = at.choice([";", " ;\n", ";;\n", "; -- it's\n", ";/* ' */", "\n", ";\n\\x\n"])
        made = chunk(**values)
        text = str(made)
        if at.random() < 0.2:
            text = text.replace(
                "\nVALUES (", at.choice(["\nVALUES(", " VALUES\n(", "\nvalues (", "\nVALUES ((", "\nVALUES --\n("])
            )
        if at.random() < 0.1:
            text = text.replace(
                "INSERT INTO", at.choice(["INSERT  INTO", "insert into", "EXPLAIN INSERT INTO", "/**/INSERT INTO"])
            )
        chunks.append(text)
    content = export(chunk="".join(chunks))
    expected = without_likeness(content)
    assert read(content) == expected
    monkeypatch.setattr(source, "BLOCK", at.choice([5, 100, 700]))
    assert read(content) == expected


@pytest.mark.soak
def test_places_far_from_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """The head of a long statement, and a comment between its rows, are found again."""
    shots = [shot(number, id=f"'44444444-4444-4444-8444-{number:012}'") for number in range(1, 40)]
    rows = [f"({', '.join(made.values.values())})" for made in shots]
    columns = ", ".join(shot().values)
    content = export(shot=shot(columns=columns.replace("file_path", "file_pfad"), rows=", ".join(rows), conflict=""))
    content += export(shot=shot(rows=f"{rows[0]}, \n/* \ufeff */ , {', '.join(rows[1:])}", conflict="RETURNING 1"))
    expected = read(content)
    assert expected.lines[0].startswith("8:56 column: screenshots has no column file_pfad; did you mean file_path?")
    for block in BLOCKS:
        monkeypatch.setattr(source, "BLOCK", block)
        assert read(content) == expected


def test_every_byte_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """UTF-8 is strict at every place, whatever stands beside it and wherever blocks end."""
    at = random.Random(5)
    pieces = ["a" * 23, "\u00e9", "\u20ac", "\U0001f600", "abc", "\x7f", "\u07ff\u0800", "\U0010ffff", "x" * 8]
    bad = [
        b"\x80",
        b"\xc3",
        b"\xe2\x82",
        b"\xf0\x9f\x98",
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xff",
        b"\0",
        b"\xe0\x80\x80",
    ]
    for _ in range(400):
        text = "-- " + "".join(at.choices(pieces, k=at.randrange(1, 12)))
        good = text.encode()
        cut = 3 + len(text[3 : at.randrange(3, len(text) + 1)].encode())
        content = good[:cut] + at.choice(bad) + good[cut:]
        monkeypatch.setattr(source, "BLOCK", at.choice([1, 2, 3, 5, 8, 13, 64, 1 << 22]))
        wrong = len(content)
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            wrong = error.start
        wrong = min(wrong, content.find(b"\0") if b"\0" in content else wrong)
        with source.ByteWindow(written(content), 1 << 20) as opened:
            while opened.grow(0):
                pass
            assert opened.bad is not None
            assert (opened.bad.offset, opened.window) == (wrong, content[:wrong])
        with source.ByteWindow(written(good), 1 << 20) as opened:
            while opened.grow(0):
                pass
            assert (opened.bad, opened.window, opened.complete) == (None, good, True)
