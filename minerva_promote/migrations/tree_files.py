"""The files of an Alembic tree, what its env.py declares, and its head revision.

All of it is read as text: importing Alembic takes longer than a small run, and running an env.py opens connections.
"""

from __future__ import annotations

import ast
import configparser
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from minerva_promote.config.files import UnreadableError, decoded, is_present, read_bounded
from minerva_promote.errors import ConfigError, Location

INI, TOML = "alembic.ini", "pyproject.toml"
DEFAULT_TABLE = "alembic_version"
DEFAULT_VARIABLE = "DATABASE_URL"

_LOCATION = Location("promote.yaml")
NO_MIGRATIONS = "or migrations: none, where somebody else makes the tables"
_HINT = (
    "set `migrations:` to the folder that has env.py and versions/, or to its alembic.ini or pyproject.toml;"
    f" {NO_MIGRATIONS}"
)
_URL_VARIABLE = re.compile(r"\w*(URL|URI|DSN)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TreeFiles:
    """An Alembic tree on disk."""

    name: str  # as in promote.yaml, for messages
    folder: Path  # of env.py
    ini: Path | None
    toml: Path | None  # with [tool.alembic]
    home: Path  # working directory of its alembic commands: relative paths start there
    versions: Path | None  # the only folder of its revisions; None: only Alembic can tell
    takes_connection: bool  # env.py uses config.attributes["connection"]: the transaction is the caller's
    table: str | None  # "public.alembic_version"; None: only running env.py can tell
    variables: tuple[str, ...]  # environment variables from which env.py reads a URL


def find_tree(migrations: Path | None) -> TreeFiles:
    """The tree in a folder, or of a configuration file. Raises ConfigError, also for a project without migrations."""
    if migrations is None:
        hint = "whoever makes the tables migrates them; promote setup makes roles, ledger and privileges"
        raise ConfigError("the project has no migrations (migrations: none)", at=_LOCATION, hint=hint)
    folder, config = migrations, None
    if migrations.suffix in (".ini", ".toml") and not migrations.is_dir():
        if not is_present(migrations):
            raise ConfigError(f"migrations: no file {migrations.name}", at=_LOCATION, hint=_HINT)
        config = migrations
    elif not (folder / "env.py").is_file():
        config = next((path for path in (folder / INI, folder / TOML) if _declares_script_location(path)), None)
    if config is not None:
        declared = _script_location(config)
        if declared is None:
            message = f"migrations: {config.name} says no script_location"
            raise ConfigError(message, at=_LOCATION, hint=_HINT)
        folder = declared
    if not (folder / "env.py").is_file():
        raise ConfigError(f"no Alembic tree in {folder.name}: env.py is missing", at=_LOCATION, hint=_HINT)
    if config is None:
        candidates = (folder / INI, folder.parent / INI, folder.parent / TOML)
        config = next(
            (
                path
                for path in candidates
                if (declared_folder := _script_location(path)) and _same_folder(declared_folder, folder)
            ),
            None,
        )
    is_ini = config is not None and config.suffix == ".ini"
    toml = config if config is not None and not is_ini else None
    if is_ini and config is not None and _declares_script_location(config.parent / TOML):
        toml = config.parent / TOML
    options = {**_read_options(toml), **_read_options(config)}
    default_versions = not {"version_locations", "recursive_version_locations"} & options.keys()
    declarations = _read_env_declarations(folder / "env.py")
    return TreeFiles(
        name=migrations.name,
        folder=folder,
        ini=config if is_ini else None,
        toml=toml,
        home=config.parent if config is not None else folder.parent,
        versions=folder / "versions" if default_versions else None,
        takes_connection=declarations.takes_connection,
        table=declarations.table,
        variables=tuple(dict.fromkeys((DEFAULT_VARIABLE, *declarations.variables))),
    )


def _same_folder(left: Path, right: Path) -> bool:
    return left.resolve() == right.resolve()


def _read_options(path: Path | None) -> dict[str, object]:
    """The options of Alembic in a configuration file; none when the file is missing."""
    if path is None or path.is_dir() or not is_present(path):
        return {}
    try:
        text = decoded(read_bounded(path))
        if path.suffix == ".toml":
            table = tomllib.loads(text).get("tool", {}).get("alembic", {})
            return {str(name): str(value).replace("%(here)s", str(path.parent)) for name, value in table.items()}
        parser = configparser.ConfigParser({"here": str(path.parent)}, interpolation=None)
        parser.read_string(text, path.name)
        section = dict(parser["alembic"]) if "alembic" in parser else {}
        return {name: value.replace("%(here)s", str(path.parent)) for name, value in section.items() if name != "here"}
    except UnreadableError as error:
        raise ConfigError(error.message, at=Location(path.name)) from None
    except (OSError, ValueError, configparser.Error) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{path.name} cannot be read: {reason}", at=Location(path.name)) from None


def _declares_script_location(path: Path) -> bool:
    return "script_location" in _read_options(path)


def _script_location(path: Path) -> Path | None:
    """The folder of env.py that a configuration file declares; a relative path starts at the file."""
    declared = _read_options(path).get("script_location")
    if declared is None or ":" in str(declared):  # package:folder
        return None
    return path.parent / str(declared)


@dataclass(frozen=True, slots=True)
class _EnvDeclarations:
    takes_connection: bool
    table: str | None
    variables: tuple[str, ...]


def _read_env_declarations(path: Path) -> _EnvDeclarations:
    try:
        tree = ast.parse(read_bounded(path))
    except (FileNotFoundError, UnreadableError, SyntaxError, ValueError):
        return _EnvDeclarations(False, None, ())
    takes_connection = any(
        isinstance(node, ast.Attribute) and node.attr == "attributes" and _names_connection(ancestors)
        for node, ancestors in _walk_with_ancestors(tree)
    )
    table, schema = _read_argument(tree, "version_table"), _read_argument(tree, "version_table_schema")
    qualified = None if ... in (table, schema) else f"{schema or 'public'}.{table or DEFAULT_TABLE}"
    texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return _EnvDeclarations(takes_connection, qualified, tuple(text for text in texts if _URL_VARIABLE.fullmatch(text)))


def _walk_with_ancestors(tree: ast.AST) -> Iterator[tuple[ast.AST, tuple[ast.AST, ...]]]:
    """Every node with its three nearest ancestors, nearest first."""
    pending: list[tuple[ast.AST, tuple[ast.AST, ...]]] = [(tree, ())]
    while pending:
        node, ancestors = pending.pop()
        yield node, ancestors
        pending += [(child, (node, *ancestors[:2])) for child in ast.iter_child_nodes(node)]


def _names_connection(ancestors: tuple[ast.AST, ...]) -> bool:
    """Whether it is attributes["connection"], attributes.get("connection") or "connection" in attributes."""
    values = [node for ancestor in ancestors[:2] if not isinstance(ancestor, ast.stmt) for node in ast.walk(ancestor)]
    return any(isinstance(node, ast.Constant) and node.value == "connection" for node in values)


def _read_argument(tree: ast.Module, name: str) -> object:
    """The constant that env.py passes as this argument; None when it passes none, ``...`` when it is not a constant."""
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    values: set[object] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == name:
            value = node.value
            if isinstance(value, ast.Constant):
                values.add(value.value)
            else:
                values.add(constants.get(value.id, ...) if isinstance(value, ast.Name) else ...)
        elif isinstance(node, ast.Constant) and node.value == name:
            values.add(...)
    if not values:
        return None
    return values.pop() if len(values) == 1 else ...


def read_head_revision(versions: Path) -> str | None:
    """The one revision that no other builds on; None when only Alembic can tell.

    That is the case for identifiers that are not constants, several heads, and revisions that the head does not build
    on (a circle, a missing base).
    """
    revisions: dict[str, tuple[str, ...]] = {}
    for path in versions.glob("*.py"):
        identifiers = _identifiers(path)
        if identifiers is None or identifiers[0] in revisions:
            return None
        revisions[identifiers[0]] = identifiers[1]
    heads = revisions.keys() - {base for bases in revisions.values() for base in bases}
    return heads.pop() if len(heads) == 1 and _with_ancestors(heads, revisions) == revisions.keys() else None


def _with_ancestors(heads: Iterable[str], revisions: Mapping[str, tuple[str, ...]]) -> set[str]:
    """The heads and all revisions that they build on, those without a file included."""
    ancestors: set[str] = set()
    pending = list(heads)
    while pending:
        revision = pending.pop()
        if revision not in ancestors:
            ancestors.add(revision)
            pending += revisions.get(revision, ())
    return ancestors


def _identifiers(path: Path) -> tuple[str, tuple[str, ...]] | None:
    """``revision`` and ``down_revision`` of one file; None unless both are plain constants."""
    try:
        tree = ast.parse(read_bounded(path))
    except (FileNotFoundError, UnreadableError, SyntaxError, ValueError):
        return None
    names: dict[str, object] = {}
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        for target in targets:
            if isinstance(target, ast.Name) and isinstance(node, (ast.Assign, ast.AnnAssign)):
                names[target.id] = _constant(node.value)
    revision, down = names.get("revision"), names.get("down_revision", ...)
    bases = down if isinstance(down, tuple) else () if down is None else (down,)
    if isinstance(revision, str) and all(isinstance(base, str) for base in bases):
        return revision, tuple(map(str, bases))
    return None


def _constant(node: ast.expr | None) -> object:
    """The value of a constant or of a list of constants (the bases of a merge revision); ``...`` for anything else."""
    if isinstance(node, (ast.Tuple, ast.List)):
        return tuple(_constant(element) for element in node.elts)
    return node.value if isinstance(node, ast.Constant) else ...
