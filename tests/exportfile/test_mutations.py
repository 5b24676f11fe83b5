"""What may be done to a file without changing its verdict, and what always makes it refused."""

from __future__ import annotations

import functools
import itertools
import random
import re
from collections.abc import Callable
from pathlib import Path

import postgast
import pytest

from tests.exportfile.refused import REFUSED
from tests.exportfile.support import book, chunk, export, read, statements
from tests.material import REPOSITORY, labelled

EXAMPLES = REPOSITORY / "examples"
SMALL = {
    str(file): file.path.read_bytes()
    for file in labelled()
    if file.verdict == "accept" and not file.needs & {"target", "dims=1536"} and file.path.stat().st_size < 8_000
}
ROWS = f"({', '.join(chunk().values.values())}), ({', '.join(chunk(2).values.values())})"
MANY = export(
    head="-- Total Chunks: 2\nSTART TRANSACTION;\n;\n",
    book=book(conflict="ON CONFLICT ON CONSTRAINT books_pkey DO UPDATE SET updated_at = EXCLUDED.updated_at"),
    chunk=chunk(rows=ROWS),
    tail="END -- done\n;  ",
).encode()
TRICKY = [
    name for name in SMALL if any(word in name for word in ("comment", "dollar", "backslash", "final", "unicode"))
]


def examples() -> list[Path]:
    return [EXAMPLES / "lighthouse.sql", EXAMPLES / "bread.sql"]


def commit_ends(content: bytes) -> int:
    """Where the semicolon of the last statement ends."""
    whole = [part for part in statements(content) if part.endswith(b";")]
    return sum(map(len, whole))


@pytest.mark.parametrize(
    ("name", "step"),
    [
        pytest.param("many", 1, marks=pytest.mark.soak),
        pytest.param("many", 7, marks=pytest.mark.soak),
        *((name, 31) for name in TRICKY),
    ],
)
def test_cut_at_any_byte(name: str, step: int) -> None:
    content = SMALL.get(name, MANY)
    end = commit_ends(content)
    assert read(content[:end]).accepted
    accepted = [cut for cut in {*range(0, end, step), *range(end - 20, end)} if read(content[:cut]).accepted]
    assert accepted == []


@pytest.mark.soak
@pytest.mark.parametrize("path", examples(), ids=lambda path: path.stem)
def test_cut_a_bigger_file(path: Path) -> None:
    content = path.read_bytes()
    end = commit_ends(content)
    at = random.Random(7)
    cuts = {*range(0, 1500, 150), *range(end - 40, end), *(at.randrange(end) for _ in range(25))}
    assert read(content[:end], dimensions=1536).accepted
    assert [cut for cut in sorted(cuts) if read(content[:cut], dimensions=1536).accepted] == []


def is_empty(statement: bytes) -> bool:
    return not re.sub(rb"--[^\n]*|[;\s]", b"", statement)


@pytest.mark.parametrize("name", [*SMALL, "many"])
def test_double_or_drop_any_statement(name: str) -> None:
    content = SMALL.get(name, MANY)
    check_statements(statements(content), 3)


@pytest.mark.soak
@pytest.mark.parametrize("path", examples(), ids=lambda path: path.stem)
def test_double_or_drop_any_statement_of_a_bigger_file(path: Path) -> None:
    check_statements(statements(path.read_bytes()), 1536)


def check_statements(parts: list[bytes], dimensions: int) -> None:
    verdict = functools.partial(read, dimensions=dimensions)
    assert verdict(b"".join(parts)).accepted
    for number, part in enumerate(parts):
        if not part.endswith(b";") or is_empty(part):
            continue
        assert not verdict(b"".join([*parts[:number], part, *parts[number:]])).accepted, (number, "doubled")
        dropped = b"".join([*parts[:number], *parts[number + 1 :]])
        assert not verdict(dropped).accepted or unused(part, dropped), (number, "dropped")


def unused(part: bytes, rest: bytes) -> bool:
    """A row that nothing refers to and no header counts may be missing: nobody can tell."""
    key = re.search(rb"VALUES\s*\('([0-9a-f-]{36})'", part)
    return key is not None and b"screenshots" in part and key[1] not in rest and b"Total Screenshots" not in rest


def boundaries(content: bytes) -> list[int]:
    """Places between tokens where blanks and comments may stand."""
    tokens = [token for token in postgast.scan(content.decode()).tokens if token.token]
    places = [] if tokens[0].start else [0]
    for left, right in itertools.pairwise([*tokens, None]):
        text, after = content[left.start : left.end], content[right.start :] if right else b""
        strings = text.endswith(b"'") and after.startswith(
            b"'"
        )  # a line break makes them one, a comment makes them two
        if not (text.startswith(b"--") or text in (b"-", b"N", b"n") or strings):
            places.append(left.end)
    return places


def keywords(content: bytes) -> list[tuple[int, int]]:
    found = []
    for token in postgast.scan(content.decode()).tokens:
        if re.fullmatch(rb"[A-Za-z_]+", content[token.start : token.end]) and token.token:
            found.append((token.start, token.end))
    return found


FILLERS = [
    " ", "\t", "\n", "\r", "\f", "\r\n", "-- x\n", "-- '\"$$ ; /* \\! \n", "--\r", "/**/", "/* ' */", "/* /* \" */ $$ ; -- */",
    "/*\n*/ \t-- y\n", "/***//*/ */",
]  # fmt: skip


def fill(content: bytes, filler: str, places: list[int]) -> bytes:
    cuts = [0, *places, len(content)]
    return filler.encode().join(content[begin:end] for begin, end in itertools.pairwise(cuts))


ACCEPTED = {**SMALL, "many": MANY}
# Files whose places cannot be found by a scan of tokens are left out, and those about comments and psql's lines.
NOT_SCANNED = re.compile(
    r"bytes:|open|psql|backtick|comment|control|cut|row without|semicolon|header|too-long|missing comma"
)
BAD = {
    f"{group}: {name}": content.encode()
    for group, files in REFUSED.items()
    for name, content in files.items()
    if isinstance(content, str) and not NOT_SCANNED.search(f"{group}: {name}") and group != "rules"
}


def outcome(content: bytes) -> tuple[list[str], object]:
    """Everything about a file but its places."""
    found = read(content)
    return [line.partition(" ")[2] for line in found.lines], [row[:3] for row in found.rows]


@pytest.mark.parametrize("name", ACCEPTED)
def test_blanks_and_comments_anywhere(name: str) -> None:
    content = ACCEPTED[name]
    places = boundaries(content)
    expected = outcome(content)
    for filler in random.Random(name).sample(FILLERS, 5) if name != "many" else FILLERS:
        assert outcome(fill(content, filler, places)) == expected, filler


@pytest.mark.soak
def test_blanks_and_comments_at_each_place() -> None:
    expected = outcome(MANY)
    for place, filler in itertools.product(boundaries(MANY), ("/* ' /* */ ; */\n", "-- '\n")):
        assert outcome(MANY[:place] + filler.encode() + MANY[place:]) == expected, (place, filler)


@pytest.mark.soak
@pytest.mark.parametrize("group", ["bytes", "statements", "insert", "values"])
def test_refused_files_stay_refused_for_the_same(group: str) -> None:
    changed = 0
    for name, content in BAD.items():
        if not name.startswith(group):
            continue
        try:
            places = boundaries(content)
        except postgast.PgQueryError:  # no tokens to stand between
            continue
        changed += 1
        codes = read(content).codes
        assert read(recased(content, bytes.swapcase)).codes == codes, name
        for filler in random.Random(name).sample(FILLERS, 2):
            assert set(read(fill(content, filler, places)).codes) == set(codes), (name, filler)
    assert changed > 5 or group == "bytes"


def recased(content: bytes, change: Callable[[bytes], bytes]) -> bytes:
    changed = bytearray(content)
    for begin, end in keywords(content):
        changed[begin:end] = change(content[begin:end])
    return bytes(changed)


CHANGES = [bytes.upper, bytes.lower, bytes.swapcase, bytes.title]


@pytest.mark.parametrize("name", ACCEPTED)
def test_case_of_keywords_and_names(name: str) -> None:
    content = ACCEPTED[name]
    expected = outcome(content)
    for change in CHANGES if name == "many" else random.Random(name).sample(CHANGES, 2):
        assert outcome(recased(content, change)) == expected


@pytest.mark.parametrize("path", [*examples(), EXAMPLES / "refused.sql"], ids=lambda path: path.stem)
def test_a_bigger_file_with_comments(path: Path) -> None:
    content = path.read_bytes()
    places = boundaries(content)
    expected = read(content, dimensions=1536)
    changed = read(recased(fill(content, " /* ' */ -- \"\n", places), bytes.swapcase), dimensions=1536)
    assert changed.codes == expected.codes
    assert [row[:3] for row in changed.rows] == [row[:3] for row in expected.rows]
