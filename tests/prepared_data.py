"""Data of embedded servers that is prepared once in a session and copied for every page of the documentation."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from minerva_promote.database.embedded.files import exists

DATABASE = "minerva"  # of production
OWNER = f"""
CREATE ROLE minerva_owner LOGIN CREATEROLE;
CREATE DATABASE {DATABASE} OWNER minerva_owner TEMPLATE template0 ENCODING 'UTF8';
\\connect {DATABASE}
CREATE EXTENSION vector SCHEMA public;
"""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Prepares data with the ``promote`` of a copy of the project.

    empty: a server without databases of ours. set-up: local and test-prod are set up. production: prod is set up, and
    belongs to an owner who is no superuser.
    """

    project: Path
    env: Mapping[str, str]

    def copy(self, kind: str, folder: Path) -> None:
        """Give the embedded server in ``folder`` its data."""
        base = Path(os.environ.get("PROMOTE_TEST_FOLDER", self.project.parent))
        origin = base / f"documentation-{kind}"
        with origin.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not origin.is_dir():
                self._prepare(kind, origin)
        self._run({}, "cp", "-a", str(origin), str(folder))

    def _prepare(self, kind: str, folder: Path) -> None:
        here = {"PROMOTE_EMBEDDED_DIR": str(folder)}
        try:
            if kind != "empty":
                self.copy("empty", folder)
            self._run(here, "promote", "server", "start")
            if kind == "set-up":
                self._run(here, "promote", "setup", "--env", "local")
                self._run(here, "promote", "setup", "--env", "test-prod")
            elif kind == "production":
                administrator = server_url(folder, "postgres", "postgres")
                self._run({}, "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", administrator, given=OWNER)
                self._run(production_variables(folder), "promote", "setup", "--env", "prod", "--yes", "prod")
            self._run(here, "promote", "server", "stop")
        except BaseException:
            kill_server(folder)
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _run(self, more: Mapping[str, str], *command: str, given: str = "") -> None:
        env = {**self.env, **more}
        done = subprocess.run(
            command, cwd=self.project, env=env, input=given, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def production_variables(folder: Path) -> dict[str, str]:
    """The variables of the environment prod, for the running server in a folder."""
    return {
        "PRODUCTION_DATABASE_URL": server_url(folder, "minerva_api", DATABASE),
        "PRODUCTION_ADMIN_DATABASE_URL": server_url(folder, "minerva_owner", DATABASE),
        "MINERVA_API_PASSWORD": "made-for-tests",
    }


def server_url(folder: Path, role: str, database: str) -> str:
    """The URL of a database of the running server in a folder."""
    lines = _postmaster_file(folder).read_text().splitlines()
    return f"postgresql://{role}@/{database}?host={lines[4]}&port={lines[3]}"


def kill_server(folder: Path) -> None:
    """End the server in a folder at once, if one runs."""
    file = _postmaster_file(folder)
    if file.is_file():
        number = int(file.read_text().split()[0])
        os.kill(number, signal.SIGQUIT)
        while exists(number):
            time.sleep(0.02)


def _postmaster_file(folder: Path) -> Path:
    return next(folder.glob("postgres-*/"), folder) / "postmaster.pid"
