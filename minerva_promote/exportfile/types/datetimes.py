"""date, time, timestamp, with and without time zone (date.c, timestamp.c): ISO 8601, as PostgreSQL prints them.

Nothing that depends on a clock or a session: no "now", no time with time zone without its offset.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from minerva_promote.exportfile.value_faults import ValueFault, excerpt

_DATE = rb"([0-9]{4,7})-([0-9]{2})-([0-9]{2})"
_TIME = rb"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?"
_ZONE = rb" ?(?:([Zz])|([+-])([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2}))?)?)"
_UTC_NAME = re.compile(rb" *(?:UTC|GMT)$")
_DATE_ONLY = re.compile(_DATE + rb"( BC)?")
_TIMESTAMP = re.compile(_DATE + rb"(?:[T ]" + _TIME + rb")?(?:" + _ZONE + rb")?( BC)?")
_TIME_ONLY = re.compile(_TIME + rb"(?:" + _ZONE + rb")?")

_REPAIR_HINT = ", or run with --repair"
_EPOCH = 2_451_545  # the Julian day of 2000-01-01
_DAY = 86_400_000_000  # microseconds
_LAST_DATE = 5_874_898  # the first year of which no date is held
_FIRST_TIMESTAMP, _LAST_TIMESTAMP = -211_813_488_000_000_000, 9_223_371_331_200_000_000
_MOST_OFFSET = 16 * 3600  # seconds; excluded
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_INFINITY = {b"infinity": 1, b"+infinity": 1, b"-infinity": -1}


def date(text: bytes) -> bytes:
    """Days since 2000-01-01, 32 bits; infinity is the largest, -infinity the smallest number."""
    if sign := _INFINITY.get(text.lower()):
        return struct.pack(">i", 2**31 - 1 if sign > 0 else -(2**31))
    match = _DATE_ONLY.fullmatch(text)
    if match is None:
        raise ValueFault("date", f"{excerpt(text)} is not an ISO 8601 date", "write 2026-01-31")
    year, day = _day(text, match[1], match[2], match[3], bool(match[4]))
    if day < -_EPOCH or year >= _LAST_DATE:
        raise ValueFault("date", f"{excerpt(text)} is out of range", "give a date from 4713 BC to 5874897 AD")
    return struct.pack(">i", day)


def time(digits: int = 6) -> Callable[[bytes], bytes]:
    """A reader of time(digits): microseconds since midnight, 64 bits."""

    def read(text: bytes) -> bytes:
        return struct.pack(">q", _time_parts(text, digits, zone=False)[0])

    return read


def time_with_zone(digits: int = 6) -> Callable[[bytes], bytes]:
    """A reader of time(digits) with time zone: the same, and seconds west of Greenwich, 32 bits."""

    def read(text: bytes) -> bytes:
        return struct.pack(">qi", *_time_parts(text, digits, zone=True))

    return read


def timestamp(digits: int = 6, *, zone: bool) -> Callable[[bytes], bytes]:
    """A reader of timestamp(digits), with time zone or without: microseconds since 2000-01-01 (UTC), 64 bits."""

    def read(text: bytes) -> bytes:
        if sign := _INFINITY.get(text.lower()):
            return struct.pack(">q", 2**63 - 1 if sign > 0 else -(2**63))
        match = _TIMESTAMP.fullmatch(text)
        if match is None or (not zone and match[4] is None and (match[8] or match[9])):
            form = "2026-01-31 12:34:56.789" + ("+00" if zone else "")
            raise ValueFault("timestamp", f"{excerpt(text)} is not an ISO 8601 date and time", f"write {form}")
        has_offset = bool(match[8] or match[9])
        if zone and not has_offset:
            message = f"{excerpt(text)} has no offset: what it means depends on the session's time zone"
            raise ValueFault("timestamp-zone", message, "write the time with its offset: 2026-01-31 12:34:56+00")
        if not zone and has_offset:
            raise refuse_offset(text)
        _, day = _day(text, match[1], match[2], match[3], bool(match[13]))
        moment = day * _DAY + _microseconds(text, match.groups()[3:7], digits) - _offset(text, match.groups()[7:12])
        if not _FIRST_TIMESTAMP <= moment < _LAST_TIMESTAMP:
            raise ValueFault("timestamp", f"{excerpt(text)} is out of range", "give a time from 4713 BC to 294276 AD")
        return struct.pack(">q", moment)

    return read


_READ_LOCAL = timestamp(zone=False)


def utc_time(text: bytes) -> bytes | None:
    """The time in UTC, without an offset, of a timestamp that has one; None where there is no such moment."""
    text = _UTC_NAME.sub(b"Z", text)
    match = _TIMESTAMP.fullmatch(text)
    if match is None or not (match[8] or match[9]):
        return None
    local_time = text[: match.end(7) if match[7] else match.end(6) if match[6] else match.end(5)]
    try:
        (moment,) = struct.unpack(">q", _READ_LOCAL(local_time + (match[13] or b"")))
        return timestamp_text(struct.pack(">q", moment - _offset(text, match.groups()[7:12]))).encode()
    except (ValueFault, struct.error):
        return None


def refuse_offset(text: bytes) -> ValueFault:
    """The fault of a time with an offset for a column without time zone, with the same moment in UTC as hint."""
    moment = utc_time(text)
    hint = "write the time without it"
    if moment is not None:
        hint = f"in UTC it is {moment.decode()}: write that{_REPAIR_HINT}"
    return ValueFault("timestamp-offset", f"{excerpt(text)} has an offset, which the column would drop silently", hint)


def unrepaired(read: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """A reader of times inside of arrays and ranges, which --repair leaves alone."""

    def read_inside(text: bytes) -> bytes:
        try:
            return read(text)
        except ValueFault as fault:
            raise ValueFault(fault.code, fault.message, fault.hint.removesuffix(_REPAIR_HINT)) from None

    return read_inside


def _day(text: bytes, year: bytes, month: bytes, day: bytes, before_christ: bool) -> tuple[int, int]:
    """The year as astronomers count (1 BC is 0), and days since 2000-01-01."""
    y, m, d = int(year), int(month), int(day)
    if before_christ:
        y = 1 - y
    leap = y % 4 == 0 and (y % 100 != 0 or y % 400 == 0)
    if not 1 <= m <= 12 or not 1 <= d <= _DAYS[m - 1] + (m == 2 and leap) or (int(year) == 0):
        raise ValueFault("date", f"{excerpt(text)} does not exist", "correct the date")
    if y < -4713:
        raise ValueFault("date", f"{excerpt(text)} is out of range", "give a date from 4713 BC on")
    return y, _julian(y, m, d) - _EPOCH


def _julian(year: int, month: int, day: int) -> int:
    """date2j() of PostgreSQL."""
    if month > 2:
        month, year = month + 1, year + 4800
    else:
        month, year = month + 13, year + 4799
    century = year // 100
    return year * 365 - 32167 + year // 4 - century + century // 4 + 7834 * month // 256 + day


def _microseconds(text: bytes, parts: tuple[bytes | None, ...], digits: int) -> int:
    """Since midnight, from hour, minute, second and fraction; a date alone is midnight."""
    hour, minute, second, fraction = parts
    if hour is None or minute is None:
        return 0
    h, m, s = int(hour), int(minute), int(second or 0)
    if fraction and fraction[digits:].strip(b"0"):
        raise ValueFault(
            "time-rounded", f"{excerpt(text)} would be rounded to {digits} digits", "give it as it will be stored"
        )
    part = int((fraction or b"0")[:6].ljust(6, b"0"))
    if m > 59 or s > 59 or h > 24 or (h == 24 and (m or s or part)):
        raise ValueFault("time", f"{excerpt(text)} does not exist", "correct the time")
    return ((h * 60 + m) * 60 + s) * 1_000_000 + part


def _offset(text: bytes, parts: tuple[bytes | None, ...]) -> int:
    """East of Greenwich, in microseconds."""
    _, sign, hours, minutes, seconds = parts
    if sign is None:
        return 0
    m, s = int(minutes or 0), int(seconds or 0)
    total = int(hours or 0) * 3600 + m * 60 + s
    if m > 59 or s > 59 or total >= _MOST_OFFSET:
        raise ValueFault("time", f"{excerpt(text)} has an offset that does not exist", "correct the offset")
    return (-total if sign == b"-" else total) * 1_000_000


def _time_parts(text: bytes, digits: int, *, zone: bool) -> tuple[int, int]:
    """Microseconds, and seconds west of Greenwich."""
    match = _TIME_ONLY.fullmatch(text)
    if match is None:
        raise ValueFault("time", f"{excerpt(text)} is not an ISO 8601 time", "write 12:34:56" + ("+00" if zone else ""))
    has_offset = bool(match[5] or match[6])
    if zone and not has_offset:
        message = f"{excerpt(text)} has no offset: what it means depends on the session's time zone"
        raise ValueFault("timestamp-zone", message, "write the time with its offset: 12:34:56+00")
    if not zone and has_offset:
        message = f"{excerpt(text)} has an offset, which the column would drop silently"
        raise ValueFault("timestamp-offset", message, "write the time without it")
    microseconds = _microseconds(text, match.groups()[0:4], digits)
    return microseconds, -_offset(text, match.groups()[4:9]) // 1_000_000


def date_text(wire: bytes) -> str:
    """What PostgreSQL prints for a date."""
    (days,) = struct.unpack(">i", wire)
    if days in (2**31 - 1, -(2**31)):
        return "infinity" if days > 0 else "-infinity"
    year, month, day = _calendar(days + _EPOCH)
    return f"{year if year > 0 else 1 - year:04d}-{month:02d}-{day:02d}{'' if year > 0 else ' BC'}"


def time_text(wire: bytes) -> str:
    """What PostgreSQL prints for a time without time zone."""
    (microseconds,) = struct.unpack(">q", wire)
    seconds, part = divmod(microseconds, 1_000_000)
    fraction = f".{part:06d}".rstrip("0") if part else ""
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{fraction}"


def timestamp_text(wire: bytes, *, zone: bool = False) -> str:
    """What PostgreSQL prints for a timestamp; with time zone as in UTC."""
    (moment,) = struct.unpack(">q", wire)
    if moment in (2**63 - 1, -(2**63)):
        return "infinity" if moment > 0 else "-infinity"
    days, rest = divmod(moment, _DAY)
    year, month, day = _calendar(days + _EPOCH)
    clock = time_text(struct.pack(">q", rest))
    shown_year = year if year > 0 else 1 - year
    era = "" if year > 0 else " BC"
    return f"{shown_year:04d}-{month:02d}-{day:02d} {clock}{'+00' if zone else ''}{era}"


def _calendar(julian: int) -> tuple[int, int, int]:
    """Year (1 BC is 0), month and day: j2date() of PostgreSQL."""
    julian += 32044
    quad, extra = divmod(julian, 146097)
    extra = extra * 4 + 3
    julian += 60 + quad * 3 + extra // 146097
    quad, julian = divmod(julian, 1461)
    y = julian * 4 // 1461
    julian = ((julian + 305) % 365 if y else (julian + 306) % 366) + 123
    y += quad * 4
    quad = julian * 2141 // 65536
    return y - 4800, (quad + 10) % 12 + 1, julian - 7834 * quad // 256
