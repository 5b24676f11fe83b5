"""The PostgreSQL that tests talk to, private databases on it, and private copies of the shipped project."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql

from minerva_promote.database.connection import Connection
from minerva_promote.database.embedded.server import EmbeddedServer
from tests import yamlfile
from tests.material import REPOSITORY

SHIPPED = ("promote.yaml", "pyproject.toml", ".env.example", "environments", "checks", "templates", "alembic")
PASSWORD = "made-for-tests"  # of roles on a server that asks for one (PROMOTE_TEST_URL)
_token = secrets.token_hex(3)
_numbers = itertools.count(1)


def new_suffix() -> str:
    """Text that makes a name unique among all tests, workers and sessions: "4f1c2a_12"."""
    return f"{_token}_{next(_numbers)}"


@dataclass(frozen=True, slots=True)
class Server:
    """A server with pgvector, and how its superuser reaches it."""

    params: Mapping[str, str]  # libpq keywords, dbname left out
    folder: Path | None  # of the embedded server; None with PROMOTE_TEST_URL

    def connect(self, dbname: str = "postgres", user: str | None = None, **more: Any) -> Connection:
        """A connection in autocommit without any settings of ours, as the superuser unless told otherwise."""
        params: dict[str, Any] = {**self.params, "dbname": dbname, "autocommit": True, **more}
        if user is not None:
            params |= {"user": user, "password": PASSWORD}
        return Connection.connect(**params)

    def url(self, dbname: str, user: str | None = None) -> str:
        """The URL of a database, for the superuser or a role made by a test."""
        params = dict(self.params)
        password = params.pop("password", "")
        name = params.pop("user", "")
        if user is not None:
            name, password = user, PASSWORD
        who = quote(name, safe="") + (f":{quote(password, safe='')}" if password and self.folder is None else "")
        query = urlencode({key: value for key, value in params.items() if value}, quote_via=quote)
        return f"postgresql://{who}@/{quote(dbname, safe='')}?{query}"

    def create_database(self, name: str, template: str | None = None) -> Database:
        """A new database: empty, or a copy of ``template`` (which nobody may be connected to)."""
        how = "" if self.folder is None else " strategy file_copy"  # quicker where nobody waits for the disk
        query = sql.SQL("create database {} template {}" + how).format(
            *map(sql.Identifier, (name, template or "template0"))
        )
        with self.connect() as connection:
            connection.execute(query)
        return Database(self, name)

    def template(self, key: str, build: Callable[[Database], None]) -> str:
        """The name of a database that ``build`` filled once for all tests and workers of this session."""
        name = f"template_{key}_{os.environ['PROMOTE_TEST_SESSION']}"
        with self.connect() as connection:
            connection.execute("select pg_advisory_lock(hashtext(%s))", (name,))
            done = "select shobj_description(oid, 'pg_database') from pg_database where datname = %s"
            if connection.execute(done, (name,)).fetchone() != ("complete",):
                connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
                build(self.create_database(name))
                connection.execute(sql.SQL("comment on database {} is 'complete'").format(sql.Identifier(name)))
        return name

    def sweep(self, suffix: str) -> None:
        """Drop every database and every role whose name ends in ``_suffix``."""
        ending = "select {0} from {1} where right({0}, length(%s) + 1) = '_' || %s"
        with self.connect() as connection:
            for kind, column, catalog in (("database", "datname", "pg_database"), ("role", "rolname", "pg_roles")):
                query = sql.SQL(ending).format(sql.Identifier(column), sql.Identifier(catalog))
                for (name,) in connection.execute(query, (suffix, suffix)).fetchall():
                    how = sql.SQL("with (force)" if kind == "database" else "")
                    connection.execute(sql.SQL("drop {} {} {}").format(sql.SQL(kind), sql.Identifier(name), how))


@dataclass(frozen=True, slots=True)
class Database:
    """A database that belongs to one test."""

    server: Server
    name: str

    def connect(self, user: str | None = None, **more: Any) -> Connection:
        """A connection in autocommit, as the superuser unless told otherwise."""
        return self.server.connect(self.name, user, **more)

    def execute(self, *statements: str) -> None:
        """Run statements one by one, each in its own transaction."""
        with self.connect() as connection:
            for statement in statements:
                connection.execute(statement)

    def url(self, user: str | None = None) -> str:
        """The URL of this database."""
        return self.server.url(self.name, user)


@dataclass(frozen=True, slots=True)
class ProjectCopy:
    """A copy of the shipped project, with databases and roles of its own.

    Every database of an ``embedded:///`` URL and every role of environments/*.yaml carries the suffix.
    """

    root: Path
    server: Server
    suffix: str

    def name(self, original: str) -> str:
        """What a role or a database of the shipped project is called in this copy."""
        return f"{original}_{self.suffix}"

    def database(self, environment: str) -> Database:
        """The database of an environment with an ``embedded:///`` URL; setup has to make it first."""
        text = (self.root / "environments" / f"{environment}.yaml").read_text("utf-8")
        url = next(line for line in text.splitlines() if line.startswith("url:"))
        found = re.search(rf"(?<!/)/(\w+_{self.suffix})\b", url)
        assert found is not None, f"environment {environment} has no database of this test"
        return Database(self.server, found[1])

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace text in a file of the copy; it must be there exactly once."""
        path = self.root / file
        text = path.read_text("utf-8")
        assert text.count(old) == 1, f"{file} holds {old!r} {text.count(old)} times"
        path.write_text(text.replace(old, new), "utf-8")

    def write(self, file: str, text: str) -> Path:
        """Make or overwrite a file of the copy."""
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path


def copy_project(server: Server, root: Path, suffix: str, original: Path = REPOSITORY) -> ProjectCopy:
    """Lay a copy of the shipped project, or of another one, into the folder ``root``, names made unique."""
    root.mkdir(parents=True, exist_ok=True)
    for name in SHIPPED:
        source = original / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        elif source.is_file():
            shutil.copy(source, root / name)
    files = sorted((root / "environments").glob("*.yaml"))
    roles = {role for file in files for role in (yamlfile.read(file).get("roles") or {})}
    for file in files:
        text = re.sub(r"(embedded://[^/\s}]*/)([A-Za-z0-9_]+)", rf"\1\2_{suffix}", file.read_text("utf-8"))
        if roles:
            names = "|".join(sorted(map(re.escape, roles), key=len, reverse=True))
            text = re.sub(rf"((?<![\w/$-])({names})(?![\w-])|(?<=//)({names})(?=@))", rf"\1_{suffix}", text)
        file.write_text(text, "utf-8")
        if server.folder is None:
            _point_at(server, file)
    return ProjectCopy(root, server, suffix)


def variables_of(root: Path) -> set[str]:
    """The ${VARIABLES} that the environments of a project read."""
    texts = [file.read_text("utf-8") for file in (root / "environments").glob("*.yaml")]
    return {name for text in texts for name in re.findall(r"\$\{([A-Za-z_][A-Za-z0-9_]*)", text)}


def _point_at(server: Server, file: Path) -> None:
    """Give an environment the URLs of a server that is not embedded, and its login roles a password."""
    content = yamlfile.read(file)
    url = re.search(r"embedded://(?:([^/@]*)@)?/([A-Za-z0-9_]+)", content["url"])
    if url is None:
        return
    roles = content.get("roles") or {}
    login = [name for name, role in roles.items() if role.get("login")]
    for name in login:
        roles[name]["password"] = PASSWORD
    user = url[1] or content.get("import_role") or (login[0] if login else None)
    content |= {"url": server.url(url[2], user), "admin_url": server.url(url[2])}
    yamlfile.write(file, content)


def session_server() -> Server:
    """The server of this test session: PROMOTE_TEST_URL, or an embedded one that all workers share."""
    given = os.environ.get("PROMOTE_TEST_URL")
    if given:
        params = {key: str(value) for key, value in psycopg.conninfo.conninfo_to_dict(given).items() if key != "dbname"}
        return Server(params, None)
    folder = Path(os.environ["PROMOTE_TEST_FOLDER"])
    with embedded_in(folder) as embedded:
        info = embedded.ensure_running()
    server = Server({"host": info.host, "port": str(info.port), "user": info.superuser}, folder)
    if info.started:
        _hurry(server)
    return server


def _hurry(server: Server) -> None:
    """No test pulls the plug: databases come and go without waiting for the disk."""
    with server.connect() as connection:
        for setting in ("fsync = off", "full_page_writes = off", "max_wal_size = '4GB'"):
            connection.execute(f"alter system set {setting}".encode())
        connection.execute("select pg_reload_conf()")


def end_session_server(folder: Path) -> None:
    """Stop the embedded server of a test session and delete its data."""
    with embedded_in(folder) as embedded:
        embedded.stop()
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def embedded_in(folder: Path) -> Iterator[EmbeddedServer]:
    """The embedded server whose data is in this folder, whatever the session's server is."""
    before = os.environ.get("PROMOTE_EMBEDDED_DIR")
    os.environ["PROMOTE_EMBEDDED_DIR"] = str(folder)
    try:
        yield EmbeddedServer(folder)
    finally:
        if before is None:
            del os.environ["PROMOTE_EMBEDDED_DIR"]
        else:
            os.environ["PROMOTE_EMBEDDED_DIR"] = before
