"""`promote schema`: compare two schemas, write a snapshot, or compare a database with its migrations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from minerva_promote.cli.common import (
    env_argument,
    env_option,
    environment_of,
    format_option,
    load_project,
    output,
    output_script,
    redact,
)
from minerva_promote.cli.printing import print_out

if TYPE_CHECKING:
    from minerva_promote.schema_diff.command import Comparison

FORMATS = click.Choice(["text", "json", "sql"])


@click.group()
def schema() -> None:
    """Compare schemas, write a snapshot of one, or compare one with its migrations. Changes no database.

    \b
    Examples:
      promote schema diff --from test-prod --to prod
      promote schema drift --env prod
      promote schema snapshot --env prod
    """


@schema.command(short_help="Show how one schema differs from another.")
@click.option("--from", "one", required=True, metavar="A", help="An environment, or a file of `schema snapshot`.")
@click.option("--to", "other", required=True, metavar="B", help="An environment or a snapshot file to compare with A.")
@click.option("--schema", "schemas", multiple=True, metavar="NAME", help="Only this schema; may be repeated.")
@click.option("--format", "form", type=FORMATS, default="text", show_default=True)
def diff(one: str, other: str, schemas: tuple[str, ...], form: str) -> None:
    """Show how B differs from A, except for allowed_differences of promote.yaml.

    Reads both as the import role, each at one moment: tables, columns, constraints, indexes, sequences, views,
    functions, triggers, row security, types, extensions and the migration revision, in all schemas but the server's
    and promote's own. The order of columns is no difference, nor is a name that PostgreSQL generates. Ownership and
    privileges are covered by promote grants.

    --format sql prints the statements that would bring B in step with A; what could lose data, or cannot be
    derived from a schema alone, is a comment. Exit code 0 identical but for what is allowed, 1 different.

    \b
    Examples:
      promote schema diff --from test-prod --to prod
      promote schema diff --from alembic/snapshot.yaml --to prod
      promote schema diff --from test-prod --to prod --format sql
    """
    from minerva_promote.schema_diff.command import compare

    _print(compare(load_project(), one, other, schemas), form)


@schema.command(short_help="Show how a database differs from what its migrations create.")
@env_argument
@env_option
@click.option("--format", "form", type=FORMATS, default="text", show_default=True)
def drift(environment: str | None, option: str | None, form: str) -> None:
    """Show how a database differs from what its migrations create at its recorded revision.

    They are run in a scratch database on the embedded server, which is removed afterwards. The version of an
    extension is not the migrations' and not compared. --format sql prints the statements that would end the drift.
    Exit code 0 in step but for what is allowed, 1 drift.

    \b
    Examples:
      promote schema drift --env prod
      promote schema drift --env test-prod --format json
    """

    from minerva_promote.schema_diff.drift import drift as compare_with_migrations

    project = load_project()
    target = environment_of(project, environment, option)
    _print(compare_with_migrations(project, target), form)


@schema.command(short_help="Write the contract's part of a schema to a file.")
@env_argument
@env_option
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where to; `-` is stdout. Default: contract.snapshot of promote.yaml.",
)
@format_option
def snapshot(environment: str | None, option: str | None, out: Path | None, form: str) -> None:
    """Write the contract's tables, with all that belongs to them, to a file: one line an object, in a stable order.

    validate takes the columns of the contract's tables from it, and schema diff compares it with an environment.

    \b
    Examples:
      promote schema snapshot --env test-prod
      promote schema snapshot --env prod --out prod.yaml
      promote schema snapshot --env prod --out -
    """
    from minerva_promote.schema_diff.write_snapshot import take_snapshot, write_snapshot

    project = load_project(recorded=False)
    content = take_snapshot(project, environment_of(project, environment, option))
    if str(out) == "-":
        print_out(redact(content.content.rstrip("\n")))
        raise SystemExit(0)
    output(write_snapshot(project, content, out), form)


def _print(compared: Comparison, form: str) -> None:
    if form != "sql":
        output(compared.result, form)
    from minerva_promote.schema_diff.script import format_script

    text = format_script(compared.result, compared.classified, compared.left, compared.right)
    output_script(text, compared.result.exit_code)
