"""Naming the statements that no export holds."""

from __future__ import annotations

import re

from minerva_promote.exportfile.insert_model import Refused

# What makes no sense to report inside a statement that is refused as a whole.
IN_OTHER_STATEMENTS = frozenset(
    ("operator", "number-form", "constant-form", "parameter", "escape", "too-deep", "name-form")
)

# What makes all other faults of the same piece worthless.
ENDLESS = frozenset(("unterminated", "too-long", "too-costly"))

_WORDS = re.compile(rb"[A-Za-z_]+")
_TWO_WORDS = frozenset(
    [
        "CREATE",
        "ALTER",
        "DROP",
        "SET",
        "RESET",
        "PREPARE",
        "COMMIT",
        "ROLLBACK",
        "START",
        "REFRESH",
        "SECURITY",
        "IMPORT",
        "REASSIGN",
        "DISCARD",
        "LOCK",
    ]
)
_REASONS = {
    "COPY": "promote reads INSERT files only",
    "SET": "promote makes its own session",
    "RESET": "promote makes its own session",
    "SAVEPOINT": "one BEGIN first, one COMMIT last",
    "RELEASE": "one BEGIN first, one COMMIT last",
    "ROLLBACK": "one BEGIN first, one COMMIT last",
    "ABORT": "one BEGIN first, one COMMIT last",
    "PREPARE": "one BEGIN first, one COMMIT last",
}


def keyword(shape: bytes) -> str:
    """The first word of a statement, in capitals; empty when it does not begin with one."""
    match = _WORDS.match(shape.lstrip(b" \t\n\r\f"))
    return match.group().decode().upper() if match else ""


def refused_statement(shape: bytes, word: str) -> Refused:
    """Why this statement, whose first word is known, is not accepted."""
    words = [match.decode().upper() for match in _WORDS.findall(shape[:200])]
    name = " ".join(words[:2]) if word in _TWO_WORDS else word
    if not name:
        return Refused("syntax", "no statement begins like this", "write INSERT INTO table (columns) VALUES (…)")
    return Refused("statement", f"{name[:60]} is not accepted", _REASONS.get(word, "an export holds only INSERT"))
