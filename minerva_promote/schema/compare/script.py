"""The differences as a script: what would bring the one schema in step with the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from minerva_promote.database.quote import DEFAULT_SCHEMA
from minerva_promote.results import RunResult
from minerva_promote.schema.compare.allowed import Judged, Side
from minerva_promote.schema.compare.altering import Step, steps_for
from minerva_promote.schema.compare.making import quoted
from minerva_promote.schema.compare.telling import change

_LAST = ("foreign key", "view", "materialized view", "trigger", "rule", "policy")  # they need what the others make


def script(result: RunResult, judged: Sequence[Judged], left: Side, right: Side) -> str:
    """SQL in one transaction, each statement with its reason above; what needs a person is commented out."""
    return "\n".join(_lines(result, judged, left, right))


def _lines(result: RunResult, judged: Sequence[Judged], left: Side, right: Side) -> Iterator[str]:
    yield f"-- brings {_comment(right.name)} in step with {_comment(left.name)}: {_comment(result.verdict)}"
    found = [(each, step) for each in judged if each.counts for step in steps_for(each.difference, left.schema)]
    remade = {each.difference.entity.key for each, step in found if step.is_remade}
    safe, told = [], set()
    for each, step in found:
        key = each.difference.entity.key
        if step.why_not or (key in remade and not step.is_remade) or (key, step.statements) in told:
            continue
        told.add((key, step.statements))  # several aspects of what is made anew
        safe.append((each, step))
    if safe:
        yield "BEGIN;"
        yield f"SET LOCAL search_path = {', '.join(quoted(name) for name in _path(left))};"
        if any(each.difference.entity.kind == "function" and not step.is_drop for each, step in safe):
            yield "SET LOCAL check_function_bodies = off;"
        for each, step in sorted(safe, key=_phase):
            yield _reason(each, left, right)
            yield from (f"{statement};" for statement in step.statements)
        yield "COMMIT;"
    for each, step in found:
        if step.why_not:
            yield f"-- to be decided by a person: {_comment(step.why_not)}"
            yield _reason(each, left, right)
            for statement in step.statements:
                yield from (f"-- {line}" for line in f"{statement};".splitlines())


def _path(left: Side) -> tuple[str, ...]:
    """The schemas whose names stand without a schema in what was read."""
    others = {str(each.fact("in_schema")) for each in left.schema.of_kind("extension") if each.name == "vector"}
    return (DEFAULT_SCHEMA, *sorted(others - {DEFAULT_SCHEMA}))


def _phase(found: tuple[Judged, Step]) -> tuple[int, bool]:
    """What is dropped first, in the other direction: foreign keys before the keys that they need."""
    each, step = found
    last = each.difference.entity.kind in _LAST
    return (0, not last) if step.is_drop else (1, last)


def _reason(each: Judged, left: Side, right: Side) -> str:
    entity = each.difference.entity
    return f"-- {entity.kind} {_comment(entity.path)}: {_comment(change(each.difference, left.name, right.name))}"


def _comment(text: str) -> str:
    """The text on one line: a name with a line break must not end the comment."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
