"""real, double precision and numeric (float.c, numeric.c)."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from fractions import Fraction

from minerva_promote.exportfile.value_faults import ValueFault, excerpt

_DECIMAL = re.compile(rb"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,9}))?")
_SPECIAL = {
    b"nan": "nan", b"inf": "inf", b"+inf": "inf", b"-inf": "-inf", b"infinity": "inf", b"+infinity": "inf",
    b"-infinity": "-inf",
}  # fmt: skip
_NUMERIC_SPECIAL = {"nan": 0xC000, "inf": 0xD000, "-inf": 0xF000}
_NEGATIVE = 0x4000
_SPECIAL_SCALE = 0x20  # what numeric_send() gives as the scale of an infinity
MOST_BEFORE, MOST_AFTER = 131_072, 16_383  # decimal digits of a numeric, before and after the point
_SINGLE_INFINITY = 0x7F800000


def double(text: bytes) -> bytes:
    """64 bits, rounded once from the decimal."""
    number = _float(text)
    return struct.pack(">d", number)


def single(text: bytes) -> bytes:
    """32 bits, rounded once from the decimal: not by way of 64."""
    number = _float(text)
    if not math.isfinite(number):
        return struct.pack(">f", number)
    wire = _round_to_single(text, number)
    bits = int.from_bytes(wire, "big") & 0x7FFFFFFF
    if bits == _SINGLE_INFINITY or (bits == 0 and _has_digit(text)):
        raise ValueFault("number-range", f"{excerpt(text)} is out of range for real", "give a number that fits")
    return wire


def numeric(precision: int | None = None, scale: int = 0) -> Callable[[bytes], bytes]:
    """A reader of numeric, or of numeric(precision, scale): then a number that would be rounded is refused."""

    def read(text: bytes) -> bytes:
        if special := _SPECIAL.get(text.strip().lower()):
            if precision is not None and special != "nan":
                raise ValueFault("number-range", f"{excerpt(text)} does not fit numeric({precision},{scale})", _FITS)
            sign = _NUMERIC_SPECIAL[special]
            return struct.pack(">HhHH", 0, 0, sign, 0 if special == "nan" else _SPECIAL_SCALE)
        negative, digits, exponent = _parts(text)
        if precision is not None:
            _require_fit(text, digits, exponent, precision, scale)
            shown_scale = max(scale, 0)
        else:
            shown_scale = max(-exponent, 0)
        significant = digits.strip(b"0")
        if len(digits.lstrip(b"0")) + exponent > MOST_BEFORE or shown_scale > MOST_AFTER:
            raise ValueFault("number-range", f"{excerpt(text)} has too many digits for numeric", _FITS)
        if not significant:
            return struct.pack(">HhHH", 0, 0, 0, shown_scale)
        groups, weight = _groups(digits, exponent)
        sign = _NEGATIVE if negative else 0
        return struct.pack(f">HhHH{len(groups)}H", len(groups), weight, sign, shown_scale, *groups)

    return read


_FITS = "give a number that the column can hold as it is"


def _parts(text: bytes) -> tuple[bool, bytes, int]:
    """Whether it is negative, all its digits, and the power of ten of the last one."""
    match = _DECIMAL.fullmatch(text.strip(b" \t\n\r\f\v"))
    if match is None or not (match[2] or match[3]):
        raise ValueFault(
            "number", f"{excerpt(text)} is not a decimal number", "write digits, with a point and an exponent"
        )
    after = match[3] or b""
    return match[1] == b"-", match[2] + after, int(match[4] or 0) - len(after)


def _require_fit(text: bytes, digits: bytes, exponent: int, precision: int, scale: int) -> None:
    stripped = digits.rstrip(b"0")
    lowest = exponent + len(digits) - len(stripped)  # the power of ten of the last digit that is not zero
    if stripped.strip(b"0") and lowest < -scale:
        message = f"{excerpt(text)} would be rounded: the column is numeric({precision},{scale})"
        raise ValueFault("number-rounded", message, _FITS)
    if stripped.strip(b"0") and len(digits.lstrip(b"0")) + exponent > precision - scale:
        raise ValueFault("number-range", f"{excerpt(text)} does not fit numeric({precision},{scale})", _FITS)


def _groups(digits: bytes, exponent: int) -> tuple[list[int], int]:
    """The digits in base 10,000, without zeros at either end, and the weight of the first."""
    if exponent > 0:
        digits, exponent = digits + b"0" * exponent, 0
    before, after = (digits[:exponent], digits[exponent:]) if exponent else (digits, b"")
    if len(digits) < -exponent:
        before, after = b"", digits.rjust(-exponent, b"0")
    before = before.rjust(-(-len(before) // 4) * 4, b"0")
    after = after.ljust(-(-len(after) // 4) * 4, b"0")
    whole = before + after
    groups = [int(whole[begin : begin + 4]) for begin in range(0, len(whole), 4)]
    weight = len(before) // 4 - 1
    first = next(place for place, group in enumerate(groups) if group)
    last = max(place for place, group in enumerate(groups) if group)
    return groups[first : last + 1], weight - first


def numeric_text(wire: bytes) -> str:
    """What PostgreSQL prints for a numeric."""
    count, weight, sign, scale = struct.unpack_from(">HhHH", wire)
    if sign & 0xC000 == 0xC000:
        return {0xC000: "NaN", 0xD000: "Infinity"}.get(sign, "-Infinity")
    groups = struct.unpack_from(f">{count}H", wire, 8)
    before = (
        "".join(f"{groups[place] if place < count else 0:04d}" for place in range(weight + 1)) if weight >= 0 else ""
    )
    after = "0000" * (-weight - 1) + "".join(f"{group:04d}" for group in groups[max(weight + 1, 0) :])
    text = (before.lstrip("0") or "0") + (f".{after[:scale].ljust(scale, '0')}" if scale else "")
    return f"-{text}" if sign == _NEGATIVE else text


def _float(text: bytes) -> float:
    stripped = text.strip(b" \t\n\r\f\v")
    if special := _SPECIAL.get(stripped.lower()):
        return float(special)
    _parts(stripped)
    number = float(stripped)
    if math.isinf(number) or (number == 0 and _has_digit(stripped)):
        raise ValueFault(
            "number-range", f"{excerpt(text)} is out of range for double precision", "give a number that fits"
        )
    return number


def _has_digit(text: bytes) -> bool:
    """Whether there is a digit other than zero before the exponent."""
    return re.search(rb"[1-9]", re.split(rb"[eE]", text)[0]) is not None


def _round_to_single(text: bytes, number: float) -> bytes:
    """The nearest float32, ties to even, of the decimal itself."""
    try:
        wire = struct.pack(">f", number)
    except OverflowError:
        wire = struct.pack(">f", math.copysign(math.inf, number))
    value = _as_float(wire)
    if number == value:  # exact, or the decimal is within half of a double's last bit of it
        return wire
    step = 1 if (abs(number) > abs(value)) else -1
    bits = int.from_bytes(wire, "big")
    other = (bits + step).to_bytes(4, "big")
    ours, theirs = (_exact(candidate) for candidate in (wire, other))
    if abs(Fraction(number) - ours) != abs(Fraction(number) - theirs):
        return wire
    decimal = Fraction(text.decode().strip())
    if decimal == Fraction(number):
        return wire
    nearer_other = abs(decimal - theirs) < abs(decimal - ours)
    return other if nearer_other else wire


def _as_float(wire: bytes) -> float:
    return float(struct.unpack(">f", wire)[0])


def _exact(wire: bytes) -> Fraction:
    """The value of a float32; of infinity, what comes after the largest."""
    bits = int.from_bytes(wire, "big")
    if bits & 0x7FFFFFFF == _SINGLE_INFINITY:
        return Fraction(2) ** 128 * (-1 if bits >> 31 else 1)
    return Fraction(_as_float(wire))
