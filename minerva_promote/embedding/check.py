"""The step of a run that compares the embedding space of a file with that of the target."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from minerva_promote.embedding.model import Comparison, SpaceSample
from minerva_promote.results import Outcome, Severity, StepResult
from minerva_promote.text_format import seconds

if TYPE_CHECKING:
    from minerva_promote.database.connection import Connection

NAME = "embedding space"


def space_step(
    conn: Connection,
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
    from minerva_promote.database.read_only import QueryError, QueryTimeoutError
    from minerva_promote.embedding.compare import compare
    from minerva_promote.embedding.target_sample import find_same_texts, read_target_sample

    started = time.perf_counter()
    comparisons: list[Comparison] = []
    for sample in samples:
        if not sample.rows:
            continue
        try:
            target = read_target_sample(conn, sample.space, roots, timeout)
            same = find_same_texts(conn, sample, roots) if target.vectors else ()
        except QueryTimeoutError:
            detail = f"the target's vectors were not read within {timeout}"
            return StepResult(step, NAME, Outcome.ERROR, detail, time.perf_counter() - started)
        except QueryError as error:
            detail = f"the target's vectors cannot be read: {error}"
            return StepResult(step, NAME, Outcome.ERROR, detail, time.perf_counter() - started)
        comparisons.append(compare(sample, target, same, root_table))
    elapsed = time.perf_counter() - started
    if not comparisons:
        return StepResult(step, NAME, Outcome.SKIP, "the file has no vectors", elapsed)
    findings = tuple(finding for comparison in comparisons for finding in comparison.findings)
    numbers = {name: value for comparison in comparisons for name, value in comparison.numbers.items()}
    detail = "; ".join(comparison.detail for comparison in comparisons)
    if any(finding.severity is Severity.ERROR for finding in findings):
        outcome = Outcome.FAIL
    elif findings:
        outcome = Outcome.WARN
    else:
        outcome = Outcome.OK if any(comparison.compared for comparison in comparisons) else Outcome.SKIP
    if outcome is not Outcome.SKIP:
        detail += f", {seconds(elapsed)}"
    return StepResult(step, NAME, outcome, detail, elapsed, findings=findings, data={"values": numbers})
