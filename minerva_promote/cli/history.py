"""`promote history` and `promote show`: what the ledger of an environment says."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import click

from minerva_promote.cli.common import env_argument, env_option, environment_of, format_option, load_project, output
from minerva_promote.database.connection import Connection
from minerva_promote.errors import UsageError

if TYPE_CHECKING:
    from minerva_promote.results import RunResult

STATES = (
    "running", "abandoned", "refused", "failed", "unchanged", "committed", "undone", "undo", "restore", "repair",
)  # fmt: skip


@click.command()
@env_argument
@env_option
@click.option("--file", metavar="NAME|SHA256", help="Runs of this file: its name, or how its sha256 begins.")
@click.option("--root", metavar="KEY", help="Runs that promoted this root (a book).")
@click.option("--state", type=click.Choice(STATES), help="Runs that ended so.")
@click.option("--since", metavar="7d|DATE", help="Runs that began since: 12h, 7d, 2026-01-31.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many.")
@click.option("--verify", is_flag=True, help="Prove that no event was changed, removed or reordered.")
@click.option("--head", metavar="HASH", help="With --verify: the head that was noted before must be in the chain.")
@click.option(
    "--as",
    "identity",
    type=click.Choice(["import", "owner"]),
    default="import",
    show_default=True,
    help="Read as the import role (url), or as the owner (admin_url), who may also verify the rows that undo removed.",
)
@format_option
def history(
    environment: str | None,
    option: str | None,
    file: str | None,
    root: str | None,
    state: str | None,
    since: str | None,
    limit: int,
    verify: bool,
    head: str | None,
    identity: str,
    form: str,
) -> None:
    """Show every run of an environment, refused and failed ones too, the newest first.

    --verify reads the whole ledger instead, and names every event that was changed, removed or reordered since it was
    written; exit code 1 then. Keep the head that it prints elsewhere: --head proves later that nothing was taken off
    the end, and that nobody wrote the whole ledger anew. The ledger's own tables, triggers and functions are compared
    with those of this release; promote setup repairs them.

    \b
    Examples:
      promote history --env prod
      promote history --env prod --file lighthouse.sql --since 7d
      promote history --env prod --state refused --format json
      promote history --env prod --verify --head 5f3a9c…
      promote history --env prod --verify --as owner
    """
    from minerva_promote.database.session import admin_session, import_session
    from minerva_promote.ledger.install import require_ledger

    if head is not None and not verify:
        raise UsageError("--head is for --verify", hint="promote history --env ENV --verify --head HASH")
    project = load_project()
    target = environment_of(project, environment, option)
    with (admin_session if identity == "owner" else import_session)(project, target) as conn:
        require_ledger(conn, target.name, reading=True)
        if verify:
            from minerva_promote.migrations.state import version_table

            result = _verified(conn, target.name, head, version_table(project))
        else:
            result = _listed(conn, target.name, file, root, state, since, limit)
    output(result, form)


@click.command()
@click.argument("run")
@env_option
@format_option
def show(run: str, option: str | None, form: str) -> None:
    """Show everything that the ledger knows about one run; the beginning of its id is enough.

    \b
    Examples:
      promote show 7f3a9c --env prod
      promote show 7f3a9c --env prod --format json
    """
    from minerva_promote.database.session import import_session
    from minerva_promote.ledger.install import require_ledger
    from minerva_promote.ledger.report import everything, values
    from minerva_promote.ledger.runs import find_run
    from minerva_promote.results import RunResult

    project = load_project()
    target = environment_of(project, None, option)
    with import_session(project, target) as conn:
        require_ledger(conn, target.name, reading=True)
        found = find_run(conn, run)
    lines, data = everything(found), {"run": values(found)}
    output(RunResult("show", target.name, found.run_id, found.file, data=data, lines=lines), form)


def _listed(
    conn: Connection,
    environment: str,
    file: str | None,
    root: str | None,
    state: str | None,
    since: str | None,
    limit: int,
) -> RunResult:
    from minerva_promote.database.catalog import fetch
    from minerva_promote.ledger.report import table, values
    from minerva_promote.ledger.runs import read_runs
    from minerva_promote.results import RunResult
    from minerva_promote.text_format import counted

    begin = None
    if since is not None:
        begin = since_when(since, fetch(conn, b"select now() as now")[0]["now"])
    found = read_runs(conn, file=file, root=root, state=state, since=begin, limit=limit + 1)
    runs, more = found[:limit], len(found) > limit
    verdict = counted(len(runs), "runs") if runs else "no run"
    if more:
        verdict = f"the newest {verdict}; --limit shows more"
    data = {"runs": [values(run) for run in runs], "more": more}
    title = f"database {conn.info.dbname}"
    return RunResult("history", environment, title=title, verdict=verdict, data=data, lines=table(runs))


def _verified(conn: Connection, environment: str, head: str | None, revision_table: str) -> RunResult:
    from minerva_promote.ledger.verify import verify_chain
    from minerva_promote.results import Outcome, RunResult, Severity, StepResult
    from minerva_promote.text_format import counted

    proof = verify_chain(conn, head, environment=environment, revision_table=revision_table)
    events = counted(proof.events, "events")
    data = {"events": proof.events, "head": proof.head}
    broken = [finding for finding in proof.findings if finding.severity is Severity.ERROR]
    outcome = Outcome.FAIL if broken else Outcome.WARN if proof.findings else Outcome.OK
    steps = [StepResult("verify", "events and their order", outcome, events, findings=proof.findings, data=data)]
    differs = any(finding.severity is Severity.ERROR for finding in proof.structure)
    outcome = Outcome.FAIL if differs else Outcome.WARN if proof.structure else Outcome.OK
    detail = counted(len(proof.structure), "findings") if proof.structure else "as this release creates it"
    steps.append(StepResult("verify", "ledger schema", outcome, detail, findings=proof.structure))
    if not proof.looked_at_removed:
        detail = f"only the owner may read them: promote history --env {environment} --verify --as owner"
        steps.append(StepResult("verify", "removed rows", Outcome.SKIP, detail))
    verdict = f"proved: {events}, none was changed, removed or reordered; head {proof.head or 'none'}"
    if differs:
        verdict = f"{events}, none was changed, removed or reordered, but the ledger's schema is not as it was created"
    if broken:
        verdict = f"the ledger is not what it was: {counted(len(broken), 'findings')}"
    title = f"database {conn.info.dbname}"
    return RunResult("history", environment, title=title, steps=tuple(steps), verdict=verdict, data=data)


def since_when(text: str, now: datetime) -> datetime:
    """The moment that --since means, ``now`` being the server's. Raises UsageError."""
    from minerva_promote.config.durations import PERIOD, in_seconds

    if PERIOD.fullmatch(text):
        return now - timedelta(seconds=in_seconds(text))
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        try:
            day = date.fromisoformat(text)
        except ValueError as error:
            raise UsageError(f"--since {text}: {error}", hint="2026-01-31") from None
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    raise UsageError(f'--since "{text}" is neither a length of time nor a date', hint="12h, 7d, or 2026-01-31 (UTC)")
