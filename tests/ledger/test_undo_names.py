"""Names that are not ASCII, in what an undo keeps."""

from __future__ import annotations

from tests.ledger.undoing import Undone, undone

__all__ = ["undone"]  # a fixture


def test_removed_rows_with_such_columns_are_kept_and_restored(undone: Undone) -> None:
    """The digest of the kept rows, names included, is the one that the server computes."""
    shop = undone.shop
    shop.database.execute('alter table chunks add column "größe 書" int default 7')
    before = undone.rows()
    undo = undone.done(None)
    assert shop.rows("select count(*) from chunks") == [(0,)]
    undone.done(undo)
    assert undone.rows() == before
    assert shop.promote("history", "--env", "test-prod", "--verify").exit_code == 0
