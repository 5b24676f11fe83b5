"""Small export files whose every value a test can change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

TIME = "'2026-01-02T03:04:05.678901'"
TABLES = ("embedding_configs", "books", "screenshots", "chunks")
Row = dict[str, str]  # column -> its constant, as SQL


def key(kind: str, book: int, number: int = 0) -> str:
    """The uuid of a row: kind is one letter of a to f, so that one sees in a message what it is of."""
    return f"{kind * 8}-0000-4000-8000-{book:04x}{number:08x}"


CONFIG = key("e", 0)


class Export:
    """One book as rows of constants; ``text()`` writes them as Minerva's exporter does."""

    def __init__(self, book: int = 1, *, screenshots: int = 2, chunks: int = 3) -> None:
        self.book_id = key("b", book)
        self.rows: dict[str, list[Row]] = {
            "embedding_configs": [
                {
                    "id": f"'{CONFIG}'",
                    "model_name": "'text-embedding-3-small'",
                    "model_version": "'v1'",
                    "dimensions": "3",
                    "is_active": "true",
                    "created_at": TIME,
                }
            ],
            "books": [
                {
                    "id": f"'{self.book_id}'",
                    "title": f"'Book {book}'",
                    "author": "'A. Uthor'",
                    "kindle_url": "'https://read.example/?asin=B0'",
                    "total_screenshots": str(screenshots),
                    "capture_date": TIME,
                    "ingestion_status": "'completed'",
                    "book_metadata": """'{"language": "en", "edition": 2}'""",
                    "created_at": TIME,
                    "updated_at": TIME,
                }
            ],
            "screenshots": [
                {
                    "id": f"'{key('c', book, number)}'",
                    "book_id": f"'{self.book_id}'",
                    "sequence_number": str(number),
                    "file_path": "NULL",
                    "screenshot_hash": f"'hash{number}'",
                    "captured_at": TIME,
                }
                for number in range(1, screenshots + 1)
            ],
            "chunks": [
                {
                    "id": f"'{key('d', book, number)}'",
                    "book_id": f"'{self.book_id}'",
                    "screenshot_ids": f"ARRAY['{key('c', book, 1)}']::uuid[]" if screenshots else "'{}'",
                    "chunk_sequence": str(number),
                    "chunk_text": f"'text {number}'",
                    "chunk_token_count": "2",
                    "embedding_config_id": f"'{CONFIG}'",
                    "embedding": f"'[0.{number},0.2,0.3]'",
                    "vision_model": "'gpt-4o-mini'",
                    "vision_prompt_tokens": "7",
                    "vision_completion_tokens": "8",
                    "extraction_timestamp": TIME,
                    "chunk_metadata": "NULL",
                    "created_at": TIME,
                }
                for number in range(1, chunks + 1)
            ],
        }

    @property
    def book(self) -> Row:
        """The row of books."""
        return self.rows["books"][0]

    @property
    def config(self) -> Row:
        """The row of embedding_configs."""
        return self.rows["embedding_configs"][0]

    @property
    def screenshots(self) -> list[Row]:
        """The rows of screenshots."""
        return self.rows["screenshots"]

    @property
    def chunks(self) -> list[Row]:
        """The rows of chunks."""
        return self.rows["chunks"]

    def statements(self) -> Iterator[str]:
        """One INSERT a row, in three lines."""
        for table in TABLES:
            action = "DO UPDATE SET updated_at = EXCLUDED.updated_at" if table == "books" else "DO NOTHING"
            for row in self.rows[table]:
                yield insert(table, [row], action)

    def text(self) -> str:
        """The whole file."""
        return "BEGIN;\n" + "".join(self.statements()) + "COMMIT;\n"

    def write(self, path: Path) -> Path:
        """Write the file; its path."""
        path.write_text(self.text(), "utf-8")
        return path


def insert(table: str, rows: list[Row], action: str = "DO NOTHING") -> str:
    """One INSERT of rows with the same columns; each row on a line of its own."""
    values = ",\n".join("(" + ", ".join(row.values()) + ")" for row in rows)
    return f"INSERT INTO {table} ({', '.join(rows[0])}) VALUES\n{values}\nON CONFLICT (id) {action};\n"


def line_of(path: Path, text: str) -> int:
    """The first line of a file that holds this text, from 1."""
    lines = path.read_text("utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)
