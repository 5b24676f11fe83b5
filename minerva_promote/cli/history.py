"""`promote history` and `promote show`: the runs that the ledger of an environment records."""

from __future__ import annotations

import click

from minerva_promote.cli.common import env_argument, env_option, environment_of, format_option, load_project, output
from minerva_promote.errors import UsageError

STATES = (
    "running", "abandoned", "refused", "failed", "unchanged", "committed", "undone", "undo", "restore", "repair",
)  # fmt: skip


@click.command()
@env_argument
@env_option
@click.option("--file", metavar="NAME|SHA256", help="Runs of this file: its name, or how its sha256 begins.")
@click.option("--root", metavar="KEY", help="Runs that promoted this root.")
@click.option("--state", type=click.Choice(STATES), help="Runs that ended so.")
@click.option("--since", metavar="7d|DATE", help="Runs that began since: 12h, 7d, 2026-01-31.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many.")
@click.option("--verify", is_flag=True, help="Prove that no event was changed, removed or reordered.")
@click.option("--head", metavar="HASH", help="With --verify: the head that was noted before must be in the chain.")
@click.option(
    "--as",
    "identity",
    type=click.Choice(["import", "owner"]),
    default="import",
    show_default=True,
    help="Read as the import role (url), or as the owner (admin_url), who may also verify the rows that undo removed.",
)
@format_option
def history(
    environment: str | None,
    option: str | None,
    file: str | None,
    root: str | None,
    state: str | None,
    since: str | None,
    limit: int,
    verify: bool,
    head: str | None,
    identity: str,
    form: str,
) -> None:
    """Show every run of an environment, refused and failed ones too, the newest first.

    --verify reads the whole ledger instead, and names every event that was changed, removed or reordered since it was
    written; exit code 1 then. Keep the head that it prints elsewhere: --head proves later that nothing was taken off
    the end, and that nobody wrote the whole ledger anew. The ledger's own tables, triggers and functions are compared
    with those of this release; promote setup repairs them.

    \b
    Examples:
      promote history --env prod
      promote history --env prod --file lighthouse.sql --since 7d
      promote history --env prod --state refused --format json
      promote history --env prod --verify --head 5f3a9c…
      promote history --env prod --verify --as owner
    """
    if head is not None and not verify:
        raise UsageError("--head is for --verify", hint="promote history --env ENV --verify --head HASH")
    from minerva_promote.ledger import command

    project = load_project()
    target = environment_of(project, environment, option)
    as_owner = identity == "owner"
    if verify:
        from minerva_promote.migrations.state import version_table

        result = command.verify_history(project, target, head, version_table, as_owner=as_owner)
    else:
        request = command.HistoryRequest(file, root, state, since, limit)
        result = command.history(project, target, request, as_owner=as_owner)
    output(result, form)


@click.command()
@click.argument("run")
@env_option
@format_option
def show(run: str, option: str | None, form: str) -> None:
    """Show everything that the ledger knows about one run; the beginning of its id is enough.

    \b
    Examples:
      promote show 7f3a9c --env prod
      promote show 7f3a9c --env prod --format json
    """
    from minerva_promote.ledger import command

    project = load_project()
    output(command.show(project, environment_of(project, None, option), run), form)
