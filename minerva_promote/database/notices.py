"""Notices and warnings of the server, as findings."""

from __future__ import annotations

from dataclasses import replace

from psycopg.errors import Diagnostic

from minerva_promote.database.connection import Connection
from minerva_promote.results import Finding, Outcome, Severity, StepResult

# The server's hint ("drop the index until the table has more data") does not help in a migration.
LITTLE_DATA = "ivfflat index created with little data"
LITTLE_DATA_HELP = "rebuild it when the rows are there: promote index --env {environment} --apply"

MOST = 20  # different findings that are kept between two calls of drain(): a trigger may raise a notice for every row


class Notices:
    """Collects the notices and warnings of a connection to an environment from now on, each once with its number."""

    def __init__(self, conn: Connection, environment: str) -> None:
        self._environment = environment  # its name, for the hint
        self._findings: dict[tuple[str, str], Finding] = {}
        self._more = 0
        self._warnings: list[str] = []
        self.listen(conn)

    def listen(self, conn: Connection) -> None:
        """Collect those of another connection too."""
        conn.add_notice_handler(self._take)

    def _take(self, diag: Diagnostic) -> None:
        if diag.severity_nonlocalized in ("NOTICE", "WARNING"):
            finding = _finding(diag, self._environment)
            known = self._findings.get((finding.code, finding.message))
            if known is not None:
                finding = replace(known, count=known.count + 1)
            elif len(self._findings) >= MOST:
                self._more += 1
                return
            self._findings[finding.code, finding.message] = finding
        if diag.severity_nonlocalized == "WARNING":
            self._warnings.append(diag.message_primary or "")

    def drain(self) -> tuple[Finding, ...]:
        """The findings since the last call."""
        drained = tuple(map(_with_count, self._findings.values()))
        if self._more:
            message = f"{self._more:,} more notices of the server"
            drained += (Finding("server-notice", message, severity=Severity.WARN, count=self._more),)
        self._findings, self._more = {}, 0
        return drained

    def steps(self, command: str) -> tuple[StepResult, ...]:
        """The findings since the last call as one step; nothing when there are none."""
        findings = self.drain()
        return (StepResult(command, "server notices", Outcome.WARN, findings=findings),) if findings else ()

    def warnings(self) -> tuple[str, ...]:
        """The warnings alone, in the server's words, since the last call."""
        drained, self._warnings = tuple(self._warnings), []
        return drained


def _with_count(finding: Finding) -> Finding:
    return replace(finding, message=f"{finding.message} ({finding.count:,} times)") if finding.count > 1 else finding


def _finding(diag: Diagnostic, environment: str) -> Finding:
    message = diag.message_primary or ""
    if diag.message_detail:
        message = f"{message}: {diag.message_detail}"
    if diag.message_primary == LITTLE_DATA:
        hint = LITTLE_DATA_HELP.format(environment=environment)
        return Finding("index-little-data", message, hint=hint, severity=Severity.WARN)
    return Finding("server-notice", message, hint=diag.message_hint or "", severity=Severity.WARN)
