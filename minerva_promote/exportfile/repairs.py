"""Known faults of old exporters, mended only when a run says --repair."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from minerva_promote.config.models.project import Repair
from minerva_promote.exportfile.value_faults import ValueFault
from minerva_promote.exportfile.wire_values import Convert


class ValueRepair(ABC):
    """Reads the values of one column, repairs those with its fault, and counts them."""

    fault: ClassVar[str]  # what was wrong and, where it is not obvious, what was done

    def __init__(self, column: str, convert: Convert) -> None:
        self.column = column
        self.count = 0
        self._convert = convert

    @property
    def description(self) -> str:
        """What was repaired, for the report: "chunks.embedding was in braces"."""
        return f"{self.column} {self.fault}"

    @abstractmethod
    def __call__(self, text: bytes) -> bytes:
        """The wire form of a value, repaired where it has to be. Raises ValueFault."""


class BracesRepair(ValueRepair):
    """Reads '{1,2}' as '[1,2]'."""

    fault = "was in braces"

    def __call__(self, text: bytes) -> bytes:
        if text[:1] == b"{" and text[-1:] == b"}":
            self.count += 1
            text = b"[" + text[1:-1] + b"]"
        return self._convert(text)


class OffsetRepair(ValueRepair):
    """Reads a time with an offset, in a column without time zone, as the same moment in UTC."""

    fault = "had an offset and was converted to UTC"

    def __call__(self, text: bytes) -> bytes:
        try:
            return self._convert(text)
        except ValueFault as fault:
            from minerva_promote.exportfile.types.datetimes import utc_time  # few files have such a time

            moment = utc_time(text) if fault.code == "timestamp-offset" else None
            if moment is None:
                raise
        value = self._convert(moment)
        self.count += 1
        return value


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
