"""What a statement waits for, checked from a second connection while it waits.

A statement that has failed with lock_timeout no longer tells which session held the lock, and one that waits for a
synchronous standby waits without limit: statement_timeout does not cover it. So the client itself checks, in the pauses
in which the driver waits for the server, pg_blocking_pids() of its own session and the wait event SyncRep. A wait for a
standby is cancelled after ``timeouts: commit``; the transaction is committed by then, and the server says so in a
warning. A statement that commits several times, such as CREATE INDEX CONCURRENTLY, is given that time once.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any
from weakref import WeakKeyDictionary

import psycopg

from minerva_promote import commit_log
from minerva_promote.config.durations import in_seconds
from minerva_promote.config.models.project import Timeouts
from minerva_promote.database.connection import Connection
from minerva_promote.database.lock_holders import LockHolders, read_deadlock, read_lock_holders
from minerva_promote.signals import current, obey

FIRST_CHECK = 0.5  # seconds that a statement runs before the first check of what it waits for
_TICK = 0.1  # seconds between two pauses of the driver
_CANCEL_SECONDS = 5
_CONNECT_SECONDS = 3
_STANDBY_WARNING = "SyncRepWaitForLSN"  # the server's function that says that a wait for a standby was cancelled
_LOCK_TIMEOUT, _DEADLOCK = "55P03", "40P01"


class WaitMonitor:
    """Checks what the statements of one connection wait for, from a second one that is opened for slow ones."""

    # Of the statement that runs, set by _begin(); times are seconds of time.monotonic().
    _begun: float
    _pause: float  # between two checks
    _next: float  # check
    _standby_since: float  # COMMIT waits for a standby; 0: it does not
    _cancelled: bool
    _given_up: bool  # a commit of this statement was not confirmed: those that follow are not waited for

    def __init__(self, conn: psycopg.Connection[Any], lock: float, commit: float) -> None:
        self.unconfirmed = 0  # commits that the server says no standby has confirmed
        self.committing = False  # a COMMIT is under way: the first signal cancels its waiting for a standby
        self._conn = conn
        self._commit = commit  # seconds to wait for a standby; 0 is no limit
        self._lock = lock
        self._longest = 0.4 * lock if lock else 4 * FIRST_CHECK  # between two checks; two fall into every lock timeout
        self._first = min(FIRST_CHECK, self._longest)
        self._sibling: psycopg.Connection[Any] | None = None
        self._blind = False  # a second connection is not possible
        self.holders: LockHolders | None = None
        self._begin()
        conn.add_notice_handler(self._hear)

    def run(self, wait: Any, generator: Generator[int, int, Any], *args: Any, **more: Any) -> Any:
        """The driver's ``wait``, with a check now and then."""
        self._begin()
        if not args:
            more.setdefault("interval", min(_TICK, self._first / 2))
        try:
            return wait(_MonitoredGenerator(generator, self), *args, **more)
        except psycopg.Error as error:
            self.explain(error)
            raise
        finally:
            if self._sibling is not None:
                self._sibling.close()
                self._sibling = None

    def explain(self, error: psycopg.Error) -> None:
        """Keep with the error who held the lock that it waited for."""
        if error.sqlstate == _DEADLOCK and not self.holders:
            self.holders = self._ask(lambda sibling: read_deadlock(sibling, error.diag.message_detail or ""))
        if error.sqlstate in (_LOCK_TIMEOUT, _DEADLOCK) and self.holders:
            waited = time.monotonic() - self._begun
            error.lock_holders = self.holders.text(  # type: ignore[attr-defined]
                min(waited, self._lock or waited), error.diag.context or ""
            )

    def tick(self) -> None:
        """The driver waits, and nothing has come."""
        now = time.monotonic()
        if self.committing and current().pending is not None:
            self._cancel()
        if now >= self._next:
            self._check(now)
        patience = 0.0 if self._given_up else self._commit
        late = self._standby_since and now - self._standby_since >= patience
        blindly = self.committing and self._blind and now - self._begun >= self._commit
        if self._commit and (late or blindly):
            self._cancel()

    def _begin(self) -> None:
        self._begun = time.monotonic()
        self._pause = self._first
        self._next = self._begun + self._first
        self._standby_since = 0.0
        self._cancelled = False
        self._given_up = False
        self.holders = None

    def _check(self, now: float) -> None:
        pid = getattr(self._conn, "server_pid", 0) or self._conn.info.backend_pid
        name = self._conn.info.parameter_status("application_name") or ""
        waiting = self._ask(lambda sibling: read_lock_holders(sibling, pid, name))
        if waiting is not None and waiting.standby:
            if not self._standby_since:
                self._standby_since = now
                limit = f", at most {self._commit:g} s" if self._commit else ""
                commit_log.announce(f"COMMIT waits for a synchronous standby (wait event SyncRep){limit}")
        elif waiting is not None:
            self._standby_since = 0.0
            self.holders = waiting if waiting.holders else self.holders
        self._pause = min(2 * self._pause, self._longest)
        self._next = time.monotonic() + self._pause
        if self._commit and self._standby_since:
            self._next = max(self._next, self._standby_since + self._commit)

    def _ask(self, question: Any) -> LockHolders | None:
        if self._blind:
            return None
        try:
            if self._sibling is None:
                self._sibling = _monitoring_connection(self._conn)
            answer: LockHolders | None = question(self._sibling)
        except psycopg.Error:
            self._blind = True  # the server has no free connection, or has gone
            return None
        return answer

    def _cancel(self) -> None:
        """Ask the server once to cancel the statement; its answer is still waited for."""
        if self._cancelled:
            return
        self._cancelled = True
        try:
            self._conn.cancel_safe(timeout=_CANCEL_SECONDS)
        except psycopg.Error:
            self._cancelled = False

    def _hear(self, diag: psycopg.errors.Diagnostic) -> None:
        if diag.source_function == _STANDBY_WARNING:
            self.unconfirmed += 1
            commit_log.record_unconfirmed(time.monotonic() - (self._standby_since or self._begun))
            self._standby_since = 0.0
            self._given_up = True
            if not self.committing:  # CREATE INDEX CONCURRENTLY and its like commit several times, and wait each time
                self._cancelled = False


class _MonitoredGenerator:
    """A generator of the driver that calls the monitor when nothing has come; a signal is obeyed between two steps."""

    def __init__(self, generator: Generator[int, int, Any], monitor: WaitMonitor) -> None:
        self._generator = generator
        self._monitor = monitor

    def __iter__(self) -> _MonitoredGenerator:
        return self

    def __next__(self) -> int:
        obey()
        return next(self._generator)

    def send(self, ready: int) -> int:
        """Pass the driver's answer on."""
        if not ready:
            obey()
            self._monitor.tick()
        return self._generator.send(ready)


_monitors: WeakKeyDictionary[psycopg.Connection[Any], WaitMonitor] = WeakKeyDictionary()


def monitor_waits(conn: psycopg.Connection[Any], timeouts: Timeouts) -> None:
    """Check from now on what the statements of a connection wait for."""
    monitor = WaitMonitor(conn, in_seconds(timeouts.lock), in_seconds(timeouts.commit))
    wait = type(conn).wait.__get__(conn)
    _monitors[conn] = monitor
    if isinstance(conn, Connection):
        conn.explain = monitor.explain  # type: ignore[method-assign]
    conn.wait = lambda generator, *args, **more: monitor.run(wait, generator, *args, **more)  # type: ignore[method-assign]


def wait_monitor_of(conn: psycopg.Connection[Any]) -> WaitMonitor | None:
    """The monitor of a connection, if it has one."""
    return _monitors.get(conn)


def _monitoring_connection(conn: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    info = conn.info
    params = {name: value for name, value in info.get_parameters().items() if value}
    params |= {"host": info.host, "port": str(info.port), "connect_timeout": str(_CONNECT_SECONDS)}
    params["application_name"] = "promote (looks at locks)"
    if info.password:
        params["password"] = info.password
    if "," in params.get("hostaddr", ""):
        params.pop("hostaddr")
    return psycopg.connect(psycopg.conninfo.make_conninfo("", **params), autocommit=True, prepare_threshold=None)
