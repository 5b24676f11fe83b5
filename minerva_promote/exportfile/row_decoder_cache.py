"""Row plans by shape: a file of any size has a handful, and a hostile one may not fill the memory with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from minerva_promote.exportfile.decoder_builder import DecoderBuilder
from minerva_promote.exportfile.effort import BUILD_DECODER, Effort
from minerva_promote.exportfile.fragments import Fragment
from minerva_promote.exportfile.insert_model import Insert, Refused
from minerva_promote.exportfile.known_shapes import KnownShapes
from minerva_promote.exportfile.row_decoder import RowDecoder

MAX_DECODERS = 4096  # plans that are kept
MAX_SHAPE_BYTES = 1 << 20  # of their shapes


class DecoderCache:
    """Makes and keeps plans; counts what they repaired."""

    def __init__(self, builder: DecoderBuilder, shapes: KnownShapes, effort: Effort) -> None:
        self._builder = builder
        self._shapes = shapes
        self._effort = effort
        self._decoders: dict[tuple[bytes, bytes], RowDecoder | Refused] = {}
        self._bytes = 0
        self._repaired: Counter[str] = Counter()

    def get(self, head: Fragment, row: Fragment) -> RowDecoder | Refused:
        """How to read rows of this shape, or why they are refused."""
        key = (head.shape, row.shape)
        decoder = self._decoders.get(key)
        if decoder is None:
            self._effort.spend(BUILD_DECODER)
            insert = self._shapes.row(*key)
            try:
                decoder = self._builder.build(insert, row) if isinstance(insert, Insert) else insert
            except Refused as refused:
                decoder = refused.kept()
            self._bytes += len(head.shape) + len(row.shape)
            if len(self._decoders) >= MAX_DECODERS or self._bytes > MAX_SHAPE_BYTES:
                self._decoders.clear()
                self._bytes = 0
            self._decoders[key] = decoder
        return decoder

    def count_row(self, decoder: RowDecoder) -> None:
        """A row was read by this plan."""
        for what in decoder.repaired:
            self._repaired[what] += 1
        if decoder.not_given is not None:
            decoder.not_given.rows += 1

    def repaired(self) -> Iterable[tuple[str, int]]:
        """What was mended, and in how many rows."""
        values = {repair.description: repair.count for repair in self._builder.value_repairs.values() if repair.count}
        return sorted((self._repaired + Counter(values)).items())
