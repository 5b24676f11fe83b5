"""The errors of an env.py or a revision, with their location in the tree.

Apart from tree_files, which promote validate imports without a database driver.
"""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from minerva_promote.database.server_errors import is_driver_error, target_error
from minerva_promote.errors import ConfigError, Location, PromoteError, TargetError
from minerva_promote.migrations.tree_files import TreeFiles

_MODULES = {"pgvector": "pgvector.sqlalchemy", "sa": "sqlalchemy as sa"}  # that revisions name and may not import
_CONNECTION_ATTRIBUTE = 'config.attributes["connection"]'


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
    if is_driver_error(error):
        return target_error(activity, error)
    if isinstance(error, ValueError) and "greenlet" in text:
        return import_failure(ImportError(text).with_traceback(error.__traceback__), files)
    if isinstance(error, AssertionError) and not text:
        text = "it wants a transaction of its own, and the word autocommit_block is not in its file"
    hint = ""
    if isinstance(error, NameError) and error.name:
        hint = f"import it at the top of that file: import {_MODULES.get(error.name, error.name)}"
    return TargetError(
        f"{activity}: {type(error).__name__}: {text}", at=_error_location(error, files.folder), hint=hint
    )


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
