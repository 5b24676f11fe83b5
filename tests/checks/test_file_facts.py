"""What templates and thresholds see of a file."""

from __future__ import annotations

from minerva_promote.checks.file_facts import FileFacts


def test_a_table_without_rows_has_the_count_0() -> None:
    facts = FileFacts("f.sql", "0" * 64, 12, {"books": 1}, ("a",), (("a",),))
    assert facts.template_values(("books", "chunks"))["rows"] == {"books": 1, "chunks": 0}
    assert (facts.operand("rows.chunks"), facts.operand("rows.books"), facts.operand("roots")) == (0, 1, 1)
