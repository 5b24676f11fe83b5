"""Compare the embedding space of a file with that of the target."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from minerva_promote.embedding.model import SpaceSample
from minerva_promote.results import StepResult

if TYPE_CHECKING:
    from minerva_promote.database.connection import Connection
    from minerva_promote.embedding.target_sample import FileRows


def space_step(
    conn: Connection,
    samples: Iterable[SpaceSample],
    file: FileRows,
    timeout: str,
    *,
    root_table: str = "books",
    step: str = "check",
) -> StepResult:
    """Hold a file's vectors against those that the target has of other rows.

    Reads only, in a savepoint or a transaction of its own, each statement within ``timeout``; the same before and after
    the file's rows are written, as these are left out. Raises TargetError when the connection is lost.
    """
    from minerva_promote.database.read_only import QueryError, QueryTimeoutError
    from minerva_promote.embedding.compare import Comparison, Configs, compare
    from minerva_promote.embedding.report import comparison_step, unread_step
    from minerva_promote.embedding.target_sample import find_same_texts, has_unknown_keys, read_target_sample

    started = time.perf_counter()
    comparisons: list[Comparison] = []
    for sample in samples:
        if not sample.rows:
            continue
        if has_unknown_keys(sample.space, file):
            comparisons.append(
                Comparison(sample.space, sample.rows, 0, len(sample.vectors), 0, Configs(), untested="key")
            )
            continue
        try:
            target = read_target_sample(conn, sample.space, file, timeout)
            same = find_same_texts(conn, sample, file) if target.vectors else ()
        except QueryTimeoutError:
            return unread_step(f"were not read within {timeout}", step, time.perf_counter() - started)
        except QueryError as error:
            return unread_step(f"cannot be read: {error}", step, time.perf_counter() - started)
        comparisons.append(compare(sample, target, same))
    return comparison_step(comparisons, root_table, step, time.perf_counter() - started)
