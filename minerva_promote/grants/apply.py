"""Applies the plan in one transaction and plans again before COMMIT: a GRANT can succeed and change nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

from psycopg import sql

from minerva_promote.config.project import Environment, Project
from minerva_promote.database.advisory_lock import acquire_target_lock
from minerva_promote.database.connection import Connection
from minerva_promote.database.notices import Notices
from minerva_promote.database.quote import ident, literal, sql_text
from minerva_promote.database.scram import scram
from minerva_promote.database.server_errors import execute, target_errors
from minerva_promote.database.session import admin_session, begin, commit_or_unknown, rollback
from minerva_promote.errors import TargetError
from minerva_promote.grants.model import Drift
from minerva_promote.grants.other_environments import OtherEnvironments, read_other_environments
from minerva_promote.grants.plan import GrantPlan, plan_grants
from minerva_promote.text_format import counted

ROUNDS = 3  # ending one drift may reveal others: what a superuser may do anyway is not compared
MAX_ATTEMPTS: Mapping[str, int] = {  # of the whole transaction, by SQLSTATE of conflicts with concurrent sessions
    **dict.fromkeys(("40001", "40P01", "XX000"), 10),  # XX000: tuple concurrently updated, in whatever language
    **dict.fromkeys(("23505", "42710", "42704", "42P01", "42883", "3F000"), 2),  # created or dropped meanwhile
}
ROLLED_BACK = "nothing was changed (rolled back)"


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What the transaction changed, and the plan after it."""

    done: tuple[Drift, ...]
    passwords: tuple[str, ...]  # roles whose password was set
    remaining: GrantPlan  # read again before COMMIT
    without_effect: tuple[Drift, ...]  # of done, still there afterwards; when there is one, all was rolled back

    @property
    def committed(self) -> bool:
        """Whether the database was changed."""
        return not self.without_effect and bool(self.done or self.passwords)


def apply(project: Project, environment: Environment, *, passwords: bool = False) -> ApplyResult:
    """Make the roles as declared, as the admin identity, or change nothing.

    ``passwords`` also sets the declared passwords of existing roles. Raises TargetError when the server refuses a
    statement or warns about it, with everything rolled back, and OutcomeUnknown when COMMIT was not answered.
    """
    with admin_session(project, environment) as conn:
        for attempt in count(1):
            try:
                return _apply_in_transaction(
                    conn, environment, passwords, read_other_environments(project, environment)
                )
            except TargetError as error:
                rollback(conn)
                if attempt >= MAX_ATTEMPTS.get(error.sqlstate, 1):
                    raise
            time.sleep(0.05 * attempt)
    raise AssertionError("unreachable")


def _apply_in_transaction(
    conn: Connection, environment: Environment, passwords: bool, other_environments: OtherEnvironments
) -> ApplyResult:
    begin(conn)
    acquire_target_lock(conn)
    notices = Notices(conn, environment.name)
    plan = plan_grants(conn, environment, other_environments)
    if plan.has_unknown_objects:
        rollback(conn)
        return ApplyResult((), (), plan, ())
    names = [name for name, role in plan.wanted.roles.items() if passwords or name not in plan.live.roles]
    done, plan = run_plan(
        conn, plan, notices, lambda: plan_grants(conn, environment, other_environments), lambda drift: drift.automatic
    )
    changed_passwords = set_passwords(conn, environment, names)
    without_effect = tuple(drift for drift in done if drift in plan.drifts)
    if without_effect:
        rollback(conn)
    else:
        changes = [*(drift.what for drift in done), *(f"password of {name}" for name in changed_passwords)]
        hint = f"promote grants --env {environment.name} shows how the roles are now"
        commit_or_unknown(conn, f"roles and privileges ({counted(len(changes), 'changes')})", hint)
    return ApplyResult(done, changed_passwords, plan, without_effect)


def run_plan(
    conn: Connection,
    plan: GrantPlan,
    notices: Notices,
    replan: Callable[[], GrantPlan],
    selects: Callable[[Drift], bool],
) -> tuple[tuple[Drift, ...], GrantPlan]:
    """Execute the statements of selected drifts in the open transaction; return these drifts and the plan after them.

    Raises TargetError for a statement that the server refuses or warns about ("no privileges were granted").
    """
    notices.warnings()
    done: list[Drift] = []
    executed: set[tuple[str, ...]] = set()
    for _ in range(ROUNDS):
        todo = [drift for drift in plan.drifts if selects(drift) and drift.statements and drift not in done]
        if not todo:
            break
        for drift in todo:
            if drift.statements not in executed:
                executed.add(drift.statements)
                _execute(conn, drift.statements, notices)
        done += todo
        plan = replan()
    return tuple(done), plan


def _execute(conn: Connection, statements: Iterable[str], notices: Notices) -> None:
    for statement in statements:
        with _mention_rollback():
            execute(conn, sql.SQL(statement), statement)
        if warnings := notices.warnings():  # of a table also one for each of its columns
            more = f" ({len(warnings) - 1} more warnings)" if len(warnings) > 1 else ""
            raise TargetError(
                f"{statement}: the server warns: {warnings[0]}{more}; {ROLLED_BACK}",
                hint="connect as the owner of the object (admin_url), or have an administrator do it",
            )


@contextmanager
def _mention_rollback() -> Iterator[None]:
    """Add to the TargetError of a refused statement that the transaction is rolled back."""
    try:
        yield
    except TargetError as error:
        raise TargetError(f"{error.message}; {ROLLED_BACK}", hint=error.hint, sqlstate=error.sqlstate) from error


def set_passwords(conn: Connection, environment: Environment, names: Iterable[str]) -> tuple[str, ...]:
    """Set the declared passwords of these roles as SCRAM verifiers computed here; return the roles that have one.

    Raises ConfigError when the variable of a password is not set.
    """
    changed_passwords = []
    for name in names:
        password = environment.password(name)
        if password is None:
            continue
        statement = sql.SQL("ALTER ROLE {} PASSWORD {}").format(ident(name), literal(scram(conn, name, password)))
        with _mention_rollback(), target_errors(f"ALTER ROLE {sql_text(ident(name))} PASSWORD '...'"):
            conn.execute(statement)
        changed_passwords.append(name)
    return tuple(changed_passwords)
