"""Wire forms as a person reads them, for messages."""

from __future__ import annotations

import struct
import uuid
from datetime import datetime, timedelta

from minerva_promote.exportfile.value_faults import shown

_FOREVER = 2**63 - 1


def display(value: bytes | None, type_name: str, most: int = 40) -> str:
    """A value of this type (as format_type() prints it) in a few characters."""
    if value is None:
        return "NULL"
    name = type_name.partition("(")[0]
    if name == "uuid":
        return str(uuid.UUID(bytes=value))
    if name in ("smallint", "integer", "bigint"):
        return str(int.from_bytes(value, "big", signed=True))
    if name == "boolean":
        return "true" if value == b"\1" else "false"
    if name == "timestamp without time zone":
        return _timestamp(struct.unpack(">q", value)[0])
    if name == "uuid[]":
        return f"{{{(len(value) - 20) // 20 if len(value) > 12 else 0} uuids}}"
    if name == "vector":
        return f"a vector of {struct.unpack_from('>h', value)[0]:,}"
    return shown(value, most)


def _timestamp(microseconds: int) -> str:
    """A time from its distance to 2000; a target may hold what Python's calendar has not."""
    if microseconds in (_FOREVER, -_FOREVER - 1):
        return "infinity" if microseconds > 0 else "-infinity"
    try:
        return str(datetime(2000, 1, 1) + timedelta(microseconds=microseconds))
    except OverflowError:
        return "a time after year 9999" if microseconds > 0 else "a time before year 1"
