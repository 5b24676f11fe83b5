"""Times the validation of files that are made to be slow: MB/s of each shape, and how its time grows with its size.

python -m benchmarks.hostile                      every shape at 1, 2 and 4 MB
python -m benchmarks.hostile --only quotes blanks --sizes 8
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.machine import machine
from minerva_promote.config.load_project import load_project
from minerva_promote.config.models.project import Contract
from minerva_promote.config.snapshot import Snapshot
from minerva_promote.config.snapshot_file import read_snapshot
from minerva_promote.exportfile.validation import Validation, validate

ROOT = Path(__file__).parent.parent
MB = 1_000_000
NOW = b"'2026-01-02T03:04:05'"
CONFIG = b"22222222-2222-4222-8222-222222222222"
BOOK = b"11111111-1111-4111-8111-111111111111"
CONFIGS = b"INSERT INTO embedding_configs (id, model_name, model_version, dimensions, is_active, created_at)\nVALUES "
BOOKS = (
    b"INSERT INTO books (id, title, author, kindle_url, total_screenshots, capture_date, ingestion_status,"
    b" book_metadata, created_at, updated_at)\nVALUES "
)
CONFLICT = b"\nON CONFLICT (id) DO NOTHING;\n"

Shape = Callable[[int], bytes]


def repeated(piece: bytes, before: bytes = b"BEGIN;\n", after: bytes = b"") -> Shape:
    """A file of one piece again and again."""
    return lambda size: before + piece * ((size - len(before) - len(after)) // len(piece)) + after


def numbered(piece: Callable[[int], bytes], before: bytes = b"BEGIN;\n", after: bytes = b"") -> Shape:
    """A file of pieces of which each is another one."""

    def content(size: int) -> bytes:
        parts, length = [before], len(before) + len(after)
        for number in itertools.count():
            if length >= size:
                return b"".join([*parts, after])
            parts.append(piece(number))
            length += len(parts[-1])
        raise AssertionError

    return content


def config_row(number: int) -> bytes:
    """The row of an embedding config: the shortest that an accepted file may hold."""
    return b"('%08x-2222-4222-8222-222222222222', 'm', 'v', 3, true, %b)" % (number, NOW)


def book_statement(column: bytes, value: bytes) -> bytes:
    """The INSERT of the book with this SQL in one column."""
    values = {
        b"id": b"'%b'" % BOOK, b"title": b"'t'", b"author": b"'a'", b"kindle_url": b"'u'", b"total_screenshots": b"1",
        b"capture_date": NOW, b"ingestion_status": b"'completed'", b"book_metadata": b"NULL", b"created_at": NOW,
        b"updated_at": NOW,
    }  # fmt: skip
    values[column] = value
    return BOOKS + b"(" + b", ".join(values.values()) + b")" + CONFLICT


def in_book(column: bytes, open_: bytes, piece: bytes, close: bytes) -> Shape:
    """A file whose book has one long value."""
    return lambda size: (
        b"BEGIN;\n" + book_statement(column, open_ + piece * (size // len(piece)) + close) + b"COMMIT;\n"
    )


def shuffled(number: int) -> bytes:
    """A statement whose columns stand in an order of their own."""
    names = [b"id", b"model_name", b"model_version", b"dimensions", b"is_active", b"created_at"]
    values = [b"'%08x-2222-4222-8222-222222222222'" % number, b"'m'", b"'v'", b"3", b"true", NOW]
    order = list(next(itertools.islice(itertools.permutations(range(6)), number % 720, None)))
    blanks = b" " * (1 + number // 720)
    head = b"INSERT INTO embedding_configs (" + b", ".join(names[place] for place in order) + b")" + blanks
    return head + b"VALUES (" + b", ".join(values[place] for place in order) + b")" + CONFLICT


def _config_statement(row: Callable[[int], bytes]) -> Callable[[int], bytes]:
    return lambda number: CONFIGS + row(number) + CONFLICT


def nulls(number: int) -> bytes:
    """The values of a book, of which another choice is NULL each time."""
    return b", ".join(b"NULL" if number >> bit & 1 else b"'%d'" % number for bit in range(10))


def keys(count: int) -> bytes:
    """The members of a JSON object with so many keys."""
    return b",".join(b'"%d":1' % number for number in range(count))


LAST_ROW = config_row(0xFFFFFFFF) + CONFLICT
SHAPES: dict[str, Shape] = {
    "accepted rows": numbered(lambda n: config_row(n) + b",\n", b"BEGIN;\n" + CONFIGS, LAST_ROW + b"COMMIT;\n"),
    "accepted statements": numbered(_config_statement(config_row), after=b"COMMIT;\n"),
    "escape strings": numbered(_config_statement(lambda n: config_row(n).replace(b"'m'", rb"E'\\'"))),
    "decimals": numbered(_config_statement(lambda n: config_row(n).replace(b"3", b"3.0"))),
    "shuffled columns": numbered(shuffled),
    "blanks in heads": numbered(lambda n: CONFIGS + b" " * (n % 5000) + config_row(n) + CONFLICT),
    "comments in rows": numbered(lambda n: CONFIGS + config_row(n).replace(b", ", b", /* %d */" % n) + CONFLICT),
    "nulls": numbered(lambda n: BOOKS + b"(" + nulls(n) + b")" + CONFLICT),
    "two shapes": numbered(lambda n: CONFIGS + config_row(n) + (b" " * (n % 7)) + CONFLICT),
    "semicolons": repeated(b";", b""),
    "semicolons inside": repeated(b";", after=b"COMMIT;\n"),
    "semicolons, blanks": repeated(b"; \n"),
    "blanks": repeated(b" ", after=b"COMMIT;\n"),
    "line ends": repeated(b"\n"),
    "comments": repeated(b"--\n", b""),
    "comments inside": repeated(b"--\n"),
    "header comments": repeated(b"-- Total Chunks: 1\n", b""),
    "comment of blanks": repeated(b" ", b"-- a"),
    "comment of letters": repeated(b"a ", b"-- "),
    "comment of dashes": repeated(b"-", b""),
    "colon and blanks": lambda size: b"-- Total Chunks:" + b" " * size + b"x\nBEGIN;\n",
    "block comments": repeated(b"/**/"),
    "nested comments": lambda size: b"/*" * (size // 4) + b"*/" * (size // 4),
    "unclosed comments": repeated(b"/*"),
    "comment edges": repeated(b"*/"),
    "BEGIN": repeated(b"BEGIN;\n"),
    "COMMIT": repeated(b"COMMIT;\n"),
    "BEGIN with modes": repeated(b"BEGIN READ ONLY;\n"),
    "SELECT": repeated(b"SELECT 1;\n"),
    "words": numbered(lambda n: b"w%d;" % n),
    "letters": repeated(b"a;"),
    "one statement": repeated(b"1+"),
    "one word": repeated(b"a"),
    "operators": repeated(b"+"),
    "keywords": repeated(b"CASE WHEN "),
    "numbers": repeated(b"1 "),
    "digits": repeated(b"1"),
    "number junk": repeated(b"1a "),
    "quotes": repeated(b"'"),
    "quotes, odd": lambda size: b"BEGIN;\n" + b"'" * (size // 2 * 2 + 1),
    "empty strings": repeated(b"'' "),
    "strings, lines": repeated(b"'a'\n"),
    "open string": repeated(b"a", b"BEGIN;\n'"),
    "double quotes": repeated(b'"'),
    "names": repeated(b'"a" '),
    "backslashes": repeated(b"\\"),
    "backslash lines": repeated(b"\\x\n"),
    "E strings": repeated(rb"E'\'' "),
    "E backslashes": repeated(b"\\\\", b"BEGIN;\nE'"),
    "E quotes": repeated(b"''", b"BEGIN;\nE'"),
    "U& strings": repeated(rb"U&'\0041' "),
    "U& bad": repeated(rb"U&'\x' "),
    "dollars": repeated(b"$"),
    "dollar strings": repeated(b"$$ $$ "),
    "dollars in words": repeated(b"$$a$"),
    "dollar tags": numbered(lambda n: b"$t%d$ " % n),
    "parameters": repeated(b"$1 "),
    "parentheses": repeated(b"("),
    "closing parentheses": repeated(b")"),
    "deep statements": repeated(b"(" * 60 + b";"),
    "pairs": repeated(b"()"),
    "VALUES (": repeated(b"VALUES ("),
    "VALUES ();": repeated(b"VALUES ();"),
    "open rows": repeated(b"(", b"BEGIN;\n" + CONFIGS),
    "empty rows": repeated(b"(),", b"BEGIN;\n" + CONFIGS),
    "rows of ones": repeated(b"(1),", b"BEGIN;\n" + CONFIGS),
    "columns": repeated(b"id,", b"BEGIN;\nINSERT INTO books (", b"id) VALUES (1);\n"),
    "one wide row": repeated(b"1,", b"BEGIN;\n" + CONFIGS + b"("),
    "wide rows": repeated(b"(" + b"1," * 900 + b"1),", b"BEGIN;\n" + CONFIGS),
    "arrays": repeated(b"ARRAY['a'],", b"BEGIN;\n" + CONFIGS + b"("),
    "casts": repeated(b"::a", b"BEGIN;\n" + CONFIGS + b"('a'"),
    "colons": repeated(b":"),
    "controls": repeated(b"\x01"),
    "byte-order marks": repeated(b"\xef\xbb\xbf"),
    "marks in comments": repeated(b"--\xef\xbb\xbf\n"),
    "NUL bytes": repeated(b"\0"),
    "not UTF-8": repeated(b"\xff"),
    "umlauts": repeated("ä".encode()),
    "umlauts, statements": repeated("ä;".encode()),
    "emoji, one line": repeated("😀 SELECT;".encode(), b"BEGIN; "),
    "no line end": repeated(b"SELECT 1; "),
    "INSERT": repeated(b"INSERT;"),
    "INSERT of unions": repeated(b"select union ", b"BEGIN;\nINSERT INTO books "),
    "alternation": repeated(b"SELECT 1;;BEGIN;'a';$$;\\x\n/**/--\n(1);"),
    "duplicate rows": numbered(lambda n: config_row(1) + b",\n", b"BEGIN;\n" + CONFIGS, LAST_ROW),
    "JSON brackets": in_book(b"book_metadata", b"'", b"[", b"'"),
    "JSON list": in_book(b"book_metadata", b"'[", b"1,", b"1]'"),
    "JSON lists": in_book(b"book_metadata", b"'[", b"[],", b"1]'"),
    "JSON objects": in_book(b"book_metadata", b"'[", b'{"a":1},', b"1]'"),
    "JSON escapes": in_book(b"book_metadata", b"'\"", b"\\u0041", b"\"'"),
    "JSON digits": in_book(b"book_metadata", b"'", b"1", b"'"),
    "JSON keys": lambda size: b"BEGIN;\n" + book_statement(b"book_metadata", b"'{%b}'" % keys(size // 10)),
    "long integer": in_book(b"total_screenshots", b"", b"1", b""),
    "paths": in_book(b"title", b"'", b"/home/ ", b"'"),
    "quotes in text": in_book(b"title", b"'", b"''", b"'"),
    "slashes": in_book(b"title", b"'", b"~/", b"'"),
}  # fmt: skip


def contract() -> tuple[Contract, Snapshot]:
    """The shipped contract and its recorded columns."""
    project = load_project(ROOT, {"embedding_dimensions": "3"})
    return project.contract, read_snapshot(project.root / project.contract.snapshot, project.variables)


def timed(path: Path, known: tuple[Contract, Snapshot]) -> tuple[float, Validation]:
    """Seconds of processor time, of all threads, that one validation takes."""
    begun = time.process_time()
    result = validate(path, *known)
    return time.process_time() - begun, result


def bench(names: list[str], sizes: list[int], folder: Path) -> Iterator[str]:
    """One line a shape: MB/s at each size, growth from the smallest to the largest, findings."""
    known = contract()
    warm = folder / "warm.sql"
    warm.write_bytes(SHAPES["alternation"](1000))
    timed(warm, known)
    yield f"{'shape':<22}" + "".join(f"{size:>5} MB" for size in sizes) + "  growth  findings"
    for name in names:
        seconds: list[float] = []
        for size in sizes:
            path = folder / "hostile.sql"
            path.write_bytes(SHAPES[name](size * MB))
            took, result = timed(path, known)
            seconds.append(took)
            if took > 20:
                break
        speeds = "".join(f"{size / took:>8.1f}" for size, took in zip(sizes, seconds, strict=False))
        growth = seconds[-1] / seconds[0]
        yield f"{name:<22}{speeds}{growth:>8.1f}{result.error_count:>10,}"


def main() -> None:
    """Read the command line and print the table; MB/s of processor time."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hostile", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=list(SHAPES), default=list(SHAPES), metavar="SHAPE")
    parser.add_argument("--sizes", nargs="+", type=int, default=[1, 2, 4], metavar="MB")
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory(prefix="promote-hostile-") as folder:
        for line in bench(options.only, options.sizes, Path(folder)):
            print(line, flush=True)


if __name__ == "__main__":
    main()
