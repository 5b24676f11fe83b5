"""Ctrl-C and SIGTERM: a run stops between two steps of its own, never inside COMMIT."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from minerva_promote.errors import Interrupted

_NAMES = {
    number: name
    for word, name in (("SIGINT", "Ctrl-C"), ("SIGTERM", "SIGTERM"), ("SIGHUP", "SIGHUP"))
    if (number := getattr(signal, word, None)) is not None
}


class Stop(KeyboardInterrupt):
    """A signal arrived. A KeyboardInterrupt, so that a waiting driver cancels its statement."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Signals:
    """Turns signals into :class:`Stop`; while ``held``, the first one waits."""

    def __init__(self) -> None:
        self._held = False
        self._waiting: int | None = None

    def _arrive(self, number: int, frame: FrameType | None) -> None:
        if self._held and self._waiting is None:
            self._waiting = number
            return
        raise Stop(number)

    @contextmanager
    def held(self) -> Iterator[None]:
        """The first signal that arrives inside is forgotten: it is too late to stop. A second one gets through."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
            self._waiting = None


def signal_name(stop: KeyboardInterrupt) -> str:
    """What a person calls the signal: "Ctrl-C"."""
    return _NAMES.get(stop.number, "a signal") if isinstance(stop, Stop) else "Ctrl-C"


@contextmanager
def listening() -> Iterator[Signals]:
    """Listen while a run goes on; in the main thread only, as Python has it. Raises Interrupted.

    A signal that is ignored, as nohup does it, stays ignored.
    """
    signals = Signals()
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    before = {number: signal.getsignal(number) for number in _NAMES}
    before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, signals._arrive)
    try:
        yield signals
    except KeyboardInterrupt as stop:
        raise Interrupted(
            f"stopped by {signal_name(stop)}: nothing was changed (rolled back)",
            hint="run the command again when you like",
        ) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
