"""Work on several connections at the same time, one thread each, that a signal stops."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from minerva_promote.signals import Stop, obeying

Result = TypeVar("Result")


def run_in_parallel(tasks: Sequence[Callable[[], Result]]) -> list[Future[Result]]:
    """All of the tasks, done or failed, in the order given.

    Signals reach the main thread only: when one stops it, the statements that the other threads wait for are cancelled
    and these are waited for, so that no session is left at work.
    """
    stopped = threading.Event()

    def run(task: Callable[[], Result]) -> Result:
        with obeying(stopped):
            return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        futures = [pool.submit(run, task) for task in tasks]
        try:
            wait(futures)
        except Stop:
            stopped.set()
            raise
    return futures
