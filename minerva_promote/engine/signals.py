"""Ctrl-C and SIGTERM: a run stops between two steps of its own, never inside COMMIT."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from minerva_promote.errors import Interrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop(KeyboardInterrupt):
    """A signal arrived. A KeyboardInterrupt, so that a waiting driver cancels its statement."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Signals:
    """Turns signals into :class:`Stop`; while ``held``, they wait."""

    def __init__(self) -> None:
        self._held = False
        self._waiting: int | None = None

    def _arrive(self, number: int, frame: FrameType | None) -> None:
        if self._held:
            self._waiting = number
            return
        raise Stop(number)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Signals that arrive inside take effect afterwards, when it is too late to stop: they are forgotten."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
            self._waiting = None


@contextmanager
def listening() -> Iterator[Signals]:
    """Listen while a run goes on; in the main thread only, as Python has it. Raises Interrupted."""
    signals = Signals()
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    before = {number: signal.signal(number, signals._arrive) for number in _SIGNALS}
    try:
        yield signals
    except KeyboardInterrupt as stop:
        number = stop.number if isinstance(stop, Stop) else int(signal.SIGINT)
        name = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
        raise Interrupted(
            f"stopped by {name}: nothing was changed (rolled back)", hint="run the command again when you like"
        ) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
