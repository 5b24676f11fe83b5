"""The results of `promote history` and `promote show`: a line for each run, all about one, and the verification."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from minerva_promote.ledger.embedding_model import DETAIL
from minerva_promote.ledger.runs import SHORT, LedgerEvent, Run, failing
from minerva_promote.ledger.unfinished_runs import ABANDONED_REASON
from minerva_promote.ledger.verify import Verification
from minerva_promote.results import Finding, Outcome, RunResult, Section, Severity, StepResult
from minerva_promote.text_format import counted, seconds, size

NOTE = 90  # characters of a reason, or of a name, in a line; `promote show` has all of it
_HEAD = ("when (UTC)", "run", "what", "file", "sha256", "rows", "by", "took", "")
_VALUES = 4  # of a check that are shown


def history_result(environment: str, database: str, runs: Sequence[Run], *, more: bool) -> RunResult:
    """Some runs, one line each below a heading; ``more``: there are others that were not listed."""
    verdict = counted(len(runs), "runs") if runs else "no run"
    if more:
        verdict = f"the newest {verdict}; --limit shows more"
    return RunResult(
        "history",
        environment,
        title=f"database {database}",
        verdict=verdict,
        data={"runs": [_values(run) for run in runs], "more": more},
        sections=(Section("", (_HEAD, *map(_line, runs))),) if runs else (),
    )


def show_result(environment: str, run: Run) -> RunResult:
    """Everything about one run."""
    data = {"run": _values(run)}
    return RunResult("show", environment, run.run_id, run.file, data=data, sections=_sections(run))


def verify_result(environment: str, database: str, verification: Verification) -> RunResult:
    """The chain, the ledger's own schema and the removed rows, a step each."""
    events = counted(verification.events, "events")
    data = {"events": verification.events, "head": verification.head}
    chain, schema = _outcome(verification.findings), _outcome(verification.schema_findings)
    detail = "as this release creates it"
    if verification.schema_findings:
        detail = counted(len(verification.schema_findings), "findings")
    steps = [
        StepResult("verify", "events and their order", chain, events, findings=verification.findings, data=data),
        StepResult("verify", "ledger schema", schema, detail, findings=verification.schema_findings),
    ]
    if not verification.removed_rows_verified:
        detail = f"only the owner may read them: promote history --env {environment} --verify --as owner"
        steps.append(StepResult("verify", "removed rows", Outcome.SKIP, detail))
    verdict = f"proved: {events}, none was changed, removed or reordered; head {verification.head or 'none'}"
    if chain is Outcome.FAIL:
        broken = sum(finding.severity is Severity.ERROR for finding in verification.findings)
        verdict = f"the ledger is not what it was: {counted(broken, 'findings')}"
    elif schema is Outcome.FAIL:
        verdict = f"{events}, none was changed, removed or reordered, but the ledger's schema is not as it was created"
    return RunResult(
        "history", environment, title=f"database {database}", steps=tuple(steps), verdict=verdict, data=data
    )


def _outcome(findings: Sequence[Finding]) -> Outcome:
    if any(finding.severity is Severity.ERROR for finding in findings):
        return Outcome.FAIL
    return Outcome.WARN if findings else Outcome.OK


def _values(run: Run) -> dict[str, Any]:
    """Everything about a run, for programs."""
    return {
        "run_id": run.run_id,
        "state": run.state,
        "passed": run.passed,
        "environment": run.first.environment,
        "began": run.began,
        "ended": run.end.at if run.end else None,
        "seconds": _took(run),
        "actor": run.first.actor,
        "subject": run.latest("subject"),
        **{name: run.latest(name) for name in ("file_name", "file_sha256", "file_bytes", "roots", "rows")},
        "checks": run.checks,
        "reason": run.reason or None,
        "configuration": run.latest("configuration"),
        "events": [asdict(event) for event in run.events],
        "later": [asdict(event) for event in run.related_events],
    }


def _sections(run: Run) -> tuple[Section, ...]:
    """All about one run, for people; a section without rows is left out."""
    findings = [(finding["code"], finding["fact"], finding["at"]) for finding in run.details.get("findings", ())]
    tables: tuple[tuple[str, Sequence[tuple[str, ...]]], ...] = (
        ("", [(name, text) for name, text in _facts(run) if text]),
        ("checks", [(check["name"], check["outcome"], _numbers(check["values"])) for check in run.checks]),
        ("events", [_event(event) for event in run.events]),
        ("undone and restored", [_event(event) for event in run.related_events]),
        ("findings", findings),
    )
    return tuple(Section(title, tuple(rows)) for title, rows in tables if rows)


def _summary(run: Run) -> str:
    """What became of a run, in some words."""
    if run.state == "committed":
        return f"committed, {_last_checks(run)}"
    if run.state == "undone":
        return f"undone by {', '.join(event.run_id[:SHORT] for event in run.related_events if event.kind == 'undone')}"
    if run.state == "undo" and any(event.kind == "restored" for event in run.related_events):
        return "undo, taken back since"
    words = {
        "running": "running: still at work",
        "abandoned": f"abandoned: {run.reason or ABANDONED_REASON}",
        "unchanged": "unchanged: every row was there already",
    }
    return words.get(run.state, run.state)


def _last_checks(run: Run) -> str:
    """How the checks after COMMIT ended, when they were last made."""
    if run.passed:
        return "all checks passed"
    if not run.check_events:
        return "the checks after COMMIT have no end"
    last = run.check_events[-1]
    when = "after COMMIT" if last.run_id == run.run_id else f"in run {last.run_id[:SHORT]} of the same file"
    return f"{len(failing(last))} of its checks failed {when}"


def _facts(run: Run) -> Iterator[tuple[str, str]]:
    first, last = run.first, run.last
    yield "run", run.run_id
    yield "state", _summary(run)
    yield "why", run.reason if run.state != "abandoned" else ""
    yield "of", run.latest("subject") or ""
    file_bytes = run.latest("file_bytes")
    yield "file", ", ".join(filter(None, [run.file, "" if file_bytes is None else size(file_bytes)]))
    yield "sha256", run.latest("file_sha256") or ""
    yield "roots", _roots(run)
    yield "rows", "; ".join(_counts(run.latest("rows") or {}))
    yield "began", f"{first.at:%Y-%m-%d %H:%M:%S} UTC"
    took = _took(run)
    yield "took", "" if took is None else seconds(took)
    as_role = f" as {first.actor_role}" if first.actor_role != first.actor else ""
    yield "role", f"{first.actor}{as_role}, from {first.client_addr or 'the same machine'}"
    who = f"{first.client_user or '?'} on {first.client_host or '?'}"
    yield "client", f"{who}, promote {first.promote_version}"
    versions = [last.postgresql and f"PostgreSQL {last.postgresql}", last.pgvector and f"pgvector {last.pgvector}"]
    where = [last.database and f"database {last.database}", last.revision and f"revision {last.revision}"]
    yield "target", ", ".join(filter(None, [f"environment {first.environment}", *where, *versions]))
    yield "system", last.system_identifier or ""
    yield "model", _model(run)
    yield "configured", run.latest("configuration") or ""
    yield "repaired", "; ".join(run.details.get("repaired", ()))
    if run.details.get("ledger_version") == 1:
        yield "note", "recorded by version 1 of the ledger: which rows it inserted is not known"


def _model(run: Run) -> str:
    """The embedding model that the project named."""
    embedding = run.details.get(DETAIL)
    return str(embedding.get("model", "")) if isinstance(embedding, Mapping) else ""


def _roots(run: Run) -> str:
    """Those that its events list, and how many more there are."""
    roots, count = run.latest("roots") or (), run.details.get("roots")
    more = f", and {count - len(roots):,} more" if isinstance(count, int) and count > len(roots) else ""
    return ", ".join(roots) + more


def _line(run: Run) -> tuple[str, ...]:
    took, sha = _took(run), run.latest("file_sha256")
    return (
        f"{run.began:%Y-%m-%d %H:%M:%S}",
        run.short,
        run.state,
        _short(run.file),
        sha[:SHORT] if sha else "",
        _short_counts(run.latest("rows") or {}),
        run.first.actor,
        "" if took is None else seconds(took),
        _note(run),
    )


def _note(run: Run) -> str:
    """What the columns do not say."""
    if run.state in ("undo", "restore"):
        text = f"of {(run.latest('subject') or '')[:SHORT]}"
        text += ", taken back since" if "taken back" in _summary(run) else ""
        text += f": {run.reason}" if run.reason else ""
    elif run.state == "committed":
        text = "" if run.passed else _last_checks(run)
    elif run.state in ("running", "abandoned", "undone"):
        text = _summary(run).removeprefix(f"{run.state}").lstrip(": ")
    else:
        subject = run.latest("subject")  # an undo that was attempted
        text = ": ".join(filter(None, (f"undo of {subject[:SHORT]}" if subject else "", run.reason)))
    return _short(text)


def _short(text: str) -> str:
    return text if len(text) <= NOTE else f"{text[: NOTE - 1]}…"


def _took(run: Run) -> float | None:
    duration: float | None = run.latest("seconds")
    return duration


def _counts(rows: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """``chunks 3 new, 0 identical``, tables without any left out."""
    for name, counts in rows.items():
        if any(counts.values()):
            yield f"{name} {', '.join(f'{count:,} {what}' for what, count in counts.items())}"


def _short_counts(rows: Mapping[str, Mapping[str, int]]) -> str:
    """All tables together: ``7 new``; what is zero is left out."""
    total: dict[str, int] = {}
    for counts in rows.values():
        for what, count in counts.items():
            total[what] = total.get(what, 0) + count
    return ", ".join(f"{count:,} {what}" for what, count in total.items() if count)


def _event(event: LedgerEvent) -> tuple[str, ...]:
    about = f"of {event.subject[:SHORT]}" if event.subject else ""
    return (
        str(event.seq),
        event.kind,
        f"{event.at:%Y-%m-%d %H:%M:%S}",
        event.actor,
        "" if event.seconds is None else seconds(event.seconds),
        f"{event.hash[:16]}…",
        about,
    )


def _numbers(values: Any) -> str:
    pairs = list(values.items()) if isinstance(values, Mapping) else []
    text = ", ".join(str(value) if name == "value" else f"{name} {value}" for name, value in pairs[:_VALUES])
    return text + (" …" if len(pairs) > _VALUES else "")
