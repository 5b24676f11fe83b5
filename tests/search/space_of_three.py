"""A table of 2,000 vectors of three numbers on a sphere, and helpers to search it."""

from __future__ import annotations

SPHERE = (
    "create extension vector",
    "create table points (id int primary key, kind text not null, embedding vector(3))",
    "insert into points select i, case when i % 25 = 0 then 'rare' else 'common' end, "
    "array[sin(i), cos(i * 7), sin(i * i)]::vector from generate_series(1, 2000) i",
)
SEARCH = b"select id from points order by embedding <=> $1::vector limit 10"


def indexed(method: str, operators: str = "vector_cosine_ops", more: str = "") -> tuple[str, str]:
    """The statements that index the points."""
    return f"create index points_embedding on points using {method} (embedding {operators}) {more}", "analyze points"
