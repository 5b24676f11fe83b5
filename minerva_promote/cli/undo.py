"""`promote undo`: delete exactly the rows that a run inserted, or restore them."""

from __future__ import annotations

import click

from minerva_promote.cli.common import (
    confirm,
    env_option,
    environment_of,
    format_option,
    load_project,
    output,
    yes_option,
)


@click.command()
@click.argument("run")
@env_option
@click.option(
    "--apply",
    is_flag=True,
    help="Delete the rows (as admin_url, in one transaction); without it, only the plan is printed.",
)
@click.option(
    "--keep-shared/--no-keep-shared",
    default=True,
    show_default=True,
    help="Keep rows of tables that the contract calls shared; or remove them too, if nothing else uses them.",
)
@click.option(
    "--accept",
    multiple=True,
    type=click.Choice(["unproved", "gone", "updated"]),
    help="Delete rows that cannot be proved to be this run's (unproved), or go on although rows are gone already."
    " updated, of older releases, has no effect.",
)
@click.option("--reason", default="", metavar="TEXT", help="Why, for the ledger.")
@yes_option
@format_option
def undo(
    run: str,
    option: str | None,
    apply: bool,
    keep_shared: bool,
    accept: tuple[str, ...],
    reason: str,
    yes: str | None,
    form: str,
) -> None:
    """List the rows that run RUN inserted and anything that prevents deleting them; --apply deletes exactly these.

    RUN is a run id or a unique prefix of one; promote history shows the ids. Works as the admin identity (admin_url).
    It is refused when a row was changed since, when it cannot be proved to be this run's, or when others depend on it.
    The removed rows are kept: RUN may be the id of an undo, whose rows are then restored. Exit code 1
    when something prevents it.

    \b
    Examples:
      promote undo --env test-prod 1f3a9c
      promote undo --env prod 1f3a9c --apply --yes prod --reason "wrong edition"
      promote undo --env test-prod 1f3a9c --no-keep-shared --format json
    """
    from minerva_promote.undo.command import UndoRequest
    from minerva_promote.undo.command import undo as carry_out
    from minerva_promote.undo.plan import UndoOptions

    project = load_project()
    target = environment_of(project, None, option)
    if apply:
        confirm(target, yes)
    options = UndoOptions(keep_shared=keep_shared, accept=frozenset(accept))
    output(carry_out(project, target, UndoRequest(run, options, apply, reason)), form)
