"""Where the parts of an Alembic tree lie, and what its env.py says of itself: read as text, without Alembic.

Alembic costs more to import than a small run takes, and an env.py opens connections.
"""

from __future__ import annotations

import ast
import configparser
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from minerva_promote.config.files import UnreadableError, decoded, is_present, read_bounded
from minerva_promote.errors import ConfigError, Location

INI, TOML = "alembic.ini", "pyproject.toml"
DEFAULT_TABLE = "alembic_version"
DEFAULT_VARIABLE = "DATABASE_URL"

_AT = Location("promote.yaml")
_HINT = "set `migrations:` to the folder that has env.py and versions/, or to its alembic.ini or pyproject.toml"
_URL_VARIABLE = re.compile(r"\w*(URL|URI|DSN)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TreeFiles:
    """An Alembic tree on disk."""

    name: str  # for messages, as promote.yaml has it
    folder: Path  # of env.py
    ini: Path | None
    toml: Path | None  # with [tool.alembic]
    home: Path  # where its own people run alembic: relative paths mean something there
    versions: Path | None  # the one folder of its revisions; None: only Alembic can tell
    takes_connection: bool  # env.py uses config.attributes["connection"]: the transaction is the caller's
    table: str | None  # "public.alembic_version"; None: only running env.py can tell
    variables: tuple[str, ...]  # of the process, from which env.py takes a URL


def find_tree(migrations: Path | None) -> TreeFiles:
    """The tree of a folder or of a configuration file. Raises ConfigError, also for a project without migrations."""
    if migrations is None:
        hint = "whoever makes the tables migrates them; promote setup makes roles, ledger and privileges"
        raise ConfigError("the project has no migrations (migrations: none)", at=_AT, hint=hint)
    folder, config = migrations, None
    if migrations.suffix in (".ini", ".toml") and not migrations.is_dir():
        if not is_present(migrations):
            raise ConfigError(f"migrations: no file {migrations.name}", at=_AT, hint=_HINT)
        config = migrations
    elif not (folder / "env.py").is_file():
        config = next((path for path in (folder / INI, folder / TOML) if _declares(path)), None)
    if config is not None:
        declared = _script_location(config)
        if declared is None:
            fact = f"migrations: {config.name} says no script_location"
            raise ConfigError(fact, at=_AT, hint=_HINT)
        folder = declared
    if not (folder / "env.py").is_file():
        raise ConfigError(f"no Alembic tree in {folder.name}: env.py is missing", at=_AT, hint=_HINT)
    if config is None:
        near = (folder / INI, folder.parent / INI, folder.parent / TOML)
        config = next((path for path in near if (there := _script_location(path)) and _same(there, folder)), None)
    is_ini = config is not None and config.suffix == ".ini"
    toml = config if config is not None and not is_ini else None
    if is_ini and config is not None and _declares(config.parent / TOML):
        toml = config.parent / TOML
    options = {**_options(toml), **_options(config)}
    plain = not {"version_locations", "recursive_version_locations"} & options.keys()
    said = _said_by(folder / "env.py")
    return TreeFiles(
        name=migrations.name,
        folder=folder,
        ini=config if is_ini else None,
        toml=toml,
        home=config.parent if config is not None else folder.parent,
        versions=folder / "versions" if plain else None,
        takes_connection=said.takes_connection,
        table=said.table,
        variables=tuple(dict.fromkeys((DEFAULT_VARIABLE, *said.variables))),
    )


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _options(path: Path | None) -> dict[str, object]:
    """What a configuration file says to Alembic; nothing when there is none."""
    if path is None or path.is_dir() or not is_present(path):
        return {}
    try:
        text = decoded(read_bounded(path))
        if path.suffix == ".toml":
            found = tomllib.loads(text).get("tool", {}).get("alembic", {})
            return {str(name): str(value).replace("%(here)s", str(path.parent)) for name, value in found.items()}
        parser = configparser.ConfigParser({"here": str(path.parent)}, interpolation=None)
        parser.read_string(text, path.name)
        section = dict(parser["alembic"]) if "alembic" in parser else {}
        return {name: value.replace("%(here)s", str(path.parent)) for name, value in section.items() if name != "here"}
    except UnreadableError as error:
        raise ConfigError(error.message, at=Location(path.name)) from None
    except (OSError, ValueError, configparser.Error) as error:
        said = " ".join(str(error).split())
        raise ConfigError(f"{path.name} cannot be read: {said}", at=Location(path.name)) from None


def _declares(path: Path) -> bool:
    return "script_location" in _options(path)


def _script_location(path: Path) -> Path | None:
    """The folder of env.py that a file names: relative to the file, where its own people run alembic."""
    said = _options(path).get("script_location")
    if said is None or ":" in str(said):  # package:folder
        return None
    return path.parent / str(said)


@dataclass(frozen=True, slots=True)
class _Said:
    takes_connection: bool
    table: str | None
    variables: tuple[str, ...]


def _said_by(path: Path) -> _Said:
    try:
        tree = ast.parse(read_bounded(path))
    except (FileNotFoundError, UnreadableError, SyntaxError, ValueError):
        return _Said(False, None, ())
    takes = any(
        isinstance(node, ast.Attribute) and node.attr == "attributes" and _asks_for_connection(around)
        for node, around in _with_parents(tree)
    )
    table, schema = _option(tree, "version_table"), _option(tree, "version_table_schema")
    named = None if ... in (table, schema) else f"{schema or 'public'}.{table or DEFAULT_TABLE}"
    texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return _Said(takes, named, tuple(text for text in texts if _URL_VARIABLE.fullmatch(text)))


def _with_parents(tree: ast.AST) -> Iterator[tuple[ast.AST, tuple[ast.AST, ...]]]:
    """Every node with the three around it, nearest first."""
    pending: list[tuple[ast.AST, tuple[ast.AST, ...]]] = [(tree, ())]
    while pending:
        node, around = pending.pop()
        yield node, around
        pending += [(child, (node, *around[:2])) for child in ast.iter_child_nodes(node)]


def _asks_for_connection(around: tuple[ast.AST, ...]) -> bool:
    """Whether it is one of attributes["connection"], attributes.get("connection"), "connection" in attributes."""
    values = [node for each in around[:2] if not isinstance(each, ast.stmt) for node in ast.walk(each)]
    return any(isinstance(node, ast.Constant) and node.value == "connection" for node in values)


def _option(tree: ast.Module, name: str) -> object:
    """What env.py gives as this argument: a text, None for nothing; ... for what cannot be read from its text."""
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found: set[object] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == name:
            value = node.value
            if isinstance(value, ast.Constant):
                found.add(value.value)
            else:
                found.add(constants.get(value.id, ...) if isinstance(value, ast.Name) else ...)
        elif isinstance(node, ast.Constant) and node.value == name:
            found.add(...)
    if not found:
        return None
    return found.pop() if len(found) == 1 else ...
