"""A connection that relies on no state of its session and leaves none behind.

A pooler may give every transaction another server process, and gives the one that a transaction had to somebody else
afterwards. So each transaction brings its settings along, as SET LOCAL would, in the message that begins it; and a
statement outside a transaction is sent as a transaction of its own, in one message with them. Nothing is prepared
under a name, and no lock or temporary table outlives a transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import generators, pq
from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader

from minerva_promote.errors import TargetError
from minerva_promote.signals import interruption_behind

READ_COMMITTED = b"isolation level read committed"
REPEATABLE_READ = b"isolation level repeatable read"

_IDLE = pq.TransactionStatus.IDLE
_CANCEL_SECONDS = 5


class _Enclosed:
    """Cursors whose statements never run without the settings of the connection."""

    connection: Connection

    def execute(self, *args: Any, **more: Any) -> Any:
        """Execute a statement, in a transaction of its own where none is open."""
        with self.connection.enclosed():
            return super().execute(*args, **more)  # type: ignore[misc]

    def executemany(self, *args: Any, **more: Any) -> Any:
        """Execute a statement several times, in the open transaction."""
        self.connection.require_transaction()
        return super().executemany(*args, **more)  # type: ignore[misc]

    def stream(self, *args: Any, **more: Any) -> Any:
        """Read row by row, in the open transaction."""
        self.connection.require_transaction()
        return super().stream(*args, **more)  # type: ignore[misc]

    def copy(self, *args: Any, **more: Any) -> Any:
        """COPY, in the open transaction."""
        self.connection.require_transaction()
        return super().copy(*args, **more)  # type: ignore[misc]


class Cursor(_Enclosed, psycopg.Cursor[Any]):
    """For statements with the driver's placeholders."""


class RawCursor(_Enclosed, psycopg.RawCursor[Any]):
    """For statements with the server's placeholders, $1."""


class Connection(psycopg.Connection[Any]):
    """A connection whose every transaction begins with ``settings``: a SELECT that returns the server's process id."""

    settings = b""
    server_pid = 0  # of the process that the last transaction ran in
    pids: frozenset[int] = frozenset()  # of all of them
    prepared: tuple[bytes, ...] = ()  # names of statements that the server's process keeps until they are closed
    keeps_session = False  # the settings are the session's: see keep_session()
    _depth = 0  # of savepoints
    cursor_factory: type[psycopg.Cursor[Any]]

    def adopt(self, settings: bytes) -> None:
        """Begin every transaction with these settings from now on; raises what the server says when it refuses them."""
        self.settings = settings
        self.cursor_factory = Cursor
        # What the driver would read from the session holds within transactions only, and is always this.
        for name, loader in (("date", _Date), ("timestamp", _Timestamp), ("timestamptz", _Timestamptz)):
            self.adapters.register_loader(name, loader)
        row = self.probe()
        # An unshared session may be idle between two transactions without a limit; it ends with the connection.
        if not self.pooled and row.get_value(0, 1) not in (None, b"0"):
            self.send(b"select pg_catalog.set_config('idle_session_timeout', '0', false)")

    def probe(self) -> pq.abc.PGresult:
        """Run an empty transaction, in one message: it tells which process answers, and applies the settings once."""
        row = self.send(b";".join([b"begin " + READ_COMMITTED, self.settings, b"ROLLBACK"]))[1]
        self._learn(row.get_value(0, 0))
        return row

    @property
    def sends_unchanged(self) -> bool:
        """Whether statements are sent as they are: the session has the settings, or there are none."""
        return self.keeps_session or not self.settings

    @property
    def pooled(self) -> bool:
        """Whether another process answers than the one named at connection: there is a pooler in between."""
        return self.pids != {self.info.backend_pid}

    def keep_session(self, settings: bytes) -> None:
        """Give the settings to the session itself: for statements outside transactions. It must not be shared."""
        self.send(settings)
        self.keeps_session = True

    def start(self, isolation: bytes = READ_COMMITTED, more: bytes = b"") -> None:
        """BEGIN, the settings, and ``more`` statements without parameters or rows, in one message."""
        settings = b"select pg_catalog.pg_backend_pid()" if self.sends_unchanged else self.settings
        try:
            results = self.send(b";".join([b"begin " + isolation, settings, *([more] if more else [])]))
        except psycopg.errors.ProtocolViolation as error:  # a pooler that pools single statements
            raise TargetError(
                f"no transaction can be started: {error.diag.message_primary}",
                hint="have the connection pooler pool transactions (pool_mode = transaction), or go around it in url",
            ) from error
        self._learn(results[1].get_value(0, 0))

    def send(self, statements: bytes) -> list[pq.abc.PGresult]:
        """Statements without parameters, in one message, as they are: without settings and without a BEGIN."""
        self.pgconn.send_query(statements)
        results: list[pq.abc.PGresult] = self.wait(generators.execute(self.pgconn))
        for result in results:
            if result.status == pq.ExecStatus.FATAL_ERROR:
                error = psycopg.errors.error_from_result(result, encoding=self.info.encoding)
                self.explain(error)
                raise error
        return results

    def explain(self, error: psycopg.Error) -> None:
        """Attach to an error what is known of its cause: nothing, unless wait_monitor.monitor_waits() replaces this."""

    @contextmanager
    def enclosed(self) -> Iterator[None]:
        """The one statement that is executed inside is a transaction of its own, where none is open."""
        status = self.info.transaction_status
        if self.sends_unchanged or status is not _IDLE or self.pgconn.pipeline_status or self.closed:
            yield
        elif not self.autocommit:
            self.start()
            yield
        else:
            with self._alone():
                yield

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """BEGIN, the settings, what is executed inside, and COMMIT, in one message."""
        settings = psycopg.RawCursor(self)
        failure: BaseException | None = None
        try:
            with self.pipeline():
                try:
                    psycopg.RawCursor(self).execute(b"begin " + READ_COMMITTED)
                    settings.execute(self.settings, binary=True)
                    yield
                    psycopg.RawCursor(self).execute(b"COMMIT")
                except psycopg.Error as error:
                    failure = error  # raised below: what follows in the pipeline only says that it was not done
        except BaseException as error:  # of a signal the driver may only say that the pipeline is still busy
            failure = interruption_behind(error) or failure or error
        if failure is not None:
            self.roll_back()
            raise failure
        self._learn(b"%d" % settings.fetchall()[0][0])

    @contextmanager
    def transaction(  # type: ignore[override]
        self,
        savepoint_name: str | None = None,
        force_rollback: bool = False,
        *,
        isolation: bytes = READ_COMMITTED,
        more: bytes = b"",
    ) -> Iterator[None]:
        """A transaction, or a savepoint of the one that is open; ``more`` is sent with its beginning.

        It is committed at the end, and rolled back when an exception leaves it or with ``force_rollback``.
        """
        if self.info.transaction_status is _IDLE:
            self.start(isolation, more)
            back, keep = b"ROLLBACK", b"COMMIT"
        else:
            self._depth += 1
            name = (savepoint_name or f"promote_{self._depth}").encode()
            self.send(b"savepoint " + name + (b";" + more if more else b""))
            back, keep = b"rollback to " + name + b"; release " + name, b"release " + name
        outermost = keep == b"COMMIT"
        try:
            yield
        except BaseException:
            self.roll_back() if outermost else self._back_to(back)
            raise
        finally:
            self._depth -= not outermost
        answer = self.send(back if force_rollback else keep)[-1].command_status
        if answer == b"ROLLBACK" and keep == b"COMMIT" and not force_rollback:
            raise psycopg.OperationalError("the server answered ROLLBACK to COMMIT: nothing was stored")

    def roll_back(self) -> None:
        """Roll back if there is anything to roll back; a statement that still runs is cancelled first.

        Never raises for what the server says: a connection that cannot be rolled back is closed, which does the same.
        """
        try:
            if self.info.transaction_status == pq.TransactionStatus.ACTIVE:
                self.cancel_safe(timeout=_CANCEL_SECONDS)
                self._read_to_the_end()
            if not self.closed and self.info.transaction_status != _IDLE:
                self.close_prepared()
                self.send(b"rollback")
        except psycopg.Error:
            self.close()

    def _read_to_the_end(self) -> None:
        """Read what the server answers to all that was sent, also in a pipeline that a signal has left midway."""
        if not self.pgconn.pipeline_status:
            self.wait(generators.execute(self.pgconn))
            return
        self.pgconn.pipeline_sync()  # until it gets this, the server waits for more and ends nothing
        while self.info.transaction_status == pq.TransactionStatus.ACTIVE:
            self.wait(generators.execute(self.pgconn))
        self.pgconn.exit_pipeline_mode()

    def close_prepared(self) -> None:
        """Have the server forget what is prepared; also in a transaction that has failed."""
        for name in self.prepared:
            self.pgconn.send_close_prepared(name)
            self.wait(generators.execute(self.pgconn))
        self.prepared = ()

    def _back_to(self, statements: bytes) -> None:
        """Roll back to a savepoint, where the server can still do it; a transaction that is closed ends by itself."""
        if self.info.transaction_status not in (pq.TransactionStatus.INTRANS, pq.TransactionStatus.INERROR):
            return
        try:
            self.send(statements)
        except psycopg.Error:
            self.close()

    def require_transaction(self) -> None:
        """Raise unless a transaction is open: the next statement needs the settings that it began with."""
        if self.info.transaction_status is _IDLE and not self.sends_unchanged:
            raise psycopg.ProgrammingError("this takes a transaction: with conn.transaction()")

    def _learn(self, pid: bytes | None) -> None:
        self.server_pid = int(pid or 0)
        self.pids |= {self.server_pid}


class _Date(DateLoader):
    def __init__(self, oid: int, connection: object = None) -> None:
        super().__init__(oid, None)


class _Timestamp(TimestampLoader):
    def __init__(self, oid: int, connection: object = None) -> None:
        super().__init__(oid, None)


class _Timestamptz(TimestamptzLoader):
    def __init__(self, oid: int, connection: object = None) -> None:
        super().__init__(oid, None)


def raw_cursor(conn: psycopg.Connection[Any]) -> psycopg.RawCursor[Any]:
    """A cursor that takes the server's placeholders."""
    return RawCursor(conn) if isinstance(conn, Connection) else psycopg.RawCursor(conn)
