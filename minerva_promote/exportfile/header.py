"""The counts that the comments before BEGIN name: "-- Total Chunks: 24"."""

from __future__ import annotations

import re

from minerva_promote.config.models import Contract

_COUNT = re.compile(rb"--+[ \t]*([A-Za-z][A-Za-z ]*?)[ \t]*:[ \t]*(.*?)[ \t]*")


class Header:
    """Listens to comments; ``counts`` is by table, -1 where what is said is no number or contradicts itself."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self.counts: dict[str, int] = {}

    def comment(self, text: bytes) -> None:
        """Take a comment; the same one twice changes nothing."""
        match = _COUNT.fullmatch(text)
        table = self._contract.header_counts.get(match[1].decode()) if match else None
        if not match or table is None or table not in self._contract.tables:
            return
        digits = match[2].replace(b",", b"")
        number = int(digits) if re.fullmatch(rb"[0-9]{1,18}", digits) else -1
        if number != self.counts.setdefault(table, number):
            self.counts[table] = -1
