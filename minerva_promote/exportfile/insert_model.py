"""What a shape says once it is parsed: values that the rest of the reader works on, or a refusal."""

from __future__ import annotations

from dataclasses import dataclass


class Refused(Exception):
    """A shape that no accepted file holds; ``part`` ("head", "row", "tail") and ``hole`` say where."""

    def __init__(self, code: str, message: str, hint: str, part: str = "head", offset: int = 0) -> None:
        super().__init__(message)
        self.code, self.message, self.hint, self.part, self.offset = code, message, hint, part, offset

    def kept(self) -> Refused:
        """Itself, to be remembered: without the frames it came through, which hold windows of the file."""
        self.__traceback__ = self.__context__ = self.__cause__ = None
        return self


@dataclass(frozen=True, slots=True)
class TypeName:
    """The type of a cast."""

    names: tuple[str, ...]  # ("pg_catalog", "varchar"), ("public", "vector")
    typmods: tuple[int, ...]  # holes of their constants
    array: bool
    offset: int


@dataclass(frozen=True, slots=True)
class Slot:
    """One value of a row."""

    kind: str  # "null", "true", "false", "string", "number", "array"
    placeholder_offsets: tuple[int, ...]  # of its constants; of an array one each element
    offset: int  # where it begins
    negative: bool = False
    cast: TypeName | None = None


@dataclass(frozen=True, slots=True)
class Conflict:
    """The ON CONFLICT clause."""

    columns: tuple[str, ...]  # of the target; empty with a constraint, and without any target
    constraint: str
    sets: tuple[str, ...]  # columns of DO UPDATE SET c = EXCLUDED.c; empty for DO NOTHING


@dataclass(frozen=True, slots=True)
class Insert:
    """What one INSERT with one row says; holes count within the part they stand in."""

    schema: str
    table: str
    columns: tuple[str, ...]
    column_offsets: tuple[int, ...]
    slots: tuple[Slot, ...]
    conflict: Conflict

    @property
    def name(self) -> str:
        """The table as a contract names it: with its schema unless that is public."""
        return self.table if self.schema in ("", "public") else f"{self.schema}.{self.table}"
