"""`promote grants` on the command line: its reports, what it asks, and what it cannot make sense of."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Ran
from tests.grants.grants_project import GrantsProject, grants_project, make_shop, ready, shop, without_limits
from tests.run.conftest import Shop
from tests.run.terminal import Terminal

__all__ = ["grants_project", "make_shop", "ready", "shop"]  # fixtures

IN_STEP = "in step: 2 roles, N privileges as declared\n"


def test_in_step(grants_project: GrantsProject) -> None:
    before = grants_project.state()
    assert grants_project.report() == "test-prod  database DB\n" + IN_STEP
    assert grants_project.report("--format", "sql") == "-- database DB, as postgres\n-- in step: nothing to do\n"
    assert grants_project.report("--apply") == "test-prod  database DB\nnothing was changed; " + IN_STEP
    assert json.loads(grants_project.report("--format", "json")) == {
        "version": 1,
        "command": "grants",
        "environment": "test-prod",
        "run_id": "",
        "title": "database DB",
        "gate": "open",
        "changed": False,
        "exit_code": 0,
        "verdict": IN_STEP.strip(),
        "steps": [],
        "data": {"roles": ["api", "reader"], "absent": [], "drift": 0},
    }
    assert grants_project.state() == before


def test_drift_as_json(grants_project: GrantsProject) -> None:
    grants_project.run("grant update on books to {api}")
    data = {
        "role": "api",
        "code": "undeclared",
        "what": "UPDATE on table public.books",
        "fact": "nothing declares it",
        "help": "",
        "statements": ['REVOKE UPDATE ON TABLE public.books FROM "api"'],
        "automatic": True,
    }
    place = {"file": "environments/test-prod.yaml", "line": 20, "column": 9}  # of books, as shipped
    step = {"step": "revoke", "name": data["what"], "seconds": 0.0, "at": place, "findings": []}
    found = json.loads(grants_project.report("--format", "json", code=1))
    assert found["steps"] == [
        {
            **step,
            "outcome": "FAIL",
            "detail": "api, undeclared: nothing declares it",
            "hint": 'REVOKE UPDATE ON TABLE public.books FROM "api"',
            "data": {**data, "applied": False},
        }
    ]
    assert (found["gate"], found["changed"], found["exit_code"], found["data"]["drift"]) == ("closed", False, 1, 1)
    assert found["verdict"] == "drift: 1 difference; promote grants --env test-prod --apply ends it"
    found = json.loads(grants_project.report("--apply", "--format", "json"))
    assert found["steps"] == [
        {
            **step,
            "outcome": "ok",
            "detail": 'api, undeclared: REVOKE UPDATE ON TABLE public.books FROM "api"',
            "hint": "",
            "data": {**data, "applied": True},
        }
    ]
    assert (found["gate"], found["changed"], found["exit_code"], found["data"]["drift"]) == ("open", True, 0, 0)
    assert found["verdict"] == "applied: 1 change; " + IN_STEP.strip()


@pytest.mark.parametrize(
    ("options", "report"),
    [
        (["--apply", "--prove"], "--apply and --prove are different questions\n  give one of them\n"),
        (
            ["--apply", "--prove", "--generate"],
            "--apply and --prove and --generate are different questions\n  give one of them\n",
        ),
        (["--set-passwords"], "--set-passwords changes roles: it goes with --apply\n  add --apply\n"),
        (["--set-passwords", "--prove"], "--set-passwords changes roles: it goes with --apply\n  add --apply\n"),
        (
            ["--format", "sql", "--apply"],
            "--format sql shows the plan, and goes without --apply\n  leave out --apply\n",
        ),
        (
            ["--format", "sql", "--generate"],
            "--format sql shows the plan, and goes without --generate\n  leave out --generate\n",
        ),
    ],
)
def test_options_that_make_no_sense(
    options: list[str], report: str, promote: Callable[..., Ran], tmp_path: Path
) -> None:
    ran = promote("grants", "--env", "test-prod", *options, cwd=tmp_path)
    assert (ran.exit_code, ran.stdout, ran.stderr) == (2, "", f"error: {report}")


def test_yaml_is_no_json(promote: Callable[..., Ran], tmp_path: Path) -> None:
    ran = promote("grants", "--env", "test-prod", "--generate", "--format", "json", cwd=tmp_path)
    assert (ran.exit_code, ran.stderr) == (2, "error: --generate prints YAML\n  leave out --format json\n")
    errors = [{"message": "--generate prints YAML", "hint": "leave out --format json", "at": None}]
    assert json.loads(ran.stdout) == {"version": 1, "exit_code": 2, "errors": errors}


def test_a_protected_environment(grants_project: GrantsProject) -> None:
    """Production's own file: it asks as `run` does, and looks without asking."""
    url, admin = grants_project.shop.database.url(grants_project.shop.role), grants_project.shop.database.url()
    variables = {"PRODUCTION_DATABASE_URL": url, "PRODUCTION_ADMIN_DATABASE_URL": admin}

    def prod(*more: str) -> tuple[int, str, str]:
        ran = grants_project.shop.promote("grants", "--env", "prod", *more, env=variables)
        return ran.exit_code, grants_project.normalize(without_limits(ran.stdout)), ran.stderr

    assert prod() == (0, "prod  database DB\n" + IN_STEP, "")
    grants_project.run("grant update on books to {api}")
    before = grants_project.state()
    assert prod("--apply") == (2, "", "error: prod is protected, and nobody is there to ask\n  --yes prod\n")
    wrong = "error: --yes production, but the environment is prod\n  --yes prod\n"
    assert prod("--apply", "--yes", "production") == (2, "", wrong)
    assert prod()[0] == 1
    assert grants_project.state() == before
    assert prod("--apply", "--yes", "prod")[0::2] == (0, "")
    assert prod()[0] == 0
    grants_project.run("drop role if exists {new}")
    text = (grants_project.shop.root / "environments" / "prod.yaml").read_text("utf-8")
    new = f"roles:\n  {grants_project.name('new')}: {{login: true, password: '${{NEW_PASSWORD}}'}}\n"
    grants_project.shop.copy.write("environments/prod.yaml", text.replace("roles:\n", new, 1))
    assert prod("--apply", "--yes", "prod") == (
        2,
        "",
        f"error: environments/prod.yaml:13:{new.splitlines()[1].index(chr(39)) + 1}: roles.{grants_project.name('new')}.password: NEW_PASSWORD is not set\n"
        "  set it in the environment or in .env: NEW_PASSWORD=***\n",
    )
    assert not grants_project.shop.rows(f"select from pg_roles where rolname = '{grants_project.name('new')}'")


def test_the_typed_name(grants_project: GrantsProject) -> None:
    grants_project.declare(lambda content: content.update(protected=True))
    grants_project.run("grant update on books to {api}")
    for typed, code, last in (
        ("yes\n", 2, "error: 'yes' is not test-prod: nothing was changed\n"),
        ("test-prod\n", None, "applied: 1 change; "),  # in a process of its own, databases of other tests are drift
    ):
        terminal = Terminal("grants", "--env", "test-prod", "--apply", cwd=grants_project.shop.root)
        terminal.until("test-prod is protected; type its name to change it: ")
        terminal.type(typed)
        assert terminal.end() in ((0, 1) if code is None else (code,))
        text = grants_project.normalize(terminal.text.replace("\r\n", "\n"))
        assert last in text if code is None else text.endswith(last)


def test_nothing_is_declared(shop: Shop) -> None:
    shop.environment(roles=None, public=None)
    report = [
        "  grants     roles ............................ FAIL   no role is declared: nothing is compared",
        "             promote grants --env test-prod --generate",
        "  grants     declaration ...................... WARN",
        f"    warn: undeclared-import-role: import role {shop.role} is not declared in roles:"
        " what it may do is not compared",
        "        help: declare it with its grants: promote grants --env test-prod --generate shows how",
    ]
    for options, verdict in (((), "nothing was compared"), (("--apply",), "nothing was changed")):
        ran = shop.promote("grants", "--env", "test-prod", *options)
        assert (ran.exit_code, ran.stderr) == (1, "")
        assert ran.stdout.splitlines()[1:] == [*report, verdict]


UNKNOWN_OBJECTS = [
    'the database has no column public.books.titel; did you mean "public.books.title"?',
    "the database has no foreign server far",
    "the database has no function nof(int)",
    'the database has no language plpqsql; did you mean "plpgsql"?',
    "the database has no role nobody at all",
    "the database has no schema nos",
    'the database has no schema publik; did you mean "public"?',
    'the database has no schema publik; did you mean "public"?',
    "the database has no sequence public.s",
    'the database has no table public.bocks; did you mean "public.books"?',
    'the database has no table public.bookz; did you mean "public.books"?',
    'the database has no table public.chunkz; did you mean "public.chunks"?',
    "the database has no tablespace fast",
    'the database has no type public.mood; did you mean "public.moods"?',
]


def declare_unknown_objects(grants_project: GrantsProject) -> None:
    """Declare, for a role that exists, grants on what the database has not."""
    grants_project.run("create role {a}", "create type moods as enum ('glad')", "grant update on books to {api}")
    grants_project.role(
        "a",
        grants={
            "schemas": {"publik": ["USAGE"]},
            "tables": {"bookz": ["SELECT"], "nos.*": ["SELECT"], "*": {"privileges": ["SELECT"], "except": ["chunkz"]}},
            "columns": {"books": {"SELECT": ["titel"]}, "bocks": {"SELECT": ["x"]}},
            "sequences": {"s": ["USAGE"]},
            "functions": {"nof(int)": ["EXECUTE"]},
            "types": {"mood": ["USAGE"]},
            "languages": {"plpqsql": ["USAGE"]},
            "foreign_servers": {"far": ["USAGE"]},
            "tablespaces": {"fast": ["CREATE"]},
            "default_privileges": [
                {"owner": "nobody at all", "tables": ["SELECT"]},
                {"owner": grants_project.name("a"), "schema": "publik", "tables": ["SELECT"]},
            ],
        },
    )


def test_unknown_objects(grants_project: GrantsProject) -> None:
    """Each at its place; nothing is applied then, not even what could be."""
    declare_unknown_objects(grants_project)
    before = grants_project.state()
    report = grants_project.report(code=1)
    assert [
        line.partition("unknown-object: ")[2] for line in report.splitlines() if "unknown-object" in line
    ] == UNKNOWN_OBJECTS
    head = (
        "test-prod  database DB\n"
        "  reach  column public.books.titel .. FAIL  a, unknown-object: the database has no column public.books.titel;"
        ' did you mean "public.books.title"?\n'
        f"  {grants_project.position('SELECT:', after='      columns:')}  correct the name, or have it created: by a migration, or by whoever makes the tables\n"
    )
    assert report.startswith(head)
    assert "  revoke  UPDATE on table public.books .. FAIL  api, undeclared: " in report
    assert report.endswith("\ndrift: 22 differences; --apply does nothing before what is declared exists\n")
    report = grants_project.report("--apply", code=1)
    last = "nothing was changed: --apply does nothing before what is declared exists; drift: 22 differences left, see above"
    assert report.endswith(f"\n{last}\n")
    assert grants_project.state() == before


def test_accepted(grants_project: GrantsProject) -> None:
    """What is accepted is shown and no drift; what is not there is warned about, at its place."""
    grants_project.run(
        "create table notes ()", "alter table notes owner to {api}", "grant temporary on database {db} to public"
    )
    assert grants_project.report(code=1).count("FAIL") == 2
    entries = [
        {"code": "owns-object", "object": "table public.notes", "why": "made at\nrun time"},
        {"code": "owns-object", "object": "table public.gone", "why": "was made at run time"},
    ]
    temporary = f"TEMPORARY on database {grants_project.shop.database.name}"
    accept = [{"code": code, "object": temporary, "why": "reports sort"} for code in ("undeclared", "through-public")]
    grants_project.declare(lambda content: content["roles"][grants_project.shop.role].update(accept=entries))
    grants_project.declare(lambda content: content.update(accept=accept))
    before = grants_project.state()
    report = (
        "test-prod  database DB\n"
        "  accepted  table public.notes .. ok  api, owns-object: made at\\x0arun time\n"
        "  accepted  TEMPORARY on database DB .. ok  PUBLIC, undeclared: reports sort\n"
        "  grants  declaration .. WARN\n"
        f"  {grants_project.position('code: owns-object', after='run time')}: warn: unused-accept: api has no owns-object: table public.gone\n"
        "  help: take the entry out\n"
        f"  {grants_project.position('code: through-public')}: warn: unused-accept: PUBLIC has no through-public: TEMPORARY on database DB\n"
        "  help: take the entry out\n"
    )
    assert grants_project.report() == report + IN_STEP
    assert grants_project.report("--apply") == f"{report}nothing was changed; {IN_STEP}"
    assert grants_project.report("--format", "sql") == "-- database DB, as postgres\n-- in step: nothing to do\n"
    assert grants_project.state() == before


def test_the_import_role_is_the_admin_identity(grants_project: GrantsProject) -> None:
    grants_project.role("own", login=True)
    grants_project.run("create role {own} login superuser password 'made-for-tests'")
    grants_project.declare(
        lambda content: content.update(admin_url=grants_project.shop.database.url(grants_project.name("own")))
    )
    report = (
        "  reach  role own .. FAIL  own, admin-identity: it is the role that makes and gives everything here:"
        " whatever it lacks, it gives itself\n"
        f"  {grants_project.position(grants_project.name('own'), after='roles:')}  name another role in url and in roles, and keep this one for admin_url\n"
    )
    assert (
        grants_project.report(code=1).partition("\n")[2]
        == report + "drift: 1 difference; it cannot be ended by --apply\n"
    )
    assert grants_project.report("--apply", code=1).endswith(
        f"{report}nothing was changed; drift: 1 difference left, see above\n"
    )
