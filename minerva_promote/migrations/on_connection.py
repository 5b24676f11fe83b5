"""A connection of ours as SQLAlchemy sees it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from minerva_promote.database.connection import Connection as Session
from minerva_promote.database.server_errors import target_error
from minerva_promote.database.session import commit_or_unknown
from minerva_promote.signals import interruption_behind


def engine_for_connection(conn: Session) -> Engine:
    """SQLAlchemy on a connection of ours, which stays open."""
    return create_engine(
        "postgresql+psycopg://",
        creator=lambda: conn,
        poolclass=StaticPool,
        pool_reset_on_return=None,
        use_native_hstore=False,
    )


@contextmanager
def transaction_for_alembic(conn: Session) -> Iterator[Connection]:
    """One transaction on an idle connection of ours, as SQLAlchemy sees it; committed when the block ends well.

    Statements on ``conn`` itself belong to the transaction once the first one is sent. The connection stays open.
    """
    before = _autocommit(conn, False)
    failure: BaseException | None = None
    try:
        with engine_for_connection(conn).connect() as connection, connection.begin():
            try:
                yield connection
                commit_or_unknown(conn, "", "promote migrate shows which revisions the database has")
            except BaseException as error:
                failure = error
                if isinstance(error, KeyboardInterrupt):
                    conn.roll_back()  # a statement may be under way, which SQLAlchemy would not break off
                raise
    except DBAPIError as error:
        if stop := interruption_behind(error):
            raise stop from None
        if failure is not None and failure is not error:  # SQLAlchemy could not roll back either: no news
            raise failure from None
        raise target_error("migrating", error.orig) from error
    finally:
        conn.roll_back()
        if not conn.closed:
            _autocommit(conn, before)


def _autocommit(conn: Session, value: bool) -> bool:
    before = conn.autocommit
    if before != value:
        conn.autocommit = value
    return before
