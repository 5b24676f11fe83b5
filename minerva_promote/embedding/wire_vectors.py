"""Vectors as pgvector sends them, as rows of a matrix that directions can be compared in."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float64]  # one a row

SKETCH = 1024  # columns that stand for the dimensions of a sparse vector, of which there may be a billion


def length_of(wire: bytes, kind: str) -> int:
    """The dimensions of a vector of this kind (vector, halfvec, sparsevec or bit)."""
    return int(struct.unpack_from(">H" if kind in ("vector", "halfvec") else ">i", wire)[0])


def to_matrix(wires: Sequence[bytes], kind: str = "vector") -> Vectors:
    """The vectors as rows; those of another length than the first are left out.

    Of vector and halfvec the components; of bit 1 and -1, so that the cosine is that of the Hamming distance; of
    sparsevec a sketch of 1,024 columns, which keeps cosines up to chance (Charikar, Chen, Farach-Colton 2002).
    """
    import numpy as np

    if not wires:
        return np.empty((0, 1))
    length = length_of(wires[0], kind)
    alike = [wire for wire in wires if length_of(wire, kind) == length]
    return _DECODERS[kind](alike, length)


def _dense(component: str) -> Callable[[Sequence[bytes], int], Vectors]:
    def decode(wires: Sequence[bytes], length: int) -> Vectors:
        import numpy as np

        components = b"".join(wire[4:] for wire in wires)
        return np.frombuffer(components, component).reshape(len(wires), length).astype(np.float64)

    return decode


def _bits(wires: Sequence[bytes], length: int) -> Vectors:
    import numpy as np

    packed = np.frombuffer(b"".join(wire[4:] for wire in wires), np.uint8).reshape(len(wires), -1)
    return 2 * np.unpackbits(packed, axis=1, count=length).astype(np.float64) - 1


def _sparse(wires: Sequence[bytes], length: int) -> Vectors:
    import numpy as np

    dense = length <= SKETCH
    matrix = np.zeros((len(wires), length if dense else SKETCH))
    for row, wire in zip(matrix, wires, strict=True):
        (count,) = struct.unpack_from(">i", wire, 4)
        indices = np.frombuffer(wire, ">i4", count, 12).astype(np.uint64)
        values = np.frombuffer(wire, ">f4", count, 12 + 4 * count).astype(np.float64)
        if not dense:
            mixed = (indices + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)  # wraps around: a multiplicative hash
            mixed ^= mixed >> np.uint64(29)
            values = np.where(mixed >> np.uint64(63), values, -values)
            indices = (mixed >> np.uint64(20)) % np.uint64(SKETCH)
        np.add.at(row, indices.astype(np.int64), values)
    return matrix


_DECODERS: Mapping[str, Callable[[Sequence[bytes], int], Vectors]] = {
    "vector": _dense(">f4"),
    "halfvec": _dense(">f2"),
    "bit": _bits,
    "sparsevec": _sparse,
}
KINDS = frozenset(_DECODERS)
