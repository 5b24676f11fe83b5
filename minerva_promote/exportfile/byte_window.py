"""The bytes of a file in a sliding window: read ahead, hashed, and checked as UTF-8 while they pass."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from minerva_promote.errors import FileChanged, FileError, Location, NoSuchFile

_CONTINUATION = bytes(range(0x80, 0xC0))  # bytes that begin no character

BLOCK = 1 << 20  # bytes of one read: stays in the cache of the core that works on it


class BadByte(Exception):
    """The file is not strict UTF-8, or holds a NUL, at this offset of the file."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset
        self.message = message


class ByteWindow:
    """A window over a file; ``window[0]`` is byte ``start`` of the file.

    Only :meth:`grow` reads, in a second thread, one block ahead. A window that would hold more than ``limit`` bytes
    does not grow. Not thread-safe.
    """

    def __init__(self, path: Path, limit: int) -> None:
        self.path = path
        self.limit = limit
        self.window = b""
        self.start = 0
        self.ended = False
        self.complete = False  # all bytes were read
        self._read = 0  # bytes
        self.bad: BadByte | None = None  # the window ends before this byte
        self._hash = hashlib.sha256()
        self._earlier = (0, 1, 1)  # the location computed before the last one, as below
        self._latest = (0, 1, 1)  # the last computed location: offset in the file, line, column
        self._file = open_export(path)
        self._stamp = stamp(os.fstat(self._file.fileno()))
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="promote-read")
        self._blocks = _checked(self._file, self._hash)
        self._next: Future[bytes] = self._reader.submit(next, self._blocks, b"")

    def __enter__(self) -> ByteWindow:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._reader.shutdown(cancel_futures=True)
        self._file.close()

    def grow(self, keep: int) -> bool:
        """Drop the bytes before ``keep``, append what comes next; False at the end of the file or at the limit."""
        self._drop(keep)
        if self.ended or len(self.window) > self.limit:
            return False
        pieces = [self.window]
        blocks = max(1, len(self.window) // BLOCK)  # a long row doubles, so that it is not scanned over and over
        for _ in range(blocks):
            block = self._take()
            if not block:
                break
            pieces.append(block)
        self.window = b"".join(pieces)
        return len(pieces) > 1

    def _take(self) -> bytes:
        try:
            block = self._next.result()
        except BadByte as bad:
            self.bad, self.ended = bad, True
            return b""
        except OSError as error:
            raise FileError(f"cannot be read: {error.strerror}", at=Location(str(self.path))) from None
        self.ended = self.complete = not block
        self._read += len(block)
        if self._read > self._stamp[2]:  # it may grow faster than it is read
            raise file_changed(self.path)
        if block:
            self._next = self._reader.submit(next, self._blocks, b"")
        return block

    def _drop(self, keep: int) -> None:
        self.window = self.window[keep:]
        self.start += keep

    def line_and_column(self, position: int) -> tuple[int, int]:
        """Line and column, both from 1, of an offset in the window; columns count characters.

        Reads the file again from a location computed earlier: lines cost nothing until there is a finding.
        """
        offset = self.start + position
        known = [location for location in (self._earlier, self._latest) if location[0] <= offset]
        begin, line, column = known[-1] if known else (0, 1, 1)
        for block in self._blocks_between(begin, offset):
            lines = block.count(b"\n")
            if lines:
                line += lines
                column = 1
                block = block[block.rfind(b"\n") + 1 :]
            column += characters(block)
        if offset < self._latest[0]:
            self._earlier = (offset, line, column)  # a finding of a statement's head may follow those of its rows
        else:
            self._earlier, self._latest = self._latest, (offset, line, column)
        return line, column

    def _blocks_between(self, begin: int, end: int) -> Iterator[bytes]:
        while begin < end:
            block = os.pread(self._file.fileno(), min(BLOCK, end - begin), begin)
            if not block:
                return
            yield block
            begin += len(block)

    def require_unchanged(self) -> None:
        """Raise FileChanged when the file is not what it was when it was opened."""
        try:
            current = (stamp(os.fstat(self._file.fileno())), stamp(self.path.stat()))
        except OSError:
            raise file_changed(self.path) from None
        if current != (self._stamp, self._stamp):
            raise file_changed(self.path)

    @property
    def sha256(self) -> bytes:
        """The hash of all bytes, once the file has been read to its end."""
        return self._hash.digest()


def stamp(status: os.stat_result) -> tuple[int, ...]:
    """Device, inode, size and time: one of them changes when a file is written to or replaced."""
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def file_changed(path: Path) -> FileChanged:
    """The exception for a file that was written to while it was read."""
    hint = "let nobody write to it, then run the command again"
    return FileChanged("changed while it was read", at=Location(str(path)), hint=hint)


def characters(data: bytes) -> int:
    """The number of characters that begin in these bytes of UTF-8."""
    return len(data if data.isascii() else data.translate(None, _CONTINUATION))


def open_export(path: Path) -> BinaryIO:
    """The file, open for reading. Raises NoSuchFile when it is missing or no regular file, FileError otherwise."""
    location = Location(str(path))
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise NoSuchFile("is a directory", at=location, hint="name the export file itself")
        if not stat.S_ISREG(mode):
            raise NoSuchFile("is not a regular file: it is read twice", at=location, hint="save it to a file first")
        return path.open("rb", buffering=0)
    except FileNotFoundError:
        raise NoSuchFile("no such file", at=location, hint="check the path") from None
    except OSError as error:
        raise FileError(f"cannot be read: {error.strerror}", at=location, hint="check its permissions") from None


def _checked(file: BinaryIO, digest: hashlib._Hash) -> Iterator[bytes]:
    """Blocks that end at a character boundary, hashed; raises BadByte after the last valid byte was yielded."""
    offset, rest = 0, b""
    while block := file.read(BLOCK):
        digest.update(block)
        block = rest + block if rest else block
        good, message = len(block), ""
        nul = block.find(b"\0")
        if nul >= 0:
            good, message = nul, "NUL byte"
        if not block.isascii():
            whole = good - (0 if message else _unfinished(block))
            bad = _not_utf8(block[:whole] if whole < len(block) else block)
            good = whole
            if bad is not None:
                good, message = bad
        if good:
            yield block[:good] if good < len(block) else block
        if message:
            raise BadByte(offset + good, message)
        offset, rest = offset + good, block[good:]
    if rest:
        raise BadByte(offset, f"byte 0x{rest[0]:02X} is not valid UTF-8 (unexpected end of data)")


def _unfinished(block: bytes) -> int:
    """How many bytes at the end may be the beginning of a character."""
    for back in range(1, min(4, len(block) + 1)):
        byte = block[-back]
        if byte < 0x80:
            return 0
        if byte >= 0xC0:
            size = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if back < size else 0
    return 0


def _not_utf8(block: bytes) -> tuple[int, str] | None:
    """The offset where a block is not strict UTF-8, and why; None for a valid one.

    Only the words of eight bytes that hold anything beyond ASCII are decoded, separated by blanks where they are not
    adjacent: in numbers and English text they are few.
    """
    import numpy as np

    words = np.frombuffer(block, np.uint64, len(block) // 8)
    hot = np.flatnonzero(words & np.uint64(0x8080808080808080))
    if not len(words) or len(hot) > len(words) // 4:
        return _decoding_error(block)
    if not len(hot) or hot[-1] != len(words) - 1:
        hot = np.append(hot, len(words) - 1)  # the bytes after the last word may continue it
    breaks = np.flatnonzero(np.diff(hot) > 1) + 1
    separated = np.insert(words[hot], breaks, np.uint64(0x2020202020202020)).tobytes() + block[len(words) * 8 :]
    return _decoding_error(block) if _decoding_error(separated) else None


def _decoding_error(block: bytes) -> tuple[int, str] | None:
    try:
        block.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        return error.start, f"byte 0x{block[error.start]:02X} is not valid UTF-8 ({error.reason})"
    return None
