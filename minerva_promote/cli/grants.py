"""`promote grants`: compare the roles of an environment with their declaration, apply it, test it, or generate it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from minerva_promote.cli.common import (
    confirm,
    env_argument,
    env_option,
    environment_of,
    load_project,
    output,
    output_script,
    redact,
    yes_option,
)
from minerva_promote.cli.printing import print_out
from minerva_promote.errors import UsageError

if TYPE_CHECKING:
    from minerva_promote.config.project import Environment, Project

FORMATS = click.Choice(["text", "json", "sql"])


@click.command()
@env_argument
@env_option
@click.option("--apply", is_flag=True, help="Apply the declaration in one transaction, then compare again.")
@click.option("--prove", is_flag=True, help="Log in as each role and test what it can and cannot do.")
@click.option("--generate", is_flag=True, help="Print the declaration of the current roles, as YAML to paste.")
@click.option("--set-passwords", is_flag=True, help="With --apply: set the declared passwords of existing roles too.")
@click.option("--format", "form", type=FORMATS, default="text", show_default=True)
@yes_option
def grants(
    environment: str | None,
    option: str | None,
    apply: bool,
    prove: bool,
    generate: bool,
    set_passwords: bool,
    form: str,
    yes: str | None,
) -> None:
    """Compare the roles of an environment with their declaration, and show only what is not as declared.

    Looks as the admin identity (admin_url), at privileges, memberships, ownership and every other way by which a
    declared role could do more than declared. Exit code 0 in step, 1 drift. --apply never drops an object.

    \b
    Examples:
      promote grants --env prod
      promote grants --env prod --format sql
      promote grants --env prod --apply --yes prod
      promote grants --env prod --prove
      promote grants --env staging --generate
    """
    _require_compatible_options(apply=apply, prove=prove, generate=generate, set_passwords=set_passwords, form=form)
    project = load_project()
    target = environment_of(project, environment, option)
    if generate:
        _generate(project, target)
    elif prove:
        _prove(project, target, form)
    elif apply:
        _apply(project, target, form, yes, set_passwords)
    else:
        _compare(project, target, form)


def _require_compatible_options(*, apply: bool, prove: bool, generate: bool, set_passwords: bool, form: str) -> None:
    chosen = [f"--{name}" for name, on in (("apply", apply), ("prove", prove), ("generate", generate)) if on]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} are different questions", hint="give one of them")
    if set_passwords and not apply:
        raise UsageError("--set-passwords changes roles: it goes with --apply", hint="add --apply")
    if form == "sql" and chosen:
        raise UsageError(f"--format sql shows the plan, and goes without {chosen[0]}", hint=f"leave out {chosen[0]}")
    if form == "json" and generate:
        raise UsageError("--generate prints YAML", hint="leave out --format json")


def _compare(project: Project, target: Environment, form: str) -> None:
    from minerva_promote.grants.command import compare_grants, script_grants

    if form == "sql":
        output_script(*script_grants(project, target))
    output(compare_grants(project, target), form)


def _apply(project: Project, target: Environment, form: str, yes: str | None, set_passwords: bool) -> None:
    from minerva_promote.grants.command import apply_grants

    confirm(target, yes)
    output(apply_grants(project, target, passwords=set_passwords), form)


def _prove(project: Project, target: Environment, form: str) -> None:
    from minerva_promote.grants.command import prove_grants

    output(prove_grants(project, target), form)


def _generate(project: Project, target: Environment) -> None:
    from minerva_promote.grants.command import generate_grants

    print_out(redact(generate_grants(project, target)))
