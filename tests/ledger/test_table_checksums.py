"""What an undo learns from the server's counters of written rows."""

from __future__ import annotations

from minerva_promote.undo.table_checksums import WriteCounters, WriteDelta, write_deltas


def test_the_difference_of_two_readings() -> None:
    before = {1: WriteCounters(5, 4, 3, "f"), 2: WriteCounters(1, 1, 1, "g"), 3: WriteCounters(0, 0, 0, "h")}
    after = {
        1: WriteCounters(7, 5, 8, "f"), 2: WriteCounters(1, 1, 1, "g"), 3: WriteCounters(0, 0, 0, "i"),
        4: WriteCounters(0, 0, 2, "j"),
    }  # fmt: skip
    assert write_deltas(before, after) == {
        1: WriteDelta(2, 1, 5, truncated=False),
        3: WriteDelta(0, 0, 0, truncated=True),
        4: WriteDelta(0, 0, 2, truncated=False),
    }
