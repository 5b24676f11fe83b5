"""Recognition of fragments that look like an earlier one: the same bytes between the literals, literals of one kind.

An export repeats a handful of statements thousands of times. The byte after a plain string or a decimal number decides
where it ends; as that byte is the same as before, lexing again would return the same tokens. A fragment that matches no
pattern is lexed in full.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from minerva_promote.exportfile.fragments import DECIMAL, INTEGER, PLAIN, Fragment
from minerva_promote.exportfile.token_patterns import PLACEHOLDERS

MAX_PATTERNS = 6  # of one kind of fragment

_NUMBERS = {INTEGER: re.compile(rb"[0-9]++"), DECIMAL: re.compile(rb"[0-9]++\.[0-9]++")}  # of others, each is lexed


class PatternLiteral(NamedTuple):
    """One literal of a pattern, and the text after it."""

    number: re.Pattern[bytes] | None  # what a number looks like; None for a plain string
    text_after: bytes  # up to the next literal, with its opening quote, or to the end
    size_after: int  # bytes of ``text_after``, with the closing quote before it


class FragmentPattern:
    """The text of one fragment without its literals; ``decoder`` belongs to whoever stores the pattern."""

    __slots__ = ("decoder", "example", "literals", "lookahead", "prefix", "skipped")

    def __init__(
        self, example: Fragment, prefix: bytes, literals: list[PatternLiteral], lookahead: int, skipped: int = 0
    ) -> None:
        self.example = example
        self.prefix = prefix  # the text before the first literal, or all of it
        self.literals = literals
        self.lookahead = lookahead  # bytes matched beyond the end of the fragment
        self.skipped = skipped  # bytes of the prefix before the fragment: the head of a whole statement
        self.decoder: object = None

    def match(self, window: bytes, begin: int) -> Fragment | None:
        """The fragment at this offset when it is like the pattern; None otherwise, or at the end of the window."""
        if not window.startswith(self.prefix, begin):
            return None
        offset = begin + len(self.prefix)
        texts: list[bytes] = []
        find, startswith, append = window.find, window.startswith, texts.append
        for number, text_after, size_after in self.literals:
            if number is None:
                end = find(b"'", offset)
                if startswith(text_after, end + 1):
                    append(window[offset:end])
                else:
                    end = _quote_after_doubled(window, end, text_after)
                    if end < 0:
                        return None
                    append(window[offset:end].replace(b"''", b"'"))
                offset = end + size_after
            else:
                digits = number.match(window, offset)
                if digits is None or not startswith(text_after, digits.end()):
                    return None
                append(digits.group())
                offset = digits.end() + size_after
        example = self.example
        return Fragment(
            example.kind, example.shape, example.kinds, example.placeholder_offsets, texts, begin + self.skipped,
            offset - self.lookahead, pattern=(self, window), rows_follow=example.rows_follow, ended=example.ended,
        )  # fmt: skip

    def offsets(self, window: bytes, begin: int) -> tuple[list[int], list[tuple[int, int]]]:
        """Literal offsets and offset map of the matched fragment at ``begin``; computed only for messages."""
        offset = begin - self.skipped + len(self.prefix)
        literal_offsets, offset_map = [], []
        for index, (number, text_after, size_after) in enumerate(self.literals):
            literal_offsets.append(offset - 1 if number is None else offset)
            if number is None:
                end = window.find(b"'", offset)
                if not window.startswith(text_after, end + 1):
                    end = _quote_after_doubled(window, end, text_after)
                literal_end = end + 1
            else:
                digits = number.match(window, offset)
                literal_end = end = digits.end() if digits else offset
            offset = end + size_after
            width = len(PLACEHOLDERS.get(self.example.kinds[index], b"'s'"))
            offset_map.append((self.example.placeholder_offsets[index] + width, literal_end))
        return literal_offsets, offset_map


def build_pattern(window: bytes, fragment: Fragment) -> FragmentPattern | None:
    """The pattern of fragments like this one; None when it holds more than plain strings and decimal numbers."""
    if (
        fragment.faults
        or len(fragment.offset_map) != len(fragment.kinds)
        or not (fragment.ended or fragment.kind == "row" or fragment.rows_follow)
    ):
        return None
    if any(kind != PLAIN and kind not in _NUMBERS for kind in fragment.kinds):
        return None
    gaps, gap_begin = [], fragment.begin
    for kind, begin, (_, end) in zip(fragment.kinds, fragment.literal_offsets, fragment.offset_map, strict=True):
        gaps.append(window[gap_begin : begin + 1] if kind == PLAIN else window[gap_begin:begin])
        gap_begin = end
    lookahead = 1 if fragment.rows_follow else 0  # the parenthesis that ends a head
    gaps.append(window[gap_begin : fragment.end + lookahead])
    if not all(gaps):
        return None
    literals = [
        PatternLiteral(_NUMBERS.get(kind), gap, len(gap) + (kind == PLAIN))
        for kind, gap in zip(fragment.kinds, gaps[1:], strict=True)
    ]
    return FragmentPattern(fragment, gaps[0], literals, lookahead)


def build_statement_pattern(window: bytes, head: Fragment, row: Fragment, tail: Fragment) -> FragmentPattern | None:
    """The pattern of whole statements with one row like this one; a match returns the row's fragment."""
    pattern = build_pattern(window, row)
    if pattern is None or not pattern.literals or tail.kinds or head.begin < 0:
        return None
    before, after = window[head.begin : row.begin], window[row.end : tail.end]
    if b"--" in after or b"/*" in after or b"--" in before or b"/*" in before:
        return None
    last = pattern.literals[-1]
    last = PatternLiteral(last.number, last.text_after + after, last.size_after + len(after))
    return FragmentPattern(row, before + pattern.prefix, [*pattern.literals[:-1], last], 0, len(before))


def _quote_after_doubled(window: bytes, quote: int, text_after: bytes) -> int:
    """The closing quote of a string that holds doubled ones; -1 when it does not end like the pattern."""
    while quote >= 0 and window.startswith(b"''", quote):
        quote = window.find(b"'", quote + 2)
        if quote >= 0 and window.startswith(text_after, quote + 1):
            return quote
    return -1
