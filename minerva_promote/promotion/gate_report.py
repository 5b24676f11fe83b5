"""The steps of the gates before the first row: required environment, embedding model, plan that was given, backup."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from minerva_promote.config.project import Environment
from minerva_promote.errors import Location
from minerva_promote.ledger.embedding_model import ModelRun
from minerva_promote.ledger.recent_changes import RecentChange, describe_changes
from minerva_promote.ledger.runs import SHORT, Run, failing
from minerva_promote.promotion.request import PromotionRequest
from minerva_promote.results import Finding, Outcome, Severity, StepResult
from minerva_promote.text_format import counted, size


@dataclass(frozen=True, slots=True)
class RequirementCheck:
    """What the ledger of a required environment is asked about."""

    environment: Environment  # the target
    other: Environment  # the required one
    file: Path
    sha256: str

    @property
    def file_text(self) -> str:
        """The file with the beginning of its hash."""
        return f"{self.file.name} ({self.sha256[:8]}…)"

    @property
    def run_command(self) -> str:
        """The command that promotes the file to the required environment."""
        return f"promote run --env {self.other.name} --file {shlex.quote(str(self.file))}"

    def failure(self, message: str, hint: str = "") -> StepResult:
        """The requirement is not met; the hint is the command that promotes the file there when there is no other."""
        name, location = requirement_name(self.other.name), self.environment.location("requires")
        return StepResult("requires", name, Outcome.FAIL, message, location=location, hint=hint or self.run_command)


def requirement_name(environment: str) -> str:
    """The name of the step, by the required environment."""
    return f"passed in {environment}"


def unreadable_ledger_step(environment: str, message: str, location: Location, hint: str) -> StepResult:
    """The ledger of the required environment cannot be read."""
    detail, hint = f"its ledger cannot be read: {message}", hint or f"promote env ping --env {environment}"
    return StepResult("requires", requirement_name(environment), Outcome.FAIL, detail, location=location, hint=hint)


def same_database_step(check: RequirementCheck, database: str) -> StepResult:
    """Both environments lead to one database, which proves nothing."""
    message = f"{check.other.name} and {check.environment.name} are the same database, {database}"
    return check.failure(message, f"correct the URLs: promote env ping --env {check.other.name}")


def broken_chain_step(check: RequirementCheck, findings: Sequence[Finding]) -> StepResult:
    """The chain of the required environment's ledger is broken."""
    more = f", and {counted(len(findings) - 1, 'other findings')}" if len(findings) > 1 else ""
    message = f"the ledger of {check.other.name} cannot be believed: {findings[0].message}{more}"
    return check.failure(message, f"promote history --env {check.other.name} --verify")


def passed_in_future_step(check: RequirementCheck, run: Run, passed_at: datetime, now: datetime) -> StepResult:
    """The run passed later than the clock of its server says that it is now."""
    message = f"run {run.short} passed at {_time(passed_at)}, and the server's clock says that it is {_time(now)} now"
    return check.failure(message, f"set the clock of the server of {check.other.name} right")


def passed_too_early_step(
    check: RequirementCheck, run: Run, passed_at: datetime, now: datetime, within: str
) -> StepResult:
    """The run passed longer ago than ``within``."""
    message = f"run {run.short} passed at {_time(passed_at)}, {_ago(now - passed_at)} ago, must be within {within}"
    return check.failure(message, f"{check.run_command} looks again; its checks count, also when nothing is new")


def passed_step(check: RequirementCheck, run: Run, passed_at: datetime, within: str | None) -> StepResult:
    """The required environment has passed the file."""
    suffix = f", within {within}" if within else ""
    data = {"run_id": run.run_id, "passed_at": passed_at.isoformat(), "environment": check.other.name}
    detail = f"run {run.short} of {_time(passed_at)}{suffix}"
    return StepResult("requires", requirement_name(check.other.name), Outcome.OK, detail, data=data)


def run_of_another_environment_step(check: RequirementCheck, run: Run) -> StepResult:
    """The file was promoted by a run of another environment only."""
    return check.failure(
        f"{check.file_text} was never promoted to {check.other.name}: run {run.short}, which its ledger tells of,"
        f" was one of {run.first.environment}"
    )


def never_promoted_step(check: RequirementCheck, namesake: Run | None) -> StepResult:
    """The file was not promoted there; ``namesake`` is a run that passed with another file of the same name."""
    message = f"{check.file_text} was never promoted to {check.other.name}"
    if namesake is None:
        return check.failure(message)
    sha = str(namesake.latest("file_sha256"))[:8]
    message += (
        f": the {check.file.name} that passed there in run {namesake.short} of {_time(namesake.check_events[-1].at)}"
        f" is another one ({sha}…)"
    )
    return check.failure(message, f"promote that one, or let this one pass: {check.run_command}")


def run_not_passed_step(check: RequirementCheck, run: Run) -> StepResult:
    """A run of the file that did not pass."""
    return check.failure(*_describe_run(check, run))


def _describe_run(check: RequirementCheck, run: Run) -> tuple[str, str]:
    """How the run ended, and the hint."""
    name, end = f"run {run.short} in {check.other.name}", run.end or run.last
    match run.state:
        case "committed":
            last = run.check_events[-1] if run.check_events else None
            if last is None:
                text = f"{name} committed it at {_time(end.at)}, but its checks after COMMIT were never finished"
            elif last.run_id == run.run_id:
                text = f"{name} committed it at {_time(end.at)}, but of its checks failed: {', '.join(failing(last))}"
            else:
                text = f"{name} committed it at {_time(end.at)}, but when run {last.run_id[:SHORT]} made its checks"
                text += f" again at {_time(last.at)}, of them failed: {', '.join(failing(last))}"
            return text, f"{check.run_command} makes them again"
        case "undone":
            undone = [event for event in run.related_events if event.kind == "undone"][-1]
            return f"{name} was undone at {_time(undone.at)}", check.run_command
        case "running":
            return f"{name} is still at work on it, since {_time(run.began)}", "wait until it has ended"
        case "unchanged":
            text = f"{name} found all its rows there already at {_time(end.at)}, and no run of it has brought them"
            return text, f"promote the file that did; promote history --env {check.other.name} shows which"
        case "abandoned":
            return f"{name} began at {_time(run.began)} and was never finished", check.run_command
        case _:
            why = f": {run.reason}" if run.reason else ""
            return f"{name} {run.state} it at {_time(end.at)}{why}", f"correct what it says, then {check.run_command}"


def plan_step(request: PromotionRequest, findings: Sequence[Finding]) -> StepResult:
    """Whether the run is the planned one; a finding for each part that is not."""
    if not findings:
        return StepResult("plan", request.digest, Outcome.OK, "file, configuration and target are as planned")
    file = shlex.quote(str(request.file)) + (" --repair" if request.repair else "")
    hint = f"look at it again: promote plan --env {request.environment} --file {file}"
    return StepResult("plan", request.digest, Outcome.FAIL, hint=hint, findings=tuple(findings))


def unplannable_finding() -> Finding:
    """The gate would close for the plan itself."""
    return Finding("plan", "no plan can be made any more: promote plan says why")


def other_file_finding(file: str, sha256: str, planned_sha256: str) -> Finding:
    """The file is not the planned one; both hashes are cut to the same length."""
    return Finding("plan-file", f"the file is another one: {file} is {sha256}…, the plan's was {planned_sha256}…")


def other_configuration_finding(environment: str) -> Finding:
    """The configuration is not the planned one."""
    message = (
        f"the configuration is another one: promote.yaml, environments/{environment}.yaml, checks, templates, a"
        " variable, --repair, or the release of promote"
    )
    return Finding("plan-configuration", message)


def target_changed_finding(changes: Sequence[RecentChange]) -> Finding:
    """The target is not as planned: because of these runs, or for another reason when there are none."""
    message = "the target is not as it was: its schema, its versions, what the role may do, its ledger, or these rows"
    if changes:
        message = f"the target has had {describe_changes(changes)} since"
    return Finding("plan-target", message)


def other_rows_finding(tables: Sequence[str]) -> Finding:
    """The number of new rows of these tables is not the planned one."""
    message = f"other rows are new than was planned: {', '.join(tables)}; somebody else has written to the target since"
    return Finding("plan-target", message)


def model_step(model: str, last: ModelRun | None, *, warn: bool) -> StepResult:
    """Whether the model that the contract names is that of the last run; ``warn`` makes another one a warning."""
    data = {"model": model}
    if last is None:
        return StepResult("check", "embedding model", Outcome.OK, f"{model}, the first that is named here", data=data)
    run = last.run.description
    data |= {"last_model": last.model, "last_run": last.run.run_id}
    if last.model == model:
        return StepResult("check", "embedding model", Outcome.OK, f"{model}, as in {run}", data=data)
    finding = Finding(
        "embedding-model",
        f"the vectors are of {model}, those of {run} of {last.model}",
        hint="embed the texts with that model; or undo all runs that name it, or say space: warn in the environment",
        severity=Severity.WARN if warn else Severity.ERROR,
    )
    outcome = Outcome.WARN if warn else Outcome.FAIL
    return StepResult("check", "embedding model", outcome, findings=(finding,), data=data)


def backup_failed_step(
    message: str, hint: str, *, version: str = "", seconds: float = 0.0, location: Location | None = None
) -> StepResult:
    """No dump was made; ``version`` of pg_dump, once it is known."""
    return StepResult("backup", _pg_dump(version), Outcome.FAIL, message, seconds, location=location, hint=hint)


def dump_failed_step(version: str, message: str, seconds: float) -> StepResult:
    """A dump was begun and failed."""
    hint = "nothing was imported, and no dump was left; correct it, then run the command again"
    return backup_failed_step(message, hint, version=version, seconds=seconds)


def backup_planned_step(version: str, folder: str) -> StepResult:
    """A dump could be made."""
    return StepResult("backup", _pg_dump(version), Outcome.OK, f"would be written to {folder}")


def backup_step(version: str, path: str, data: dict[str, Any], seconds: float) -> StepResult:
    """A dump was made; ``data`` has its ``bytes`` and how many older dumps were ``deleted``."""
    deleted = f", {counted(data['deleted'], 'older dumps')} deleted" if data["deleted"] else ""
    detail = f"{path}, {size(data['bytes'])}{deleted}"
    return StepResult("backup", _pg_dump(version), Outcome.OK, detail, seconds, data=data)


def undeleted_dump_step(message: str) -> StepResult:
    """An older dump could not be deleted."""
    return StepResult("backup", "older dumps", Outcome.WARN, message, hint="delete what is beyond keep yourself")


def restore_command_step(command: str) -> StepResult:
    """The command that restores the dump."""
    return StepResult("backup", "to restore it", Outcome.OK, command)


def _pg_dump(version: str) -> str:
    return f"pg_dump {version}".rstrip()


def _time(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"


def _ago(span: timedelta) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if span.total_seconds() >= length:
            return counted(int(span.total_seconds() // length), unit)
    return counted(int(span.total_seconds()), "seconds")
