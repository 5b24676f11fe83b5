"""What the import role can write into the ledger by hand."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import uuid4

from minerva_promote.database.connection import Connection
from minerva_promote.ledger.events import Event, add_event
from minerva_promote.ledger.run_rows import RunRows, load_run_rows, pack, row_hash, store_run_rows
from tests.run.conftest import Shop

BOOK_COLUMNS = ("id", "title", "author", "ingestion_status", "created_at", "updated_at")


def load_list(shop: Shop, run: str) -> tuple[RunRows, ...]:
    """The rows that a run lists."""
    with shop.database.connect(shop.role) as conn:
        return load_run_rows(conn, run)


def list_of_book(shop: Shop, book: str) -> RunRows:
    """A list of one book with its mark, read as anyone who may SELECT can read it."""
    columns = ", ".join(BOOK_COLUMNS)
    with shop.database.connect(shop.role) as conn, conn.cursor(binary=True) as cursor:
        cursor.execute(f"select {columns} from books where id = %s".encode(), (book,))
        result = cursor.pgresult
        assert result is not None
        values = tuple(result.get_value(0, place) for place in range(len(BOOK_COLUMNS)))
    return RunRows("books", ("id",), BOOK_COLUMNS, [(values[0],)], [row_hash(values)])


def write_list(conn: Connection, run_id: str, rows: Iterable[RunRows]) -> str | None:
    """Rows of promote.run_rows, whoever they belong to."""
    return store_run_rows(conn, run_id, [pack(piece) for piece in rows])


def forge(shop: Shop, rows: Iterable[RunRows]) -> str:
    """A committed run of the import role's own that lists these rows; its id."""
    run_id = str(uuid4())
    with shop.database.connect(shop.role) as conn:
        add_event(conn, Event("started", run_id, "test-prod", file_name="export.sql"))
        with conn.transaction():
            digest = write_list(conn, run_id, rows)
            add_event(conn, Event("committed", run_id, "test-prod", file_name="export.sql"), digest)
    return run_id
