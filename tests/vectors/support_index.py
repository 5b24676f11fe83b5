"""Databases with clustered vectors, for the tests of `promote index`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.run.conftest import Shop

DIMENSIONS = 16


def vectors(
    count: int, *, groups: int = 20, dimensions: int = DIMENSIONS, spread: float = 0.35, seed: int = 1
) -> list[str]:
    """Normalised vectors in groups around random centres, as pgvector writes them."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(groups, dimensions))
    found = centres[random.integers(0, groups, count)] + spread * random.normal(size=(count, dimensions))
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return ["[" + ",".join(f"{number:.5f}" for number in row) + "]" for row in found]


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
