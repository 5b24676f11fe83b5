"""halfvec and sparsevec of pgvector (src/halfvec.c, src/sparsevec.c); vector has a module of its own, for speed."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from minerva_promote.exportfile.types.numbers import single
from minerva_promote.exportfile.value_faults import ValueFault, excerpt

_BLANKS = b" \t\n\r\f\v"
_SPARSE = re.compile(rb"\{([^{}]*)\}/([0-9]{1,10})")
_PAIR = re.compile(rb"[ \t\n\r\f\v]*([0-9]{1,10})[ \t\n\r\f\v]*:(.*)", re.DOTALL)
MOST_ELEMENTS = 16_000


def half_vector(length: int | None) -> Callable[[bytes], bytes]:
    """A reader of halfvec(length): length and zero (16 bits each), then one 16-bit float each."""

    def read(text: bytes) -> bytes:
        inner = text.strip(_BLANKS)
        if inner[:1] != b"[" or inner[-1:] != b"]" or not inner[1:-1].strip(_BLANKS):
            raise ValueFault("vector-form", f"{excerpt(inner)} is not a vector", "write [n,n,…] with decimal numbers")
        numbers = [_component(part, place) for place, part in enumerate(inner[1:-1].split(b","), 1)]
        _require_length(len(numbers), length)
        try:
            wire = struct.pack(f">hh{len(numbers)}e", len(numbers), 0, *numbers)
        except OverflowError:
            largest = max(numbers, key=abs)
            raise ValueFault("vector-range", f"{largest:g} is beyond halfvec", "scale the vector") from None
        if not any(numbers):
            raise _ZERO
        return wire

    return read


def sparse_vector(length: int | None) -> Callable[[bytes], bytes]:
    """A reader of sparsevec(length): length, number of elements and zero (32 bits each), then indexes, then values."""

    def read(text: bytes) -> bytes:
        match = _SPARSE.fullmatch(text.strip(_BLANKS))
        if match is None:
            message = f"{excerpt(text)} is not a sparse vector"
            raise ValueFault("vector-form", message, "write {index:value,…}/length, indexes from 1")
        size = int(match[2])
        if not 1 <= size <= 1_000_000_000:
            raise ValueFault("vector-length", f"a length of {size:,}", "give 1 to 1,000,000,000")
        _require_length(size, length)
        elements: dict[int, bytes] = {}
        for part in match[1].split(b",") if match[1].strip(_BLANKS) else ():
            index, value = _element(part, size)
            if index in elements:
                raise ValueFault("vector-component", f"index {index + 1:,} is there twice", "give each index once")
            elements[index] = value
        kept = sorted((index, value) for index, value in elements.items() if value.strip(b"\0") not in (b"", b"\x80"))
        if len(kept) > MOST_ELEMENTS:
            raise ValueFault("vector-length", f"{len(kept):,} elements, at most {MOST_ELEMENTS:,}", "give fewer")
        if not kept:
            raise _ZERO
        head = struct.pack(f">iii{len(kept)}i", size, len(kept), 0, *(index for index, _ in kept))
        return head + b"".join(value for _, value in kept)

    return read


_ZERO = ValueFault("vector-zero", "the norm is zero: it has no direction to search by", "compute the vector again")


def _component(text: bytes, place: int) -> float:
    try:
        number = float(struct.unpack(">f", single(text.strip(_BLANKS)))[0])
    except ValueFault as fault:
        raise ValueFault("vector-component", f"component {place}: {fault.message}", fault.hint) from None
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueFault("vector-component", f"component {place} is {excerpt(text)}", "write decimal numbers")
    return number


def _element(part: bytes, size: int) -> tuple[int, bytes]:
    match = _PAIR.fullmatch(part)
    if match is None:
        raise ValueFault("vector-component", f"{excerpt(part)} is not index:value", "write {index:value,…}/length")
    index = int(match[1])
    if not 1 <= index <= size:
        raise ValueFault("vector-component", f"index {index:,} of {size:,}", "count indexes from 1")
    return index - 1, struct.pack(">f", _component(match[2], index))


def _require_length(count: int, length: int | None) -> None:
    if length is not None and count != length:
        message = f"{count:,} components, expected {length:,}"
        hint = f"compute it with a model whose vectors have {length:,} components"
        raise ValueFault("vector-length", message, hint)
