"""JSON values: RFC 8259, and nothing that jsonb or a client could not read back."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from minerva_promote.exportfile.value_faults import ValueFault

MAX_DEPTH = 100
MAX_DIGITS = 131_072  # of jsonb's numbers, before the point
MAX_SCALE = 16_383  # and after it

# Escapes that may stand for NUL or half a surrogate pair, and numbers that `numeric` may not hold.
_DOUBTFUL = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])|[0-9][eE]|(?<![0-9.])[0-9.]{300}")
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_NUMBER = re.compile(r"-?([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?")
_HELP = "write JSON as RFC 8259 has it"


class Number(NamedTuple):
    """A number as it is written: 1 and 1.0 are two values, as they are for jsonb's text."""

    text: str


def parse_json(text: bytes) -> Any:
    """The value of a JSON text; numbers are :class:`Number`. Raises ValueFault.

    Refuses duplicate keys, NUL escapes, lone surrogates, numbers beyond `numeric` and nesting deeper than 100: `json`
    stores them, `jsonb` or a client fails on them.
    """
    try:
        value = json.loads(
            text.decode(), object_pairs_hook=_object, parse_constant=_constant, parse_int=_number, parse_float=_number
        )
    except json.JSONDecodeError as error:
        error_text = error.msg[:1].lower() + error.msg[1:].removesuffix(" at")
        raise ValueFault("json", f"not JSON: {error_text} at {error.pos}", _HELP) from None
    except RecursionError:
        raise _too_deep() from None
    _check_value(value)
    return value


def check_json(text: bytes) -> None:
    """Raise ValueFault for a text that :func:`parse_json` refuses, without keeping its value.

    What is neither doubtful nor deep is left to the standard library, which reads it several times as fast.
    """
    if _DOUBTFUL.search(text) or _is_deep(text):
        parse_json(text)
        return
    try:
        json.loads(text.decode(), object_pairs_hook=_object, parse_constant=_constant)
    except (json.JSONDecodeError, RecursionError):
        parse_json(text)  # for its message
        raise


def _is_deep(text: bytes) -> bool:
    """Whether brackets may be nested deeper than allowed; False is certain for JSON."""
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:
        return False
    brackets = _STRING.sub(b"", text).translate(_BRACKETS, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):  # the innermost pairs each time
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names: set[str] = set()
        duplicate = next(key for key, _ in pairs if key in names or names.add(key))  # type: ignore[func-returns-value]
        raise ValueFault("json", f"the key {duplicate[:40]!r} stands twice in one object", "keep one")
    return result


def _number(text: str) -> Number:
    if len(text) > MAX_SCALE or "e" in text or "E" in text:
        match = _NUMBER.fullmatch(text)
        assert match
        whole, fraction, exponent = match[1].lstrip("0"), match[2] or "", match[3] or "0"
        power = int(exponent) if len(exponent) < 10 else MAX_DIGITS * 10
        before = len(whole) or len(fraction.lstrip("0")) - len(fraction)
        empty = not (whole or fraction.strip("0"))
        if power == MAX_DIGITS * 10 or len(fraction) - power > MAX_SCALE or (before + power > MAX_DIGITS and not empty):
            raise ValueFault("json", f"the number {text[:40]} is beyond jsonb", "write it with fewer digits")
    return Number(text)


def _constant(name: str) -> Any:
    raise ValueFault("json", f"{name} is not JSON", _HELP)


def _too_deep() -> ValueFault:
    return ValueFault("json", f"nested deeper than {MAX_DEPTH}", "flatten it")


def _check_value(value: Any) -> None:
    pending: list[tuple[Any, int]] = [(value, 0)]
    while pending:
        item, depth = pending.pop()
        if isinstance(item, str):
            _check_text(item)
        elif isinstance(item, (dict, list)):
            if depth == MAX_DEPTH:
                raise _too_deep()
            if isinstance(item, dict):
                for key in item:
                    _check_text(key)
            pending.extend((inner, depth + 1) for inner in (item.values() if isinstance(item, dict) else item))


def _check_text(text: str) -> None:
    if text.isascii():
        if "\0" in text:
            raise ValueFault("json", "a \\u0000 escape", "remove it: jsonb and ->> fail on it")
        return
    try:
        if "\0" in text:
            raise ValueFault("json", "a \\u0000 escape", "remove it: jsonb and ->> fail on it")
        text.encode()
    except UnicodeEncodeError:
        raise ValueFault("json", "a lone surrogate escape", "write the character itself") from None


def string_values(value: Any) -> list[str]:
    """Every key and every string of a parsed value."""
    texts: list[str] = []
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            texts.append(item)
        elif isinstance(item, dict):
            texts.extend(item)
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
    return texts
