"""Whatever somebody hands in: refused with findings, in bounded time, never with a crash."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path
from typing import cast

import postgast
import pytest

from minerva_promote.database.embedded.server import binary
from minerva_promote.exportfile.insert_model import Refused
from minerva_promote.exportfile.insert_parser import ANY_CONFLICT, MAX_NESTING, nesting, read_insert
from tests.exportfile.accepted import ACCEPTED
from tests.exportfile.refused import REFUSED
from tests.exportfile.support import Asked, Read, export, read, with_value
from tests.exportfile.test_differential import without_line_comments
from tests.material import corpora_folder, labelled
from tests.servers import Database


def judged(content: bytes | str | Path, **options: int) -> Read:
    """What is said; and that it is said properly."""
    found = read(content, **options)  # type: ignore[arg-type]
    for finding in (*found.findings, *found.warnings):
        assert finding.message.isprintable()
        assert len(finding.message) <= 501
        assert finding.location is not None
    return found


def sql_files() -> list[Path]:
    folder = corpora_folder()
    return sorted(folder.glob("pgvector/*/*")) if folder else []


@pytest.mark.parametrize("path", sql_files(), ids=lambda path: path.name)
def test_tests_of_pgvector(path: Path) -> None:
    found = judged(path)
    assert not found.accepted
    assert found.rows == ()


@pytest.mark.parametrize(
    "options", [[], ["--inserts"], ["--column-inserts", "--on-conflict-do-nothing"], ["-Fc"], ["-Ft"]], ids=str
)
def test_pg_dump(options: list[str], database: Database, tmp_path: Path) -> None:
    database.execute(
        "create table books (id uuid primary key, title text)",
        "create function f() returns int language plpgsql as $$ begin return 1; end $$",
        "insert into books values (gen_random_uuid(), 'it''s \\ ; $$')",
    )
    path = tmp_path / "dump"
    with path.open("wb") as file:
        subprocess.run([binary("pg_dump"), *options, "--dbname", database.url()], stdout=file, check=True)
    found = judged(path)
    assert found.codes == ["foreign"]
    behind = path.read_bytes().partition(b"\n\n")[2]
    if not options or "-F" not in options[0]:
        assert not judged(behind).accepted
        assert not judged(export(head="BEGIN;\n" + behind.decode())).accepted


PSQL = r"""\set ON_ERROR_STOP on
\timing
\connect other
\if :{?x}
  \echo 'it''s'
\else
  \i other.sql
\endif
select :'name', :"name", :name \gset
\copy books from 'file' with (format csv)
insert into books values ($1) \bind 'x' \g
\! rm -rf /
create function f() returns void language sql begin atomic select 1; select 2; end;
$body$ ; $body$;
\q
"""


def test_psql_script() -> None:
    found = judged(PSQL)
    assert found.codes.count("psql-command") == 13
    assert {line.split()[2] for line in found.lines if "psql-command" in line} >= {
        "\\connect",
        "\\!",
        "\\copy",
        "\\gset",
        "\\bind",
        "\\q",
    }
    inside = judged(export(more="\\connect other\nSELECT 1;\n\\echo it's\n"))
    assert [line.partition(";")[0] for line in inside.lines] == [
        "14:1 psql-command: \\connect is a psql command",
        "15:1 statement: SELECT is not accepted",
        "16:1 psql-command: \\echo is a psql command",
    ]


def compressed(content: bytes) -> dict[str, bytes]:
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("export.sql", content)
    with tarfile.open(fileobj=tarred, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("export.sql"))
    return {
        "gzip": gzip.compress(content),
        "bz2": bz2.compress(content),
        "xz": lzma.compress(content),
        "zip": zipped.getvalue(),
        "tar": tarred.getvalue(),
        "utf-16": content.decode().encode("utf-16"),
        "utf-32": content.decode().encode("utf-32"),
    }


@pytest.mark.parametrize("form", compressed(b"x"))
def test_compressed_files(form: str) -> None:
    found = judged(compressed(export().encode())[form])
    assert found.codes == ["foreign"]
    assert found.findings[0].hint


@pytest.mark.parametrize(
    "path", [Path(sys.executable), Path(postgast.__file__), Path(__file__)], ids=lambda path: path.name
)
def test_other_files(path: Path) -> None:
    assert not judged(path.read_bytes()[:3_000_000]).accepted


HUGE: dict[str, str] = {
    "parentheses": with_value("chunk_text", "(" * 12_000 + "'a'" + ")" * 12_000),
    "brackets": with_value("chunk_text", "ARRAY[" * 12_000),
    "casts": with_value("chunk_text", "'a'" + "::text" * 12_000),
    "casts with lengths": with_value("chunk_text", "'a'" + "::numeric(1,2)" * 10_000),
    "casts to odd names": with_value("chunk_text", "'a'" + '::"a,b"' * 12_000),
    "signs": with_value("chunk_token_count", "- " * 12_000 + "1"),
    "not": with_value("chunk_text", "NOT " * 12_000 + "true"),
    "zones": with_value("chunk_text", "f(1,2)" + " AT TIME ZONE f(1,2)" * 12_000),
    "case": with_value("chunk_text", "CASE WHEN true THEN " * 12_000),
    "collations": with_value("chunk_text", "'a'" + ' COLLATE "C"' * 12_000),
    "operators": with_value("chunk_text", "1" + " + 1" * 12_000),
    "queries": export(more="INSERT INTO books (id) SELECT 1,2" + " UNION SELECT 1,2" * 12_000 + ";"),
    "queries in parentheses": with_value("chunk_text", "(SELECT 1,2" + " EXCEPT SELECT 1,2" * 12_000 + ")"),
    "queries behind rows": export(more="INSERT INTO books (id) VALUES (1,2)" + " INTERSECT VALUES (1,2)" * 12_000 + ";"),
    "joins": export(more="INSERT INTO books (id) SELECT 1 FROM a" + " JOIN a USING (a,b)" * 12_000 + ";"),
    "columns": export(more="INSERT INTO books (" + "a, " * 12_000 + "a) VALUES (1) ON CONFLICT (id) DO NOTHING;"),
    "names": export(more="INSERT INTO " + "a." * 12_000 + "a (id) VALUES (1) ON CONFLICT (id) DO NOTHING;"),
    "sets": export(more="INSERT INTO books (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET " + "a = 1, " * 12_000 + "a = 1;"),
    "values": with_value("chunk_text", "1, " * 12_000 + "1"),
    "elements": with_value("screenshot_ids", "ARRAY[" + "'x'," * 12_000 + "'x']::uuid[]"),
    "comments": with_value("chunk_text", "'a'" + "/**/" * 12_000).replace("VALUES", "VALUES" + "/**/" * 12_000),
    "open comments": export(more="/*" * 125_000),
    "quotes": with_value("chunk_text", "'" * 125_001),
    "doubled quotes": with_value("chunk_text", "'" + "''" * 62_000 + "'"),
    "dollars": with_value("chunk_text", "$" * 125_001),
    "tags": with_value("chunk_text", "$a$" + "$b$" * 12_000 + "$a$"),
    "backslashes": with_value("chunk_text", "E'" + "\\" * 125_000 + "'"),
    "continued": with_value("chunk_text", "'a'" + "\n'a'" * 12_000),
    "semicolons": export(more=";" * 12_000),
    "values words": export(more="INSERT INTO x" + " values" * 12_000 + "(" * 40 + ";"),
    "digits": with_value("chunk_token_count", "1" * 125_000),
    "quoted digits": with_value("chunk_token_count", "'" + "1" * 125_000 + "'"),
    "vector digits": with_value("embedding", "'[" + "1" * 75_000 + "," + "0" * 75_000 + "1,0." + "1" * 75_000 + "]'"),
    "vector components": with_value("embedding", "'[" + "1," * 25_000 + "1]'"),
    "braces": with_value("screenshot_ids", "'" + "{" * 25_000 + "'"),
    "json": with_value("book_metadata", "'" + '{"a":' * 12_000 + "'", "book"),
    "one word": "x" * 3_000_000,
    "one line of bytes": "\u00e9" * 125_000,
    "psql": "\\" * 25_000,
    "colons": ":" * 25_000,
}  # fmt: skip
GOOD = {"comments", "doubled quotes", "tags", "semicolons", "continued", "backslashes"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.soak) if name == "one word" else name for name in HUGE]
)
def test_huge_things(name: str) -> None:
    begun = time.process_time()
    found = judged(HUGE[name])
    assert time.process_time() - begun < 10
    assert found.accepted == (name in GOOD), found.lines[:3]


@pytest.mark.soak
def test_nesting_bounds_the_parse_tree() -> None:
    """The parser recurses in C: what is handed to it must be shallow, whatever it looks like."""
    assert nesting(b"INSERT INTO t (a, b) VALUES ") < 40
    assert nesting(b"(" + b"'s', " * 10_000 + b"'s')") < 20
    assert nesting(b"f(1, f(1, f(1))) ") == nesting(b"f(1, f(1, f(1)))" + b" " * 5000)
    assert nesting(b"'s'" + b"::numeric(1,2)" * 1000) > MAX_NESTING
    assert nesting(b"'s'" + b'::"a,(b"' * 1000) > MAX_NESTING
    assert nesting(b"SELECT 1,2" + b" UNION SELECT 1,2" * 1000) > MAX_NESTING
    assert nesting(b"(" * 1000 + b"a.b" + b")" * 1000) > MAX_NESTING
    assert nesting(b"))) a" + b",a" * 5000) < 20
    deep = read_insert(b"INSERT INTO t (a) VALUES ", b"('s'" + b"::numeric(1,2)" * 300_000 + b")", ANY_CONFLICT)
    assert isinstance(deep, Refused)
    assert deep.code == "too-complex"


SEEDS = [
    file.path.read_bytes() for file in labelled() if file.path.stat().st_size < 6000 and "1536" not in str(file.needs)
]
SEEDS += [
    content.encode() if isinstance(content, str) else content
    for files in cast("list[dict[str, str | bytes]]", [*ACCEPTED.values(), *REFUSED.values()])
    for content in files.values()
    if len(content) < 20_000
]
SOUND = [content.encode() for files in ACCEPTED.values() for content in files.values() if len(content) < 20_000]
PIECES = [
    b"'", b'"', b"$$", b"$a$", b"--", b"/*", b"*/", b";", b"\\", b":", b"\n", b"\r", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xc3", b"(", b")",
    b"[", b"]", b",", b"E'", b"U&'", b"::", b"VALUES", b" VALUES (", b"COMMIT;", b"BEGIN;", b"INSERT INTO books (id) ", b"1", b".", b"-", b"e", b"\x0b",
]  # fmt: skip


def shaken(at: random.Random) -> bytes:
    content = at.choice(SOUND if at.random() < 0.6 else SEEDS)
    for _ in range(at.choice([1, 1, 2, 4, 8])):
        place, width = at.randrange(len(content) + 1), at.choice([0, 0, 1, 1, 3, 40])
        extra = at.choice([b"", b"", *PIECES, bytes([at.randrange(256)]), at.choice(SEEDS)[place : place + 30]])
        content = content[:place] + extra + content[place + width :]
    return content


def fuzz(seed: int, count: int) -> int:
    """Shake accepted and refused files; what is accepted must be whole statements for the full parser too."""
    at, accepted = random.Random(seed), 0
    for _ in range(count):
        content = shaken(at)
        if judged(content).accepted:
            accepted += 1
            tokens = postgast.scan(content.decode()).tokens
            statements = postgast.parse(without_line_comments(content, tokens)).stmts
            assert all(one.stmt.HasField("insert_stmt") for one in statements[1:-1]), content
            assert statements[0].stmt.HasField("transaction_stmt"), content
            assert statements[-1].stmt.HasField("transaction_stmt"), content
        if at.random() < 0.1:
            judged(at.randbytes(at.randrange(2000)))
    return accepted


@pytest.mark.soak
def test_shaken_files() -> None:
    assert fuzz(1, 700) > 10


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 22))
def test_shaken_files_for_long(seed: int) -> None:
    assert fuzz(seed, 10_000) > 200


def test_what_runs_on_a_server_is_judged_the_same(asked: Asked) -> None:
    """Bytes that only PostgreSQL's own lexer knows: blanks of its scanner, and what it takes for a name."""
    for blank in ("\v", "\u00a0", "\u2003", "\u200b", "\ufeff", "\x1f", "\x85"):
        content = export(chunk="").replace("VALUES (", f"VALUES{blank}(", 1)
        assert not read(content).accepted, blank
    assert asked.text_of("'a'\v") == b"a", "servers of this version take it, older ones do not"
