"""The counts that the comments before BEGIN name: "-- Total Chunks: 24"."""

from __future__ import annotations

import re

from minerva_promote.config.models.project import Contract

_TITLE = re.compile(rb"[A-Za-z][A-Za-z ]*+")


class HeaderCounts:
    """Listens to comments; ``counts`` is by table, -1 where what is said is no number or contradicts itself."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self.counts: dict[str, int] = {}

    def read_comment(self, text: bytes) -> None:
        """Take a comment; the same one twice changes nothing."""
        title, colon, value = text.lstrip(b"-").partition(b":")
        title = title.strip(b" \t")
        table = self._contract.header_counts.get(title.decode()) if colon and _TITLE.fullmatch(title) else None
        if table is None or table not in self._contract.tables:
            return
        digits = value.strip(b" \t").replace(b",", b"")
        number = int(digits) if re.fullmatch(rb"[0-9]{1,18}", digits) else -1
        if number != self.counts.setdefault(table, number):
            self.counts[table] = -1
