"""Roles and grants as they are declared: what loads, and every fault with its place."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

import pytest

from minerva_promote.config.drift_codes import CODES
from minerva_promote.config.load_environment import read_environment
from minerva_promote.config.load_project import load_project
from minerva_promote.config.models.project import Membership
from minerva_promote.config.models.roles import Declared, Grants, is_wildcard, qualified
from minerva_promote.config.privileges import DEFAULT_KINDS, KINDS, PRIVILEGES, available, expand
from minerva_promote.config.project import Environment
from minerva_promote.errors import Location
from tests.config.conftest import MakeProject
from tests.material import REPOSITORY

Faults = Callable[[Callable[[], object]], list[str]]
FULL = """\
url: ${U:-embedded://minerva_api@/x}
public:
  database: []
  schemas: {public: [USAGE]}
roles:
  minerva_api:
    login: true
    password: ${MINERVA_API_PASSWORD:-}
    connection_limit: 20
    settings: {statement_timeout: 30s}
    member_of: [minerva_reader, pg_read_all_stats]
    ledger: write
    grants:
      database: [CONNECT]
      schemas: {public: [USAGE], promote: [ALL]}
      tables:
        "*": {privileges: [SELECT], except: [alembic_version]}
        "promote.*": {privileges: [SELECT], except: [ledger, promote.revision]}
        books: [SELECT, INSERT]
        promote.runs: [ALL PRIVILEGES]
        chunks: []
      columns: {books: {UPDATE: [updated_at], ALL PRIVILEGES: [id, title]}}
      sequences: {"*": [USAGE]}
      functions: {"publish(uuid)": [EXECUTE], "api.f(public.mood, int)": [EXECUTE], "*": [EXECUTE]}
      types: {mood: [USAGE]}
      languages: {sql: [USAGE]}
      foreign_data_wrappers: {files: [USAGE]}
      foreign_servers: {other: [ALL]}
      large_objects: {"16400": [SELECT, UPDATE]}
      parameters: {log_statement: [SET, ALTER SYSTEM]}
      tablespaces: {fast: [CREATE]}
      default_privileges:
        - {owner: minerva_owner, schema: public, tables: [SELECT, MAINTAIN], sequences: [], functions: [EXECUTE], types: [USAGE]}
        - {owner: minerva_owner, schemas: [USAGE], large_objects: [ALL]}
    accept:
      - {code: owns-object, object: table public.notes, why: made by the API at run time}
  minerva_reader:
    connection_limit: -1
    member_of: {minerva_group: {set: false}, pg_monitor: {inherit: false, admin: true}}
  minerva_group: {}
  old_importer:
    absent: true
"""


def read(make_project: MakeProject, text: str) -> Environment:
    return read_environment(load_project(make_project({"environments/local.yaml": text})), "local")


def test_every_attribute_and_membership_that_can_be_declared(make_project: MakeProject) -> None:
    environment = read(make_project, FULL)
    assert environment.import_role == "minerva_api"
    assert environment.public is not None
    assert list(environment.public.by_kind()) == [
        Declared("database", "", ()),
        Declared("schemas", "public", ("USAGE",)),
    ]
    api, reader, old = (environment.roles[name] for name in ("minerva_api", "minerva_reader", "old_importer"))
    assert (api.login, api.connection_limit, api.ledger, api.absent) == (True, 20, "write", False)
    assert (reader.login, reader.connection_limit, reader.ledger, reader.absent) == (False, -1, None, False)
    assert (old.absent, old.connection_limit, old.memberships) == (True, None, {})
    assert api.memberships == {"minerva_reader": Membership(), "pg_read_all_stats": Membership()}
    assert reader.memberships == {
        "minerva_group": Membership(inherit=True, set=False, admin=False),
        "pg_monitor": Membership(inherit=False, set=True, admin=True),
    }
    assert [(entry.code, entry.object, entry.why) for entry in api.accept] == [
        ("owns-object", "table public.notes", "made by the API at run time")
    ]


def test_every_grant_that_can_be_declared(make_project: MakeProject) -> None:
    api = read(make_project, FULL).roles["minerva_api"]
    assert list(api.grants.by_kind()) == [
        Declared("database", "", ("CONNECT",)),
        Declared("schemas", "public", ("USAGE",)),
        Declared("schemas", "promote", ("ALL",)),
        Declared("tables", "*", ("SELECT",), ("alembic_version",)),
        Declared("tables", "promote.*", ("SELECT",), ("ledger", "promote.revision")),
        Declared("tables", "books", ("SELECT", "INSERT")),
        Declared("tables", "promote.runs", ("ALL",)),
        Declared("tables", "chunks", ()),
        Declared("sequences", "*", ("USAGE",)),
        Declared("functions", "publish(uuid)", ("EXECUTE",)),
        Declared("functions", "api.f(public.mood, int)", ("EXECUTE",)),
        Declared("functions", "*", ("EXECUTE",)),
        Declared("types", "mood", ("USAGE",)),
        Declared("languages", "sql", ("USAGE",)),
        Declared("foreign_data_wrappers", "files", ("USAGE",)),
        Declared("foreign_servers", "other", ("ALL",)),
        Declared("large_objects", "16400", ("SELECT", "UPDATE")),
        Declared("parameters", "log_statement", ("SET", "ALTER SYSTEM")),
        Declared("tablespaces", "fast", ("CREATE",)),
    ]
    assert api.grants.tables["books"] == ("SELECT", "INSERT")
    assert api.grants.columns == {"books": {"UPDATE": ("updated_at",), "ALL": ("id", "title")}}


def test_every_default_privilege_that_can_be_declared(make_project: MakeProject) -> None:
    first, second = read(make_project, FULL).roles["minerva_api"].grants.default_privileges
    assert (first.owner, first.schema_, second.schema_) == ("minerva_owner", "public", None)
    assert dict(first.by_kind()) == {
        "default tables": ("SELECT", "MAINTAIN"),
        "default sequences": (),
        "default functions": ("EXECUTE",),
        "default types": ("USAGE",),
        "default schemas": (),
        "default large objects": (),
    }
    assert dict(second.by_kind())["default large objects"] == ("ALL",)


def test_nothing_is_compared_that_is_not_declared(make_project: MakeProject) -> None:
    environment = read(make_project, "url: x\nroles: {api: {}}\n")
    role = environment.roles["api"]
    assert (environment.public, role.connection_limit, role.ledger) == (None, None, None)
    assert list(role.grants.by_kind()) == [Declared("database", "", ())]


@pytest.mark.parametrize(
    ("keys", "line", "column"),
    [
        (("url",), 1, 1),
        (("roles", "minerva_api"), 6, 3),
        (("roles", "minerva_api", "grants", "tables", "books"), 19, 9),
        (("roles", "minerva_api", "grants", "tables", "screenshots"), 16, 7),
        (("roles", "minerva_api", "grants", "columns", "books", "UPDATE"), 22, 25),
        (("roles", "minerva_api", "grants", "default_privileges", 1), 34, 11),
        (("roles", "minerva_api", "accept", 0), 36, 9),
        (("roles", "minerva_reader", "grants", "tables"), 37, 3),
        (("roles", "nobody"), 5, 1),
        ((), 1, 1),
    ],
)
def test_where_something_is_declared(
    make_project: MakeProject, keys: tuple[str | int, ...], line: int, column: int
) -> None:
    assert read(make_project, FULL).location(*keys) == Location("environments/local.yaml", line, column)


def test_values_of_the_file_are_not_in_the_repr_of_an_environment(make_project: MakeProject) -> None:
    assert "s3cret" not in repr(read(make_project, "url: x\nroles: {api: {password: s3cret}}\n"))


MEMBER = "declare it, so that it is known what it may do"
ALONE = "nothing is said of a role that must not exist | leave absent: true alone, or take it away"


@pytest.mark.parametrize(
    ("roles", "faults"),
    [
        ("a: {absent: true, login: true, grants: {tables: {books: ['NO']}}, password: s3cret}",
         [f"3:21: roles.a.login: {ALONE}", f"3:34: roles.a.grants: {ALONE}", f"3:69: roles.a.password: {ALONE}"]),
        ("a: {absent: false, login: true}", []),
        ("public: {}", ["3:3: roles.public: no role can be called public | what PUBLIC may do is declared under public:"]),
        ("none: {}", ["3:3: roles.none: no role can be called none | PostgreSQL keeps the word for itself"]),
        ("pg_api: {}", ["3:3: roles.pg_api: no role of yours can be called so | names that start with pg_ are PostgreSQL's "
         "own; membership in one of them is said by member_of"]),
        ('"": {}', ['3:3: roles[""]: an empty name']),
        (f"{'é' * 31}x: {{}}", []),
        (f"{'é' * 32}: {{}}", [f"3:3: roles.{'é' * 32}: 64 bytes, at most 63 are kept of a name"]),
        ("a: {connection_limit: -2}", ["3:25: roles.a.connection_limit: must be at least -1, found -2"]),
        ("a: {connection_limit: none}", ['3:25: roles.a.connection_limit: expected a whole number, found "none"']),
        ("a: {ledger: rite}",
         ['3:15: roles.a.ledger: "rite" is not allowed; one of: none, read, write; did you mean "write"?']),
        ("a: {settings: {statement_timeout: 30}}",
         ["3:37: roles.a.settings.statement_timeout: expected text, found 30 | put it in quotes"]),
        ("a: {member_of: [reader]}\n  readers: {}",
         [f'3:19: roles.a.member_of[0]: no role "reader" in roles; did you mean "readers"? | {MEMBER}']),
        ("a: {member_of: {reader: {}}}", [f'3:19: roles.a.member_of.reader: no role "reader" in roles | {MEMBER}']),
        ("a: {member_of: [a, pg_monitor]}", ["3:19: roles.a.member_of[0]: a role is no member of itself"]),
        ("a: {member_of: [b, b]}\n  b: {}", ['3:22: roles.a.member_of[1]: "b" stands twice']),
        ("a: {member_of: [b]}\n  b: {absent: true}",
         ['3:19: roles.a.member_of[0]: role "b" must not exist: it is declared absent']),
        ("a: {member_of: [pg_database_owner]}", ["3:19: roles.a.member_of[0]: pg_database_owner has no members but the "
         "database's owner | take it away"]),
        ("a: {member_of: {b: {}}}\n  b: {member_of: {c: {}}}\n  c: {member_of: [a, pg_monitor]}",
         ["3:19: roles.a.member_of.b: memberships go round: a in b in c in a | take one of them away"]),
        ("a: {member_of: [b]}\n  b: {member_of: [a]}\n  c: {member_of: [d]}\n  d: {member_of: [c]}",
         ["3:19: roles.a.member_of[0]: memberships go round: a in b in a | take one of them away",
          "5:19: roles.c.member_of[0]: memberships go round: c in d in c | take one of them away"]),
        ("a: {member_of: b}", ['3:18: roles.a.member_of: expected a list or a mapping, found "b"']),
        ("a: {member_of: {b: {inherits: true}}}\n  b: {}",
         ['3:23: roles.a.member_of.b: unknown key "inherits"; did you mean "inherit"?']),
        ("a: {accept: [{code: superusr, object: x, why: because}]}",
         ['3:23: roles.a.accept[0].code: no drift has the code "superusr"; did you mean "superuser"?']),
        ('a: {accept: [{code: superuser, object: " ", why: ""}]}',
         ["3:42: roles.a.accept[0].object: is empty | what the report names",
          "3:52: roles.a.accept[0].why: is empty | say why the role may do this all the same"]),
        ("a: {accept: [{code: rule, object: x}]}", ['3:16: roles.a.accept[0]: missing key "why"']),
        ("a: {accept: [{code: rule, object: x, why: y}, {code: rule, object: x, why: z}]}",
         ['3:49: roles.a.accept[1]: rule of "x" stands twice']),
    ],
)  # fmt: skip
def test_faults_of_roles(make_project: MakeProject, faults_of: Faults, roles: str, faults: list[str]) -> None:
    text = f"url: x\nroles:\n  {roles}\n"
    expected = [f"environments/local.yaml:{fault}" for fault in faults]
    assert (faults_of(lambda: read(make_project, text)) if faults else read(make_project, text) and []) == expected


def test_a_code_that_is_none_shows_those_that_are(make_project: MakeProject, faults_of: Faults) -> None:
    text = "url: x\nroles: {a: {accept: [{code: x, object: x, why: x}]}}\n"
    place = "environments/local.yaml:2:29: roles.a.accept[0].code"
    assert faults_of(lambda: read(make_project, text)) == [
        f'{place}: no drift has the code "x" | known: {", ".join(sorted(CODES))}'
    ]


@pytest.mark.parametrize(
    ("url", "importing", "fault"),
    [
        ("x", "old", '2:14: import_role: role "old" must not exist: it is declared absent'),
        ("embedded://old@/x", "new", '1:6: url: role "old" must not exist: it is declared absent'),
    ],
)
def test_a_role_that_must_not_exist_does_not_import(
    make_project: MakeProject, faults_of: Faults, url: str, importing: str, fault: str
) -> None:
    text = f"url: {url}\nimport_role: {importing}\nroles: {{old: {{absent: true}}, new: {{}}}}\n"
    hint = "name another role, or declare what it may do"
    assert faults_of(lambda: read(make_project, text)) == [f"environments/local.yaml:{fault} | {hint}"]


NAMED = '"*" is read under tables, sequences, functions'
GIVE_ON = "is not said: a role that may give on what it has decides itself who else has it | declare the privilege alone, and at every role that needs it"
OWNER = "leave such work to the owner (admin_url, promote migrate); here take it away"
NOT_ONE = "nothing can be left out of"
ONE = "a list of privileges is all there is to say of one object"


@pytest.mark.parametrize(
    ("grants", "faults"),
    [
        # lists of privileges
        ("database: [CONNECT, CREATE, CONNECT]", ['4:34: .database[2]: "CONNECT" stands twice']),
        ("tables: {books: [ALL, ALL PRIVILEGES]}", ['4:28: .tables.books[1]: "ALL PRIVILEGES" stands twice']),
        ("tables: {books: [SELECT, ALL]}", ['4:23: .tables.books[0]: "SELECT" is part of ALL | leave it out, or ALL']),
        ("tables: {books: [all privileges]}", ['4:23: .tables.books[0]: "all privileges" is written "ALL"']),
        ("tables: {books: [SELECT WITH GRANT OPTION]}",
         [f'4:23: .tables.books[0]: "SELECT WITH GRANT OPTION" {GIVE_ON}']),
        ("tables: {books: [OWNERSHIP]}", ['4:23: .tables.books[0]: there is no privilege "OWNERSHIP": an object has one '
         f"owner, and owning is not granted | {OWNER}"]),
        ("tables: {books: [EXECUTE]}", ['4:23: .tables.books[0]: "EXECUTE" is a privilege of functions, not of tables | known: '
         "SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER, MAINTAIN"]),
        ("database: [LOGIN]", ['4:17: .database[0]: "LOGIN" is an attribute of a role, no privilege | say login: true at the '
         "role"]),
        ("database: [CREATEDB]", ['4:17: .database[0]: "CREATEDB" is an attribute of a role, no privilege | take it away: a '
         "role with it can do more than any declaration says"]),
        ("parameters: {work_mem: [ALTER]}", ['4:30: .parameters.work_mem[0]: "ALTER" is written "ALTER SYSTEM"']),
        ("foreign_servers: {s: [CONNECT]}", ['4:28: .foreign_servers.s[0]: "CONNECT" is a privilege of databases, not of '
         "foreign servers | known: USAGE"]),
        ("tables: {books: SELECT}", ['4:22: .tables.books: expected a list or a mapping, found "SELECT"']),
        ("tables: {books: [1]}", ["4:23: .tables.books[0]: expected text, found 1 | put it in quotes"]),
        ("tables: {books: }", ["4:15: .tables.books: has no value | give it one, or take the key out"]),
        ("tabels: {}", ['4:6: unknown key "tabels"; did you mean "tables"?']),
        # names
        ('schemas: {"*": [USAGE]}', [f'4:16: .schemas["*"]: schemas are named one by one here, not "*" | {NAMED}']),
        ('types: {"api.*": [USAGE]}', [f'4:14: .types["api.*"]: types are named one by one here, not "*" | {NAMED}']),
        ('columns: {"*": {SELECT: [id]}}', [f'4:16: .columns["*"]: tables are named one by one here, not "*" | {NAMED}']),
        ('tables: {"*.*": [SELECT]}', ['4:15: .tables["*.*"]: schemas are named one by one, not "*" | an entry for each of '
         "them: SCHEMA.*; for public alone: *"]),
        ('languages: {"": [USAGE]}', ['4:18: .languages[""]: an empty name']),
        ('tables: {".books": [SELECT], promote.: [SELECT]}',
         ['4:15: .tables[".books"]: an empty name', '4:35: .tables["promote."]: an empty name']),
        ("tables: {books: [SELECT],\n      public.books: [INSERT]}",
         ['5:7: .tables["public.books"]: the same as "books" in line 4 | say it once']),
        ('sequences: {"public.*": [USAGE], "*": [USAGE]}',
         ['4:39: .sequences["*"]: the same as "public.*" in line 4 | say it once']),
        ("functions: {publish: [EXECUTE]}", ["4:18: .functions.publish: a function is named with the types of its arguments | "
         "publish(uuid), or publish() where it takes none"]),
        ('functions: {"f()": [EXECUTE], "public.f()": [EXECUTE]}',
         ['4:36: .functions["public.f()"]: the same as "f()" in line 4 | say it once']),
        ('large_objects: {photo: [SELECT], "4294967296": [SELECT], "1": [SELECT]}',
         ['4:22: .large_objects.photo: a large object is named by its number | "16400"',
          '4:39: .large_objects.4294967296: a large object is named by its number | "16400"']),
        ('parameters: {"log statement": [SET]}',
         ['4:19: .parameters["log statement"]: not the name of a PostgreSQL setting']),
        # except
        ("tables: {books: {privileges: [SELECT], except: [chunks]}}",
         [f'4:45: .tables.books.except: {NOT_ONE} "books" | {ONE}']),
        ("sequences: {s: {privileges: [USAGE], except: []}}",
         [f'4:43: .sequences.s.except: {NOT_ONE} "s" | {ONE}']),
        ("schemas: {public: {privileges: [USAGE]}}", ["4:24: .schemas.public: expected a list, found a mapping"]),
        ('tables: {"*": {privileges: [], except: [chunks]}}', ['4:37: .tables["*"].except: names are left out where nothing is '
         "granted | name the privileges, or take the entry away"]),
        ('tables: {"*": {except: [chunks]}}', ['4:15: .tables["*"]: missing key "privileges"']),
        ('tables: {"*": {privileges: [SELECT], excpt: [chunks]}}',
         ['4:43: .tables["*"]: unknown key "excpt"; did you mean "except"?']),
        ('tables: {"*": {privileges: [SELECT], except_: [chunks]}}',
         ['4:43: .tables["*"]: unknown key "except_"; did you mean "except"?']),
        ('tables: {"*": {privileges: [DELET, SELECT], except: ["*", a, public.a, ""]}}',
         ['4:34: .tables["*"].privileges[0]: there is no privilege "DELET" of tables; did you mean "DELETE"? | known: SELECT, '
          "INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER, MAINTAIN",
          '4:59: .tables["*"].except[0]: tables are left out one by one, not "*"',
          '4:67: .tables["*"].except[2]: "public.a" stands twice',
          '4:77: .tables["*"].except[3]: an empty name']),
        ('tables: {"promote.*": {privileges: [SELECT], except: [runs, promote.ledger, public.books]}}',
         ['4:82: .tables["promote.*"].except[2]: "public.books" is not in schema promote | "promote.*" means tables of promote '
          "alone"]),
        ('functions: {"*": {privileges: [EXECUTE], except: [publish]}}', ['4:56: .functions["*"].except[0]: a function is '
         "named with the types of its arguments | publish(uuid), or publish() where it takes none"]),
        # columns
        ("columns: {books: {UPDATE: []}}", ["4:32: .columns.books.UPDATE: names no column | name the columns, or take it away; "
         "UPDATE on all columns is said under tables"]),
        ('columns: {books: {SELECT: ["*", id, id, ""]}}',
         ['4:33: .columns.books.SELECT[0]: columns are named one by one, not "*" | SELECT on all columns is said under tables',
          '4:42: .columns.books.SELECT[2]: "id" stands twice',
          "4:46: .columns.books.SELECT[3]: an empty name"]),
        ("columns: {books: {DELETE: [id], update: [id]}}",
         ['4:24: .columns.books.DELETE: "DELETE" is a privilege of tables, not of columns | known: SELECT, INSERT, UPDATE, '
          "REFERENCES",
          '4:38: .columns.books.update: "update" is written "UPDATE"']),
        ("columns: {books: {ALL: [id], ALL PRIVILEGES: [a]}}",
         ['4:35: .columns.books["ALL PRIVILEGES"]: "ALL PRIVILEGES" stands twice, also as "ALL"']),
        # default privileges
        ("default_privileges: [{schema: public, tables: [SELECT]}]", ['4:27: .default_privileges[0]: missing key "owner"']),
        ('default_privileges: [{owner: "", tables: [EXECUTE]}]',
         ["4:35: .default_privileges[0].owner: an empty name",
          '4:48: .default_privileges[0].tables[0]: "EXECUTE" is a privilege of functions, not of tables | known: SELECT, '
          "INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER, MAINTAIN"]),
        ("default_privileges: [{owner: gone}]",
         ['4:35: .default_privileges[0].owner: role "gone" must not exist: it is declared absent']),
        ("default_privileges: [{owner: o, schema: s}, {owner: o}, {owner: o, schema: s}]",
         ['4:62: .default_privileges[2]: the objects of "o" in s are also in entry 1 | say it in one entry']),
        ("default_privileges: [{owner: o, schema: s, schemas: [USAGE], large_objects: []}]",
         ["4:49: .default_privileges[0].schemas: default privileges of schemas hold in no schema | an entry without a schema "
          "says them",
          "4:67: .default_privileges[0].large_objects: default privileges of large objects hold in no schema | an entry "
          "without a schema says them"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("role", [True, False], ids=["role", "public"])
def test_faults_of_grants(
    make_project: MakeProject, faults_of: Faults, role: bool, grants: str, faults: list[str]
) -> None:
    above = (
        "url: x\nroles: {gone: {absent: true},\n api: {grants: {\n     "
        if role
        else "url: x\nroles: {gone: {absent: true}}\npublic: {\n     "
    )
    text = f"{above}{grants}}}{'}}' if role else ''}\n"
    path = "roles.api.grants" if role else "public"
    expected = []
    for fault in faults:
        place, rest = fault.split(": ", 1)
        expected.append(
            f"environments/local.yaml:{place}: {path}{rest if rest.startswith(('.', '[')) else f': {rest}'}"
        )
    assert faults_of(lambda: read(make_project, text)) == expected


def test_a_privilege_from_a_variable_is_looked_at_when_it_is_filled_in(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch, faults_of: Faults
) -> None:
    text = 'url: x\nroles: {api: {grants: {tables: {books: ["${P:-SELECT}"]}}}}\n'
    assert read(make_project, text).roles["api"].grants.tables["books"] == ("SELECT",)
    monkeypatch.setenv("P", "select")
    assert faults_of(lambda: read(make_project, text)) == [
        'environments/local.yaml:2:41: roles.api.grants.tables.books[0]: "select" is written "SELECT"'
    ]


def test_all_is_what_the_server_knows() -> None:
    tables = {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"}
    assert expand(["ALL"], "tables", 16) == expand(["ALL"], "default tables", 16) == tables
    assert expand(["ALL PRIVILEGES"], "tables", 17) == expand(["SELECT", "ALL"], "tables", 18) == tables | {"MAINTAIN"}
    assert expand(["ALL"], "columns", 18) == {"SELECT", "INSERT", "UPDATE", "REFERENCES"}
    assert expand(["ALL"], "parameters", 15) == {"SET", "ALTER SYSTEM"}
    assert expand(["ALL"], "large_objects", 15) == expand(["ALL"], "default large objects", 18) == {"SELECT", "UPDATE"}
    assert expand(["ALL"], "default large objects", 17) == expand([], "tables", 18) == frozenset()
    assert expand(["MAINTAIN"], "tables", 16) == {"MAINTAIN"}
    assert "MAINTAIN" not in available("tables", 16)


def test_every_kind_has_privileges_and_a_place_in_the_yaml() -> None:
    assert set(PRIVILEGES) == {*KINDS, *DEFAULT_KINDS.values()}
    assert set(Grants.model_fields) == {*KINDS, "default_privileges"}


@pytest.mark.parametrize(
    ("name", "full", "wildcard"),
    [
        ("books", "public.books", False),
        ("promote.runs", "promote.runs", False),
        ("*", "public.*", True),
        ("promote.*", "promote.*", True),
        ("f(api.mood)", "public.f(api.mood)", False),
    ],
)
def test_names(name: str, full: str, wildcard: bool) -> None:
    assert (qualified(name), is_wildcard(name)) == (full, wildcard)


def test_every_code_that_grants_report_can_be_accepted() -> None:
    """Codes have hyphens, or are what a drift is made with; three are findings that are no drift."""
    used = set()
    for path in (REPOSITORY / "minerva_promote" / "grants").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and re.fullmatch("[a-z]+(-[a-z]+)+", str(node.value)):
                used.add(node.value)
            elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("Drift", "_drift") and node.args:
                used |= {node.args[0].value} if isinstance(node.args[0], ast.Constant) else set()
    assert len(used) > 35
    assert used - CODES.keys() == {"not-refused", "refused-though-declared", "unused-accept"}


def test_codes_are_said_in_one_sentence() -> None:
    assert [code for code, text in CODES.items() if not text or text.endswith(".") or code != code.lower()] == []
