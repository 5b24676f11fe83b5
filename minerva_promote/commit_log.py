"""What the running command has committed so far, for the sentence that it ends with when it is stopped.

One command a process: the command line clears it at its begin.
"""

from __future__ import annotations

SHOWN = 8  # changes that a sentence names

_changes: list[str] = []


def clear() -> None:
    """A new command begins."""
    _changes.clear()


def record_change(change: str) -> None:
    """Something is committed, or written, and stays whatever comes: "database minerva created"."""
    if change not in _changes:
        _changes.append(change)


def summary() -> str:
    """What was changed and stays, in words; "" when nothing was."""
    if not _changes:
        return ""
    more = f" and {len(_changes) - SHOWN} more" if len(_changes) > SHOWN else ""
    return f"these changes stay: {', '.join(_changes[:SHOWN])}{more}"
