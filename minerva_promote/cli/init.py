"""`promote init`: a new project from the files this package ships."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from minerva_promote.cli.common import format_option, output
from minerva_promote.commit_log import record_change

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path(), metavar="[FOLDER]")
@format_option
def init(folder: Path, form: str) -> None:
    """Lay out promote.yaml, environments, checks, templates and migrations in a folder.

    Files that are there already are left alone, and said.

    \b
    Examples:
      promote init
      promote init knowledge
    """
    from minerva_promote.errors import UsageError
    from minerva_promote.results import Outcome, RunResult, StepResult

    made, kept = [], []
    try:
        for source, name in _scaffold():
            target = folder / name
            if target.exists():
                kept.append(str(name))
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
            made.append(str(name))
            record_change(f"{folder / name} written")
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}", hint="name a folder you can write to") from None
    steps = tuple(
        StepResult("init", name, Outcome.OK, word)
        for names, word in ((made, "made"), (kept, "already there"))
        for name in names
    )
    verdict = f"{len(made)} files made, {len(kept)} left alone; next: promote run --env test-prod --file EXPORT.sql"
    output(RunResult("init", steps=steps, verdict=verdict, changed=bool(made)), form)


def _scaffold() -> Iterator[tuple[Path, Path]]:
    """The shipped files and their names in a project: from the wheel, or from the repository it is run in."""
    from minerva_promote.errors import UsageError

    package = Path(__file__).parents[1]
    root = package / "scaffold" if (package / "scaffold").is_dir() else package.parent
    if not (root / "promote.yaml").is_file():
        raise UsageError("the files of a new project are not installed", hint="install minerva-promote anew")
    for name in ("promote.yaml", ".env.example", ".gitignore"):
        yield root / name, Path(name)
    for part in ("environments", "checks", "templates", "alembic"):
        for path in sorted((root / part).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path, path.relative_to(root)
