"""Binary statements sent ahead: the server works on one batch while the client makes the next.

Parameters and results are wire forms, in the binary format, so nothing is parsed as text on either side.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

import psycopg
from psycopg import capabilities, generators, pq

from minerva_promote.database.connection import Connection
from minerva_promote.database.server_errors import target_error
from minerva_promote.database.wait_monitor import wait_monitor_of
from minerva_promote.errors import TargetError

Wire = bytes | None
Rows = list[tuple[Wire, ...]]


class Pipelined:
    """At most one statement is under way; everything runs in the transaction that the connection is in.

    Raises TargetError when the server refuses a statement or the connection breaks.
    """

    def __init__(self, conn: Connection, doing: str) -> None:
        self.conn = conn
        self.pgconn = conn.pgconn
        self.doing = doing  # for messages: "importing chunks"
        self.waiting = False
        self._prepared: dict[tuple[bytes, int], bytes] = {}
        self._prefix = uuid4().hex[:12]  # behind a pooler, names of others live on the same server connection

    def send(
        self,
        sql: bytes,
        types: Sequence[int],
        values: Sequence[Wire],
        *,
        keep: bool = False,
        formats: Sequence[int] | None = None,
    ) -> None:
        """Start a statement; ``keep`` prepares it, for one that comes again before close().

        ``formats``: of each value, 0 for text and 1 for binary; all binary unless told otherwise.
        """
        assert not self.waiting
        self.conn.require_transaction()
        formats = formats or [pq.Format.BINARY] * len(values)
        try:
            if keep and capabilities.has_send_close_prepared():
                name = self._prepare(sql, types)
                self.pgconn.send_query_prepared(name, values, formats, pq.Format.BINARY)
            else:
                self.pgconn.send_query_params(sql, values, types, formats, pq.Format.BINARY)
            self.waiting = True
            self.conn.wait(generators.send(self.pgconn))
        except psycopg.Error as error:
            raise self._lost(error) from error

    def receive(self) -> Rows:
        """The rows of the statement under way."""
        assert self.waiting
        result = self._result()
        fields = range(result.nfields)
        get = result.get_value
        return [tuple([get(row, field) for field in fields]) for row in range(result.ntuples)]

    def ask(
        self, sql: bytes, types: Sequence[int], values: Sequence[Wire], formats: Sequence[int] | None = None
    ) -> Rows:
        """The rows of one statement, waited for."""
        self.send(sql, types, values, formats=formats)
        return self.receive()

    def close(self) -> None:
        """Have the server forget the prepared statements; a transaction that is rolled back does so too."""
        try:
            self.conn.close_prepared()
        except psycopg.Error as error:
            raise self._lost(error) from error
        self._prepared.clear()

    def _prepare(self, sql: bytes, types: Sequence[int]) -> bytes:
        name = self._prepared.get((sql, len(types)))
        if name is None:
            name = f"promote_{self._prefix}_{len(self._prepared)}".encode()
            self.pgconn.send_prepare(name, sql, types)
            self.waiting = True
            self._result()
            self._prepared[(sql, len(types))] = name
            self.conn.prepared += (name,)
        return name

    def _result(self) -> pq.abc.PGresult:
        try:
            results = self.conn.wait(generators.execute(self.pgconn))
        except psycopg.Error as error:
            raise self._lost(error) from error
        finally:
            self.waiting = False
        result: pq.abc.PGresult = results[-1]
        if result.status not in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
            refused = psycopg.errors.error_from_result(result, encoding="utf-8")
            if monitor := wait_monitor_of(self.conn):
                monitor.explain(refused)
            raise target_error(self.doing, refused) from refused
        return result

    def _lost(self, error: psycopg.Error) -> TargetError:
        return target_error(self.doing, error)
