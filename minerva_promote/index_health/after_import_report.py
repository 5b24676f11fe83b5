"""The state of vector indexes after an import, as findings."""

from __future__ import annotations

from minerva_promote.index_health.after_import import IndexAfterImport, State
from minerva_promote.results import Finding, Severity


def after_import_finding(result: IndexAfterImport, environment: str) -> Finding:
    """A warning with the command that measures the index."""
    index, counted = result.index, result.counted
    command = f"promote index --env {environment}"
    if result.state is State.UNREADABLE:
        return _warning("index-unseen", f"{index.name} could not be looked at: {result.error}", command)
    if result.state is State.BEING_BUILT:
        return _warning("index-invalid", f"{index.name} is being built: no search uses it yet", command)
    if counted is None:
        return _warning("index-invalid", f"{index.name} is invalid: no search uses it", command)
    rows = f"{counted.rows:,} rows now, {result.new_rows:,} of them new"
    rows += f"; a search touches {result.pages_share:.0%} of its pages"
    built = f"{counted.built or 0:,} rows"
    if result.state is State.STALE:
        return _warning("index-stale", f"{index.name} is stale: built over {built}, {rows}", command)
    message = f"{index.name} was built empty: {built} for {index.lists} lists, {rows}"
    return _warning("index-built-empty", message, command)


def _warning(code: str, message: str, command: str) -> Finding:
    return Finding(code, message, hint=f"{command} measures it; --apply rebuilds it", severity=Severity.WARN)
