"""Substitute variables (``${VAR}``, ``${VAR:-default}``, ``$${`` for itself), and redact secrets in output."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from minerva_promote.config.suggest import did_you_mean, listing
from minerva_promote.config.yaml_source import Keys, Source, fault
from minerva_promote.errors import ConfigError

Lookup = Callable[[str], int | str | None]  # name -> value; None: not set

_VARIABLE = re.compile(
    r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>(?:(?!\$\{)[^}])*))?\}|\$\{", re.ASCII
)
FORM_HINT = "write ${NAME}, ${NAME:-default}, or $${ for the two characters themselves"


@dataclass(frozen=True, slots=True)
class UnsetVariable:
    """A variable in a text that is not set; ``name`` is empty for a ``${`` that is no variable."""

    name: str


def variables_of(text: str) -> tuple[str, ...]:
    """The names of the variables in a text, in order."""
    return tuple(match["name"] for match in _VARIABLE.finditer(text) if match["name"])


def fill_text(text: str, lookup: Lookup) -> int | str | UnsetVariable:
    """The text with its variables filled in; one that is the whole text keeps its type.

    As in a shell, the default of ``${VAR:-default}`` also stands in for an empty value.
    """
    parts: list[str] = []
    end = 0
    for match in _VARIABLE.finditer(text):
        value: int | str | None
        if match[0] == "$${":
            value = "${"
        elif match["name"] is None:
            return UnsetVariable("")
        else:
            value = lookup(match["name"])
            if match["default"] is not None and value in (None, ""):
                value = match["default"]
            if value is None:
                return UnsetVariable(match["name"])
            if match[0] == text:
                return value
        parts += [text[end : match.start()], str(value)]
        end = match.end()
    return "".join([*parts, text[end:]])


def unknown_variable(variables: Iterable[str]) -> Callable[[str], tuple[str, str]]:
    """A function that returns message and hint for a name that is none of the project's variables."""
    known = tuple(variables)
    return lambda name: (f'no variable "{name}"{did_you_mean(name, known)}', f"variables: {listing(known)}")


def fill(
    source: Source,
    lookup: Lookup,
    unset: Callable[[str], tuple[str, str]],
    *,
    faults: list[ConfigError],
    where: Callable[[Keys], bool] = lambda path: True,
) -> Source:
    """The file with its variables filled in at the paths that ``where`` allows.

    ``unset`` returns message and hint for a variable that is not set; they are added to ``faults``.
    """

    def walk(value: Any, path: Keys) -> Any:
        if isinstance(value, dict):
            return {key: walk(child, (*path, key)) for key, child in value.items()}
        if isinstance(value, tuple):
            return tuple(walk(child, (*path, i)) for i, child in enumerate(value))
        if not isinstance(value, str) or "${" not in value or not where(path):
            return value
        filled = fill_text(value, lookup)
        if isinstance(filled, UnsetVariable):
            message, hint = unset(filled.name) if filled.name else ("a ${ that is no variable", FORM_HINT)
            faults.append(fault(source.at(path), path, message, hint))
            return value
        return filled

    return source.with_values(walk(source.values, ()))


_WORD = r"[A-Za-z0-9_]*(?:password|passwd|pwd|passphrase|client_secret)"
_VALUE = r"""(?:'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*"|[^\s&,;)'"]+)"""
_GENERIC: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"(?i)\b({_WORD}\s*=\s*){_VALUE}"), r"\1***"),
    (re.compile(r"(?i)\b(password\s+)E?'(?:[^'\\]|\\.|'')*'"), r"\1'***'"),
    (re.compile(r"SCRAM-SHA-256\$\S+"), "***"),
)

_SECRET_MARKERS = (
    "passw",
    "pwd",
    "passphrase",
    "secret",
    "scram",
)  # without one of these, none of the patterns matches


_WORDS = re.compile(r"\S+")
_USER = re.compile(r"://[^:/@]*:(?!PASSWORD@)")  # PASSWORD stands in the formats that hints show


def _without_password(word: str) -> str:
    """A word without the password of the URL in it, up to the last @ as it may hold unescaped ones."""
    user, end = _USER.search(word), word.rfind("@")
    return f"{word[: user.end()]}***{word[end:]}" if user and end >= user.end() else word


def redact(text: str) -> str:
    """The text without what looks like a secret: ``password=…``, ``://user:…@``, ``PASSWORD '…'``.

    In linear time: an error of the server may carry a whole row.
    """
    if "://" in text:
        text = _WORDS.sub(lambda word: _without_password(word[0]), text)
    folded = text.casefold()
    if any(word in folded for word in _SECRET_MARKERS):
        for pattern, replacement in _GENERIC:
            text = pattern.sub(replacement, text)
    return text


class Redactor:
    """Replaces known secrets, in whatever spelling, and whatever looks like a secret, with ``***``."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._patterns: dict[str, str] = {}
        self._all: re.Pattern[str] | None = None
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Add secrets; one of less than four characters is only replaced where it is a whole word."""
        for secret in secrets:
            if secret:
                spelling = "".join(map(_spellings, secret))
                self._patterns[secret] = spelling if len(secret) >= 4 else rf"(?<!\w){spelling}(?!\w)"
        longest_first = sorted(self._patterns, key=len, reverse=True)
        self._all = re.compile("|".join(self._patterns[secret] for secret in longest_first)) if longest_first else None

    def redact(self, text: str) -> str:
        """The text without secrets, safe to print and log."""
        return redact(self._all.sub("***", text) if self._all else text)

    def __repr__(self) -> str:
        return f"Redactor({len(self._patterns)} secrets)"


def _spellings(character: str) -> str:
    """A pattern for one character: itself, percent-encoded, or escaped as SQL, JSON or Python escape it."""
    spellings = [re.escape(character)]
    encoded = quote(character, safe="") if character.isascii() else "".join(f"%{b:02X}" for b in character.encode())
    if not encoded.startswith("%"):
        encoded = f"%{ord(character):02X}"
    spellings.append(f"(?i:{encoded})")
    if character in "'\"\\":
        spellings = [re.escape(character) * 2, re.escape("\\" + character), *spellings]
    elif character == " ":
        spellings.append(r"\+")
    elif ord(character) < 32 or ord(character) > 126:
        spellings += [re.escape(repr(character)[1:-1]), re.escape(json.dumps(character)[1:-1])]
        units = character.encode("utf-16-be")
        escaped = "".join(rf"\\u{units[i] << 8 | units[i + 1]:04x}" for i in range(0, len(units), 2))
        spellings.append(f"(?i:{escaped})")
    return f"(?:{'|'.join(spellings)})"


def process_lookup(process: Mapping[str, str], dotenv: Mapping[str, str]) -> Callable[[str], str | None]:
    """Look a variable up in the process environment first, then in .env."""
    return lambda name: process[name] if name in process else dotenv.get(name)
