"""What the server says without being asked, as findings."""

from __future__ import annotations

import psycopg
from psycopg.errors import Diagnostic

from minerva_promote.results import Finding, Severity

# The server's hint ("drop the index until the table has more data") is no way out of a migration.
LITTLE_DATA = "ivfflat index created with little data"
LITTLE_DATA_HELP = "rebuild it when the rows are there: promote index --env {environment} --apply"


class Notices:
    """Collects the notices and warnings of a connection to an environment from now on."""

    def __init__(self, conn: psycopg.Connection, environment: str) -> None:
        self._environment = environment  # its name, for the way out
        self._findings: list[Finding] = []
        self._warnings: list[str] = []
        conn.add_notice_handler(self._take)

    def _take(self, diag: Diagnostic) -> None:
        if diag.severity_nonlocalized in ("NOTICE", "WARNING"):
            self._findings.append(_finding(diag, self._environment))
        if diag.severity_nonlocalized == "WARNING":
            self._warnings.append(diag.message_primary or "")

    def drain(self) -> tuple[Finding, ...]:
        """The findings since the last call."""
        drained, self._findings = tuple(self._findings), []
        return drained

    def warnings(self) -> tuple[str, ...]:
        """The warnings alone, in the server's words, since the last call."""
        drained, self._warnings = tuple(self._warnings), []
        return drained


def _finding(diag: Diagnostic, environment: str) -> Finding:
    fact = diag.message_primary or ""
    if diag.message_detail:
        fact = f"{fact}: {diag.message_detail}"
    if diag.message_primary == LITTLE_DATA:
        help_ = LITTLE_DATA_HELP.format(environment=environment)
        return Finding("index-little-data", fact, help=help_, severity=Severity.WARN)
    return Finding("server-notice", fact, help=diag.message_hint or "", severity=Severity.WARN)
