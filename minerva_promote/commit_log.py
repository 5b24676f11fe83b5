"""What the running command has committed so far: it is named when the command is stopped.

A process runs one command at a time; the command line clears the log when it begins.
"""

from __future__ import annotations

from collections.abc import Callable

MAX_NAMED = 8  # changes that the summary names

_changes: list[str] = []
_unconfirmed: list[float] = []  # seconds of each commit that waited for a standby in vain
_listeners: list[Callable[[str], None]] = []


def clear() -> None:
    """Forget everything: a new command begins."""
    _changes.clear()
    _unconfirmed.clear()
    _listeners.clear()


def record_change(change: str) -> None:
    """Record a change that is permanent, even if the command stops now: "database minerva created"."""
    if change not in _changes:
        _changes.append(change)


def summary() -> str:
    """The permanent changes as a message; "" when there are none."""
    if not _changes:
        return ""
    more = f" and {len(_changes) - MAX_NAMED} more" if len(_changes) > MAX_NAMED else ""
    return f"these changes stay: {', '.join(_changes[:MAX_NAMED])}{more}"


def record_unconfirmed(seconds: float) -> None:
    """Record that a transaction is committed and no synchronous standby has confirmed it in these seconds."""
    _unconfirmed.append(seconds)


def unconfirmed() -> tuple[float, ...]:
    """The seconds of each commit that no standby has confirmed."""
    return tuple(_unconfirmed)


def listen(listener: Callable[[str], None]) -> None:
    """Call this listener, and no other, with what the command waits for."""
    _listeners[:] = [listener]


def announce(line: str) -> None:
    """Call the listener with what the command waits for."""
    for listener in _listeners:
        listener(line)
