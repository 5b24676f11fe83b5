"""Row plans by shape: a file of any size has a handful, and a hostile one may not fill the memory with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from minerva_promote.exportfile.effort import PLAN, Effort
from minerva_promote.exportfile.fragments import Fragment
from minerva_promote.exportfile.insert_model import Insert, Refused
from minerva_promote.exportfile.known_shapes import KnownShapes
from minerva_promote.exportfile.row_decoder import DecoderBuilder, RowDecoder

MOST = 4096  # plans that are kept
MOST_BYTES = 1 << 20  # of their shapes


class DecoderCache:
    """Makes and keeps plans; counts what they repaired."""

    def __init__(self, binder: DecoderBuilder, shapes: KnownShapes, effort: Effort) -> None:
        self._binder = binder
        self._shapes = shapes
        self._effort = effort
        self._plans: dict[tuple[bytes, bytes], RowDecoder | Refused] = {}
        self._bytes = 0
        self._repaired: Counter[str] = Counter()

    def get(self, head: Fragment, row: Fragment) -> RowDecoder | Refused:
        """How to read rows of this shape, or why they are refused."""
        key = (head.shape, row.shape)
        plan = self._plans.get(key)
        if plan is None:
            self._effort.spend(PLAN)
            insert = self._shapes.row(*key)
            try:
                plan = self._binder.plan(insert, row) if isinstance(insert, Insert) else insert
            except Refused as refused:
                plan = refused.kept()
            self._bytes += len(head.shape) + len(row.shape)
            if len(self._plans) >= MOST or self._bytes > MOST_BYTES:
                self._count_braces()
                self._plans.clear()
                self._bytes = 0
            self._plans[key] = plan
        return plan

    def count_repairs(self, plan: RowDecoder) -> None:
        """A row was read by this plan."""
        for what in plan.repaired:
            self._repaired[what] += 1

    def repaired(self) -> Iterable[tuple[str, int]]:
        """What was mended, and in how many rows."""
        self._count_braces()
        return sorted(self._repaired.items())

    def _count_braces(self) -> None:
        for plan in self._plans.values():
            for braces in plan.braces if isinstance(plan, RowDecoder) else ():
                if braces.count:
                    self._repaired[f"{braces.column} was in braces"] += braces.count
                    braces.count = 0
