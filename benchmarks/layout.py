"""How Minerva's exporter writes a file: a header, BEGIN, one INSERT a row with its ON CONFLICT line, COMMIT.

The layout is that of the exporter with its three known faults mended; ``old=True`` brings them back: the column
books.metadata, vectors in braces, and chunks without the vision token counts and extraction_timestamp.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

RULE = "-- ============================================\n"
NOTE = "--\n-- IMPORTANT: Screenshot file_path fields are NULL\n-- Screenshots are NOT included in this export\n"
CONFIG_COLUMNS = "id, model_name, model_version, dimensions, is_active, created_at"
BOOK_COLUMNS = (
    "id, title, author, kindle_url, total_screenshots, capture_date, ingestion_status, {metadata}, "
    "created_at, updated_at"
)
WEBSITE_COLUMNS = ", source_type, source_url, source_domain, published_date, word_count, page_count"
SCREENSHOT_COLUMNS = "id, book_id, sequence_number, file_path, screenshot_hash, captured_at"
CHUNK_COLUMNS = (
    "id, book_id, screenshot_ids, chunk_sequence, chunk_text, chunk_token_count, embedding_config_id, embedding, "
    "vision_model{vision}, created_at"
)
VISION_COLUMNS = ", vision_prompt_tokens, vision_completion_tokens, extraction_timestamp"


def identifier(*parts: object) -> str:
    """A version 4 UUID that depends on nothing but ``parts``."""
    h = hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=16).hexdigest()
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-{'89ab'[int(h[16], 16) & 3]}{h[17:20]}-{h[20:]}"


def literal(value: str | int | datetime | None) -> str:
    """``value`` as SQL; text with its apostrophes doubled, None as NULL."""
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    text = value.isoformat() if isinstance(value, datetime) else value
    return "'" + text.replace("'", "''") + "'"


def insert(table: str, columns: str, values: str, action: str = "DO NOTHING") -> str:
    """One statement in the exporter's three lines."""
    return f"INSERT INTO {table} ({columns})\nVALUES ({values})\nON CONFLICT (id) {action};\n"


@dataclass(frozen=True, slots=True)
class Config:
    """The embedding model all chunks of a file share."""

    model: str
    dimensions: int
    created: datetime

    @property
    def id(self) -> str:
        """The same for every file made with this model, as the row is shared by all books."""
        return identifier("embedding_config", self.model, self.dimensions)


@dataclass(frozen=True, slots=True)
class Book:
    """One book; ``source_url`` is set for a website, ``kindle_url`` for a Kindle book."""

    id: str
    title: str
    author: str
    captured: datetime
    screenshots: int
    kindle_url: str | None = None
    metadata: str | None = None  # JSON
    source_url: str | None = None
    words: int = 0  # of a website


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk; ``vector`` is the text between the brackets, or None for a NULL embedding."""

    id: str
    book_id: str
    screenshot_ids: tuple[str, ...]
    sequence: int
    text: str
    config_id: str
    vector: bytes | None
    created: datetime


@dataclass(frozen=True, slots=True)
class Layout:
    """The exporter's statements, as one version of it writes them."""

    old: bool = False

    def header(self, books: tuple[Book, ...], chunks: int, screenshots: int, exported: datetime) -> str:
        """The comments at the top, and BEGIN."""
        names = "".join(f"-- Book: {book.title}\n-- Author: {book.author}\n-- Book ID: {book.id}\n" for book in books)
        counts = f"-- Total Chunks: {chunks}\n-- Total Screenshots: {screenshots}\n"
        when = f"-- Exported: {exported.isoformat()}\n"
        return f"{RULE}-- Minerva Knowledge Base Export\n{RULE}{names}{when}{counts}{NOTE}{RULE}\nBEGIN;\n\n"

    def config(self, config: Config) -> str:
        """The row of embedding_configs."""
        values = f"'{config.id}', {literal(config.model)}, 'v1', {config.dimensions}, true, {literal(config.created)}"
        return "-- Embedding Configuration\n" + insert("embedding_configs", CONFIG_COLUMNS, values) + "\n"

    def book(self, book: Book) -> str:
        """The row of books, with the one DO UPDATE that an export may hold."""
        columns = BOOK_COLUMNS.format(metadata="metadata" if self.old else "book_metadata")
        at = literal(book.captured)
        values = (
            f"'{book.id}', {literal(book.title)}, {literal(book.author)}, {literal(book.kindle_url)}, "
            f"{book.screenshots or 'NULL'}, {at}, 'completed', {literal(book.metadata)}, {at}, {at}"
        )
        if book.source_url is not None:
            columns += WEBSITE_COLUMNS
            domain = book.source_url.split("/")[2]
            values += f", 'website', {literal(book.source_url)}, {literal(domain)}, {at}, {book.words}, 1"
        statement = insert("books", columns, values, "DO UPDATE SET updated_at = EXCLUDED.updated_at")
        return "-- Book Record\n" + statement + "\n"

    def screenshot(self, book: Book, number: int, path: str | None = None) -> str:
        """One row of screenshots."""
        name = screenshot_id(book, number)
        digest = name.replace("-", "")
        values = f"'{name}', '{book.id}', {number}, {literal(path)}, '{digest}', {literal(book.captured)}"
        return insert("screenshots", SCREENSHOT_COLUMNS, values)

    def chunk(self, chunk: Chunk) -> bytes:
        """One row of chunks; bytes, because nearly all of it is the vector."""
        columns = CHUNK_COLUMNS.format(vision="" if self.old else VISION_COLUMNS)
        shots = ",".join(f"'{name}'" for name in chunk.screenshot_ids)
        tokens = max(1, len(chunk.text) // 4)
        at = literal(chunk.created)
        head = (
            f"INSERT INTO chunks ({columns})\nVALUES ('{chunk.id}', '{chunk.book_id}', ARRAY[{shots}]::uuid[], "
            f"{chunk.sequence}, {literal(chunk.text)}, {tokens}, '{chunk.config_id}', "
        ).encode()
        opening, closing = (b"'{", b"}'::vector") if self.old else (b"'[", b"]'::vector")
        vector = b"NULL" if chunk.vector is None else opening + chunk.vector + closing
        vision = "" if self.old else f", {900 + tokens}, {tokens}, {at}"
        return head + vector + f", 'gpt-4o-mini'{vision}, {at})\nON CONFLICT (id) DO NOTHING;\n".encode()

    def footer(self) -> str:
        """COMMIT and the closing comment."""
        return "\nCOMMIT;\n\n-- Export complete\n"


def screenshot_id(book: Book, number: int) -> str:
    """The id of a book's screenshot, counted from 1."""
    return identifier(book.id, "screenshot", number)
