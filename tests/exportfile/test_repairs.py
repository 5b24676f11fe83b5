"""The repairs of a table."""

from __future__ import annotations

from minerva_promote.config.models.project import Repair
from minerva_promote.exportfile.repairs import merge_repairs


def test_repairs_a_table_are_its_own_and_all_of_them() -> None:
    repairs = (
        Repair(table="books", rename={"a": "b"}),
        Repair(table="chunks", vector_braces=("embedding",)),
        Repair(table="chunks", default={"tokens": 0}),
        Repair(table="screenshots", rename={"c": "d"}),
    )
    assert merge_repairs(repairs, "chunks") == Repair(
        table="chunks", vector_braces=("embedding",), default={"tokens": 0}
    )
    assert merge_repairs(repairs, "books") == repairs[0]
    assert merge_repairs(repairs, "others") == Repair(table="others")
