"""Two clocks that differ: said, because times are the server's, and whoever reads them has the other one at hand."""

from __future__ import annotations

import time
from collections.abc import Iterator

from minerva_promote.database.catalog import fetch
from minerva_promote.database.session import Connection
from minerva_promote.results import Finding, Severity
from minerva_promote.text_format import seconds

MOST = 300  # seconds that two clocks may differ


def clock_findings(conn: Connection) -> Iterator[Finding]:
    """A warning when the clocks of client and server are minutes apart."""
    before = time.time()
    theirs = float(fetch(conn, b"select extract(epoch from clock_timestamp())::float8 as now")[0]["now"])
    ours = (before + time.time()) / 2
    if abs(theirs - ours) <= MOST:
        return
    which = "behind" if theirs > ours else "ahead of"
    fact = f"this machine's clock is {seconds(abs(theirs - ours))} {which} the server's"
    help_ = "set the wrong one right; the ledger's times, and `within`, are by the server's clock alone"
    yield Finding("clock", fact, hint=help_, severity=Severity.WARN)
