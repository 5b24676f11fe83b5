"""Reading a unit that looks like one before: the same bytes between its literals, literals of the same kind.

An export repeats a handful of statements thousands of times. Where a plain string or a decimal integer ends is decided
by the byte after it; as that byte is the one that was there before, lexing again would find the same tokens. Whatever
does not match is lexed in full.
"""

from __future__ import annotations

import re

from minerva_promote.exportfile.units import INTEGER, PLAIN, Unit

KEPT = 6  # templates of one kind of unit

_DIGITS = re.compile(rb"[0-9]++")


class Template:
    """One unit with its literals taken out."""

    __slots__ = ("holes", "kinds", "last", "rows_follow", "shape", "steps", "unit_kind", "ended", "excess")

    def __init__(self, unit: Unit, steps: list[tuple[bytes, bool, bytes]], last: bytes, excess: int) -> None:
        self.unit_kind, self.shape, self.kinds, self.holes = unit.kind, unit.shape, unit.kinds, unit.holes
        self.rows_follow, self.ended = unit.rows_follow, unit.ended
        self.steps = steps  # what stands before each literal (a string's quote included), is it a string, what follows
        self.last = last  # what stands after the last literal
        self.excess = excess  # bytes of ``last`` beyond the unit

    def match(self, window: bytes, begin: int) -> Unit | None:
        """The unit at this place, when it is like the template; None otherwise, or at the end of the window."""
        place = begin
        texts, places, cuts = [], [], []
        if not self.steps:
            if not window.startswith(self.last, begin):
                return None
        elif not window.startswith(self.steps[0][0], begin):
            return None
        for before, is_string, after in self.steps:
            place += len(before)
            if is_string:
                places.append(place - 1)
                end = window.find(b"'", place)
                if end < 0:
                    return None
                if not window.startswith(after, end + 1):
                    end = _doubled(window, end, after)
                    if end < 0:
                        return None
                    texts.append(window[place:end].replace(b"''", b"'"))
                else:
                    texts.append(window[place:end])
                place = end + 1
            else:
                places.append(place)
                digits = _DIGITS.match(window, place)
                if digits is None or not window.startswith(after, digits.end()):
                    return None
                texts.append(digits.group())
                place = digits.end()
            cuts.append(place)
        end = place + len(self.last) - self.excess
        return Unit(
            self.unit_kind, self.shape, self.kinds, self.holes, texts, places, begin, end, [], _Cuts(self, cuts),
            self.rows_follow, self.ended,
        )  # fmt: skip


class _Cuts:
    """The cuts of a replayed unit, worked out only when somebody asks for a place."""

    __slots__ = ("ends", "template")

    def __init__(self, template: Template, ends: list[int]) -> None:
        self.template, self.ends = template, ends

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int) -> tuple[int, int]:
        size = 3 if self.template.kinds[index] == PLAIN else 1  # of the placeholders 's' and 1
        return self.template.holes[index] + size, self.ends[index]


def template_of(window: bytes, unit: Unit) -> Template | None:
    """How to recognise units like this one; None when it holds more than plain strings and integers."""
    if unit.faults or len(unit.cuts) != len(unit.kinds) or not (unit.ended or unit.kind == "row" or unit.rows_follow):
        return None
    if any(kind not in (PLAIN, INTEGER) for kind in unit.kinds):
        return None
    gaps, place = [], unit.begin
    for kind, at, (_, end) in zip(unit.kinds, unit.places, unit.cuts, strict=True):
        gaps.append(window[place : at + 1] if kind == PLAIN else window[place:at])
        place = end
    excess = 1 if unit.rows_follow else 0  # the parenthesis that ends a head
    last = window[place : unit.end + excess]
    afters = [*gaps[1:], last] if gaps else []
    if not last or not all(afters):
        return None
    steps = [(gap, kind == PLAIN, after) for gap, kind, after in zip(gaps, unit.kinds, afters, strict=True)]
    return Template(unit, steps, last, excess)


def _doubled(window: bytes, quote: int, after: bytes) -> int:
    """The closing quote of a string that holds doubled ones; -1 when it does not end like the template."""
    while window.startswith(b"''", quote):
        quote = window.find(b"'", quote + 2)
        if quote < 0:
            return -1
        if window.startswith(after, quote + 1):
            return quote
    return -1
