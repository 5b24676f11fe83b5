"""The output of --format sql: a script that makes the right schema equal to the left one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from minerva_promote.database.quote import DEFAULT_SCHEMA
from minerva_promote.results import RunResult
from minerva_promote.schema_diff.allowances import ClassifiedDifference, Side
from minerva_promote.schema_diff.create_sql import ScriptStatement
from minerva_promote.schema_diff.report import describe_change
from minerva_promote.schema_diff.sql_clauses import quote_name, text_constant
from minerva_promote.schema_diff.statement_order import in_order, resolve_steps


def format_script(result: RunResult, differences: Sequence[ClassifiedDifference], left: Side, right: Side) -> str:
    """SQL in one transaction, each statement below its reason; statements that need a decision are commented out."""
    return "\n".join(_lines(result, differences, left, right))


def _lines(result: RunResult, differences: Sequence[ClassifiedDifference], left: Side, right: Side) -> Iterator[str]:
    yield f"-- brings {_comment(right.name)} in step with {_comment(left.name)}: {_comment(result.verdict)}"
    resolved = resolve_steps(differences, left.schema, right.schema)
    executable = list(in_order(resolved))
    # All new labels of such a type, so that their order stays.
    types_in_use = {pair[1].entity.key for pair in executable if _is_used(pair[1], executable)}
    before_transaction = [pair for pair in executable if pair[1].entity.key in types_in_use and _adds_label(pair[1])]
    for classified, statement in before_transaction:
        yield "-- before the transaction: nothing may use a new label in the one that adds it"
        yield _reason(classified, left, right)
        yield f"{statement.text};"
    if executable := [pair for pair in executable if pair not in before_transaction]:
        yield "BEGIN;"
        yield f"SET LOCAL search_path = {', '.join(quote_name(name) for name in _search_path(left, right))};"
        if any(statement.entity.kind == "function" and not statement.is_drop for _, statement in executable):
            yield "SET LOCAL check_function_bodies = off;"
        last_reason = ""
        for classified, statement in executable:
            reason = _reason(classified, left, right)
            if reason != last_reason:
                yield reason
            last_reason = reason
            yield f"{statement.text};"
        yield "COMMIT;"
    for classified, step in resolved:
        if step.open_question:
            yield f"-- to be decided by a person: {_comment(step.open_question)}"
            yield _reason(classified, left, right)
            for statement in step.statements:
                yield from (f"-- {line}" for line in f"{statement.text};".splitlines())


def _is_used(statement: ScriptStatement, executable: Sequence[tuple[ClassifiedDifference, ScriptStatement]]) -> bool:
    """Whether another statement uses the enum label that this one adds."""
    if not _adds_label(statement):
        return False
    added = statement.text.partition(" ADD VALUE ")[2]
    labels = statement.entity.fact("labels")
    assert isinstance(labels, tuple)
    constants = [text_constant(label) for label in labels if added.startswith(text_constant(label))]
    return any(label in other.text for label in constants for _, other in executable if not _adds_label(other))


def _adds_label(statement: ScriptStatement) -> bool:
    return statement.entity.kind == "type" and " ADD VALUE " in statement.text


def _search_path(*sides: Side) -> tuple[str, ...]:
    """The schemas whose objects both sides name without a schema: public and that of pgvector."""
    extensions = [extension for side in sides for extension in side.schema.of_kind("extension")]
    schemas = {str(extension.fact("in_schema")) for extension in extensions if extension.name == "vector"}
    return (DEFAULT_SCHEMA, *sorted(schemas - {DEFAULT_SCHEMA}))


def _reason(classified: ClassifiedDifference, left: Side, right: Side) -> str:
    entity = classified.difference.entity
    change = describe_change(classified.difference, left.name, right.name)
    return f"-- {entity.kind} {_comment(entity.path)}: {_comment(change)}"


def _comment(text: str) -> str:
    """The text on one line, so that a name with a line break does not end the comment."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
