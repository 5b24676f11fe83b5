"""The steps and sentences of promote schema diff and drift."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from minerva_promote.config.schema_aspects import EXISTS, NAME, Fact, aspect_text, value_text
from minerva_promote.results import Finding, Outcome, RunResult, Severity, StepResult
from minerva_promote.schema_diff.allowances import ClassifiedDifference, Side
from minerva_promote.schema_diff.diff import Difference, count_objects
from minerva_promote.schema_diff.model import Entity
from minerva_promote.text_format import counted

ARROW = "→"
MAX_VALUE = 60  # characters; of longer values only the differing part is shown
_SHORT_KINDS = {
    "foreign key": "fkey",
    "primary key": "pkey",
    "materialized view": "matview",
    "event trigger": "evtrigger",
}  # the first column of a report is narrow

MAX_DESCRIPTION = 80
_MAIN = (
    "type",
    "version",
    "columns",
    "references",
    "referenced",
    "expression",
    "definition",
    "at",
    "returns",
    "labels",
)


def comparison_report(
    command: str,
    left: Side,
    right: Side,
    differences: Sequence[ClassifiedDifference],
    findings: Sequence[Finding],
    *,
    environment: str = "",
    title: str = "",
    schemas: Collection[str] = (),
) -> RunResult:
    """The report: limits of the comparison, differences, findings about allowances, verdict."""
    counted_differences = [difference for difference in differences if difference.counts]
    allowed = [difference for difference in differences if difference.allowance is not None]
    steps = [
        *_comparison_notes(left, right),
        *(_difference_step(difference, left, right) for difference in differences),
    ]
    findings = [*_stale_snapshot(left, right, counted_differences), *findings]
    if findings:
        steps.append(StepResult("schema", "declarations", Outcome.WARN, findings=tuple(findings)))
    objects = count_objects(left.schema, right.schema, schemas)
    return RunResult(
        command=command,
        environment=environment,
        title=title or f"{left.name} {ARROW} {right.name}",
        steps=tuple(steps),
        verdict=_verdict(objects, counted_differences, allowed),
        data={
            "from": left.name,
            "to": right.name,
            "objects": objects,
            "differences": len(counted_differences),
            "allowed": len(allowed),
        },
    )


def _verdict(
    objects: int, counted_differences: Sequence[ClassifiedDifference], allowed: Sequence[ClassifiedDifference]
) -> str:
    suffix = f", {len(allowed)} allowed" if allowed else ""
    if not counted_differences:
        return f"identical: {counted(objects, 'objects')}, 0 differences{suffix}"
    return f"different: {counted(len(counted_differences), 'differences')}{suffix}"


def _comparison_notes(left: Side, right: Side) -> Iterator[StepResult]:
    """The limits of the comparison: different releases, unreadable revisions."""
    left_major, right_major = left.schema.major, right.schema.major
    if left_major != right_major and left_major and right_major:
        yield StepResult(
            "server",
            "PostgreSQL",
            Outcome.OK,
            f"{left_major} {ARROW} {right_major}: what these releases write differently is compared by what it means",
            data={"from": left_major, "to": right_major},
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


def _stale_snapshot(left: Side, right: Side, counted_differences: Sequence[ClassifiedDifference]) -> Iterator[Finding]:
    """A snapshot file that no longer equals the database from which it was written."""
    for snapshot, database in ((left, right), (right, left)):
        if not snapshot.is_file or database.is_file:
            continue
        revision_differs = database.schema.revision is not None and database.schema.revision != snapshot.schema.revision
        if revision_differs or (counted_differences and database.environment == snapshot.environment):
            recorded, current = (value_text(side.schema.revision or ()) for side in (snapshot, database))
            message = f"{snapshot.name} was written at revision {recorded}, {database.name} is at {current}"
            if not revision_differs:
                message = f"{snapshot.name} was written from {database.name}, which has been changed since"
            hint = f"promote schema snapshot --env {database.environment} --out {snapshot.name}"
            yield Finding("stale-snapshot", message, hint=hint, severity=Severity.WARN)


def _difference_step(classified: ClassifiedDifference, left: Side, right: Side) -> StepResult:
    difference = classified.difference
    kind, text = difference.entity.kind, describe_change(difference, left.name, right.name)
    step = StepResult(_SHORT_KINDS.get(kind, kind), _one_line(difference.entity.path), Outcome.FAIL, text)
    step = replace(step, data=_difference_data(classified, text))
    if difference.is_note:
        return replace(step, outcome=Outcome.OK, detail=f"{text}: a name that PostgreSQL makes up")
    if classified.allowance is not None:
        detail = f"allowed: {text} ({_one_line(classified.allowance.why)})"
        return replace(step, outcome=Outcome.OK, detail=detail, location=classified.allowance.at)
    if classified.expired is not None:
        return replace(step, location=classified.expired.at, hint=f"was allowed until {classified.expired.until}")
    return step


def describe_change(difference: Difference, left: str, right: str) -> str:
    """What differs, on one line: "type vector(1536) → vector(768)", "only in prod: uuid, not null"."""
    if difference.aspect == EXISTS:
        side = left if difference.left is not None else right
        parts = ", ".join(_count_kind(kind, count) for kind, count in sorted(difference.parts.items()))
        contents = parts or describe_entity(difference.entity)
        return f"only in {side}" + (f": {contents}" if contents else "")
    before, after = _shortened(difference.before, difference.after)
    label = "named" if difference.aspect == NAME else aspect_text(difference.aspect)
    if difference.aspect == "at":  # of a revision
        return f"{before} {ARROW} {after}"
    return f"{label} {before} {ARROW} {after}"


def _shortened(before: Fact, after: Fact) -> tuple[str, str]:
    """Both values as text; of long texts the first different line, of long lists the items that only one side has."""
    if isinstance(before, tuple) and isinstance(after, tuple):
        if sorted(before) != sorted(after) and max(len(value_text(before)), len(value_text(after))) > MAX_VALUE:
            shared = set(before) & set(after)
            return tuple(value_text(tuple(item for item in side if item not in shared)) for side in (before, after))  # type: ignore[return-value]
        return value_text(before), value_text(after)
    left_text, right_text = value_text(before), value_text(after)
    if max(len(left_text), len(right_text)) <= MAX_VALUE or isinstance(before, bool) or isinstance(after, bool):
        return left_text, right_text
    lines, others = str(before).splitlines() or [""], str(after).splitlines() or [""]
    for number in range(max(len(lines), len(others))):
        here = lines[number] if number < len(lines) else ""
        there = others[number] if number < len(others) else ""
        if here.split() != there.split():
            return f"(line {number + 1}) {_cut(here)}", _cut(there)
    return _cut(left_text), _cut(right_text)


def _cut(text: str) -> str:
    text = " ".join(text.split()) or "nothing"
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"


def _count_kind(kind: str, count: int) -> str:
    plural = {"primary key": "primary keys", "index": "indexes", "policy": "policies", "statistics": "statistics"}
    return f"{count} {kind}" if count == 1 else f"{count} {plural.get(kind, kind + 's')}"


def _difference_data(classified: ClassifiedDifference, text: str) -> dict[str, Any]:
    difference, allowance = classified.difference, classified.allowance
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


def describe_entity(entity: Entity) -> str:
    """ "uuid, not null"; "btree (title)"; "(book_id) → books (id), on delete cascade"."""
    facts = {aspect: fact for aspect, fact in entity.facts.items() if aspect not in entity.kind_spec.not_compared}
    match entity.kind:
        case "index":
            head = f"{entity.fact('method')} ({value_text(entity.fact('columns'))})"
            facts.pop("method", None)
        case "primary key" | "unique":
            head = f"({value_text(entity.fact('columns'))})"
        case "foreign key":
            columns, referenced = (value_text(entity.fact(aspect)) for aspect in ("columns", "referenced"))
            head = f"({columns}) → {entity.fact('references')} ({referenced})"
        case "check":
            head = value_text(entity.fact("expression"))
        case "column" | "type" | "sequence":
            head = value_text(entity.fact("type"))
        case "extension":
            head = value_text(entity.fact("version"))
        case "revision":
            head = value_text(entity.fact("at"))
        case "function":
            head, facts = f"returns {value_text(entity.fact('returns'))}", {}
        case "view" | "materialized view" | "rule":
            head, facts = "", {}
        case _:
            head = value_text(entity.fact("definition")) if "definition" in facts else ""
    details = [_describe_fact(aspect, fact) for aspect, fact in facts.items() if aspect not in _MAIN]
    if "labels" in facts:
        details.append(value_text(facts["labels"]))
    text = ", ".join(filter(None, (head, *details)))
    return text if len(text) <= MAX_DESCRIPTION else text[: MAX_DESCRIPTION - 1] + "…"


def _describe_fact(aspect: str, fact: Fact) -> str:
    if fact is True:
        return aspect_text(aspect)
    if fact is False:
        return f"not {aspect_text(aspect)}"
    return f"{aspect_text(aspect)} {value_text(fact)}"
