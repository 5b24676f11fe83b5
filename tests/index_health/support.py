"""Tables of clustered vectors, and the reports of `promote index` about them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from tests.run.conftest import Shop

DIMENSIONS = 16
IVFFLAT = "create index notes_e on notes using ivfflat (embedding vector_cosine_ops) with (lists = {})"
HNSW = "create index notes_e on notes using hnsw (embedding vector_cosine_ops)"


def vectors(
    count: int, *, groups: int = 20, dimensions: int = DIMENSIONS, spread: float = 0.35, seed: int = 1
) -> list[str]:
    """Normalised vectors in groups around random centres, as pgvector writes them."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(groups, dimensions))
    rows = centres[random.integers(0, groups, count)] + spread * random.normal(size=(count, dimensions))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return ["[" + ",".join(f"{number:.5f}" for number in row) + "]" for row in rows]


def fill(shop: Shop, count: int, *, table: str = "notes", **how: Any) -> None:
    """Add rows with vectors, as the owner, and renew the statistics."""
    rows = vectors(count, **how)
    with shop.database.connect() as conn:
        with conn.cursor() as cursor, cursor.copy(f"copy {table} (embedding) from stdin") as copy:
            for row in rows:
                copy.write_row((row,))
        conn.execute(f"analyze {table}")


def make_table(shop: Shop, *after: str, type_: str = f"vector({DIMENSIONS})", table: str = "notes") -> None:
    """A table of vectors in place of the project's own, readable by the import role; then more statements."""
    shop.database.execute(
        "drop index if exists idx_chunks_embedding_ivfflat",
        "alter table chunks alter column embedding type text",
        f"create table {table} (id serial primary key, kind int, embedding {type_})",
        f"grant select on {table} to {shop.role}",
        *after,
    )


def plain(text: str) -> str:
    """A report without what differs from run to run."""
    text = re.sub(r"\d+(\.\d+)? ms", "N ms", text)
    text = re.sub(r"recall@10 \d\.\d+", "recall@10 R", text)
    text = re.sub(r"\(\d\.\d+ to \d\.\d+\)", "(R to R)", text)
    text = re.sub(r"\d+\.\d%", "P%", text)
    text = re.sub(r"[\d,]+ queries", "N queries", text)
    text = re.sub(r"as few as \d of", "as few as N of", text)
    text = re.sub(r"\d+\.\d (kB|MB)", "SIZE", text)
    return re.sub(r",? \d+\.\d s$", "", text, flags=re.MULTILINE)


def index_report(shop: Shop, *more: str, exit_code: int = 0) -> str:
    """What `promote index` prints, without what differs from run to run; the recall asked for is 0.95 unless given."""
    targets = () if "--recall" in more else ("--recall", "0.95")
    ran = shop.promote("index", "--env", "test-prod", *targets, *more)
    assert (ran.exit_code, ran.stderr) == (exit_code, ""), ran.stdout + ran.stderr
    return plain(ran.stdout)


def step_lines(text: str, *steps: str) -> list[str]:
    """The lines of these steps, dots and blanks squeezed; with what stands below them."""
    lines, wanted = [], False
    for line in text.splitlines():
        first = line.split()[0] if line.startswith("  ") and not line.startswith("   ") else None
        wanted = first in steps if first else wanted and line.startswith("    ")
        if wanted:
            lines.append(re.sub(r" \.+ ", " ", " ".join(line.split())))
    return lines


def vector_index_names(shop: Shop) -> list[tuple[str, bool, str]]:
    """Name, validity and storage parameters of every vector index of the database."""
    return shop.rows(
        "select i.relname::text, x.indisvalid, coalesce(array_to_string(i.reloptions, ','), '')"
        " from pg_index x join pg_class i on i.oid = x.indexrelid join pg_am m on m.oid = i.relam"
        " where m.amname in ('ivfflat', 'hnsw') order by 1"
    )
