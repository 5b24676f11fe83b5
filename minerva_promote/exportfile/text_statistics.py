"""What the texts of a file have in common: signs that an exporter changed them on their way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from minerva_promote.config.snapshot import Column
from minerva_promote.exportfile.rule_model import Check, Row, RuleFault

NULL_WORDS = frozenset((b"None", b"null", b"NULL"))  # what exporters print for NULL; all of one length
_NULL_WORD_SIZE = 4  # bytes
_TEXT = ("text", "character varying", "character", "bpchar", "citext")
_JSON = ("json", "jsonb")
_NONE: Sequence[RuleFault] = ()


@dataclass(slots=True)
class ColumnTexts:
    """The values of one column that look wrong."""

    name: str  # table.column
    takes_null: bool  # a text column that allows NULL
    null_words: Counter[str] = field(default_factory=Counter)  # by the word
    misread: int = 0  # values that hold UTF-8 which was read as Latin-1
    example: tuple[str, str] = ("", "")  # of these: a word, and what it was


@dataclass(slots=True)
class TextStatistics:
    """Counts over all texts of a file."""

    columns: dict[str, ColumnTexts] = field(default_factory=dict)  # by table.column
    windows_lines: int = 0  # texts all of whose lines end in CRLF
    plain_lines: bool = False  # whether a line of any text ends in LF alone

    def add_lines(self, text: bytes) -> None:
        """Note the line ends of a text that has some."""
        if text.count(b"\r\n") == text.count(b"\n"):
            self.windows_lines += 1
        else:
            self.plain_lines = True

    def add_misread(self, column: ColumnTexts, text: bytes) -> None:
        """Note a text if it holds UTF-8 that was read as Latin-1."""
        from minerva_promote.exportfile.misread_text import misread_word

        if word := misread_word(text):
            column.misread += 1
            column.example = column.example if column.misread > 1 else word

    def check(self, table: str, columns: Iterable[tuple[int, Column, bool]]) -> Check | None:
        """What notes the texts of the rows of one layout and reports nothing; None where there is no text.

        ``columns``: place in the row, column, and whether the contract accepts NULL in it.
        """
        searched = []
        for place, column, takes_null in columns:
            kind = column.value_type.partition("(")[0]
            if kind in _TEXT or kind in _JSON:
                name = f"{table}.{column.name}"
                texts = self.columns.setdefault(name, ColumnTexts(name, takes_null and kind in _TEXT))
                searched.append((place, texts, kind in _TEXT))
        if not searched:
            return None

        def check(values: Row) -> Sequence[RuleFault]:
            for place, texts, has_lines in searched:
                text = values[place]
                if text is None:
                    continue
                if b"\xc3" in text:
                    self.add_misread(texts, text)
                if has_lines and not self.plain_lines and b"\n" in text:
                    self.add_lines(text)
                if len(text) == _NULL_WORD_SIZE and texts.takes_null and text in NULL_WORDS:
                    texts.null_words[text.decode()] += 1
            return _NONE

        return check
