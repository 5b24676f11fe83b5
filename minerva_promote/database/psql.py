"""Handing a connection to psql or pg_dump: as environment variables, so that no list of processes shows a password."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from minerva_promote.database.embedded.files import binary
from minerva_promote.errors import TargetError

if TYPE_CHECKING:
    from minerva_promote.config.connection_url import Target
    from minerva_promote.config.project import Environment, Project

# The others are PG and the keyword in capitals without its underscores.
VARIABLES = {
    "dbname": "PGDATABASE",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "application_name": "PGAPPNAME",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "ssl_max_protocol_version": "PGSSLMAXPROTOCOLVERSION",
}
# keywords without a variable, by their first letters
WITHOUT = ("fallback_application_name", "keepalives", "oauth_", "sslpassword", "tcp_user_timeout")
NOT_PASSED = frozenset({"sslpassword", "oauth_client_secret"})  # secret, and without a variable: psql asks for them
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
        if not value or keyword in NOT_PASSED:
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


def psql_params(project: Project, environment: Environment, identity: Literal["admin", "import"]) -> Mapping[str, str]:
    """The libpq keywords of one identity. Starts the embedded server where its URL names that.

    Raises WrongDatabase when the environment is pinned to another database than the URL leads to, and TargetError when
    the embedded server has no database of this name.
    """
    from minerva_promote.database.embedded.server import EmbeddedServer, databases, embedded_params

    target = _target(environment, identity)
    if not target.embedded:
        _require_pinned_database(project, environment, target)
        return target.params
    if target.dbname not in databases(EmbeddedServer(project.root).ensure_running()):
        hint = f"make it: promote setup --env {environment.name}"
        raise TargetError(f"the embedded server has no database {target.dbname}", hint=hint)
    params = embedded_params(project.root, target)
    if identity == "import" and target.user is None and environment.import_role is not None:
        params["user"] = environment.import_role
    _require_pinned_database(project, environment, target)
    return params


def _target(environment: Environment, identity: Literal["admin", "import"]) -> Target:
    # on the embedded server the owner is its superuser: such an environment may leave out admin_url
    if identity == "import" or ("admin_url" not in environment.settings and environment.url.embedded):
        return environment.url
    return environment.admin_url


def _require_pinned_database(project: Project, environment: Environment, target: Target) -> None:
    """Connect once where the environment is pinned, as psql itself would not compare."""
    if environment.pin is not None:
        from minerva_promote.database.session import connect_to

        connect_to(project, environment, target).close()
