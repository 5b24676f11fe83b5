"""The space that vectors live in: what is known of it, and the step that holds a file against a target.

Equal length is not equal model: vectors of another model fit the column and ruin every search.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from minerva_promote.config.models import Contract
from minerva_promote.config.snapshot import Snapshot
from minerva_promote.results import Finding, Outcome, Severity, StepResult
from minerva_promote.words import seconds

if TYPE_CHECKING:
    from minerva_promote.database.query import Connection

NAME = "embedding space"
TEXTS = ("text", "character varying")
NUMBERS = ("smallint", "integer", "bigint")
NULL = "NULL"  # how a value that is none is shown


@dataclass(frozen=True, slots=True)
class Space:
    """A vector column, and the columns that say what its vectors are of."""

    table: str
    column: str
    key: tuple[str, ...]
    text: str | None  # the column whose text the vector stands for
    root: str | None  # the column that names the root
    config: str | None  # the column that names the embedding config
    config_table: str | None
    config_key: str | None
    identity: tuple[str, ...]  # columns of the config that tell one model from another: name, version, dimensions
    active: str | None  # its flag


@dataclass(frozen=True, slots=True)
class ConfigRow:
    """One embedding config."""

    key: str
    identity: tuple[str, ...]  # values of ``Space.identity``
    active: bool | None


class Text(NamedTuple):
    """What is kept of a text: two with the same are taken for equal."""

    size: int  # bytes
    sha256: bytes


@dataclass(frozen=True, slots=True)
class SpaceSample:
    """What is kept of one vector column of a file or of a target."""

    space: Space
    rows: int  # with a vector; of a target the planner's estimate
    vectors: tuple[bytes, ...]  # wire form, drawn at random
    texts: tuple[Text | None, ...]  # the text of each vector; None: not known
    roots: tuple[str, ...]  # the root of each vector
    used: frozenset[str]  # keys of the configs that vectors name
    configs: tuple[ConfigRow, ...]


def spaces_of(contract: Contract, snapshot: Snapshot) -> tuple[Space, ...]:
    """The vector columns of a contract.

    The embedding config is the shared row with a column ``dimensions`` that the vector's row references; its text and
    number columns are its identity, and ``is_active`` its flag.
    """
    found = []
    for table, rule in contract.tables.items():
        columns = snapshot.tables[table].columns if table in snapshot.tables else {}
        for column, its in columns.items():
            if its.type.partition("(")[0] != "vector":
                continue
            refers, parent = next(
                (
                    (name, parent)
                    for name, parent in rule.references.items()
                    if contract.tables[parent].shared and "dimensions" in snapshot.tables[parent].columns
                ),
                (None, None),
            )
            key = contract.tables[parent].key[0] if parent else None
            others = snapshot.tables[parent].columns if parent else {}
            identity = tuple(name for name, its in others.items() if name != key and _plain(its.type))
            column_rule = rule.columns.get(column)
            text = column_rule.text if column_rule else None
            root = next(iter(rule.belongs_to), None)
            active = "is_active" if "is_active" in others else None
            found.append(Space(table, column, rule.key, text, root, refers, parent, key, identity, active))
    return tuple(found)


def _plain(type_name: str) -> bool:
    return type_name.partition("(")[0] in (*TEXTS, *NUMBERS)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of holding a file against a target."""

    detail: str
    findings: tuple[Finding, ...] = ()
    numbers: dict[str, float | int] = field(default_factory=dict)
    compared: bool = True  # False: there was nothing to compare with


def space_step(
    connection: Connection,
    samples: Iterable[SpaceSample],
    roots: Sequence[str],
    timeout: str,
    *,
    root_table: str = "books",
    step: str = "check",
) -> StepResult:
    """Hold a file's vectors against those that the target has of other roots.

    Reads only, in a savepoint or a transaction of its own, each statement within ``timeout``; the same before and after
    the file's rows are written, as rows of ``roots`` (keys of the file's roots, as uuids) are left out. Raises
    TargetError when the connection is lost.
    """
    from minerva_promote.database.query import QueryError, QueryTimeoutError
    from minerva_promote.vectors.space_compare import compare
    from minerva_promote.vectors.space_target import same_texts, target_sample

    begun = time.perf_counter()
    results: list[Comparison] = []
    for sample in samples:
        if not sample.rows:
            continue
        try:
            target = target_sample(connection, sample.space, roots, timeout)
            same = same_texts(connection, sample, roots) if target.vectors else ()
        except QueryTimeoutError:
            detail = f"the target's vectors were not read within {timeout}"
            return StepResult(step, NAME, Outcome.ERROR, detail, time.perf_counter() - begun)
        except QueryError as error:
            detail = f"the target's vectors cannot be read: {error}"
            return StepResult(step, NAME, Outcome.ERROR, detail, time.perf_counter() - begun)
        results.append(compare(sample, target, same, root_table))
    took = time.perf_counter() - begun
    if not results:
        return StepResult(step, NAME, Outcome.SKIP, "the file has no vectors", took)
    findings = tuple(finding for result in results for finding in result.findings)
    numbers = {name: value for result in results for name, value in result.numbers.items()}
    detail = "; ".join(result.detail for result in results)
    if any(finding.severity is Severity.ERROR for finding in findings):
        outcome = Outcome.FAIL
    elif findings:
        outcome = Outcome.WARN
    else:
        outcome = Outcome.OK if any(result.compared for result in results) else Outcome.SKIP
    if outcome is not Outcome.SKIP:
        detail += f", {seconds(took)}"
    return StepResult(step, NAME, outcome, detail, took, findings=findings, data={"values": numbers})
