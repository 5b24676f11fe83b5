"""Makes export files of any size in Minerva's layout, the same for the same arguments.

python -m benchmarks.export --chunks 10000 --out benchmarks/data/10000.sql
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.layout import Book, Chunk, Config, Layout, identifier, screenshot_id
from benchmarks.prose import Prose
from benchmarks.vectors import DecimalText, Embeddings, Shape

MODEL = "text-embedding-3-small"
EPOCH = datetime(2026, 1, 2, 3, 4, 5, 678901)
BATCH = 256  # chunks made at once: 40 MB of arrays
PROGRESS = 50  # a comment after so many chunks


@dataclass(frozen=True, slots=True)
class Request:
    """What the file shall hold."""

    chunks: int
    books: int = 1
    dimensions: int = 1536
    seed: int = 1
    decimals: int = 12
    old: bool = False  # as the unrepaired exporter writes it
    shape: Shape = field(default_factory=Shape)


def export(request: Request) -> Iterator[bytes]:
    """The file in pieces; memory does not grow with it."""
    layout = Layout(request.old)
    config = Config(MODEL, request.dimensions, EPOCH)
    shares = [len(range(number, request.chunks, request.books)) for number in range(request.books)]
    books = tuple(_book(request.seed, number, share) for number, share in enumerate(shares, 1))
    yield layout.header(books, request.chunks, sum(book.screenshots for book in books), EPOCH).encode()
    yield layout.config(config).encode()
    for book in books:
        yield layout.book(book).encode()
    yield b"-- Screenshot Metadata (file_path NULL - screenshots NOT exported)\n"
    for book in books:
        for number in range(1, book.screenshots + 1):
            yield layout.screenshot(book, number).encode()
    yield f"\n-- Text Chunks with Embeddings ({request.chunks} chunks)\n".encode()
    places = ((book, sequence) for book, share in zip(books, shares, strict=True) for sequence in range(1, share + 1))
    for done, ((book, sequence), text, vector) in enumerate(zip(places, *_contents(request), strict=False), 1):
        shots = tuple(screenshot_id(book, page) for page in _pages(sequence, book.screenshots))
        name = identifier(request.seed, "chunk", done)
        at = EPOCH + timedelta(seconds=2 * done)
        yield layout.chunk(Chunk(name, book.id, shots, sequence, text, config.id, vector, at))
        if done % PROGRESS == 0:
            yield f"-- Progress: {done}/{request.chunks} chunks\n".encode()
    yield layout.footer().encode()


def _book(seed: int, number: int, chunks: int) -> Book:
    """A Kindle book with two chunks to a screenshot."""
    title = f"The Keeper's Almanac, vol. {number}"
    url = f"https://read.amazon.example/?asin=B0{seed:04d}{number:04d}"
    metadata = '{"language": "en", "publisher": "Étoile & Sons", "edition": 2}'
    return Book(identifier(seed, "book", number), title, "Zoë O'Hara", EPOCH, (chunks + 1) // 2, url, metadata)


def _pages(sequence: int, last: int) -> range:
    """The screenshots of a chunk: its page, and the next one for every third chunk, which runs over the break."""
    page = (sequence + 1) // 2
    return range(page, min(page + (sequence % 3 == 0), last) + 1)


def _contents(request: Request) -> tuple[Iterator[str], Iterator[bytes]]:
    """Texts and vectors, endless."""
    prose = Prose(request.seed)
    embeddings = Embeddings(request.dimensions, request.seed, request.shape)
    decimal = DecimalText(request.decimals)
    size = min(BATCH, request.chunks)

    def texts() -> Iterator[str]:
        while True:
            yield from prose.batch(size)

    def vectors() -> Iterator[bytes]:
        while True:
            yield from decimal.rows(embeddings.batch(size))

    return texts(), vectors()


def write(request: Request, out: Path) -> int:
    """Write the file and return its size in bytes; a file cut short never keeps the name."""
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(out.name + ".part")
    with partial.open("wb", buffering=1 << 20) as stream:
        stream.writelines(export(request))
    return partial.replace(out).stat().st_size


def _request(arguments: argparse.Namespace) -> Request:
    shape = Shape(arguments.mean_cosine, arguments.cluster_cosine, arguments.clusters)
    a = arguments
    return Request(a.chunks, a.books, a.dims, a.seed, a.decimals, a.old_exporter, shape)


def main() -> None:
    """Read the command line and write the file."""
    shape = Shape()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.export", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--chunks", type=int, required=True, help="how many, over all books")
    parser.add_argument("--books", type=int, default=1, help="more than one is refused by the default contract")
    parser.add_argument("--dims", type=int, default=1536, help="length of the vectors")
    parser.add_argument("--seed", type=int, default=1, help="another seed makes another book")
    parser.add_argument("--decimals", type=int, default=12, choices=(8, 12), help="of a vector's components")
    parser.add_argument("--mean-cosine", type=float, default=shape.mean_cosine, help="of chunks on different subjects")
    parser.add_argument("--cluster-cosine", type=float, default=shape.cluster_cosine, help="of chunks on one subject")
    parser.add_argument("--clusters", type=int, default=shape.clusters, help="how many subjects")
    parser.add_argument("--old-exporter", action="store_true", help="with the faults that --repair mends")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    if not 1 <= arguments.books <= arguments.chunks:
        parser.error(f"{arguments.chunks} chunks do not make {arguments.books} books")
    if not 0 <= arguments.mean_cosine <= arguments.cluster_cosine <= 1:
        parser.error("the cosines must satisfy 0 <= mean <= cluster <= 1")
    size = write(_request(arguments), arguments.out)
    print(f"{arguments.out}: {arguments.chunks:,} chunks, {size / 1e6:,.1f} MB")


if __name__ == "__main__":
    main()
