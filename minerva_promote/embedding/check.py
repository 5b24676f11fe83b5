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
    from minerva_promote.embedding.target_sample import same_texts, target_sample

    begun = time.perf_counter()
    results: list[Comparison] = []
    for sample in samples:
        if not sample.rows:
            continue
        try:
            target = target_sample(conn, sample.space, roots, timeout)
            same = same_texts(conn, sample, roots) if target.vectors else ()
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
