from __future__ import annotations

from collections.abc import Callable

import pytest

from minerva_promote.config.load_environment import read_environment
from minerva_promote.config.load_project import load_project
from minerva_promote.config.project import Environment
from minerva_promote.errors import ConfigError, UsageError
from tests.config.conftest import MakeProject

Faults = Callable[[Callable[[], object]], list[str]]
FORMAT = "postgresql://USER:PASSWORD@HOST:5432/DATABASE"


def read(
    make_project: MakeProject, text: str | None = None, name: str = "local", dotenv: str | None = None
) -> Environment:
    files = {f"environments/{name}.yaml": text, "environments/prod.yaml": "url: x\n"} if text else {}
    return read_environment(load_project(make_project({**files, ".env": dotenv})), name)


def error(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(ConfigError) as caught:
        call()
    return str(caught.value), caught.value.hint


def test_an_environment(make_project: MakeProject) -> None:
    environment = read(make_project)
    assert (environment.name, environment.kind, environment.project) == ("local", "local", "small")
    assert (environment.url.text, environment.admin_url.text) == ("embedded://api@/x", "embedded:///x")
    assert (environment.import_role, environment.password("api"), environment.password("other")) == ("api", None, None)
    assert environment.warnings == ()
    assert environment.variables == {"dim": 3, "label": "x"}


def test_an_unknown_one(make_project: MakeProject) -> None:
    with pytest.raises(UsageError) as caught:
        read(make_project, name="locl")
    assert str(caught.value) == 'unknown environment "locl"; did you mean "local"?'
    assert caught.value.hint == "known: local; a new one is a file environments/NAME.yaml"


def test_variables_come_from_the_process_then_from_dotenv(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    dotenv = "U=postgresql://api:fromfile@h/d\nA='postgresql://owner:fromfile@h/d'\n"
    assert read(make_project, dotenv=dotenv).url.params["password"] == "fromfile"
    monkeypatch.setenv("U", "postgresql://api:fromprocess@h/d")
    environment = read(make_project, dotenv=dotenv)
    assert environment.url.params["password"] == "fromprocess"
    assert environment.admin_url.params["password"] == "fromfile"


def test_faults_of_dotenv_stop_an_environment(make_project: MakeProject, faults_of: Faults) -> None:
    hint = r"write NAME='value'; inside '…' write a quote as \' and a backslash as \\"
    assert faults_of(lambda: read(make_project, dotenv="# one\nU='1\n???\n")) == [
        f".env:2: U: a quote that is not closed, or text after the closing quote | {hint}"
    ]


def test_what_is_not_set_is_missed_when_it_is_needed(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = 'url: ${U}\nroles:\n  api: {password: "${P}"}\n'
    environment = read(make_project, text)
    assert error(lambda: environment.url) == (
        "environments/local.yaml:1:6: url: U is not set",
        f"set it in the environment or in .env: U={FORMAT}",
    )
    assert error(lambda: environment.admin_url) == (
        "environments/local.yaml: environment local has no admin_url",
        "add the owner's URL: admin_url: ${LOCAL_ADMIN_DATABASE_URL}, and set LOCAL_ADMIN_DATABASE_URL=" + FORMAT,
    )
    assert error(lambda: environment.password("api")) == (
        "environments/local.yaml:3:19: roles.api.password: P is not set",
        "set it in the environment or in .env: P=…",
    )
    assert environment.roles["api"].password is None
    assert environment.warnings == ()
    monkeypatch.setenv("U", "")
    assert error(lambda: read(make_project, text).url) == (
        "environments/local.yaml:1:6: url (U): is empty",
        f"its format is {FORMAT}",
    )
    assert error(lambda: read(make_project, "url: ${U\n").url)[0] == (
        "environments/local.yaml:1:6: url: a ${ that is no variable"
    )


def test_the_owner_works_without_the_import_role(make_project: MakeProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A", "postgresql://owner@h/d")
    assert read(make_project, "url: ${U}\nadmin_url: ${A}\n").admin_url.user == "owner"


@pytest.mark.parametrize(
    ("variables", "fault"),
    [
        ({"U": "postgresql://api@h/d"}, "2:12: admin_url (A) is the embedded server, but url (U) is another one: both must "
         f"reach the same database | set both variables or neither; the format is {FORMAT}"),
        ({"A": "postgresql://owner@h/d"}, "1:6: url (U) is the embedded server, but admin_url (A) is another one: both must "
         f"reach the same database | set both variables or neither; the format is {FORMAT}"),
        ({"A": "embedded:///y"}, "2:12: admin_url (A) names database y, but url (U) x | both must reach the same database"),
        ({"U": "embedded://aip@/x"}, '1:6: url (U): no role "aip" in roles; did you mean "api"? | roles: api'),
    ],
)  # fmt: skip
def test_two_urls_that_do_not_belong_together(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch, faults_of: Faults, variables: dict[str, str], fault: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert faults_of(lambda: read(make_project)) == [f"environments/local.yaml:{fault}"]


def test_warnings(make_project: MakeProject) -> None:
    text = "url: ${U}\nadmin_url: postgresql://o:s3cr3t@h/e\nroles: {api: {password: s3cr3t}}\n"
    assert read(make_project, text, dotenv="U=postgresql+asyncpg://u@h/d?ssl=true\n").warnings == (
        "url (U): postgresql+asyncpg:// read as postgresql://",
        "url (U): ssl=true read as sslmode=require",
        "environments/local.yaml:2:12: admin_url: a password in the file; use a variable and .env",
        "environments/local.yaml:3:25: roles.api.password: a password in the file; use a variable and .env",
        "url names database d, admin_url e",
    )


FAULTY = """\
url: x
import_role: ap
requires: {passed_in: prdo, within: 7 days}
timeouts: {lock: soon, statement: 0, check: "10"}
roles:
  api:
    settings: {"a b": x, statement_timeout: "${NO}"}
    grants:
      database: [CONECT, TEMP, all, CONNECT]
      schemas: {public: [SELECT]}
      tables: {books: [select, ALTER, Drop, SELCT, USAGE]}
      sequences: {s: [INSERT]}
"""


def test_every_fault_of_an_environment_file(make_project: MakeProject, faults_of: Faults) -> None:
    with_text = FAULTY.replace("statement: 0", 'statement: "0"').replace("${NO}", "1s")
    place = "environments/local.yaml"
    assert faults_of(lambda: read(make_project, FAULTY)) == [
        f"{place}:4:35: timeouts.statement: expected text, found 0 | put it in quotes",
        f"{place}:7:45: roles.api.settings.statement_timeout: NO is not set | set it in the environment or in .env: NO=…",
    ]
    duration = '" is no duration | a number and a unit: 500ms, 30s, 10min, 2h; or 0 for no limit'
    owner = "leave such work to the owner (admin_url, promote migrate); here take it away"
    tables = "SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER, MAINTAIN"
    grants = "roles.api.grants"
    assert faults_of(lambda: read(make_project, with_text)) == [
        f'{place}:2:14: import_role: no role "ap"; did you mean "api"? | roles: api',
        f'{place}:3:23: requires.passed_in: no other environment "prdo"; did you mean "prod"? | environments: prod',
        f'{place}:3:37: requires.within: "7 days" is no period | a number and a unit: 12h, 7d',
        f'{place}:4:18: timeouts.lock: "soon{duration}',
        f'{place}:4:47: timeouts.check: "10{duration}',
        f'{place}:7:16: roles.api.settings["a b"]: not the name of a PostgreSQL setting',
        f'{place}:9:18: {grants}.database[0]: there is no privilege "CONECT" of databases; did you mean "CONNECT"? | known: '
        "CONNECT, CREATE, TEMPORARY",
        f'{place}:9:26: {grants}.database[1]: "TEMP" is written TEMPORARY here',
        f'{place}:9:32: {grants}.database[2]: "all" is written "ALL"',
        f'{place}:10:26: {grants}.schemas.public[0]: "SELECT" is a privilege of tables, columns, sequences and large objects, '
        "not of schemas | known: USAGE, CREATE",
        f'{place}:11:24: {grants}.tables.books[0]: "select" is written "SELECT"',
        f'{place}:11:32: {grants}.tables.books[1]: there is no privilege "ALTER": altering and dropping come from owning the '
        f"object | {owner}",
        f'{place}:11:39: {grants}.tables.books[2]: there is no privilege "Drop": altering and dropping come from owning the '
        f"object | {owner}",
        f'{place}:11:45: {grants}.tables.books[3]: there is no privilege "SELCT" of tables; did you mean "SELECT"? | known: '
        f"{tables}",
        f'{place}:11:52: {grants}.tables.books[4]: "USAGE" is a privilege of schemas, sequences, types, languages, foreign '
        f"data wrappers and foreign servers, not of tables | known: {tables}",
        f'{place}:12:23: {grants}.sequences.s[0]: "INSERT" is a privilege of tables and columns, not of sequences | known: '
        "USAGE, SELECT, UPDATE",
    ]


def test_secrets_of_an_environment_are_redacted_and_not_in_its_repr(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("U", "postgresql://api:url%2Fs3cret@h/d")
    monkeypatch.setenv("A", "postgresql://owner:bro/ken@h/d")
    monkeypatch.setenv("P", "role-s3cret")
    project = load_project(make_project())
    environment = read_environment(project, "local")
    assert environment.roles["api"].password == environment.password("api") == "role-s3cret"
    shown = project.redact(f"url/s3cret url%2fs3cret role-s3cret {environment!r} {environment.url!r} {project!r}")
    assert "s3cret" not in shown
    assert "s3cret" not in repr(environment) + repr(environment.url) + repr(environment.settings) + repr(project)
    assert project.redact("tried postgresql://owner:bro/ken@h/d") == "tried ***"
    message, hint = error(lambda: environment.admin_url)
    assert (
        message == 'environments/local.yaml:2:12: admin_url (A): an unescaped "/" or "@" in the user name or password'
    )
    assert "bro" not in message + hint
