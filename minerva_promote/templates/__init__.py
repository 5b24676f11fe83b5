"""Jinja templates that render one SQL statement; a value that went through no quoting filter does not render."""

from minerva_promote.templates.quoting import FileNeeded, NoFile, QuotingError, Sql, ident, literal
from minerva_promote.templates.render import Templates

__all__ = ["FileNeeded", "NoFile", "QuotingError", "Sql", "Templates", "ident", "literal"]
