"""The vector index of a target: how it is made, what is set for it, whether it is taken, and making it anew."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence

from benchmarks.measure import CommandError
from benchmarks.target import Target, promote

INDEX = "idx_chunks_embedding_ivfflat"
SEARCH = b"select id from chunks order by embedding <=> $1::vector limit 10"
HNSW = f"create index {INDEX} on chunks using hnsw (embedding vector_cosine_ops) with (m = 16, {{more}})"
EF_CONSTRUCTION = 64


def chosen(place: Target, vector: str, settings: Sequence[str] = ()) -> bool:
    """Whether the planner uses the index."""
    import psycopg

    with place.connect() as connection, psycopg.RawCursor(connection) as cursor:
        for setting in settings:
            connection.execute(setting.encode())
        plan = cursor.execute(b"explain " + SEARCH, [vector]).fetchall()
    return any(INDEX in row[0] for row in plan)


def definition(place: Target) -> str:
    """How the index is made: "hnsw (m = 16, ef_construction = 128)"."""
    with place.connect() as connection:
        found = connection.execute("select pg_get_indexdef(oid) from pg_class where relname = %s", [INDEX]).fetchone()
    made = re.search(r"USING (\w+) \(.*?\)(?: WITH \((.*)\))?$", found[0]) if found else None
    if made is None:
        return ""
    options = (made[2] or "").replace("'", "").replace("=", " = ")
    return f"{made[1]} ({options})" if options else made[1]


def database_settings(place: Target) -> str:
    """What is set for every session of the database, of pgvector."""
    with place.connect() as connection:
        found = connection.execute(
            "select setting from pg_db_role_setting, unnest(setconfig) as setting where setrole = 0 and setdatabase ="
            " (select oid from pg_database where datname = current_database()) and setting ~ '^(ivfflat|hnsw)'"
        ).fetchall()
    return ", ".join(row[0].replace("=", " = ") for row in found)


def rebuild(place: Target, recall: float) -> str:
    """Run `promote index --apply`; what it says in the end, in one line."""
    command = [promote(), "index", "--env", place.environment, "--apply", "--recall", f"{recall}", "--format", "json"]
    done = subprocess.run(command, cwd=place.root, env=place.environ, stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode not in (0, 1):
        raise CommandError(f"exit {done.returncode}: {' '.join(command)}\n{done.stderr.decode()[-1500:]}")
    said = (json.loads(done.stdout)["verdict"], definition(place), database_settings(place))
    return "; ".join(part for part in said if part)


def hnsw(place: Target, size: int, dimensions: int) -> None:
    """Put an HNSW index in the place of the table's; its graph is built in memory."""
    megabytes = max(64, size * (4 * dimensions + 1500) // 1_000_000 + 64)
    with place.connect() as connection:
        connection.execute(f"set maintenance_work_mem = '{megabytes}MB'".encode())
        connection.execute("set max_parallel_maintenance_workers = 2")
        connection.execute(f"drop index {INDEX}".encode())
        connection.execute(HNSW.format(more=f"ef_construction = {EF_CONSTRUCTION}").encode())
        connection.execute("analyze chunks")
        connection.execute("checkpoint")
