"""A fragment under construction: its shape grows token by token, its literals are taken out."""

from __future__ import annotations

from minerva_promote.exportfile.comments import CommentReader
from minerva_promote.exportfile.effort import FAULT, FRAGMENT, TOKEN, too_costly
from minerva_promote.exportfile.fragments import Fault, Fragment, NeedMore
from minerva_promote.exportfile.token_patterns import BLANKS, PLACEHOLDERS, VALUES_BEFORE


class FragmentBuilder:
    """What the tokens of one fragment, which begins at ``begin`` in the window, have added up to."""

    def __init__(self, comments: CommentReader, kind: str, begin: int, at_end: bool, faults: list[Fault]) -> None:
        self.comments = comments
        self.window = comments.source.window
        self.kind = kind
        self.begin = begin
        self.at_end = at_end  # the window reaches to the end of the file
        self.faults = faults
        self.parts: list[bytes] = []  # of the shape
        self.size = 0  # bytes of the shape so far
        self.kinds: list[str] = []
        self.placeholder_offsets: list[int] = []
        self.texts: list[bytes] = []
        self.literal_offsets: list[int] = []
        self.offset_map: list[tuple[int, int]] = []
        self.tokens = 0
        self.extra_cost = 0  # beyond that of its tokens

    def append(self, text: bytes) -> None:
        """Add text to the shape as it is."""
        self.parts.append(text)
        self.size += len(text)

    def append_placeholder(self, placeholder: bytes, end: int) -> None:
        """Add a placeholder for text that ends at this offset of the window."""
        self.append(placeholder)
        self.offset_map.append((self.size, end))

    def append_literal(self, kind: str, text: bytes, begin: int, end: int) -> None:
        """Take out a literal, which stands between these offsets of the window."""
        self.kinds.append(kind)
        self.placeholder_offsets.append(self.size)
        self.texts.append(text)
        self.literal_offsets.append(begin)
        self.append_placeholder(PLACEHOLDERS.get(kind, b"'s'"), end)

    def add_fault(self, code: str, message: str, offset: int, hint: str) -> None:
        """Note what no accepted file holds."""
        self.faults.append(Fault(code, message, offset, hint))

    def affordable_tokens(self, offset: int) -> int:
        """How many tokens the fragment may have, as seen from this offset; at most a thousand more than it has."""
        source = self.comments.source
        left = self.comments.effort.left(source.start + offset) - FAULT * len(self.faults) - self.extra_cost
        return min(left // TOKEN, self.tokens + 1000)

    def require_bytes(self, end: int) -> None:
        """Raise NeedMore unless the window holds the byte at this offset, or the file has ended."""
        if end > len(self.window) - 1 and not self.at_end:
            raise NeedMore

    def follows_values(self) -> bool:
        """Whether the shape so far ends with VALUES."""
        last = next((part for part in reversed(self.parts) if part.strip(BLANKS)), b"")
        return bool(VALUES_BEFORE.fullmatch(last.rstrip(BLANKS)))

    def finish(self, end: int, *, rows_follow: bool = False, ended: bool = True) -> Fragment:
        """The fragment, which ends at this offset."""
        return Fragment(
            self.kind,
            b"".join(self.parts),
            self.kinds,
            self.placeholder_offsets,
            self.texts,
            self.begin,
            end,
            self.faults,
            self.literal_offsets,
            self.offset_map,
            rows_follow,
            ended,
            cost=FRAGMENT + TOKEN * self.tokens + self.extra_cost,
        )

    def finish_truncated(self, offset: int) -> Fragment:
        """The fragment that the file ends in, whose text from this offset on holds no token. Raises NeedMore."""
        if not self.at_end:
            raise NeedMore
        self.append(self.window[offset:])
        fragment = self.finish(len(self.window), ended=False)
        fragment.truncated = True
        return fragment

    def finish_too_costly(self, offset: int) -> Fragment:
        """The fragment in which reading stops."""
        self.faults[:] = [too_costly(offset)]
        fragment = self.finish(len(self.window), ended=False)
        fragment.truncated = self.comments.source.ended = True
        return fragment
