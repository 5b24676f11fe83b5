"""`promote golden`: record queries with their exact results, for checks of other databases."""

from __future__ import annotations

from pathlib import Path

import click

from minerva_promote.cli.common import env_argument, env_option, environment_of, format_option, load_project, output


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
    from minerva_promote.checks.command import GoldenRequest
    from minerva_promote.checks.command import record as record_golden
    from minerva_promote.setup.readiness import ensure_ready

    project = load_project()
    target = environment_of(project, environment, option)
    output(record_golden(project, target, GoldenRequest(name, queries, k, vectors), ensure_ready), form)
