"""Writes examples/*.sql from examples/text/*.txt, the same bytes on every machine.

python -m benchmarks.examples            (``--check`` only compares)
"""

from __future__ import annotations

import argparse
import hashlib
import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.layout import Book, Chunk, Config, Layout, identifier, screenshot_id

EXAMPLES = Path(__file__).parent.parent / "examples"
DIMENSIONS = 1536
DECIMALS = 6
WHEN = datetime(2026, 3, 4, 8, 15, 30, 250000)
CONFIG = Config("hashed-words-1536", DIMENSIONS, WHEN)
COMMON = 40  # weight of the direction that all texts share; words weigh 10 each time they occur
DULL = (
    "a about after all an and any are as at be been before but by can do does doesn't down every for from has have he "
    "his if in into is isn't it it's its more most much no nor not nothing of off on once one only or other out own so "
    "some such than that the their them then there they this those through to too two up was what when where which "
    "while who will with without you your"
)


def embedding(text: str) -> bytes:
    """A vector of length 1 that lies near those of texts with the same words; six decimals a component.

    Every word has a direction of its own from a hash, and a text is the sum of its words. All sums are of integers, so
    that no machine rounds differently.
    """
    total, dull = COMMON * _direction(""), DULL.split()
    for word, times in Counter(re.findall(r"[^\W\d_]+(?:'[a-z]+)?", text.lower())).items():
        if word not in dull:
            total = total + 10 * times * _direction(word.removesuffix("'s").removesuffix("s"))
    length = float(int((total * total).sum())) ** 0.5
    return ",".join(repr(round(component / length, DECIMALS)) for component in total.tolist()).encode()


@cache
def _direction(word: str) -> NDArray[np.int64]:
    """1,536 integers from -128 to 127."""
    return np.frombuffer(hashlib.shake_256(word.encode()).digest(DIMENSIONS), np.int8).astype(np.int64)


def paragraphs(name: str) -> list[str]:
    """The chunks of a book: paragraphs of its text file."""
    return (EXAMPLES / "text" / f"{name}.txt").read_text("utf-8").strip().split("\n\n")


def kindle(name: str, title: str, author: str, pages: int) -> Book:
    """A book that was read page by page, ``pages`` screenshots long."""
    asin = hashlib.sha256(name.encode()).hexdigest()[:8].upper()
    url = f"https://read.amazon.example/?asin=B0{asin}"
    return Book(identifier("example", name), title, author, WHEN, pages, url, '{"language": "en"}')


def chunks(book: Book, texts: list[str]) -> list[Chunk]:
    """The chunks of a book; two to a screenshot, when it has any."""
    return [
        Chunk(
            identifier(book.id, "chunk", number),
            book.id,
            (screenshot_id(book, (number + 1) // 2),) if book.screenshots else (),
            number,
            text,
            CONFIG.id,
            embedding(text),
            WHEN + timedelta(seconds=3 * number),
        )
        for number, text in enumerate(texts, 1)
    ]


def file(book: Book, texts: list[str], layout: Layout) -> str:
    """A whole export of one book."""
    parts = [layout.header((book,), len(texts), book.screenshots, WHEN), layout.config(CONFIG), layout.book(book)]
    if book.screenshots:
        parts.append("-- Screenshot Metadata (file_path NULL - screenshots NOT exported)\n")
        parts += [layout.screenshot(book, number) for number in range(1, book.screenshots + 1)]
        parts.append("\n")
    parts.append(f"-- Text Chunks with Embeddings ({len(texts)} chunks)\n")
    parts += [layout.chunk(chunk).decode() for chunk in chunks(book, texts)]
    return "".join([*parts, layout.footer()])


def lighthouse() -> str:
    """A Kindle book of 24 chunks and 12 screenshots; accepted."""
    texts = paragraphs("lighthouse")
    return file(kindle("lighthouse", "The Keeper's Light", "Elin Ström", len(texts) // 2), texts, Layout())


def bread() -> str:
    """A website of 18 chunks and no screenshots; accepted."""
    texts = paragraphs("bread")
    url = "https://bread.example/four-ingredients"
    words = sum(len(text.split()) for text in texts)
    book = Book(identifier("example", "bread"), "Four Ingredients", "Amélie Roux", WHEN, 0, source_url=url, words=words)
    return file(book, texts, Layout())


def old_exporter() -> str:
    """A book as the exporter wrote it before it was mended; accepted with --repair."""
    texts = paragraphs("knots")
    book = kindle("knots", "Six Knots and When to Undo Them", "A. Strand", len(texts) // 2)
    return file(book, texts, Layout(old=True))


def refused() -> str:
    """A book with the faults that hand-edited exports have; each is a finding of its own."""
    texts = paragraphs("bees")
    book = kindle("bees", "A Hive in Winter", "R. Imker", 2)
    text = file(book, texts, Layout())
    path = "/Users/rosa/Minerva/screenshots/0001.png"
    text = _replace(text, Layout().screenshot(book, 1), Layout().screenshot(book, 1, path))
    text = _replace(text, "-- Total Chunks: 3\n", "-- Total Chunks: 4\n")
    vector = f"'[{embedding(texts[1]).decode()}]'::vector"
    text = _replace(text, vector, "NULL")
    return _replace(text, "BEGIN;\n\n", "BEGIN;\n\nDROP TABLE IF EXISTS chunks;\n\n")


def _replace(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise ValueError(f"{old[:60]!r} occurs {text.count(old)} times, expected 1")
    return text.replace(old, new)


FILES: dict[str, Callable[[], str]] = {
    "lighthouse.sql": lighthouse,
    "bread.sql": bread,
    "old-exporter.sql": old_exporter,
    "refused.sql": refused,
}


def main() -> None:
    """Write the files, or say which would change."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.examples", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--check", action="store_true", help="exit 1 when a file is not what it would become")
    stale = []
    check = parser.parse_args().check
    for name, make in FILES.items():
        path, content = EXAMPLES / name, make().encode()
        if not path.exists() or path.read_bytes() != content:
            stale.append(name)
            if not check:
                path.write_bytes(content)
        print(f"{path.relative_to(EXAMPLES.parent)}: {len(content) / 1e3:,.1f} kB{' *' if name in stale else ''}")
    if check and stale:
        raise SystemExit(f"not up to date: {', '.join(stale)}")


if __name__ == "__main__":
    main()
