"""Suggestions for misspelt words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known word nearest to ``word``, ignoring case; None when none is near enough."""
    folded = {name.casefold(): name for name in known}
    matches = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=cutoff)
    return folded[matches[0]] if matches else None


def did_you_mean(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """``; did you mean "max"?``, or nothing when no known word is near: 1 is the same word, 0 any word."""
    name = nearest(word, known, cutoff)
    return f'; did you mean "{name}"?' if name is not None else ""


def listing(names: Iterable[str]) -> str:
    """The names in order, for a sentence: ``books, chunks``; ``none`` when there are none."""
    return ", ".join(sorted(names)) or "none"
