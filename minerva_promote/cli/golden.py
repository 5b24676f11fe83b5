"""`promote golden`: queries whose exact results are recorded in one database and demanded from others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from minerva_promote.cli.common import env_argument, env_option, environment_of, format_option, load_project, output
from minerva_promote.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.group()
def golden() -> None:
    """Queries with their exact results, recorded once and demanded everywhere: the check of probe: golden.

    \b
    Examples:
      promote golden record --env local
      promote golden record --env local --queries 50 --k 5
    """


@golden.command()
@env_argument
@env_option
@click.option("--queries", type=click.IntRange(1, 1000), default=20, show_default=True, help="So many stored vectors.")
@click.option("--k", type=click.IntRange(1, 1000), help="Rows of each query; the search's LIMIT when left out.")
@click.option(
    "--check", "name", metavar="NAME", help="The golden check whose search is recorded, if there are several."
)
@click.option(
    "--vectors",
    type=click.Path(readable=False, path_type=Path),
    help="A JSON file with the vectors to search with, a list of lists; otherwise stored ones are taken.",
)
@format_option
def record(
    environment: str | None,
    option: str | None,
    queries: int,
    k: int | None,
    name: str | None,
    vectors: Path | None,
    form: str,
) -> None:
    """Store query vectors with their exact results in a file of the project; the database is only read.

    \b
    Examples:
      promote golden record --env local
      promote golden record --env test-prod --queries 50 --k 5
      promote golden record --env local --vectors questions.json
    """
    from minerva_promote.checks.record_golden import golden_check, record_golden
    from minerva_promote.database.session import import_session
    from minerva_promote.results import RunResult
    from minerva_promote.setup.readiness import ensure_ready

    project = load_project()
    target = environment_of(project, environment, option)
    given = _given(vectors) if vectors else ()
    prepared, rows = golden_check(project, target, name, queries, k)
    unready = [step for step in ensure_ready(project, target) if step.outcome.closes_gate]
    if unready:
        output(RunResult("golden record", target.name, steps=tuple(unready), verdict="nothing was recorded"), form)
    with import_session(project, target) as connection:
        step = record_golden(connection, prepared, rows, given)
    verdict = "nothing was recorded" if step.outcome.closes_gate else f"recorded: keep {step.name} in the repository"
    output(RunResult("golden record", target.name, steps=(step,), verdict=verdict), form)


def _given(path: Path) -> Sequence[str]:
    """The vectors of a JSON file, as pgvector reads them."""
    import json
    import math

    from minerva_promote.config.files import UnreadableError, decoded, read_bounded

    try:
        vectors = json.loads(decoded(read_bounded(path, 64 << 20)))
    except FileNotFoundError:
        raise UsageError(f"{path} cannot be read: no such file or directory") from None
    except UnreadableError as error:
        raise UsageError(f"{path} {error.fact}") from None
    except (ValueError, RecursionError):
        raise UsageError(f"{path} is not JSON", hint="a list of vectors: [[0.1, 0.2], [0.3, 0.4]]") from None
    good = isinstance(vectors, list) and vectors and all(isinstance(each, list) and each for each in vectors)
    if not good or not all(
        isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)
        for each in vectors
        for number in each
    ):
        raise UsageError(f"{path} is no list of vectors", hint="[[0.1, 0.2], [0.3, 0.4]]")
    return tuple("[" + ",".join(map(repr, each)) + "]" for each in vectors)
