"""What the running command has committed so far, for the sentence that it ends with when it is stopped.

One command a process: the command line clears it at its begin.
"""

from __future__ import annotations

from collections.abc import Callable

SHOWN = 8  # changes that a sentence names

_changes: list[str] = []
_unconfirmed: list[float] = []  # seconds that commits waited for a standby in vain
_listeners: list[Callable[[str], None]] = []


def clear() -> None:
    """A new command begins."""
    _changes.clear()
    _unconfirmed.clear()
    _listeners.clear()


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


def record_unconfirmed(seconds: float) -> None:
    """A transaction is committed, and no synchronous standby has confirmed it in these seconds."""
    _unconfirmed.append(seconds)


def unconfirmed() -> tuple[float, ...]:
    """How long each commit waited that no standby has confirmed."""
    return tuple(_unconfirmed)


def listen(listener: Callable[[str], None]) -> None:
    """Have this one told of what the command waits for, and nobody else."""
    _listeners[:] = [listener]


def announce(line: str) -> None:
    """Tell whoever listens what the command waits for."""
    for listener in _listeners:
        listener(line)
