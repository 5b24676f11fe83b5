"""Handing a connection to psql or pg_dump: as environment variables, so that no list of processes shows a password."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from minerva_promote.database.embedded.files import binary

# The others are PG and the keyword in capitals without its underscores.
VARIABLES = {
    "dbname": "PGDATABASE",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "application_name": "PGAPPNAME",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "ssl_max_protocol_version": "PGSSLMAXPROTOCOLVERSION",
}
# what has no variable, by its beginning
WITHOUT = ("fallback_application_name", "keepalives", "oauth_", "sslpassword", "tcp_user_timeout")
UNSAID = frozenset({"sslpassword", "oauth_client_secret"})  # secret, and without a variable: psql asks for them
PLACES = frozenset({"PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGSERVICE"})


def variable(keyword: str) -> str:
    """The environment variable of a libpq keyword that has one."""
    return VARIABLES.get(keyword) or "PG" + keyword.replace("_", "").upper()


def client_environment(params: Mapping[str, str], environ: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """A connection for a program of PostgreSQL: a connection string of what is no secret, and its environment.

    Of ``environ`` nothing stays that would lead it to another server, database or user.
    """
    env = {name: value for name, value in environ.items() if name not in PLACES}
    rest = []
    for keyword, value in params.items():
        if not value or keyword in UNSAID:
            continue
        if keyword.startswith(WITHOUT):
            escaped = value.replace("\\", "\\\\").replace("'", "\\'")
            rest.append(f"{keyword}='{escaped}'")
        else:
            env[variable(keyword)] = value
    return " ".join(rest), env


def psql_command(
    params: Mapping[str, str], arguments: Sequence[str], environ: Mapping[str, str]
) -> tuple[Path, list[str], dict[str, str]]:
    """The program, its argument list and its environment for libpq keywords and the user's own arguments."""
    rest, env = client_environment(params, environ)
    return binary("psql"), ["psql", *(["--dbname", rest] if rest else []), *arguments], env
