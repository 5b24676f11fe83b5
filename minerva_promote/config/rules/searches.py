"""Rules of the searches of promote.yaml and of pgvector's search settings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from minerva_promote.config.files import UnreadableError, decoded, read_bounded
from minerva_promote.config.models.project import SearchFile
from minerva_promote.config.project import DeclaredSearch
from minerva_promote.config.suggest import did_you_mean, listing
from minerva_promote.config.yaml_source import Keys, Source, fault
from minerva_promote.errors import ConfigError, Location

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_MAX_BYTES = 1 << 20  # of a query


@dataclass(frozen=True, slots=True)
class SearchSetting:
    """A setting, the values that it takes, and the first release of pgvector that has it."""

    values: tuple[str, ...] | tuple[int, int]  # words, or the minimum and the maximum of whole numbers
    since: tuple[int, int, int]


_MANY = 2**31 - 1
SEARCH_SETTINGS: Mapping[str, SearchSetting] = {
    "ivfflat.probes": SearchSetting((1, 32_768), (0, 1, 0)),
    "ivfflat.iterative_scan": SearchSetting(("off", "relaxed_order"), (0, 8, 0)),
    "ivfflat.max_probes": SearchSetting((1, 32_768), (0, 8, 0)),
    "hnsw.ef_search": SearchSetting((1, 1_000), (0, 5, 0)),
    "hnsw.iterative_scan": SearchSetting(("off", "relaxed_order", "strict_order"), (0, 8, 0)),
    "hnsw.max_scan_tuples": SearchSetting((1, _MANY), (0, 8, 0)),
}


def setting_fault(name: str, value: object) -> tuple[str, str] | None:
    """Message and hint for a setting that does not exist or a value that it does not take; None when both are right."""
    known = SEARCH_SETTINGS.get(name)
    if known is None:
        near = did_you_mean(name, SEARCH_SETTINGS)
        return f'no search setting "{name}"{near}', f"settings: {listing(SEARCH_SETTINGS)}"
    least, most = known.values[0], known.values[-1]
    if isinstance(least, int) and isinstance(most, int):
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return None
        return f"{name} is {_format_value(value)}", f"a whole number from {least:,} to {most:,}"
    if value in known.values:
        return None
    return f"{name} is {_format_value(value)}", "one of: " + ", ".join(f'"{word}"' for word in known.values)


def _format_value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool | int | float) else f'"{value}"'


def read_searches(
    root: Path, searches: Mapping[str, SearchFile], source: Source, faults: list[ConfigError]
) -> tuple[DeclaredSearch, ...]:
    """The searches with their queries, read from files where they are; faults are added to ``faults``."""
    declared = []
    for name, search in searches.items():
        path: Keys = ("searches", name)
        new_faults = list(_faults(root, name, search, path, source))
        text, at = search.sql or "", source.at((*path, "sql"))
        if search.file is not None and not new_faults:
            at = Location(search.file)
            try:
                text = decoded(read_bounded(root / search.file))
            except (FileNotFoundError, UnreadableError) as error:
                message = error.message if isinstance(error, UnreadableError) else "cannot be read: no such file"
                where = (*path, "file")
                new_faults.append(fault(source.at(where), where, f"{search.file} {message}"))
        faults += new_faults
        if not new_faults:
            params = {int(number): value for number, value in search.params.items()}
            declared.append(DeclaredSearch(name, text, search.settings, params, at))
    return tuple(declared)


def setting_faults(settings: Mapping[str, int | str], path: Keys, source: Source) -> Iterator[ConfigError]:
    """Faults of search settings: names that pgvector does not have, and values that it does not take."""
    for name, value in settings.items():
        problem = setting_fault(name, value)
        if problem:
            where = (*path, name)
            yield fault(source.key_at(where), path, *problem)


def _faults(root: Path, name: str, search: SearchFile, path: Keys, source: Source) -> Iterator[ConfigError]:
    if not _NAME.fullmatch(name):
        yield fault(source.key_at(path), path, "not a name", "lower-case letters, digits and _, a letter first")
    if (search.sql is None) == (search.file is None):
        message = "has neither sql nor file" if search.sql is None else "has both sql and file: keep one"
        yield fault(source.key_at(path), path, message)
    if search.file is not None:
        where = (*path, "file")
        inside = (root / search.file).resolve().is_relative_to(root.resolve())
        if not inside or not (root / search.file).is_file():
            yield fault(source.at(where), where, f"no file {search.file} in the project")
        elif (root / search.file).stat().st_size > _MAX_BYTES:
            yield fault(source.at(where), where, f"{search.file} is no query: more than {_MAX_BYTES:,} bytes")
    yield from setting_faults(search.settings, (*path, "settings"), source)
    for number in search.params:
        if not re.fullmatch("[2-9]|[1-9][0-9]{1,2}", number):
            where = (*path, "params", number)
            hint = '"2" is an example of $2; $1 is the vector'
            yield fault(source.key_at(where), where, "not the number of a parameter", hint)
