"""``requires``: an environment takes only what another one has passed, proved from that one's ledger."""

from __future__ import annotations

import shlex
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
from minerva_promote.ledger.runs import SHORT, Run, failing, read_runs
from minerva_promote.ledger.verify import chain_errors
from minerva_promote.results import Outcome, StepResult
from minerva_promote.text_format import counted

CLOCK_SLACK = timedelta(seconds=5)  # by which a server's clock may have been set back between two looks
OF_THAT_NAME = 20  # runs of a file of the same name that are looked through
_NOW = b"select pg_catalog.clock_timestamp() as now"


def required_step(
    project: Project, environment: Environment, here: DatabaseIdentity, file: Path, sha256: str
) -> StepResult:
    """Whether the required environment has passed the file; only for an environment with ``requires``.

    ``here`` is the target, which must be another database. Looks read-only, as the import role of that environment.
    """
    wanted = environment.requires
    assert wanted is not None
    name = f"passed in {wanted.passed_in}"
    try:
        other = read_environment(project, wanted.passed_in)
        check = _RequirementCheck(name, environment, other, here, file, sha256)
        with import_session(project, other) as conn:
            require_ledger(conn, other.name, reading=True)
            unlike = _other_and_whole(conn, check)
            if unlike is not None:
                return unlike
            with read_only(conn, other.timeouts.check, one_snapshot=True):
                return _verdict(conn, wanted, check)
    except ConfigErrors as error:
        first = error.errors[0]
        fact, at, hint = first.message, first.location, first.hint
    except (ConfigError, TargetError) as error:
        fact, at, hint = error.message, error.location, error.hint
    except QueryError as error:
        fact, at, hint = error.reason, None, ""
    fact = f"its ledger cannot be read: {fact}"
    hint = hint or f"promote env ping --env {wanted.passed_in}"
    return StepResult("requires", name, Outcome.FAIL, fact, location=at or environment.location("requires"), hint=hint)


class _RequirementCheck:
    """One question to the ledger of the required environment, and the forms of its answer."""

    def __init__(
        self, name: str, environment: Environment, other: Environment, here: DatabaseIdentity, file: Path, sha256: str
    ) -> None:
        self.name = name
        self.environment = environment
        self.other = other
        self.here = here
        self.file = file
        self.sha256 = sha256

    @property
    def called(self) -> str:
        return f"{self.file.name} ({self.sha256[:8]}…)"

    @property
    def run_it(self) -> str:
        return f"promote run --env {self.other.name} --file {shlex.quote(str(self.file))}"

    def failure(self, fact: str, hint: str = "") -> StepResult:
        at = self.environment.location("requires")
        return StepResult("requires", self.name, Outcome.FAIL, fact, location=at, hint=hint or self.run_it)


def _other_and_whole(conn: Connection, check: _RequirementCheck) -> StepResult | None:
    """Nothing, or why its ledger proves nothing at all."""
    there = read_database_identity(conn)
    if there.known and there == check.here:
        fact = f"{check.other.name} and {check.environment.name} are the same database, {there.database}"
        return check.failure(fact, f"correct the URLs: promote env ping --env {check.other.name}")
    if broken := chain_errors(conn):
        more = f", and {counted(len(broken) - 1, 'other findings')}" if len(broken) > 1 else ""
        fact = f"the ledger of {check.other.name} cannot be believed: {broken[0].message}{more}"
        return check.failure(fact, f"promote history --env {check.other.name} --verify")
    return None


def _verdict(conn: Connection, wanted: Requires, check: _RequirementCheck) -> StepResult:
    """By the runs of this very file."""
    runs = [run for run in read_runs(conn, file=check.sha256) if run.latest("file_sha256") == check.sha256]
    runs = [run for run in runs if run.latest("subject") is None]  # without undos, and attempts at one
    own = [run for run in runs if run.first.environment == check.other.name]
    passed = [run for run in own if run.passed]
    if not passed:
        return check.failure(*_why_not(conn, check, own, runs))
    return _in_time(conn, wanted, check, max(passed, key=_passed_at))


def _in_time(conn: Connection, wanted: Requires, check: _RequirementCheck, run: Run) -> StepResult:
    """Whether it passed recently enough; both times are told by the clock of the same server."""
    at = _passed_at(run)
    now = fetch(conn, _NOW)[0]["now"]
    if at - now > CLOCK_SLACK:
        fact = f"run {run.short} passed at {_time(at)}, and the server's clock says that it is {_time(now)} now"
        return check.failure(fact, f"set the clock of the server of {check.other.name} right")
    if wanted.within is not None and now - at > timedelta(seconds=in_seconds(wanted.within)):
        fact = f"run {run.short} passed at {_time(at)}, {_ago(now - at)} ago, must be within {wanted.within}"
        return check.failure(fact, f"{check.run_it} looks again; its checks count, also when nothing is new")
    within = f", within {wanted.within}" if wanted.within else ""
    data = {"run_id": run.run_id, "passed_at": at.isoformat(), "environment": check.other.name}
    detail = f"run {run.short} of {_time(at)}{within}"
    return StepResult("requires", check.name, Outcome.OK, detail, data=data)


def _why_not(conn: Connection, check: _RequirementCheck, own: Sequence[Run], all_: Sequence[Run]) -> tuple[str, str]:
    """Why no run of the file has passed, by the one whose rows are there, else by what was last; and the way out."""
    if own:
        return _run_summary(check, max(own, key=lambda run: (run.state == "committed", _latest(run))))
    if all_:
        run = all_[0]
        fact = (
            f"{check.called} was never promoted to {check.other.name}: run {run.short}, which its ledger tells of,"
            f" was one of {run.first.environment}"
        )
        return fact, check.run_it
    named = read_runs(conn, file=check.file.name, limit=OF_THAT_NAME)
    other = next((run for run in named if run.passed and run.first.environment == check.other.name), None)
    if other is not None:
        sha = str(other.latest("file_sha256"))[:8]
        fact = (
            f"{check.called} was never promoted to {check.other.name}: the {check.file.name} that passed there in run"
            f" {other.short} of {_time(_passed_at(other))} is another one ({sha}…)"
        )
        return fact, f"promote that one, or let this one pass: {check.run_it}"
    return f"{check.called} was never promoted to {check.other.name}", check.run_it


def _run_summary(check: _RequirementCheck, run: Run) -> tuple[str, str]:
    """What became of a run that did not pass."""
    there, end = f"run {run.short} in {check.other.name}", run.end or run.last
    match run.state:
        case "committed":
            last = run.check_events[-1] if run.check_events else None
            if last is None:
                fact = f"{there} committed it at {_time(end.at)}, but its checks after COMMIT were never finished"
            elif last.run_id == run.run_id:
                fact = f"{there} committed it at {_time(end.at)}, but of its checks failed: {', '.join(failing(last))}"
            else:
                fact = f"{there} committed it at {_time(end.at)}, but when run {last.run_id[:SHORT]} made its checks"
                fact += f" again at {_time(last.at)}, of them failed: {', '.join(failing(last))}"
            return fact, f"{check.run_it} makes them again"
        case "undone":
            gone = [event for event in run.related_events if event.kind == "undone"][-1]
            return f"{there} was undone at {_time(gone.at)}", check.run_it
        case "running":
            return f"{there} is still at work on it, since {_time(run.began)}", "wait until it has ended"
        case "unchanged":
            fact = f"{there} found all its rows there already at {_time(end.at)}, and no run of it has brought them"
            return fact, f"promote the file that did; promote history --env {check.other.name} shows which"
        case "abandoned":
            return f"{there} began at {_time(run.began)} and was never finished", check.run_it
        case _:
            why = f": {run.reason}" if run.reason else ""
            return f"{there} {run.state} it at {_time(end.at)}{why}", f"correct what it says, then {check.run_it}"


def _passed_at(run: Run) -> datetime:
    """When its checks after COMMIT were last made."""
    return run.check_events[-1].at


def _latest(run: Run) -> int:
    """Its place in the ledger, by the last that is told of it."""
    return max(event.seq for event in (*run.events, *run.related_events))


def _time(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"


def _ago(span: timedelta) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if span.total_seconds() >= length:
            return counted(int(span.total_seconds() // length), unit)
    return counted(int(span.total_seconds()), "seconds")
