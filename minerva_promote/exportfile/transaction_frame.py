"""The transaction that frames a file: one BEGIN first, one COMMIT last."""

from __future__ import annotations

from collections.abc import Callable

Report = Callable[[str, str, str, int], None]  # code, fact, help, place in the window

INTENDED_KIND = {"transaction-mode": "begin", "transaction-chain": "commit"}  # what a refused form stands for

_FRAME = "one BEGIN first, one COMMIT last"


class TransactionFrame:
    """Follows where a file is: before, inside or after its transaction; tells what stands in the wrong place."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._state = "before"  # "before", "open", "after"

    @property
    def is_before(self) -> bool:
        """True until BEGIN."""
        return self._state == "before"

    @property
    def is_open(self) -> bool:
        """True between BEGIN and COMMIT."""
        return self._state == "open"

    def begin_or_commit(self, kind: str, offset: int) -> None:
        """A BEGIN or a COMMIT; any other kind marks nothing."""
        if kind == "begin":
            if self._state != "before":
                self._report("begin", "a second BEGIN", _FRAME, offset)
            self._state = "open" if self._state == "before" else self._state
        elif kind == "commit" and self._state == "open":
            self._state = "after"
        elif kind == "commit":
            message = "COMMIT before BEGIN" if self._state == "before" else "a second COMMIT"
            self._report("commit", message, _FRAME, offset)

    def require_open(self, what: str, offset: int, *, opens: bool = False) -> None:
        """Something that belongs between BEGIN and COMMIT; ``opens``: what is wrong before BEGIN is said once."""
        if self._state == "before":
            self._report("begin", f"{what} before BEGIN", "put BEGIN first", offset)
            self._state = "open" if opens else "before"
        elif self._state == "after":
            self._report("commit", f"{what} after COMMIT", "put COMMIT last", offset)

    def finish(self, offset: int) -> None:
        """The end of the file."""
        hint = "export again: it may be cut off"
        if self._state == "open":
            self._report("commit", "the file ends before COMMIT", hint, offset)
        elif self._state == "before":
            self._report("begin", "there is no BEGIN", hint, offset)
