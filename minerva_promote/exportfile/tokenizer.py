"""One pass over one unit: its tokens, as PostgreSQL's own lexer finds them (src/backend/parser/scan.l, release 18)."""

from __future__ import annotations

from minerva_promote.exportfile import fragments
from minerva_promote.exportfile import token_patterns as tokens
from minerva_promote.exportfile.comment_reader import CommentReader
from minerva_promote.exportfile.effort import ESCAPES, FAULT, TOKEN, UNIT, too_costly
from minerva_promote.exportfile.fragments import DECIMAL, ESCAPE, INTEGER, PLAIN, UNICODE, Fault, Fragment, NeedMore
from minerva_promote.exportfile.string_literals import BadEscape, escape_string, unicode_string
from minerva_promote.exportfile.strings import to_quote, to_quote_escaped
from minerva_promote.exportfile.token_patterns import feff
from minerva_promote.exportfile.value_faults import shown

MAX_DEPTH = 50  # parentheses and brackets; PostgreSQL takes more, no export needs it


class UnitScan:
    """One pass over one unit."""

    def __init__(self, lexer: CommentReader, kind: str, begin: int, at_end: bool, faults: list[Fault]) -> None:
        self.lexer = lexer
        self.window = lexer.source.window
        self.kind = kind
        self.begin = begin
        self.at_end = at_end
        self.faults = faults
        self.parts: list[bytes] = []
        self.size = 0  # of the shape so far
        self.kinds: list[str] = []
        self.holes: list[int] = []
        self.texts: list[bytes] = []
        self.places: list[int] = []
        self.cuts: list[tuple[int, int]] = []
        self.depth = 0
        self.over = False  # a psql command has ended the statement
        self.tokens = 0
        self.most = 0  # tokens that may be read before the effort is looked at again
        self.extra = 0  # cost beyond that of its tokens

    def run(self) -> Fragment:
        window, search, skip = self.window, tokens.SPECIAL.search, tokens.NOTHING.match
        place = self.begin
        self.most = self._affordable(place)
        while True:
            match = search(window, skip(window, place).end())  # type: ignore[union-attr]
            if match is None:
                return self._end_of_window(place)
            at, end = match.span()
            self.tokens += 1
            if self.tokens > self.most:
                self.most = self._affordable(at)
                if self.tokens > self.most:
                    return self._stop(at)
            first = window[at]
            if at > place:
                self._plain(window[place:at])
            if first == 0x27:  # '
                place = self._string(PLAIN, at, end)
            elif 0x30 <= first <= 0x39 or first == 0x2E:  # a digit, or a dot before one
                place = self._number(match.group(), at, end)
            elif first in b"()[]":
                if first == 0x28 and self.depth == 0 and self.kind == "head" and self._after_values():
                    return self._unit(at, rows_follow=True, ended=False)
                self._plain(window[at:end])
                self.depth += 1 if first in b"([" else -1
                place = end
                if self.depth <= 0 and self.kind == "row":
                    return self._unit(end, ended=False)
                if self.depth > MAX_DEPTH:
                    return self._too_deep(at)
            elif first == 0x3B:  # ;
                return self._unit(end)
            else:
                place = self._other(match.group(), at, end)
                if self.over:
                    return self._unit(place)

    def _affordable(self, at: int) -> int:
        """How many tokens this unit may have, when it has come so far."""
        left = self.lexer.effort.left(self.lexer.source.start + at) - FAULT * len(self.faults) - self.extra
        return min(left // TOKEN, self.tokens + 1000)

    def _stop(self, at: int) -> Fragment:
        self.faults[:] = [too_costly(at)]
        unit = self._unit(len(self.window), ended=False)
        unit.cut = self.lexer.source.ended = True
        return unit

    def _plain(self, text: bytes) -> None:
        self.parts.append(text)
        self.size += len(text)

    def _replace(self, placeholder: bytes, end: int) -> None:
        self._plain(placeholder)
        self.cuts.append((self.size, end))

    def _literal(self, kind: str, text: bytes, at: int, end: int) -> None:
        self.kinds.append(kind)
        self.holes.append(self.size)
        self.texts.append(text)
        self.places.append(at)
        self._replace(tokens.PLACEHOLDERS.get(kind, b"'s'"), end)

    def _complete(self, end: int) -> None:
        if end > len(self.window) - 1 and not self.at_end:
            raise NeedMore

    def _unit(self, end: int, *, rows_follow: bool = False, ended: bool = True) -> Fragment:
        return Fragment(
            self.kind,
            b"".join(self.parts),
            self.kinds,
            self.holes,
            self.texts,
            self.begin,
            end,
            self.faults,
            self.places,
            self.cuts,
            rows_follow,
            ended,
            cost=UNIT + TOKEN * self.tokens + self.extra,
        )

    def _end_of_window(self, place: int) -> Fragment:
        if not self.at_end:
            raise NeedMore
        self._plain(self.window[place:])
        unit = self._unit(len(self.window), ended=False)
        unit.cut = True
        return unit

    def _after_values(self) -> bool:
        last = next((part for part in reversed(self.parts) if part.strip(tokens.BLANKS)), b"")
        return bool(tokens.VALUES_BEFORE.fullmatch(last.rstrip(tokens.BLANKS)))

    def _fault(self, code: str, fact: str, at: int, help_: str) -> None:
        self.faults.append(Fault(code, fact, at, help_))

    def _too_deep(self, at: int) -> Fragment:
        """Refuse the statement without parsing it, and go on after its semicolon."""
        self._fault("too-deep", f"parentheses nested deeper than {MAX_DEPTH}", at, "write plain constants")
        semicolon = self.window.find(b";", at)
        if semicolon < 0:
            self._complete(len(self.window))
            semicolon = len(self.window) - 1
        return self._unit(semicolon + 1)

    def _number(self, text: bytes, at: int, end: int) -> int:
        self._complete(end + 2)  # an exponent's sign and digit may follow
        if tokens.DECIMAL_INTEGER.fullmatch(text):
            kind = INTEGER
        elif tokens.DECIMAL_NUMBER.fullmatch(text):
            kind = DECIMAL
        else:
            self._fault(
                "number-form",
                f"{shown(text)} is not a plain decimal number",
                at,
                "write digits only: no 0x, no underscores, no letters",
            )
            kind = DECIMAL
        self._literal(kind, text, at, end)
        return end

    def _string(self, kind: str, at: int, begin: int) -> int:
        """A string whose first quote ends at ``begin``; returns where it ends."""
        pieces = []
        while True:
            find = to_quote_escaped if kind == ESCAPE else to_quote
            raw, end = find(self.window, begin, self.at_end) or self._unterminated(begin, at)
            pieces.append(raw)
            following = self.window[end : end + 1]
            if following in (b",", b")", b":", b"]"):
                break
            continued = tokens.CONTINUED.match(self.window, end)
            if continued is None:
                blank = tokens.BLANK.match(self.window, end)
                self._complete((blank.end() if blank else end) + 2)  # a comment may begin there
                break
            begin = continued.end()
            self.extra += TOKEN
            if not len(pieces) % 1000 and self._affordable(begin) < 0:
                self.most = 0
                break
        text = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if kind != PLAIN:
            self.extra += ESCAPES
            try:
                text = escape_string(*pieces) if kind == ESCAPE else unicode_string(text)
            except BadEscape as error:
                self._fault("escape", str(error), at, "write the characters themselves")
        self._literal(kind, text, at, end)
        return end

    def _unterminated(self, begin: int, at: int) -> tuple[bytes, int]:
        fact = "a string that is never closed begins here"
        self._fault("unterminated", fact, at, "close it with '; double quotes inside: ''")
        return self.window[begin:], len(self.window)

    def _other(self, token: bytes, at: int, end: int) -> int:
        if token.startswith((b"/*", b"--")):
            self.tokens, self.extra = self.tokens - 1, self.extra + 1  # cheaper than others, and there may be many
        if token.startswith(b"--"):
            self._complete(end)
            self.lexer.check_comment(token, at, self.faults)
            self.lexer.comment(token)
            self._replace(b" ", end)
            return end
        if token == b"/*":
            end = self.lexer.block_comment(self.window, at, self.at_end, self.faults)
            self._replace(b" ", end)
            return end
        if token == b'"':
            return self._quoted_name(at, end)
        if token.startswith(b"$"):
            return self._dollar(token, at, end)
        if token[-1:] == b"'":
            return self._prefixed(token, at, end)
        return self._refused(token, at, end)

    def _prefixed(self, token: bytes, at: int, end: int) -> int:
        prefix = token[:1].upper()
        if prefix == b"E":
            return self._string(ESCAPE, at, end)
        if prefix == b"U":
            return self._string(UNICODE, at, end)
        what = {b"N": "a national string", b"B": "a bit string", b"X": "a hexadecimal string"}[prefix]
        self._fault("constant-form", f"{what} is not accepted", at, "write a plain '…' string")
        return self._string(PLAIN, at, end)

    def _quoted_name(self, at: int, end: int) -> int:
        match = tokens.TO_DOUBLE_QUOTE.match(self.window, end)
        if match is None or match.end() == len(self.window):
            if not self.at_end:
                raise NeedMore
            if match is None:
                self._fault("unterminated", "a quoted name that is never closed begins here", at, 'close it with "')
                return len(self.window)
        if (mark := self.window.find(tokens.FEFF, at, match.end())) >= 0:
            self.faults.append(feff(mark))
        self._plain(self.window[at : match.end()])
        return match.end()

    def _dollar(self, token: bytes, at: int, end: int) -> int:
        self._complete(end)
        if len(token) > 1 and token.endswith(b"$"):
            close = self.window.find(token, end)
            if close < 0:
                if not self.at_end:
                    raise NeedMore
                self._fault("unterminated", f"a {shown(token)} string that is never closed begins here", at, "close it")
                close = len(self.window)
            self._literal(fragments.DOLLAR, self.window[end:close], at, close + len(token))
            return min(close + len(token), len(self.window))
        if tokens.TAG_BEGUN.fullmatch(self.window, at):
            self._complete(len(self.window))
        self._fault("parameter", f"{shown(token)} is a parameter, not a value", at, "write the value itself")
        self._replace(b"'s'", end)
        return end

    def _refused(self, token: bytes, at: int, end: int) -> int:
        self._complete(end)
        window = self.window
        if token == b":":
            if window[end : end + 1] == b":":
                self._plain(b"::")
                return end + 1
            self._fault("psql-variable", "a psql :variable is not SQL", at, "write the value itself")
        elif token == b"\\":
            end = self._psql_command(at, end)
        elif token == tokens.FEFF:
            self.faults.append(feff(at))
        elif token[-1:] == b'"':
            self._fault("name-form", 'a U&"…" name is not accepted', at, "write the name plainly")
            return self._quoted_name(end - 1, end)
        elif token[0] in b"+*/<>=~!@#%^&|?`":
            self._plain(token)
            if not (token == b"=" and self.kind == "tail"):
                self._fault("operator", f"the operator {shown(token)} is not accepted", at, "write plain constants")
            return end
        else:
            self._fault(
                "odd-character", f"the character 0x{token[0]:02X} is not accepted outside literals", at, "remove it"
            )
        self._replace(b" ", end)
        return end

    def _psql_command(self, at: int, end: int) -> int:
        """A backslash and its line, which ends the statement; before a semicolon the backslash alone."""
        command = tokens.COMMAND.match(self.window, at)
        name = command.group() if command else b""
        self._fault("psql-command", f"{shown(name)} is a psql command", at, "remove it; promote runs no psql")
        if name == b"\\;":
            return end
        self.over = True
        if (line_end := tokens.LINE_END.search(self.window, end)) is None:
            self._complete(len(self.window))
        return line_end.start() if line_end else len(self.window)
