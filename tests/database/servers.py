"""What the tests of the embedded server share."""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from minerva_promote.database.embedded.server import EmbeddedServer, ServerInfo
from tests.material import REPOSITORY

MakeServer = Callable[..., EmbeddedServer]
IMPORTS = "from pathlib import Path; from minerva_promote.database.embedded.server import *"


def ask(info: ServerInfo, query: str) -> Any:
    """The first value of a query, or None for a statement that returns nothing."""
    with psycopg.connect(host=info.host, port=info.port, user=info.superuser, dbname="postgres") as connection:
        cursor = connection.execute(query.encode())
        return (cursor.fetchone() or [None])[0] if cursor.description else None


def program(code: str, root: Path, python: str = sys.executable) -> tuple[list[str], dict[str, str]]:
    """Command and environment of a Python program that knows ``root``, the folder of a project."""
    packages = [str(REPOSITORY), *(place for place in sys.path if place.endswith("-packages"))]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(packages), "PYTHONDONTWRITEBYTECODE": "1"}
    return [python, "-c", f"{IMPORTS}\nroot = Path({str(root)!r})\n{code}"], environment


def in_new_process(code: str, root: Path, user: int | None = None) -> str:
    """What such a program prints; as another user when we may become one."""
    argv, env = program(code, root, sys.executable if user is None else python_for(user))
    done = _run(argv, env, user)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@functools.cache
def python_for(user: int) -> str:
    """A Python of our version that another user may run (ours may live in a private folder); skips without one."""
    ours = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/local/bin/{ours}", f"/usr/bin/{ours}"):
        with contextlib.suppress(OSError):
            if _run(*program("import psycopg", Path("/"), candidate), user).returncode == 0:
                return candidate
    pytest.skip(f"no {ours} that user {user} may run")


def _run(argv: list[str], env: dict[str, str], user: int | None) -> subprocess.CompletedProcess[str]:
    change: dict[str, Any] = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    return subprocess.run(argv, env=env, capture_output=True, text=True, cwd="/", check=False, **change)
