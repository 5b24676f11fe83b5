"""Known faults of old exporters, mended only when a run says --repair."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from minerva_promote.config.models.project import Repair


class BracesRepair:
    """Reads '{1,2}' as '[1,2]'; counts how often."""

    def __init__(self, column: str, convert: Callable[[bytes], bytes]) -> None:
        self.column = column
        self.count = 0
        self._convert = convert

    def __call__(self, text: bytes) -> bytes:
        if text[:1] == b"{" and text[-1:] == b"}":
            self.count += 1
            text = b"[" + text[1:-1] + b"]"
        return self._convert(text)


def merge_repairs(repairs: Iterable[Repair], table: str) -> Repair:
    """All repairs of one table as one."""
    rename: dict[str, str] = {}
    braces: list[str] = []
    default: dict[str, int | str] = {}
    for repair in repairs:
        if repair.table == table:
            rename.update(repair.rename)
            braces.extend(repair.vector_braces)
            default.update(repair.default)
    return Repair(table=table, rename=rename, vector_braces=tuple(braces), default=default)
