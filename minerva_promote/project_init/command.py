"""`promote init`: copy the files of a new project into a folder. Existing files are never overwritten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from minerva_promote.commit_log import record_change
from minerva_promote.errors import UsageError
from minerva_promote.results import Outcome, RunResult, StepResult

_FILES = ("promote.yaml", ".env.example", ".gitignore")
_FOLDERS = ("environments", "checks", "templates", "alembic")


def create_project(folder: Path) -> RunResult:
    """Copy every file that the folder does not have. Raises UsageError when one cannot be written."""
    created, kept = [], []
    try:
        for source, name in _shipped_files():
            target = folder / name
            if target.exists():
                kept.append(str(name))
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
            created.append(str(name))
            record_change(f"{folder / name} written")
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}", hint="name a folder you can write to") from None
    steps = tuple(
        StepResult("init", name, Outcome.OK, detail)
        for names, detail in ((created, "made"), (kept, "already there"))
        for name in names
    )
    verdict = f"{len(created)} files made, {len(kept)} left alone; next: promote run --env test-prod --file EXPORT.sql"
    return RunResult("init", steps=steps, verdict=verdict, changed=bool(created))


def _shipped_files() -> Iterator[tuple[Path, Path]]:
    """The files of a new project and their names in it: from the wheel, or from the repository it is run in."""
    package = Path(__file__).parents[1]
    root = package / "scaffold" if (package / "scaffold").is_dir() else package.parent
    if not (root / "promote.yaml").is_file():
        raise UsageError("the files of a new project are not installed", hint="install minerva-promote anew")
    for name in _FILES:
        yield root / name, Path(name)
    for folder in _FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path, path.relative_to(root)
