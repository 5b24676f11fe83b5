"""The transaction that frames a file: one BEGIN first, one COMMIT last."""

from __future__ import annotations

from collections.abc import Callable

Tell = Callable[[str, str, str, int], None]  # code, fact, help, place in the window

MEANT = {"transaction-mode": "begin", "transaction-chain": "commit"}  # what a refused form stands for

_FRAME = "one BEGIN first, one COMMIT last"


class TransactionFrame:
    """Follows where a file is: before, inside or after its transaction; tells what stands in the wrong place."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._state = "before"  # "before", "open", "after"

    @property
    def is_before(self) -> bool:
        """True until BEGIN."""
        return self._state == "before"

    @property
    def is_open(self) -> bool:
        """True between BEGIN and COMMIT."""
        return self._state == "open"

    def begin_or_commit(self, kind: str, at: int) -> None:
        """A BEGIN or a COMMIT; any other kind marks nothing."""
        if kind == "begin":
            if self._state != "before":
                self._tell("begin", "a second BEGIN", _FRAME, at)
            self._state = "open" if self._state == "before" else self._state
        elif kind == "commit" and self._state == "open":
            self._state = "after"
        elif kind == "commit":
            fact = "COMMIT before BEGIN" if self._state == "before" else "a second COMMIT"
            self._tell("commit", fact, _FRAME, at)

    def require_open(self, what: str, at: int, *, opens: bool = False) -> None:
        """Something that belongs between BEGIN and COMMIT; ``opens``: what is wrong before BEGIN is said once."""
        if self._state == "before":
            self._tell("begin", f"{what} before BEGIN", "put BEGIN first", at)
            self._state = "open" if opens else "before"
        elif self._state == "after":
            self._tell("commit", f"{what} after COMMIT", "put COMMIT last", at)

    def finish(self, at: int) -> None:
        """The end of the file."""
        help_ = "export again: it may be cut off"
        if self._state == "open":
            self._tell("commit", "the file ends before COMMIT", help_, at)
        elif self._state == "before":
            self._tell("begin", "there is no BEGIN", help_, at)
