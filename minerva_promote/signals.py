"""Ctrl-C, SIGTERM and SIGHUP: every command stops with one sentence, and never loses track of a COMMIT.

The handlers are installed once, by the command line. A signal becomes a :class:`Stop` wherever the program is; code
that knows more about what it leaves behind adds it as a note (``stop.add_note``) and lets the exception pass.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from minerva_promote import commit_log
from minerva_promote.errors import Interrupted

_NAMES = {
    number: name
    for word, name in (("SIGINT", "Ctrl-C"), ("SIGTERM", "SIGTERM"), ("SIGHUP", "SIGHUP"), ("SIGBREAK", "Ctrl-Break"))
    if (number := getattr(signal, word, None)) is not None  # Windows has no SIGHUP, all others no SIGBREAK
}


class Stop(KeyboardInterrupt):
    """A signal arrived. A KeyboardInterrupt, so that a waiting driver cancels its statement."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Signals:
    """Turns signals into :class:`Stop`; while ``held``, the first one waits."""

    def __init__(self) -> None:
        self.pending: int | None = None  # the signal that arrived while held
        self._held = 0
        self._over = False

    def arrive(self, number: int, frame: FrameType | None) -> None:
        """The handler."""
        if self._over:
            return
        if self._held and self.pending is None:
            self.pending = number
            return
        raise Stop(number)

    def finish(self) -> None:
        """The command has ended and only prints how: signals are ignored from now on."""
        self._over = True

    @contextmanager
    def held(self) -> Iterator[Signals]:
        """The first signal that arrives inside only sets ``pending``, and is forgotten then. A second one raises."""
        self._held += 1
        try:
            yield self
        finally:
            self._held -= 1
            if not self._held:
                self.pending = None

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """The first signal that arrives inside is raised at the end of the block."""
        with self.held():
            yield
            pending = self.pending if self._held == 1 else None
        if pending is not None:
            raise Stop(pending)


_active = [Signals()]  # of the process; without handlers until the command line installs them


def current() -> Signals:
    """The signals of the command that runs."""
    return _active[-1]


def signal_name(stop: KeyboardInterrupt) -> str:
    """What a person calls the signal: "Ctrl-C"."""
    return _NAMES.get(stop.number, "a signal") if isinstance(stop, Stop) else "Ctrl-C"


def interruption_behind(error: BaseException | None) -> KeyboardInterrupt | None:
    """The signal that an exception comes from, which others may have put theirs in front of."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error


def interrupted(stop: KeyboardInterrupt) -> Interrupted:
    """The one sentence of a command that a signal stopped: what is left behind, and what was changed."""
    facts = [*_notes(stop), commit_log.summary() or "nothing was changed"]
    return Interrupted(f"stopped by {signal_name(stop)}, did not finish: {'; '.join(facts)}; rerun the command")


def _notes(error: BaseException | None) -> list[str]:
    """The notes of a Stop and of those before it, which a second signal replaced."""
    notes: list[str] = []
    while error is not None:
        notes[:0] = [note for note in getattr(error, "__notes__", ()) if isinstance(error, KeyboardInterrupt)]
        error = error.__context__
    return notes


_thread = threading.local()  # ``stopped`` of a thread that works for the main one


@contextmanager
def obeying(stopped: threading.Event) -> Iterator[None]:
    """What a thread does inside ends with Stop, at its next or present statement, once the event is set."""
    _thread.stopped = stopped
    try:
        yield
    finally:
        _thread.stopped = None


def obey() -> None:
    """Raise Stop, once, in a thread whose event is set."""
    stopped = getattr(_thread, "stopped", None)
    if stopped is not None and stopped.is_set():
        _thread.stopped = None
        raise Stop(signal.SIGINT)


@contextmanager
def listening(*, restore: bool = True) -> Iterator[Signals]:
    """Listen while a command runs; in the main thread only, as Python has it.

    A signal that is ignored, as nohup does it, stays ignored. Without ``restore`` the handlers stay, for a process
    that ends with the command.
    """
    signals = Signals()
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    before = {number: signal.getsignal(number) for number in _NAMES}
    before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    _active.append(signals)
    for number in before:
        signal.signal(number, signals.arrive)
    try:
        yield signals
    finally:
        signals.finish()
        if restore:
            _active.remove(signals)
            for number, handler in before.items():
                signal.signal(number, handler)
