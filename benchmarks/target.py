"""A copy of the project with an embedded server of its own, and fresh databases on it for every contender."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.measure import CommandError
from minerva_promote.config.load_environment import read_environment

ROOT = Path(__file__).parent.parent
COPIED = ("promote.yaml", "pyproject.toml", "environments", "checks", "templates", "alembic")
TABLES = ("embedding_configs", "books", "screenshots", "chunks")  # parents first
SETTINGS = (
    "shared_buffers",
    "max_wal_size",
    "wal_level",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "maintenance_work_mem",
    "jit",
)


def promote() -> str:
    """The command beside this interpreter, or else the one on the path."""
    beside = Path(sys.executable).parent / "promote"
    found = str(beside) if beside.exists() else shutil.which("promote")
    if found is None:
        raise CommandError("the command promote is not installed; run `make install`")
    return found


@dataclass(frozen=True)
class Target:
    """One environment of a copied project."""

    root: Path  # of the copy
    environment: str
    environ: dict[str, str]
    database: str

    def setup(self) -> None:
        """Drop the database and lay it out anew, as `promote setup` does: the same schema for every contender."""
        command = [promote(), "setup", "--env", self.environment, "--recreate", "--yes"]
        done = subprocess.run(command, cwd=self.root, env=self.environ, stdin=subprocess.DEVNULL, capture_output=True)
        if done.returncode:
            raise CommandError(f"exit {done.returncode}: {' '.join(command)}\n{done.stderr.decode()[-1500:]}")
        with self.connect() as connection:
            connection.execute("checkpoint")

    def connect(self) -> psycopg.Connection[Any]:
        """A session of the superuser, in autocommit mode."""
        return psycopg.connect(self.dsn(), autocommit=True)

    def dsn(self) -> str:
        """How to reach the database as the superuser."""
        from minerva_promote.database.embedded.server import EmbeddedServer

        server = EmbeddedServer(self.root).ensure_running()
        return psycopg.conninfo.make_conninfo(
            host=server.host, port=server.port, user=server.superuser, dbname=self.database
        )

    def digest(self) -> str:
        """Hash of every bit that the promoted tables hold, in key order."""
        total = hashlib.sha256()
        with self.connect() as connection:
            for table in TABLES:
                query = f"copy (select * from {table} order by id) to stdout (format binary)"
                with connection.cursor().copy(query.encode()) as rows:
                    for piece in rows:
                        total.update(piece)
        return total.hexdigest()

    def dump(self, folder: Path) -> None:
        """Write the promoted rows as binary COPY files, one a table."""
        folder.mkdir(parents=True, exist_ok=True)
        with self.connect() as connection:
            for table in TABLES:
                query = f"copy {table} to stdout (format binary)".encode()
                with (folder / table).open("wb") as out, connection.cursor().copy(query) as rows:
                    out.writelines(bytes(piece) for piece in rows)

    def facts(self) -> dict[str, str]:
        """Versions and the settings that decide how fast rows go in."""
        with self.connect() as connection:
            version = connection.execute("select extversion from pg_extension where extname = 'vector'").fetchone()
            facts = {"postgresql": str(connection.info.parameter_status("server_version"))}
            facts["pgvector"] = version[0] if version else "none"
            for name in SETTINGS:
                row = connection.execute("select current_setting(%s, true)", [name]).fetchone()
                facts[name] = row[0] if row else ""
        return facts


@contextmanager
def target(work: Path, environment: str) -> Iterator[Target]:
    """A target in the folder ``work``; its server is stopped and the folder removed at the end."""
    from minerva_promote.config.load_project import load_project
    from minerva_promote.database.embedded.server import EmbeddedServer

    shutil.rmtree(work, ignore_errors=True)
    root = work / "project"
    root.mkdir(parents=True)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, root / name)
    for name in [name for name in os.environ if name.endswith("DATABASE_URL") or name.startswith("PROMOTE_")]:
        del os.environ[name]  # the embedded server, whatever the caller's shell points at
    os.environ["PROMOTE_EMBEDDED_DIR"] = str(work / "server")
    url = read_environment(load_project(root), environment).url
    if not url.embedded:
        raise CommandError(f"environment {environment} is not on the embedded server")
    try:
        yield Target(root, environment, {**os.environ, "PYTHONPATH": str(ROOT)}, url.dbname)
    finally:
        EmbeddedServer(root).stop()
        shutil.rmtree(work, ignore_errors=True)
