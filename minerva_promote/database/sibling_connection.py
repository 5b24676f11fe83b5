"""A second connection to the database that a connection is already on, as the same role."""

from __future__ import annotations

from urllib.parse import quote

import psycopg

from minerva_promote.config.models.project import Timeouts
from minerva_promote.database.connection import Connection
from minerva_promote.database.server_errors import target_errors
from minerva_promote.database.session import own_session, prepare
from minerva_promote.database.wait_monitor import monitor_waits

_PROOF = """select 1 from pg_catalog.pg_locks where locktype = 'advisory' and granted and pid = {pid}
and database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
and classid::bigint = {high} and objid::bigint = {low}"""


def sibling_connection(conn: Connection, timeouts: Timeouts, application: str) -> Connection:
    """A second session, in autocommit, with the settings of every session."""
    params = {**conn.info.get_parameters(), "password": conn.info.password, "application_name": application}
    with target_errors("connecting once more"):
        other = Connection.connect(
            psycopg.conninfo.make_conninfo("", **{name: value for name, value in params.items() if value}),
            autocommit=True,
            prepare_threshold=None,
        )
    monitor_waits(other, timeouts)
    prepare(other, timeouts, application)
    own_session(other, timeouts, application)
    return other


def sqlalchemy_url(conn: Connection) -> tuple[str, str]:
    """The URL of a connection, as SQLAlchemy writes it for psycopg, and the password, which is not in it.

    Without a percent sign where that can be: ConfigParser, through which many an env.py passes it, trips over one.
    """
    info, params = conn.info, conn.info.get_parameters()
    left = {name: value for name, value in params.items() if name not in ("user", "host", "hostaddr", "port", "dbname")}
    where = quote(info.host, safe=":[]") if not info.host.startswith("/") else ""
    if where:
        where = f"[{where}]" if ":" in where and not where.startswith("[") else where
        where += f":{info.port}"
    else:
        left |= {"host": info.host, "port": str(info.port)}
    left.pop("application_name", None)
    left.pop("client_encoding", None)
    query = "&".join(f"{name}={quote(str(value), safe='/:,')}" for name, value in left.items() if value)
    database = quote(info.dbname, safe="")
    return f"postgresql+psycopg://{quote(info.user, safe='')}@{where}/{database}{'?' if query else ''}{query}", (
        info.password or ""
    )


def same_database_query(pid: int, key: int) -> str:
    """The query that has a row when it is asked in the database where session ``pid`` holds advisory lock ``key``.

    Names do not prove it: two servers have databases of one name, and a pooler answers for others.
    """
    return _PROOF.format(pid=pid, high=key >> 32, low=key & 0xFFFFFFFF)
