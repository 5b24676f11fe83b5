"""Differences as the steps of a report."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from minerva_promote.config.schema_aspects import EXISTS, NAME, Fact, aspect_text, value_text
from minerva_promote.results import Finding, Outcome, RunResult, Severity, StepResult
from minerva_promote.schema_diff.allowances import ClassifiedDifference, Side
from minerva_promote.schema_diff.describe import described
from minerva_promote.schema_diff.diff import Difference, how_many
from minerva_promote.text_format import counted

ARROW = "→"
LONG = 60  # characters of a value, beyond which only what differs is shown
_SHORT = {
    "foreign key": "fkey",
    "primary key": "pkey",
    "materialized view": "matview",
    "event trigger": "evtrigger",
}  # the first column of a report is narrow


def told(
    command: str,
    left: Side,
    right: Side,
    judged: Sequence[ClassifiedDifference],
    findings: Sequence[Finding],
    *,
    environment: str = "",
    title: str = "",
    schemas: Collection[str] = (),
) -> RunResult:
    """The report: what speaks against the comparison, the differences, what is declared about them, the verdict."""
    counts = [each for each in judged if each.counts]
    allowed = [each for each in judged if each.allowance is not None]
    steps = [*_notes(left, right), *(_step(each, left, right) for each in judged)]
    findings = [*_stale(left, right, counts), *findings]
    if findings:
        steps.append(StepResult("schema", "declarations", Outcome.WARN, findings=tuple(findings)))
    objects = how_many(left.schema, right.schema, schemas)
    return RunResult(
        command=command,
        environment=environment,
        title=title or f"{left.name} {ARROW} {right.name}",
        steps=tuple(steps),
        verdict=_verdict(objects, counts, allowed),
        data={
            "from": left.name,
            "to": right.name,
            "objects": objects,
            "differences": len(counts),
            "allowed": len(allowed),
        },
    )


def _verdict(objects: int, counts: Sequence[ClassifiedDifference], allowed: Sequence[ClassifiedDifference]) -> str:
    also = f", {len(allowed)} allowed" if allowed else ""
    if not counts:
        return f"identical: {counted(objects, 'objects')}, 0 differences{also}"
    return f"different: {counted(len(counts), 'differences')}{also}"


def _notes(left: Side, right: Side) -> Iterator[StepResult]:
    """What makes the comparison less than it looks."""
    one, other = left.schema.major, right.schema.major
    if one != other and one and other:
        yield StepResult(
            "server",
            "PostgreSQL",
            Outcome.OK,
            f"{one} {ARROW} {other}: what these releases write differently is compared by what it means",
            data={"from": one, "to": other},
        )
    for side in (left, right):
        if side.schema.revision is None:
            yield StepResult(
                "revision",
                side.name,
                Outcome.WARN,
                "the role may not read at which migration the database is: revisions are not compared",
                hint=f"promote setup --env {side.environment}",
            )


def _stale(left: Side, right: Side, counts: Sequence[ClassifiedDifference]) -> Iterator[Finding]:
    """A snapshot file that is not what the database is any more from which it was written."""
    for file, live in ((left, right), (right, left)):
        if not file.is_file or live.is_file:
            continue
        moved = live.schema.revision is not None and live.schema.revision != file.schema.revision
        if moved or (counts and live.environment == file.environment):
            here, there = (value_text(side.schema.revision or ()) for side in (file, live))
            fact = f"{file.name} was written at revision {here}, {live.name} is at {there}"
            if not moved:
                fact = f"{file.name} was written from {live.name}, which has been changed since"
            help_ = f"promote schema snapshot --env {live.environment} --out {file.name}"
            yield Finding("stale-snapshot", fact, hint=help_, severity=Severity.WARN)


def _step(judged: ClassifiedDifference, left: Side, right: Side) -> StepResult:
    difference = judged.difference
    kind, text = difference.entity.kind, change(difference, left.name, right.name)
    step = StepResult(_SHORT.get(kind, kind), _one_line(difference.entity.path), Outcome.FAIL, text)
    step = replace(step, data=_data(judged, text))
    if difference.is_note:
        return replace(step, outcome=Outcome.OK, detail=f"{text}: a name that PostgreSQL makes up")
    if judged.allowance is not None:
        detail = f"allowed: {text} ({_one_line(judged.allowance.why)})"
        return replace(step, outcome=Outcome.OK, detail=detail, location=judged.allowance.at)
    if judged.expired is not None:
        return replace(step, location=judged.expired.at, hint=f"was allowed until {judged.expired.until}")
    return step


def change(difference: Difference, left: str, right: str) -> str:
    """What differs, on one line: "type vector(1536) → vector(768)", "only in prod: uuid, not null"."""
    if difference.aspect == EXISTS:
        where = left if difference.left is not None else right
        parts = ", ".join(_counted(kind, count) for kind, count in sorted(difference.parts.items()))
        said = parts or described(difference.entity)
        return f"only in {where}" + (f": {said}" if said else "")
    before, after = _shortened(difference.before, difference.after)
    word = "named" if difference.aspect == NAME else aspect_text(difference.aspect)
    if difference.aspect == "at":  # of a revision
        return f"{before} {ARROW} {after}"
    return f"{word} {before} {ARROW} {after}"


def _shortened(before: Fact, after: Fact) -> tuple[str, str]:
    """Both values; of long texts the first line that differs, of long lists what only one has."""
    if isinstance(before, tuple) and isinstance(after, tuple):
        if sorted(before) != sorted(after) and max(len(value_text(before)), len(value_text(after))) > LONG:
            shared = set(before) & set(after)
            return tuple(value_text(tuple(each for each in side if each not in shared)) for side in (before, after))  # type: ignore[return-value]
        return value_text(before), value_text(after)
    one, other = value_text(before), value_text(after)
    if max(len(one), len(other)) <= LONG or isinstance(before, bool) or isinstance(after, bool):
        return one, other
    lines, others = str(before).splitlines() or [""], str(after).splitlines() or [""]
    for number in range(max(len(lines), len(others))):
        here = lines[number] if number < len(lines) else ""
        there = others[number] if number < len(others) else ""
        if here.split() != there.split():
            return f"(line {number + 1}) {_cut(here)}", _cut(there)
    return _cut(one), _cut(other)


def _cut(text: str) -> str:
    text = " ".join(text.split()) or "nothing"
    return text if len(text) <= LONG else text[: LONG - 1] + "…"


def _counted(kind: str, count: int) -> str:
    plural = {"primary key": "primary keys", "index": "indexes", "policy": "policies", "statistics": "statistics"}
    return f"{count} {kind}" if count == 1 else f"{count} {plural.get(kind, kind + 's')}"


def _data(judged: ClassifiedDifference, text: str) -> dict[str, Any]:
    difference, allowance = judged.difference, judged.allowance
    entity = difference.entity
    return {
        "kind": entity.kind,
        "object": entity.path,
        "name": entity.name,
        "aspect": difference.aspect,
        "from": difference.before,
        "to": difference.after,
        "allowed": None
        if allowance is None
        else {"why": allowance.why, "owner": allowance.owner, "until": str(allowance.until or "")},
        "text": text,
    }


def _one_line(text: str) -> str:
    return " ".join(text.split())
