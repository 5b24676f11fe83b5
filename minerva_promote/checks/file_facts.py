"""What checks may know of the export file that is being promoted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minerva_promote.exportfile.validation import Manifest


@dataclass(frozen=True, slots=True)
class FileFacts:
    """An export file in numbers, found when it was validated."""

    name: str  # without its folder
    sha256: str
    size: int  # bytes
    rows: Mapping[str, int]  # per table; a table that is not there has none
    roots: tuple[str, ...]  # keys, as text
    root_keys: tuple[tuple[str, ...], ...] = ()  # the same, the value of each column apart

    @classmethod
    def of(cls, manifest: Manifest) -> FileFacts:
        """The facts of a validated file."""
        return cls(
            manifest.path.name, manifest.sha256, manifest.size, manifest.rows, manifest.roots, manifest.root_keys
        )

    def template_values(self, tables: tuple[str, ...]) -> Mapping[str, Any]:
        """``file`` as templates see it; every table of the contract has a count."""
        return {
            "name": self.name,
            "sha256": self.sha256,
            "size": self.size,
            "rows": {table: self.rows.get(table, 0) for table in (*tables, *self.rows)},
            "roots": list(self.roots),
            "root_keys": [list(key) for key in self.root_keys],
        }

    def operand(self, path: str) -> int:
        """The number that a threshold ``{file: PATH}`` means: ``rows.TABLE``, ``roots`` (how many) or ``size``."""
        if path == "roots":
            return len(self.roots)
        return self.size if path == "size" else self.rows.get(path.removeprefix("rows."), 0)
