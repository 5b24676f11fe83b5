"""What goes wrong in the files of an Alembic tree, with the place."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from minerva_promote.database.server_errors import is_refusal, target_error
from minerva_promote.errors import ConfigError, Location, PromoteError, TargetError
from minerva_promote.migrations.tree_files import TreeFiles

_GIVEN = 'config.attributes["connection"]'


def cannot_import(error: ImportError, files: TreeFiles) -> ConfigError:
    """A module that env.py or a revision wants, and that is not installed here."""
    said = " ".join(str(error).split()) or "a module is missing"
    if "greenlet" in said:
        said = "an async env.py needs the module greenlet, which is not installed"
    at = _place(error, files.folder)
    hint = "install it beside promote"
    if at is not None and at.file.endswith("/env.py"):
        hint += f", or have env.py use the connection that it is given: {_GIVEN}"
    return ConfigError(f"the migrations cannot be run: {said}", at=at, hint=hint)


def broken(error: BaseException, files: TreeFiles, doing: str) -> PromoteError:
    """Whatever else env.py or a revision raised."""
    said = " ".join(str(error).split())
    if is_refusal(error):
        return target_error(doing, error)
    if isinstance(error, ValueError) and "greenlet" in said:
        return cannot_import(ImportError(said).with_traceback(error.__traceback__), files)
    if isinstance(error, AssertionError) and not said:
        said = "it wants a transaction of its own, and the word autocommit_block is not in its file"
    return TargetError(f"{doing}: {type(error).__name__}: {said}", at=_place(error, files.folder))


@contextmanager
def readable(files: TreeFiles) -> Iterator[None]:
    """Whatever a folder of revisions does to Alembic that reads it is a fault of the tree."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", category=UserWarning)  # a number used twice, one that is not there
            yield
    except PromoteError:
        raise
    except ImportError as error:
        raise cannot_import(error, files) from error
    except (Exception, SystemExit) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        hint = "correct the revisions: alembic history shows the same"
        where = _place(error, files.folder) or Location(files.name)
        raise ConfigError(f"the Alembic tree cannot be read: {said}", at=where, hint=hint) from error


def _place(error: BaseException, folder: Path) -> Location | None:
    """The last line of the tree's own files that an error came through."""
    folder = folder.absolute()
    if isinstance(error, SyntaxError) and error.filename:
        return Location(_short(error.filename, folder), error.lineno or 0)
    frames = [each for each in traceback.extract_tb(error.__traceback__) if Path(each.filename).is_relative_to(folder)]
    return Location(_short(frames[-1].filename, folder), frames[-1].lineno or 0) if frames else None


def _short(filename: str, folder: Path) -> str:
    path = Path(filename)
    return path.relative_to(folder.parent).as_posix() if path.is_relative_to(folder.parent) else filename
