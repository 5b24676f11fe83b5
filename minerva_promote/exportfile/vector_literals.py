"""Vector literals: text becomes the bytes that pgvector sends, bit for bit what the server itself would store.

Wire form (pgvector, src/vector.c, vector_send): two 16-bit integers (length, 0), then one big-endian float32 each.

A JSON parser reads the numbers as doubles; where a double could round to another float32 than the text does, or where
the text is not JSON, every component is read on its own.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from minerva_promote.exportfile.value_faults import ValueFault, excerpt

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_SINGLE = 3.4028235677973366e38  # from here on a double rounds to an infinite float32
MAX_FINITE = 3.4028234663852886e38  # the largest float32
MAX_SQUARE = MAX_FINITE  # of the norm
MIN_SQUARE = 1e-44  # around the smallest float32; cosine distance would divide by zero below it
MIN_NORMAL = 2.0**-126  # below, float32 has fewer bits
_HALFWAY = 1 << 28  # the low 29 bits of a double that lies between two float32
_LOW_BITS = (1 << 29) - 1

_COMPONENT = re.compile(rb"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_BLANKS = b" \t\n\r\f"
_ODD_ZERO = re.compile(rb"-0[,\] \t\n\r]|[eE]-0*[0-9]{3}|0{200}")  # a double zero that is not +0 in the text
_JSON_NUMBERS = b"0123456789eE+-.,[] \t\n\r"
_WRITE = "write [n,n,…] with decimal numbers"


def vector_reader(length: int | None) -> Callable[[bytes], bytes]:
    """A function from the text of a vector of this length (None: any) to its wire form; raises ValueFault."""
    import numpy as np

    doubles_of = _json_reader()
    low_bits, halfway, one = np.uint64(_LOW_BITS), np.uint64(_HALFWAY), np.uint64(1)
    smallest = np.float64(MIN_NORMAL).view(np.uint64) << one  # bits of a double without its sign compare as its size
    count_nonzero = np.count_nonzero
    wire = np.dtype(">f4")

    def read(text: bytes) -> bytes:
        doubles = doubles_of(text) if text[:1] == b"[" and text.find(b"[", 1) < 0 else None
        if doubles is None or not len(doubles):
            return _check_and_pack(_parse_exactly(text), length)
        square = float(doubles.dot(doubles))
        bits = doubles.view(np.uint64)
        if not square < MAX_SQUARE or count_nonzero(bits & low_bits == halfway):
            return _check_and_pack(_parse_exactly(text), length)
        if count_nonzero(bits << one < smallest) and _has_inexact_zero(doubles, text):
            return _check_and_pack(_parse_exactly(text), length)
        if square < MIN_SQUARE or (length is not None and len(doubles) != length):
            return _check_and_pack(doubles.astype(np.float32), length)
        return _head(len(doubles)) + doubles.astype(wire).tobytes()

    return read


def _json_reader() -> Callable[[bytes], NDArray[np.float64] | None]:
    """Reads a flat JSON array of numbers; None for anything else."""
    import numpy as np

    try:
        import simdjson
    except ImportError:
        return _orjson_reader()
    parser: Any = simdjson.Parser()

    def read(text: bytes) -> NDArray[np.float64] | None:
        try:
            return np.frombuffer(parser.parse(text).as_buffer(of_type="d"), dtype=np.float64)
        except (ValueError, TypeError, AttributeError, RuntimeError):
            return None

    return read


def _orjson_reader() -> Callable[[bytes], NDArray[np.float64] | None]:
    """The same with orjson, where pysimdjson has no wheel (Python 3.14)."""
    import numpy as np
    import orjson

    def read(text: bytes) -> NDArray[np.float64] | None:
        if text.translate(None, _JSON_NUMBERS):
            return None
        try:
            return np.array(orjson.loads(text), dtype=np.float64)
        except (ValueError, TypeError, OverflowError):
            return None

    return read


def _check_and_pack(singles: NDArray[np.float32], length: int | None) -> bytes:
    import numpy as np

    if length is not None and len(singles) != length:
        raise ValueFault(
            "vector-length",
            f"{len(singles):,} components, expected {length:,}",
            f"compute it with a model whose vectors have {length:,} components",
        )
    doubles = singles.astype(np.float64)
    square = float(np.dot(doubles, doubles))
    if square > MAX_SQUARE:
        raise ValueFault("vector-norm", "the square of the norm overflows float32", "scale the vector")
    if np.float32(square) == 0:
        raise ValueFault(
            "vector-zero", "the norm is zero: it has no direction to search by", "compute the vector again"
        )
    return _head(len(singles)) + singles.astype(">f4").tobytes()


def _head(length: int) -> bytes:
    return struct.pack(">hh", length, 0)


def _has_inexact_zero(doubles: NDArray[np.float64], text: bytes) -> bool:
    """Whether a component that is zero, or nearly, is something else in the text."""
    import numpy as np

    sizes = np.abs(doubles)
    return bool((sizes[sizes > 0] < MIN_NORMAL).any()) or bool(_ODD_ZERO.search(text))


def _parse_exactly(text: bytes) -> NDArray[np.float32]:
    """Component by component, each rounded once, from the decimal to float32."""
    import numpy as np

    inner = text.strip(_BLANKS)
    if inner[:1] == b"{":
        raise ValueFault("vector-braces", "a vector in braces", "write [n,n,…], or run with --repair")
    if inner[:1] != b"[" or inner[-1:] != b"]" or len(inner) < 2:
        raise ValueFault("vector-form", f"{excerpt(inner)} is not a vector", _WRITE)
    body = inner[1:-1]
    if not body.strip(_BLANKS):
        raise ValueFault("vector-form", "a vector without components", _WRITE)
    return np.array(
        [_parse_component(part.strip(_BLANKS), number) for number, part in enumerate(body.split(b","), 1)], np.float32
    )


def _parse_component(text: bytes, number: int) -> np.float32:
    import numpy as np

    if not _COMPONENT.fullmatch(text):
        raise ValueFault("vector-component", f"component {number} is {excerpt(text) or 'empty'}", _WRITE)
    double = float(text)
    if not abs(double) < MAX_SINGLE:
        # exactly at the bound the decimal itself decides
        if abs(double) > MAX_SINGLE or Decimal(text.decode()).copy_abs() >= Decimal(MAX_SINGLE):
            raise ValueFault(
                "vector-range", f"component {number} is {excerpt(text)}: beyond float32", "scale the vector"
            )
        return np.float32(MAX_FINITE if double > 0 else -MAX_FINITE)
    single = _round_once(text, double)
    if single == 0 and re.search(rb"[1-9]", re.split(rb"[eE]", text)[0]):
        raise ValueFault(
            "vector-range",
            f"component {number} is {excerpt(text)}: it would become zero as float32",
            "write 0 or scale",
        )
    return single


def _round_once(text: bytes, double: float) -> np.float32:
    import numpy as np

    single = np.float32(double)
    with np.errstate(over="ignore"):
        other = np.nextafter(single, np.float32(np.inf if double > float(single) else -np.inf))
    if double == float(single) or not np.isfinite(other):
        return single
    exact = Fraction(double)
    if abs(exact - Fraction(float(single))) != abs(exact - Fraction(float(other))):
        return single
    decimal = Decimal(text.decode())
    if decimal == Decimal(double):
        return single
    low, high = sorted((single, other))
    return np.float32(high if decimal > Decimal(double) else low)
