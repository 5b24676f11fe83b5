"""``requires``: an environment takes only what another one has passed, proved from that one's ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from minerva_promote.config.durations import in_seconds
from minerva_promote.config.load_environment import read_environment
from minerva_promote.config.models.project import Requires
from minerva_promote.config.project import Environment, Project
from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.database_identity import DatabaseIdentity, read_database_identity
from minerva_promote.database.read_only import QueryError, read_only
from minerva_promote.database.session import import_session
from minerva_promote.errors import ConfigError, ConfigErrors, TargetError
from minerva_promote.ledger.install import require_ledger
from minerva_promote.ledger.runs import Run, read_runs
from minerva_promote.ledger.verify import chain_errors
from minerva_promote.promotion import gate_report as report
from minerva_promote.promotion.gate_report import RequirementCheck
from minerva_promote.results import StepResult

CLOCK_SLACK = timedelta(seconds=5)  # by which a server's clock may have been set back between two readings
OF_THAT_NAME = 20  # runs of a file of the same name that are examined
_NOW = b"select pg_catalog.clock_timestamp() as now"


def required_step(
    project: Project, environment: Environment, target: DatabaseIdentity, file: Path, sha256: str
) -> StepResult:
    """Whether the required environment has passed the file; only for an environment with ``requires``.

    ``target`` must be another database than the required one, which is only read, as its import role.
    """
    requires = environment.requires
    assert requires is not None
    try:
        other = read_environment(project, requires.passed_in)
        check = RequirementCheck(environment, other, file, sha256)
        with import_session(project, other) as conn:
            require_ledger(conn, other.name, for_reading=True)
            untrusted = _untrusted_step(conn, check, target)
            if untrusted is not None:
                return untrusted
            with read_only(conn, other.timeouts.check, one_snapshot=True):
                return _verdict(conn, requires, check)
    except ConfigErrors as error:
        first = error.errors[0]
        message, location, hint = first.message, first.location, first.hint
    except (ConfigError, TargetError) as error:
        message, location, hint = error.message, error.location, error.hint
    except QueryError as error:
        message, location, hint = error.reason, None, ""
    location = location or environment.location("requires")
    return report.unreadable_ledger_step(requires.passed_in, message, location, hint)


def _untrusted_step(conn: Connection, check: RequirementCheck, target: DatabaseIdentity) -> StepResult | None:
    """Why the ledger proves nothing at all: it is the target's own, or it was changed; None when it can be trusted."""
    identity = read_database_identity(conn)
    if identity.known and identity == target:
        return report.same_database_step(check, identity.database)
    if findings := chain_errors(conn):
        return report.broken_chain_step(check, findings)
    return None


def _verdict(conn: Connection, requires: Requires, check: RequirementCheck) -> StepResult:
    """By the runs of the file with this hash."""
    runs = [run for run in read_runs(conn, file=check.sha256) if run.latest("file_sha256") == check.sha256]
    runs = [run for run in runs if run.latest("subject") is None]  # without undos, and attempts at one
    own = [run for run in runs if run.first.environment == check.other.name]
    passed = [run for run in own if run.passed]
    if not passed:
        return _not_passed(conn, check, own, runs)
    return _in_time(conn, requires, check, max(passed, key=_passed_at))


def _in_time(conn: Connection, requires: Requires, check: RequirementCheck, run: Run) -> StepResult:
    """Whether it passed recently enough; both times are of the clock of the same server."""
    passed_at = _passed_at(run)
    now = fetch(conn, _NOW)[0]["now"]
    if passed_at - now > CLOCK_SLACK:
        return report.passed_in_future_step(check, run, passed_at, now)
    if requires.within is not None and now - passed_at > timedelta(seconds=in_seconds(requires.within)):
        return report.passed_too_early_step(check, run, passed_at, now, requires.within)
    return report.passed_step(check, run, passed_at, requires.within)


def _not_passed(conn: Connection, check: RequirementCheck, own: Sequence[Run], runs: Sequence[Run]) -> StepResult:
    """Why no run of the file has passed, by the run whose rows are there, else by the latest; ``own`` are of there."""
    if own:
        return report.run_not_passed_step(check, max(own, key=lambda run: (run.state == "committed", _latest(run))))
    if runs:
        return report.run_of_another_environment_step(check, runs[0])
    named = read_runs(conn, file=check.file.name, limit=OF_THAT_NAME)
    namesake = next((run for run in named if run.passed and run.first.environment == check.other.name), None)
    return report.never_promoted_step(check, namesake)


def _passed_at(run: Run) -> datetime:
    """When its checks after COMMIT were last made."""
    return run.check_events[-1].at


def _latest(run: Run) -> int:
    """The number of its latest event in the ledger."""
    return max(event.seq for event in (*run.events, *run.related_events))
