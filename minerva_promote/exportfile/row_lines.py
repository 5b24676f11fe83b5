"""Line numbers of rows, which know only their offset: lines are counted when a row is reported."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

_BLOCK = 4 << 20


def lines_of(path: Path, offsets: Collection[int]) -> dict[int, int]:
    """The line, from 1, of each byte offset of a file; reads up to the last of them. Empty for a file that is gone."""
    lines: dict[int, int] = {}
    if not offsets:
        return lines
    line, begin = 1, 0
    with suppress(OSError), path.open("rb") as file:
        block = b""
        for offset in sorted(set(offsets)):
            while offset >= begin + len(block):
                line += block.count(b"\n")
                begin += len(block)
                block = file.read(_BLOCK)
                if not block:
                    return lines
            lines[offset] = line + block.count(b"\n", 0, offset - begin)
    return lines
