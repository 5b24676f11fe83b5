"""The files of an Alembic tree, what its env.py declares, and the errors of its files with their location.

All of it is read as text: importing Alembic takes longer than a small run, and running an env.py opens connections.
"""

from __future__ import annotations

import ast
import configparser
import re
import tomllib
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from minerva_promote.config.files import UnreadableError, decoded, is_present, read_bounded
from minerva_promote.database.server_errors import is_refusal, target_error
from minerva_promote.errors import ConfigError, Location, PromoteError, TargetError

INI, TOML = "alembic.ini", "pyproject.toml"
DEFAULT_TABLE = "alembic_version"
DEFAULT_VARIABLE = "DATABASE_URL"

_LOCATION = Location("promote.yaml")
_CONNECTION_ATTRIBUTE = 'config.attributes["connection"]'
_HINT = "set `migrations:` to the folder that has env.py and versions/, or to its alembic.ini or pyproject.toml"
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


def import_failure(error: ImportError, files: TreeFiles) -> ConfigError:
    """The error for a module that env.py or a revision imports and that is not installed."""
    text = " ".join(str(error).split()) or "a module is missing"
    if "greenlet" in text:
        text = "an async env.py needs the module greenlet, which is not installed"
    location = _error_location(error, files.folder)
    hint = "install it beside promote"
    if location is not None and location.file.endswith("/env.py"):
        hint += f", or have env.py use the connection that it is given: {_CONNECTION_ATTRIBUTE}"
    return ConfigError(f"the migrations cannot be run: {text}", at=location, hint=hint)


def env_failure(error: BaseException, files: TreeFiles, activity: str) -> PromoteError:
    """The error for any other exception of env.py or a revision; ``activity`` is what promote was doing."""
    text = " ".join(str(error).split())
    if is_refusal(error):
        return target_error(activity, error)
    if isinstance(error, ValueError) and "greenlet" in text:
        return import_failure(ImportError(text).with_traceback(error.__traceback__), files)
    if isinstance(error, AssertionError) and not text:
        text = "it wants a transaction of its own, and the word autocommit_block is not in its file"
    return TargetError(f"{activity}: {type(error).__name__}: {text}", at=_error_location(error, files.folder))


@contextmanager
def tree_errors(files: TreeFiles) -> Iterator[None]:
    """Translate what Alembic raises or warns of while it reads the revisions into ConfigError."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", category=UserWarning)  # an id that is used twice or missing
            yield
    except PromoteError:
        raise
    except ImportError as error:
        raise import_failure(error, files) from error
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        hint = "correct the revisions: alembic history shows the same"
        location = _error_location(error, files.folder) or Location(files.name)
        raise ConfigError(f"the Alembic tree cannot be read: {text}", at=location, hint=hint) from error


def _error_location(error: BaseException, folder: Path) -> Location | None:
    """The innermost frame of an exception in the tree's own files."""
    folder = folder.absolute()
    if isinstance(error, SyntaxError) and error.filename:
        return Location(_relative_name(error.filename, folder), error.lineno or 0)
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(folder)
    ]
    return Location(_relative_name(frames[-1].filename, folder), frames[-1].lineno or 0) if frames else None


def _relative_name(filename: str, folder: Path) -> str:
    path = Path(filename)
    return path.relative_to(folder.parent).as_posix() if path.is_relative_to(folder.parent) else filename
