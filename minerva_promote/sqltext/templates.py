"""Render a template to one SQL text in which every value is proved to be whole tokens.

How the quoting is enforced: ``| ident`` and ``| literal`` return `Sql`, the environment's ``finalize`` refuses anything
else, and every value is carried between two NULs until the end. Then PostgreSQL's own scanner must find each value to
be whole tokens, so that a filter inside quotes or a comment (``'{{ name | literal }}'``) is refused as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.loaders import split_template_path
from jinja2.sandbox import ImmutableSandboxedEnvironment

from minerva_promote.config.files import UnreadableError, decoded, is_present, read_bounded
from minerva_promote.config.suggest import listing, nearest
from minerva_promote.errors import ConfigError, Location
from minerva_promote.sql_parser import scan
from minerva_promote.sqltext.bounded_calls import check_method, check_operator
from minerva_promote.sqltext.bounded_filters import bounded_filters, bounded_tests
from minerva_promote.sqltext.bounded_syntax import CREATED, JOINED, WATCHED, bound_syntax
from minerva_promote.sqltext.bounds import Budget, require_size
from minerva_promote.sqltext.template_filters import (
    NUL,
    FileNeeded,
    QuotingError,
    Sql,
    array,
    quote_ident,
    quote_literal,
    require_defined,
    truncated,
    value_and_type,
)

# Of Jinja's filters only those that work on values: none that escapes, formats or looks up attributes.
_FILTERS = (
    *("abs", "batch", "count", "d", "default", "dictsort", "first", "float", "int", "items", "join", "last", "length"),
    *("list", "lower", "map", "max", "min", "reject", "rejectattr", "replace", "reverse", "round", "select"),
    *("selectattr", "slice", "sort", "string", "sum", "trim", "unique", "upper"),
)

# These write text that does not pass finalize, or turn quoted values into text.
_REFUSED_TAGS = (nodes.CallBlock, nodes.FilterBlock, nodes.Macro, nodes.Import, nodes.FromImport)


class Templates:
    """The templates of one project's folder, compiled on first use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = _Environment(folder)

    def render(self, name: str, values: Mapping[str, Any], *, at: Location) -> str:
        """The SQL of the template ``name``; ``at`` is the location that names it. Raises ConfigError and FileNeeded."""
        self._environment.budget.start()
        try:
            template = self._environment.get_template(name)
        except Exception as error:  # any fault of a template is one of the configuration
            raise self._fault(error, at, used_at=at) from error
        return self._text(template, values, at=Location(f"{self._folder.name}/{name}"), used_at=at)

    def render_inline(self, source: str, values: Mapping[str, Any], *, at: Location) -> str:
        """The SQL of ``source``, which is written at ``at``. Raises ConfigError and FileNeeded."""
        self._environment.budget.start()
        try:
            template = self._environment.from_string(_without_nul(source))
        except Exception as error:
            raise self._fault(error, at, used_at=at) from error
        return self._text(template, values, at=at, used_at=at)

    def _text(self, template: jinja2.Template, values: Mapping[str, Any], *, at: Location, used_at: Location) -> str:
        try:
            rendered = self._joined(template, values)
        except FileNeeded:
            raise
        except Exception as error:
            raise self._fault(error, at, used_at) from error
        finally:
            self._environment.budget.start()  # releases the values that it holds
        return _unmarked(rendered, at)

    def _joined(self, template: jinja2.Template, values: Mapping[str, Any]) -> str:
        """The output of the template; its size and time are checked while it is written."""
        pieces: list[str] = []
        size = 0
        for piece in template.generate(values):
            size += len(piece)
            require_size(size, "the rendered text")
            self._environment.budget.check()
            pieces.append(piece)
        return "".join(pieces)

    def _fault(self, error: Exception, at: Location, used_at: Location) -> ConfigError:
        """``error`` with the line of the template that raised it, or ``at`` where no template file is involved."""
        inside = f"{self._folder}/"
        if isinstance(error, jinja2.TemplateSyntaxError):
            if error.filename and error.filename.startswith(inside):
                at = Location(self._folder.name + "/" + error.filename[len(inside) :], error.lineno)
        else:
            frame = error.__traceback__
            while frame is not None:  # Jinja2 rewrites its frames to the template's own lines
                if (file := frame.tb_frame.f_code.co_filename).startswith(inside):
                    at = Location(self._folder.name + "/" + file[len(inside) :], frame.tb_lineno)
                frame = frame.tb_next
        if isinstance(error, jinja2.TemplateNotFound):
            missing = str(error.name or error)
            return ConfigError(f'no template "{missing}" in {self._folder.name}/', at=at, hint=self._near(missing))
        known = isinstance(error, jinja2.TemplateError)
        message = str(error.message) if known else f"{type(error).__name__}: {error}"  # type: ignore[attr-defined]
        return ConfigError(message, at=at, hint="" if at == used_at else f"rendered for {used_at}")

    def _near(self, name: str) -> str:
        names = self._environment.list_templates()
        near = nearest(name, names)
        return f'did you mean "{near}"?' if near else f"templates there: {listing(names)}"


class _Loader(jinja2.FileSystemLoader):
    """Loads files of one folder only; links that lead out of it do not exist for it."""

    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str, Any]:
        folder = Path(self.searchpath[0])
        path = folder.joinpath(*split_template_path(template))
        if not is_present(path) or not path.resolve().is_relative_to(folder.resolve()):
            raise jinja2.TemplateNotFound(template)
        try:
            source, filename = decoded(read_bounded(path)).replace("\r\n", "\n"), str(path)
        except UnreadableError as error:
            raise jinja2.TemplateSyntaxError(error.message, 1, template, str(path)) from None
        except FileNotFoundError:  # deleted meanwhile
            raise jinja2.TemplateNotFound(template) from None
        modified = path.stat().st_mtime

        def uptodate() -> bool:
            return path.is_file() and path.stat().st_mtime == modified

        return _without_nul(source, template, filename), filename, uptodate


class _Environment(ImmutableSandboxedEnvironment):
    """A sandbox without builtin functions and private attributes, in which every output must be quoted."""

    intercepted_binops = frozenset(("*", "**", "%", "+"))

    def __init__(self, folder: Path) -> None:
        self.budget = Budget()
        super().__init__(
            loader=_Loader(folder),
            finalize=self._finalized,
            undefined=jinja2.StrictUndefined,
            autoescape=False,
            cache_size=-1,
        )
        self.globals.clear()
        kept = {name: self.filters[name] for name in _FILTERS} | {
            "ident": quote_ident,
            "literal": quote_literal,
            "array": array,
        }
        added = {WATCHED: self._watched, JOINED: self.budget.joined, CREATED: self.budget.spend}
        self.filters: dict[str, Any] = {**bounded_filters(kept, self.budget), **added}
        self.tests: dict[str, Any] = bounded_tests(dict(self.tests), self.budget)

    def _finalized(self, value: object) -> str:
        marked = _marked(value)
        self.budget.count(len(marked))
        return marked

    def _watched(self, values: Any, written: int) -> Any:
        require_defined(values)
        return self.budget.watched(values, written)

    def get_template(self, *arguments: Any, **named: Any) -> jinja2.Template:
        """As in Jinja, which calls this for every {% include %} too; checks the time."""
        self.budget.check()
        return super().get_template(*arguments, **named)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """As in Jinja, within the budget."""
        check_operator(self.budget, operator, left, right)
        return self.budget.spend(super().call_binop(context, operator, left, right))

    def call(self, context: Any, obj: Any, *arguments: Any, **named: Any) -> Any:
        """As in Jinja, within the budget."""
        check_method(self.budget, obj, arguments, named)
        return self.budget.spend(super().call(context, obj, *arguments, **named))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """As in Jinja, but keys come before methods (``params.values``), and quoted values have no attributes."""
        if isinstance(obj, Sql):  # the sandbox's format() would return an Sql with other values put into it
            return self.unsafe_undefined(obj, attribute)
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """As in Jinja, but quoted values have no items."""
        return self.unsafe_undefined(obj, str(argument)) if isinstance(obj, Sql) else super().getitem(obj, argument)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for kind in _REFUSED_TAGS:
            for node in tree.find_all(kind):
                message = "macros, call and filter blocks cannot keep values quoted; use {% include %}"
                raise jinja2.TemplateSyntaxError(message, node.lineno, name, filename)
        tree = bound_syntax(tree)
        tree.set_environment(self)
        return tree


def _marked(value: object) -> str:
    """A quoted value between two marks. Raises QuotingError for any other value."""
    if isinstance(value, Sql):
        return f"{NUL}{value}{NUL}"
    require_defined(value)
    raise QuotingError(f"{value_and_type(value)} is not quoted; add | ident or | literal")


def _unmarked(rendered: str, at: Location) -> str:
    """The text without marks. Raises ConfigError unless every value is whole tokens of it."""
    pieces = rendered.split(NUL)
    text = "".join(pieces)
    try:
        tokens = scan(text)
    except Exception as error:  # scan errors, and text that protobuf cannot carry
        raise ConfigError(f"does not render to SQL: {error}", at=at) from error
    starts, ends = {token.start for token in tokens}, {token.end for token in tokens}
    offset = 0
    for index, piece in enumerate(pieces):
        size = len(piece.encode())
        if index % 2:  # a value; a literal with backslashes begins with a blank
            begin = offset + size - len(piece.lstrip(" ").encode())
            if begin not in starts or offset + size not in ends:
                line = text.encode()[:offset].count(b"\n") + 1
                raise ConfigError(
                    f"{truncated(piece)} stands inside quotes or a comment, or touches another word "
                    f"(line {line} of the rendered SQL)",
                    at=at,
                    hint="the filters add the quotes: write {{ name | literal }}, not '{{ name | literal }}'",
                )
        offset += size
    return text


def _without_nul(source: str, name: str | None = None, file: str | None = None) -> str:
    if NUL in source:
        line = source[: source.index(NUL)].count("\n") + 1
        raise jinja2.TemplateSyntaxError("contains a NUL", line, name, file)
    return source
