"""Jinja templates that render one SQL statement; a value that went through no quoting filter does not render."""

from minerva_promote.sqltext.template_filters import FileNeeded, NoFile, QuotingError, Sql, quote_ident, quote_literal
from minerva_promote.sqltext.templates import Templates

__all__ = ["FileNeeded", "NoFile", "QuotingError", "Sql", "Templates", "quote_ident", "quote_literal"]
