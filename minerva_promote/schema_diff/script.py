"""The differences as a script: what would bring the one schema in step with the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from minerva_promote.database.quote import DEFAULT_SCHEMA
from minerva_promote.results import RunResult
from minerva_promote.schema_diff.allowances import ClassifiedDifference, Side
from minerva_promote.schema_diff.create_sql import ScriptStatement
from minerva_promote.schema_diff.report import change
from minerva_promote.schema_diff.sql_clauses import constant, quoted
from minerva_promote.schema_diff.statement_order import in_order, resolve_steps


def script(result: RunResult, judged: Sequence[ClassifiedDifference], left: Side, right: Side) -> str:
    """SQL in one transaction, each statement with its reason above; what needs a person is commented out."""
    return "\n".join(_lines(result, judged, left, right))


def _lines(result: RunResult, judged: Sequence[ClassifiedDifference], left: Side, right: Side) -> Iterator[str]:
    yield f"-- brings {_comment(right.name)} in step with {_comment(left.name)}: {_comment(result.verdict)}"
    found = resolve_steps(judged, left.schema, right.schema)
    safe = list(in_order(found))
    used = {pair[1].of.key for pair in safe if _is_used(pair[1], safe)}  # all labels of a type stay in their order
    first = [pair for pair in safe if pair[1].of.key in used and _adds_label(pair[1])]
    for each, statement in first:
        yield "-- before the transaction: nothing may use a new label in the one that adds it"
        yield _reason(each, left, right)
        yield f"{statement.text};"
    if safe := [pair for pair in safe if pair not in first]:
        yield "BEGIN;"
        yield f"SET LOCAL search_path = {', '.join(quoted(name) for name in _path(left, right))};"
        if any(statement.of.kind == "function" and not statement.is_drop for _, statement in safe):
            yield "SET LOCAL check_function_bodies = off;"
        before = ""
        for each, statement in safe:
            reason = _reason(each, left, right)
            if reason != before:
                yield reason
            before = reason
            yield f"{statement.text};"
        yield "COMMIT;"
    for each, step in found:
        if step.why_not:
            yield f"-- to be decided by a person: {_comment(step.why_not)}"
            yield _reason(each, left, right)
            for statement in step.statements:
                yield from (f"-- {line}" for line in f"{statement.text};".splitlines())


def _is_used(statement: ScriptStatement, safe: Sequence[tuple[ClassifiedDifference, ScriptStatement]]) -> bool:
    """Whether a label that it adds to an enum stands in another statement."""
    if not _adds_label(statement):
        return False
    added = statement.text.partition(" ADD VALUE ")[2]
    labels = statement.of.fact("labels")
    assert isinstance(labels, tuple)
    wanted = [constant(label) for label in labels if added.startswith(constant(label))]
    return any(label in other.text for label in wanted for _, other in safe if not _adds_label(other))


def _adds_label(statement: ScriptStatement) -> bool:
    return statement.of.kind == "type" and " ADD VALUE " in statement.text


def _path(*sides: Side) -> tuple[str, ...]:
    """The schemas whose names stand without a schema in what was read, on either side."""
    extensions = [each for side in sides for each in side.schema.of_kind("extension")]
    others = {str(each.fact("in_schema")) for each in extensions if each.name == "vector"}
    return (DEFAULT_SCHEMA, *sorted(others - {DEFAULT_SCHEMA}))


def _reason(each: ClassifiedDifference, left: Side, right: Side) -> str:
    entity = each.difference.entity
    return f"-- {entity.kind} {_comment(entity.path)}: {_comment(change(each.difference, left.name, right.name))}"


def _comment(text: str) -> str:
    """The text on one line: a name with a line break must not end the comment."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
