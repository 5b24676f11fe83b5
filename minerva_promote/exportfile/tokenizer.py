"""One pass over one fragment: its tokens, as PostgreSQL's own lexer has them (src/backend/parser/scan.l, release 18).

In the methods ``offset`` and ``end`` are where a token begins and ends in the window; those that read a literal return
the offset after it.
"""

from __future__ import annotations

from minerva_promote.exportfile import token_patterns as tokens
from minerva_promote.exportfile.comments import CommentReader
from minerva_promote.exportfile.effort import ESCAPES, TOKEN
from minerva_promote.exportfile.fragment_builder import FragmentBuilder
from minerva_promote.exportfile.fragments import (
    DECIMAL,
    DOLLAR,
    ESCAPE,
    INTEGER,
    PLAIN,
    UNICODE,
    Fault,
    Fragment,
    NeedMore,
)
from minerva_promote.exportfile.string_literals import (
    BadEscape,
    escape_string,
    read_escape_string,
    read_plain_string,
    unicode_string,
)
from minerva_promote.exportfile.token_patterns import byte_order_mark
from minerva_promote.exportfile.value_faults import excerpt

MAX_DEPTH = 50  # parentheses and brackets; PostgreSQL takes more, no export needs it


class Tokenizer(FragmentBuilder):
    """Reads the tokens of one fragment into it."""

    def __init__(self, comments: CommentReader, kind: str, begin: int, at_end: bool, faults: list[Fault]) -> None:
        super().__init__(comments, kind, begin, at_end, faults)
        self.depth = 0  # open parentheses and brackets
        self.ended_by_psql = False  # a psql command has ended the statement
        self.token_limit = 0  # tokens that may be read before the effort is checked again

    def tokenize(self) -> Fragment:
        """The fragment: a head up to its first row, one row, or what is left of a statement. Raises NeedMore."""
        window, search, skip = self.window, tokens.SPECIAL.search, tokens.NOTHING.match
        position = self.begin
        self.token_limit = self.affordable_tokens(position)
        while True:
            match = search(window, skip(window, position).end())  # type: ignore[union-attr]
            if match is None:
                return self.finish_truncated(position)
            offset, end = match.span()
            self.tokens += 1
            if self.tokens > self.token_limit:
                self.token_limit = self.affordable_tokens(offset)
                if self.tokens > self.token_limit:
                    return self.finish_too_costly(offset)
            first = window[offset]
            if offset > position:
                self.append(window[position:offset])
            if first == 0x27:  # '
                position = self._read_string(PLAIN, offset, end)
            elif 0x30 <= first <= 0x39 or first == 0x2E:  # a digit, or a dot before one
                position = self._read_number(match.group(), offset, end)
            elif first in b"()[]":
                if first == 0x28 and self.depth == 0 and self.kind == "head" and self.follows_values():
                    return self.finish(offset, rows_follow=True, ended=False)
                self.append(window[offset:end])
                self.depth += 1 if first in b"([" else -1
                position = end
                if self.depth <= 0 and self.kind == "row":
                    return self.finish(end, ended=False)
                if self.depth > MAX_DEPTH:
                    return self._skip_too_deep(offset)
            elif first == 0x3B:  # ;
                return self.finish(end)
            else:
                position = self._read_other(match.group(), offset, end)
                if self.ended_by_psql:
                    return self.finish(position)

    def _skip_too_deep(self, offset: int) -> Fragment:
        """End the fragment after the statement's semicolon; its fault keeps it from being parsed."""
        self.add_fault("too-deep", f"parentheses nested deeper than {MAX_DEPTH}", offset, "write plain constants")
        semicolon = self.window.find(b";", offset)
        if semicolon < 0:
            self.require_bytes(len(self.window))
            semicolon = len(self.window) - 1
        return self.finish(semicolon + 1)

    def _read_number(self, text: bytes, offset: int, end: int) -> int:
        self.require_bytes(end + 2)  # an exponent's sign and digit may follow
        if tokens.DECIMAL_INTEGER.fullmatch(text):
            kind = INTEGER
        elif tokens.DECIMAL_NUMBER.fullmatch(text):
            kind = DECIMAL
        else:
            self.add_fault(
                "number-form",
                f"{excerpt(text)} is not a plain decimal number",
                offset,
                "write digits only: no 0x, no underscores, no letters",
            )
            kind = DECIMAL
        self.append_literal(kind, text, offset, end)
        return end

    def _read_string(self, kind: str, offset: int, begin: int) -> int:
        """Read a string whose first quote ends at ``begin``, with the pieces that continue it on further lines."""
        pieces = []
        while True:
            read_to_quote = read_escape_string if kind == ESCAPE else read_plain_string
            raw, end = read_to_quote(self.window, begin, self.at_end) or self._unterminated_string(begin, offset)
            pieces.append(raw)
            following = self.window[end : end + 1]
            if following in (b",", b")", b":", b"]"):
                break
            continued = tokens.CONTINUED.match(self.window, end)
            if continued is None:
                blank = tokens.BLANK.match(self.window, end)
                self.require_bytes((blank.end() if blank else end) + 2)  # a comment may begin there
                break
            begin = continued.end()
            self.extra_cost += TOKEN
            if not len(pieces) % 1000 and self.affordable_tokens(begin) < 0:
                self.token_limit = 0
                break
        text = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if kind != PLAIN:
            self.extra_cost += ESCAPES
            try:
                text = escape_string(*pieces) if kind == ESCAPE else unicode_string(text)
            except BadEscape as error:
                self.add_fault("escape", str(error), offset, "write the characters themselves")
        self.append_literal(kind, text, offset, end)
        return end

    def _unterminated_string(self, begin: int, offset: int) -> tuple[bytes, int]:
        message = "a string that is never closed begins here"
        self.add_fault(
            "unterminated",
            message,
            offset,
            "close it with '; double quotes inside: ''; if no quote is missing, the file is cut off: export again",
        )
        return self.window[begin:], len(self.window)

    def _read_other(self, token: bytes, offset: int, end: int) -> int:
        if token.startswith((b"/*", b"--")):
            self.tokens -= 1  # cheaper than other tokens, and there may be many
            self.extra_cost += 1
        if token.startswith(b"--"):
            self.require_bytes(end)
            self.comments.check(token, offset, self.faults)
            self.comments.hand_on(token)
            self.append_placeholder(b" ", end)
            return end
        if token == b"/*":
            end = self.comments.skip_block(offset, self.at_end, self.faults)
            self.append_placeholder(b" ", end)
            return end
        if token == b'"':
            return self._read_quoted_name(offset, end)
        if token.startswith(b"$"):
            return self._read_dollar(token, offset, end)
        if token[-1:] == b"'":
            return self._read_prefixed_string(token, offset, end)
        return self._refuse_token(token, offset, end)

    def _read_prefixed_string(self, token: bytes, offset: int, end: int) -> int:
        prefix = token[:1].upper()
        if prefix == b"E":
            return self._read_string(ESCAPE, offset, end)
        if prefix == b"U":
            return self._read_string(UNICODE, offset, end)
        what = {b"N": "a national string", b"B": "a bit string", b"X": "a hexadecimal string"}[prefix]
        self.add_fault("constant-form", f"{what} is not accepted", offset, "write a plain '…' string")
        return self._read_string(PLAIN, offset, end)

    def _read_quoted_name(self, offset: int, end: int) -> int:
        match = tokens.TO_DOUBLE_QUOTE.match(self.window, end)
        if match is None or match.end() == len(self.window):
            if not self.at_end:
                raise NeedMore
            if match is None:
                self.add_fault(
                    "unterminated", "a quoted name that is never closed begins here", offset, 'close it with "'
                )
                return len(self.window)
        if (mark := self.window.find(tokens.FEFF, offset, match.end())) >= 0:
            self.faults.append(byte_order_mark(mark))
        self.append(self.window[offset : match.end()])
        return match.end()

    def _read_dollar(self, token: bytes, offset: int, end: int) -> int:
        self.require_bytes(end)
        if len(token) > 1 and token.endswith(b"$"):
            close = self.window.find(token, end)
            if close < 0:
                if not self.at_end:
                    raise NeedMore
                self.add_fault(
                    "unterminated", f"a {excerpt(token)} string that is never closed begins here", offset, "close it"
                )
                close = len(self.window)
            self.append_literal(DOLLAR, self.window[end:close], offset, close + len(token))
            return min(close + len(token), len(self.window))
        if tokens.TAG_BEGUN.fullmatch(self.window, offset):
            self.require_bytes(len(self.window))
        self.add_fault("parameter", f"{excerpt(token)} is a parameter, not a value", offset, "write the value itself")
        self.append_placeholder(b"'s'", end)
        return end

    def _refuse_token(self, token: bytes, offset: int, end: int) -> int:
        self.require_bytes(end)
        window = self.window
        if token == b":":
            if window[end : end + 1] == b":":
                self.append(b"::")
                return end + 1
            self.add_fault("psql-variable", "a psql :variable is not SQL", offset, "write the value itself")
        elif token == b"\\":
            end = self._skip_psql_command(offset, end)
        elif token == tokens.FEFF:
            self.faults.append(byte_order_mark(offset))
        elif token[-1:] == b'"':
            self.add_fault("name-form", 'a U&"…" name is not accepted', offset, "write the name plainly")
            return self._read_quoted_name(end - 1, end)
        elif token[0] in b"+*/<>=~!@#%^&|?`":
            self.append(token)
            if not (token == b"=" and self.kind == "tail"):
                self.add_fault(
                    "operator", f"the operator {excerpt(token)} is not accepted", offset, "write plain constants"
                )
            return end
        else:
            self.add_fault(
                "odd-character", f"the character 0x{token[0]:02X} is not accepted outside literals", offset, "remove it"
            )
        self.append_placeholder(b" ", end)
        return end

    def _skip_psql_command(self, offset: int, end: int) -> int:
        """The offset after the command and its line, which end the statement; of ``\\;`` only the backslash goes."""
        command = tokens.COMMAND.match(self.window, offset)
        name = command.group() if command else b""
        self.add_fault("psql-command", f"{excerpt(name)} is a psql command", offset, "remove it; promote runs no psql")
        if name == b"\\;":
            return end
        self.ended_by_psql = True
        if (line_end := tokens.LINE_END.search(self.window, end)) is None:
            self.require_bytes(len(self.window))
        return line_end.start() if line_end else len(self.window)
