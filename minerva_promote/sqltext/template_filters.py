"""The filters ``ident`` and ``literal``: names and values of any content to quoted SQL."""

from __future__ import annotations

import datetime
import math
import reprlib
import uuid
from decimal import Decimal

import jinja2

NUL = "\0"
NAME_BYTES = 63  # PostgreSQL cuts longer names silently


class Sql(str):
    """Text that is already safe inside a statement."""

    __slots__ = ()


class FileNeeded(jinja2.UndefinedError):
    """A template used ``file`` where there is no export file."""


class NoFile(jinja2.StrictUndefined):
    """``file`` without an export file: false in ``{% if file %}``, `FileNeeded` for everything else."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(name="file", exc=FileNeeded)

    def __bool__(self) -> bool:  # type: ignore[override]  # its truth is the only question it answers
        return False


class QuotingError(jinja2.TemplateRuntimeError):
    """A value that cannot be quoted, or that no filter has quoted."""


def quote_ident(value: object) -> Sql:
    """A name, each part of a dotted one quoted; of a list, all names with commas between.

    Always quoted: names are case-sensitive, as in the catalog.
    """
    require_defined(value)
    if isinstance(value, (list, tuple)):
        if not value:
            raise QuotingError("an empty list has no name to quote")
        return Sql(", ".join(quote_ident(item) for item in value))
    if isinstance(value, Sql):
        raise QuotingError(f"{value!r} is already quoted")
    if not isinstance(value, str):
        raise QuotingError(f"{value_and_type(value)} is not a name; names are text")
    return Sql(".".join(_quoted_name(part, value) for part in value.split(".")))


def quote_literal(value: object) -> Sql:
    """A constant; of a list, an ``ARRAY[…]`` (of an empty one ``'{}'``), to be cast where the element type matters.

    Right with and without standard_conforming_strings. Negative numbers are in parentheses: ``5 -{{ n | literal }}``
    must not begin a comment.
    """
    require_defined(value)
    if isinstance(value, (list, tuple)):
        if any(isinstance(item, (list, tuple)) for item in value):
            raise QuotingError("a list within a list cannot be quoted")
        return Sql(f"ARRAY[{', '.join(quote_literal(item) for item in value)}]" if value else "'{}'")
    if isinstance(value, Sql):
        raise QuotingError(f"{value!r} is already quoted")
    if value is None:
        return Sql("NULL")
    if isinstance(value, bool):
        return Sql("TRUE" if value else "FALSE")
    if isinstance(value, (int, float, Decimal)):
        return _number(value)
    if isinstance(value, str):
        return Sql(_quoted_text(value))
    if isinstance(value, uuid.UUID):
        return Sql(f"'{value}'::uuid")
    if isinstance(value, datetime.datetime):
        return Sql(f"'{value.isoformat()}'::{'timestamp' if value.tzinfo is None else 'timestamptz'}")
    if isinstance(value, datetime.date):
        return Sql(f"'{value.isoformat()}'::date")
    raise QuotingError(f"{value_and_type(value)} cannot be quoted")


def array(value: object) -> Sql:
    """A list of texts as one constant ``'{"a","b"}'`` without a type: it takes the type of what it is compared with.

    ``id = any ({{ file.roots | array }})`` works for keys of any type, and uses the index on ``id``.
    """
    require_defined(value)
    if not isinstance(value, (list, tuple)):
        raise QuotingError(f"{value_and_type(value)} is not a list")
    elements = []
    for item in value:
        require_defined(item)
        if item is None:
            elements.append("NULL")
        elif isinstance(item, str) and not isinstance(item, Sql):
            elements.append('"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"')
        elif isinstance(item, int) and not isinstance(item, bool):
            elements.append(str(item))
        else:
            raise QuotingError(f"{value_and_type(item)} cannot be an element; elements are texts and whole numbers")
    return Sql(_quoted_text("{" + ",".join(elements) + "}"))


def require_defined(value: object) -> None:
    """Raise for an undefined value; StrictUndefined itself lets one pass into a filter."""
    if isinstance(value, jinja2.Undefined):
        value._fail_with_undefined_error()


def _quoted_name(part: str, whole: str) -> str:
    _check_text(part)
    if not part:
        raise QuotingError(f"{whole!r} has an empty part; a name is never empty")
    if len(part.encode()) > NAME_BYTES:
        raise QuotingError(
            f"{truncated(part)} is {len(part.encode())} bytes long; PostgreSQL cuts names at {NAME_BYTES}"
        )
    return '"' + part.replace('"', '""') + '"'


def _quoted_text(value: str) -> str:
    _check_text(value)
    doubled = value.replace("'", "''")
    if "\\" not in value:
        return f"'{doubled}'"
    return " E'" + doubled.replace("\\", "\\\\") + "'"  # the blank keeps E from joining a word before it


def _number(value: float | Decimal) -> Sql:
    finite = value.is_finite() if isinstance(value, Decimal) else isinstance(value, int) or math.isfinite(value)
    if not finite:
        raise QuotingError(f"{value} is not a finite number")
    text = str(value)
    return Sql(f"({text})" if text.startswith("-") else text)


def _check_text(value: str) -> None:
    if NUL in value:
        raise QuotingError(f"{truncated(value)} contains a NUL, which PostgreSQL cannot store")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise QuotingError(f"{truncated(value)} contains half a surrogate pair, which is no text") from None


def value_and_type(value: object) -> str:
    """A value and its type in a message."""
    return f"{truncated(value)} ({type(value).__name__})"


def truncated(value: object, limit: int = 60) -> str:
    """A value in a message, truncated to ``limit`` characters."""
    if isinstance(value, str):
        value = value[:limit]  # its quotes alone make it longer
    elif isinstance(value, (list, tuple, dict)):
        return reprlib.repr(value)
    text = repr(value)
    return text if len(text) <= limit else text[:limit] + "…"
