"""Reading a unit that looks like one before: the same bytes between its literals, literals of the same kind.

An export repeats a handful of statements thousands of times. Where a plain string or a decimal integer ends is decided
by the byte after it; as that byte is the one that was there before, lexing again would find the same tokens. Whatever
does not match is lexed in full.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from minerva_promote.exportfile.fragments import INTEGER, PLAIN, Fragment

KEPT = 6  # templates of one kind of unit

_DIGITS = re.compile(rb"[0-9]++")


class PatternLiteral(NamedTuple):
    """One literal of a template, and what stands behind it."""

    is_string: bool
    after: bytes  # up to the next literal, with its opening quote, or to the end
    size: int  # of ``after``, with the closing quote before it


class FragmentPattern:
    """One unit with its literals taken out."""

    __slots__ = ("begin", "excess", "lead", "meaning", "model", "steps")

    def __init__(self, model: Fragment, begin: bytes, steps: list[PatternLiteral], excess: int, lead: int = 0) -> None:
        self.model = model
        self.lead = lead  # bytes matched before the unit
        self.meaning: object = None  # what the learner wants to know again
        self.begin = begin  # what stands before the first literal, or all of it
        self.steps = steps
        self.excess = excess  # bytes matched beyond the unit

    def match(self, window: bytes, begin: int) -> Fragment | None:
        """The unit at this place, when it is like the template; None otherwise, or at the end of the window."""
        if not window.startswith(self.begin, begin):
            return None
        place = begin + len(self.begin)
        texts: list[bytes] = []
        find, startswith, keep = window.find, window.startswith, texts.append
        for is_string, after, size in self.steps:
            if is_string:
                end = find(b"'", place)
                if startswith(after, end + 1):
                    keep(window[place:end])
                else:
                    end = _doubled(window, end, after)
                    if end < 0:
                        return None
                    keep(window[place:end].replace(b"''", b"'"))
                place = end + size
            else:
                digits = _DIGITS.match(window, place)
                if digits is None or not startswith(after, digits.end()):
                    return None
                keep(digits.group())
                place = digits.end() + size
        model = self.model
        return Fragment(
            model.kind, model.shape, model.kinds, model.holes, texts, begin + self.lead, place - self.excess,
            pattern=(self, window), rows_follow=model.rows_follow, ended=model.ended,
        )  # fmt: skip

    def places(self, window: bytes, begin: int) -> tuple[list[int], list[tuple[int, int]]]:
        """Where the literals of a matched unit begin, and its cuts; worked out only when somebody asks."""
        place = begin - self.lead + len(self.begin)
        places, cuts = [], []
        for number, (is_string, after, size) in enumerate(self.steps):
            places.append(place - 1 if is_string else place)
            if is_string:
                end = window.find(b"'", place)
                if not window.startswith(after, end + 1):
                    end = _doubled(window, end, after)
                behind = end + 1
            else:
                digits = _DIGITS.match(window, place)
                behind = end = digits.end() if digits else place
            place = end + size
            width = 3 if is_string else 1  # of the placeholders 's' and 1
            cuts.append((self.model.holes[number] + width, behind))
        return places, cuts


def template_of(window: bytes, unit: Fragment) -> FragmentPattern | None:
    """How to recognise units like this one; None when it holds more than plain strings and integers."""
    if (
        unit.faults
        or len(unit.offset_map) != len(unit.kinds)
        or not (unit.ended or unit.kind == "row" or unit.rows_follow)
    ):
        return None
    if any(kind not in (PLAIN, INTEGER) for kind in unit.kinds):
        return None
    gaps, place = [], unit.begin
    for kind, at, (_, end) in zip(unit.kinds, unit.places, unit.offset_map, strict=True):
        gaps.append(window[place : at + 1] if kind == PLAIN else window[place:at])
        place = end
    excess = 1 if unit.rows_follow else 0  # the parenthesis that ends a head
    gaps.append(window[place : unit.end + excess])
    if not all(gaps):
        return None
    steps = [
        PatternLiteral(kind == PLAIN, after, len(after) + (kind == PLAIN))
        for kind, after in zip(unit.kinds, gaps[1:], strict=True)
    ]
    return FragmentPattern(unit, gaps[0], steps, excess)


def statement_template(window: bytes, head: Fragment, row: Fragment, tail: Fragment) -> FragmentPattern | None:
    """How to recognise whole statements of one row like this one; what is found is the row."""
    template = template_of(window, row)
    if template is None or not template.steps or tail.kinds or head.begin < 0:
        return None
    behind = window[row.end : tail.end]
    if (
        b"--" in behind
        or b"/*" in behind
        or b"--" in window[head.begin : row.begin]
        or b"/*" in window[head.begin : row.begin]
    ):
        return None
    last = template.steps[-1]
    steps = [*template.steps[:-1], PatternLiteral(last.is_string, last.after + behind, last.size + len(behind))]
    begin = window[head.begin : row.begin] + template.begin
    return FragmentPattern(row, begin, steps, 0, row.begin - head.begin)


def _doubled(window: bytes, quote: int, after: bytes) -> int:
    """The closing quote of a string that holds doubled ones; -1 when it does not end like the template."""
    while quote >= 0 and window.startswith(b"''", quote):
        quote = window.find(b"'", quote + 2)
        if quote >= 0 and window.startswith(after, quote + 1):
            return quote
    return -1
