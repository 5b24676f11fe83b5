"""`promote schema diff` on the command line: its reports, what is allowed, and what it cannot make sense of."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from tests.migrations.migrated_databases import HEAD
from tests.schema_diff.conftest import Pair
from tests.servers import PASSWORD

ALLOWED = (
    "  column  screenshots.file_path .. ok  allowed: not null yes → no (a path on the machine that took the screenshots"
    " means nothing elsewhere)\n"
    "  check  screenshots.ck_screenshots_file_path_null .. ok  allowed: only in test-prod: (file_path IS NULL) (a path on"
    " the machine that took the screenshots means nothing elsewhere)\n"
)
PATH: dict[str, Any] = {"object": "screenshots.file_path", "aspects": ["not_null", "check"], "why": "w"}


def test_what_is_shipped_differs_as_it_is_declared(pair: Pair) -> None:
    assert pair.diff() == f"local → test-prod\n{ALLOWED}identical: 101 objects, 0 differences, 2 allowed\n"


def test_differences(pair: Pair) -> None:
    pair.other.execute(
        "drop index idx_chunks_embedding_ivfflat",
        "alter table chunks alter embedding type vector(4)",
        "create index idx_chunks_embedding_ivfflat on chunks using ivfflat (embedding vector_l2_ops) with (lists=50)",
        "alter table books add extra text",
        "drop table ingestion_logs",
        "alter table chunks rename constraint chunks_pkey to chunks_pkey1",
    )
    assert pair.diff(code=1) == (
        "local → test-prod\n"
        "  column  books.extra .. FAIL  only in test-prod: text\n"
        "  column  chunks.embedding .. FAIL  type vector(3) → vector(4)\n"
        "  pkey  chunks .. ok  named chunks_pkey → chunks_pkey1: a name that PostgreSQL makes up\n"
        "  index  chunks.idx_chunks_embedding_ivfflat .. FAIL  columns embedding vector_cosine_ops → embedding vector_l2_ops\n"
        "  index  chunks.idx_chunks_embedding_ivfflat .. FAIL  options lists=100 → lists=50\n"
        "  table  ingestion_logs .. FAIL  only in local: 8 columns, 1 foreign key, 4 indexes, 1 primary key\n"
        f"{ALLOWED}"
        "different: 5 differences, 2 allowed\n"
    )
    found = json.loads(pair.diff("--format", "json", code=1))
    assert found["data"] == {
        "from": "local", "to": "test-prod", "objects": 103, "differences": 5, "allowed": 2
    }  # fmt: skip
    assert (found["title"], found["gate"], found["exit_code"]) == ("local → test-prod", "closed", 1)
    assert [step["data"] for step in found["steps"]][1] == {
        "kind": "column", "object": "chunks.embedding", "name": "embedding", "aspect": "type", "from": "vector(3)",
        "to": "vector(4)", "allowed": None, "text": "type vector(3) → vector(4)",
    }  # fmt: skip
    assert [step["data"]["allowed"] for step in found["steps"]][-1] == {
        "why": "a path on the machine that took the screenshots means nothing elsewhere", "owner": "", "until": ""
    }  # fmt: skip


STATEMENTS_OF_LOCAL = (
    "create schema more", "create type more.mood as enum ('a', 'b')", "create sequence free increment 2",
    "create table more.t (id serial primary key, m more.mood default 'a', n int generated always as identity,"
    " v vector(3), unique (m, n), check (n > 0))",
    "create index on more.t using hnsw (v vector_l2_ops) with (m=5)",
    "create function f() returns int language sql as 'select 1'", "create view v as select id from books",
    "alter type source_type add value 'epub' before 'pdf'", "alter table books alter title type varchar(50)",
    "alter table books enable row level security", "create policy p on books using (true)",
    "create function touch() returns trigger language plpgsql as $$begin return new; end$$",
    "create trigger touched before insert on books for each row execute function touch()",
    "alter table books disable trigger touched",
)  # fmt: skip
STATEMENTS_OF_OTHER = (
    "alter table books alter title type varchar(20), alter word_count set default 7, alter author drop not null",
    "drop index idx_chunks_embedding_ivfflat", "alter table chunks rename constraint uq_chunk_book_sequence to u",
    "create index idx_chunks_embedding_ivfflat on chunks using ivfflat (embedding vector_l2_ops) with (lists=5)",
    "alter table chunks drop constraint chunks_book_id_fkey", "drop table ingestion_logs",
    "alter table failed_scrapes drop constraint failed_scrapes_book_id_fkey,"
    " add constraint failed_scrapes_book_id_fkey foreign key (book_id) references books on delete cascade not valid",
    "create function g() returns int language sql as 'select 1'", "create view w as select 1 as one",
    "alter table books add lost int", "create table gone (a int)",
)  # fmt: skip


def test_the_statements_bring_it_in_step(pair: Pair) -> None:
    pair.allow()
    pair.local.execute(*STATEMENTS_OF_LOCAL)
    pair.other.execute(*STATEMENTS_OF_OTHER)
    script = pair.diff("--format", "sql", code=1)
    assert script.startswith(
        '-- brings test-prod in step with local: different: 24 differences\nBEGIN;\nSET LOCAL search_path = "public";\n'
    ), script
    pair.other.execute(script)
    assert pair.diff(code=1) == (
        "local → test-prod\n"
        "  column  books.lost .. FAIL  only in test-prod: integer\n"
        "  table  gone .. FAIL  only in test-prod: 1 column\n"
        "different: 2 differences\n"
    )
    assert pair.diff("--format", "sql", code=1) == (
        "-- brings test-prod in step with local: different: 2 differences\n"
        "-- to be decided by a person: it would be lost with all that is in it\n"
        "-- column books.lost: only in test-prod: integer\n"
        '-- ALTER TABLE "public"."books" DROP COLUMN "lost";\n'
        "-- to be decided by a person: it would be lost with all that is in it\n"
        "-- table gone: only in test-prod: 1 column\n"
        '-- DROP TABLE "public"."gone";\n'
    )


def test_names_cannot_leave_a_comment(pair: Pair) -> None:
    pair.allow()
    pair.local.execute('create view "a\nb; drop table books; --" as select 1 as one')
    script = pair.diff("--format", "sql", code=1)
    assert (
        '-- view a\\x0ab; drop table books; --: only in local\nCREATE VIEW "public"."a\nb; drop table books; --" AS'
        in script
    )


ENTRIES: list[tuple[dict[str, Any], str]] = [
    (PATH | {"kind": "production"}, "identical: 101 objects, 0 differences, 2 allowed"),
    (PATH | {"kind": "local"}, "identical: 101 objects, 0 differences, 2 allowed"),
    (PATH | {"environments": ["test-prod"]}, "identical: 101 objects, 0 differences, 2 allowed"),
    (PATH | {"environments": ["test-prod"], "until": "TODAY"}, "identical: 101 objects, 0 differences, 2 allowed"),
    (PATH | {"object": "screenshots.*", "kind": "production"}, "identical: 101 objects, 0 differences, 2 allowed"),
    (PATH | {"object": "*", "aspects": [], "kind": "production"}, "identical: 101 objects, 0 differences, 2 allowed"),
    # a constraint's own name, a kind before the name, another aspect, both sides, neither
    (PATH | {"object": "check *.ck_*", "aspects": [], "kind": "production"}, "different: 1 difference, 1 allowed"),
    (PATH | {"object": "column *", "aspects": [], "kind": "production"}, "different: 1 difference, 1 allowed"),
    (PATH | {"aspects": ["not_null"], "kind": "production"}, "different: 1 difference, 1 allowed"),
    (PATH | {"environments": ["test-prod", "local"]}, "different: 2 differences"),
    (PATH | {"environments": ["prod"]}, "different: 2 differences"),
]  # fmt: skip


def test_allowed(pair: Pair) -> None:
    for entry, said in ENTRIES:
        pair.allow({key: str(date.today()) if value == "TODAY" else value for key, value in entry.items()})
        report = pair.diff(code=int(said.startswith("different")))
        assert report.splitlines()[-1] == said, entry
        assert "declarations" not in report, entry


def test_only_a_star_stands_for_other_text(pair: Pair) -> None:
    pair.other.execute(
        "create function f(text[], int[]) returns int language sql as 'select 1'", 'create table "a?" (a int)',
        "create table ab (a int)",
    )  # fmt: skip
    pair.allow(
        PATH | {"kind": "production"},
        {"object": "function f(text[], integer[])", "environments": ["test-prod"], "why": "w"},
        {"object": "a?", "environments": ["test-prod"], "why": "w"},
    )
    report = pair.diff(code=1)
    assert report.endswith("different: 1 difference, 4 allowed\n"), report
    assert "  table  ab .. FAIL  only in test-prod: 1 column\n" in report


def test_allowances_of_no_use(pair: Pair) -> None:
    pair.allow(
        PATH | {"kind": "production"},
        {"object": "screenshot.file_path", "environments": ["test-prod"], "why": "w"},
        {"object": "books.title", "environments": ["test-prod"], "why": "w"},
        {"object": "books.author", "environments": ["test-prod"], "why": "w", "until": "2020-01-01"},
    )
    first = (pair.root / "promote.yaml").read_text("utf-8").partition("allowed_differences:")[0].count("\n") + 2
    findings = (
        "  schema  declarations .. WARN\n"
        f'  promote.yaml:{first + 1}:5: warn: unused-allowance: the allowed difference "screenshot.file_path" matches'
        ' nothing between local and test-prod; did you mean "screenshots.file_path"?\n'
        "  help: take it out, or correct it\n"
        f'  promote.yaml:{first + 2}:5: warn: unused-allowance: the allowed difference "books.title" matches nothing'
        " between local and test-prod\n"
        "  help: take it out, or correct it\n"
        f'  promote.yaml:{first + 3}:5: warn: expired-allowance: the allowed difference "books.author" ran out on'
        " 2020-01-01, and matches nothing\n"
        "  help: take it out\n"
    )
    assert pair.diff().partition("(file_path IS NULL) (w)\n")[2] == (
        f"{findings}identical: 101 objects, 0 differences, 2 allowed\n"
    )


def test_an_allowance_that_ran_out(pair: Pair) -> None:
    pair.allow(PATH | {"kind": "production", "until": "2020-01-31", "owner": "reporting"})
    line = (pair.root / "promote.yaml").read_text("utf-8").partition("allowed_differences:")[0].count("\n") + 2
    assert pair.diff(code=1) == (
        "local → test-prod\n"
        "  column  screenshots.file_path .. FAIL  not null yes → no\n"
        f"  promote.yaml:{line}:5  was allowed until 2020-01-31\n"
        "  check  screenshots.ck_screenshots_file_path_null .. FAIL  only in test-prod: (file_path IS NULL)\n"
        f"  promote.yaml:{line}:5  was allowed until 2020-01-31\n"
        "  schema  declarations .. WARN\n"
        f'  promote.yaml:{line}:5: warn: expired-allowance: the allowed difference "screenshots.file_path" ran out on'
        " 2020-01-31\n"
        "  help: end the difference, or allow it longer; ask reporting\n"
        "different: 2 differences\n"
    )


def test_faults_of_allowances(pair: Pair) -> None:
    pair.allow(
        {"object": "a", "why": "w"},
        {"object": "a", "why": "w", "kind": "production", "environments": ["prodd"]},
        {"object": " ", "why": " ", "kind": "production", "aspects": ["typ", "not_null"], "until": "2027-02-30"},
        {"objekt": "a", "why": "w", "kind": "prod"},
    )
    line = (pair.root / "promote.yaml").read_text("utf-8").partition("allowed_differences:")[0].count("\n") + 2
    what = "allowed_differences"
    assert pair.error("diff", "--from", "local", "--to", "test-prod", code=2) == (
        f'error: promote.yaml:{line + 3}:12: {what}[3].kind: "prod" is not allowed; one of: local, production\n'
        f'error: promote.yaml:{line + 3}:18: {what}[3]: unknown key "objekt"; did you mean "object"?\n'
    )
    text = (
        (pair.root / "promote.yaml")
        .read_text("utf-8")
        .replace("objekt", "object")
        .replace("kind: prod,", "kind: local,")
    )
    (pair.root / "promote.yaml").write_text(text, "utf-8")
    assert pair.error("diff", "--from", "local", "--to", "test-prod", code=2) == (
        f"error: promote.yaml:{line}:5: {what}[0]: is not said to be of any environment\n"
        "  say where: environments: [prod], or kind: production\n"
        f'error: promote.yaml:{line + 1}:21: {what}[1].environments[0]: no environment "prodd"; did you mean "prod"?\n'
        "  environments: local, prod, test-prod\n"
        f"error: promote.yaml:{line + 1}:29: {what}[1]: has environments and a kind\n"
        "  name the environments, or their kind\n"
        f'error: promote.yaml:{line + 2}:16: {what}[2].aspects[0]: no aspect "typ"; did you mean "type"?\n'
        "  what the report names, with _ for blanks: type, not_null, check\n"
        f"error: promote.yaml:{line + 2}:58: {what}[2].object: is empty\n"
        "  an object as the report names it, or *\n"
        f'error: promote.yaml:{line + 2}:70: {what}[2].until: "2027-02-30" is no day\n'
        "  year-month-day: 2027-01-01\n"
        f"error: promote.yaml:{line + 2}:89: {what}[2].why: is empty\n"
        "  say why the difference is wanted\n"
    )


def test_between_schemas(pair: Pair) -> None:
    pair.other.execute("create schema reporting", "create table reporting.daily (a int)", "create table loose (a int)")
    assert pair.diff(code=1) == (
        "local → test-prod\n"
        "  schema  reporting .. FAIL  only in test-prod: 1 table\n"
        "  table  loose .. FAIL  only in test-prod: 1 column\n"
        f"{ALLOWED}different: 2 differences, 2 allowed\n"
    )
    assert pair.diff("--schema", "reporting", code=1) == (
        "local → test-prod\n"
        "  schema  reporting .. FAIL  only in test-prod: 1 table\n"
        "different: 1 difference\n"
    )  # fmt: skip
    pair.local.execute("create schema reporting", "create table reporting.daily (a int)")
    assert pair.diff("--schema", "reporting") == "local → test-prod\nidentical: 3 objects, 0 differences\n"
    assert pair.error("diff", "--from", "local", "--to", "test-prod", "--schema", "reportin", code=2) == (
        'error: neither local nor test-prod has a schema "reportin"; did you mean "reporting"?\n'
        "  schemas: public, reporting\n"
    )


WHICH = [
    ("local", "local", "--from and --to are both local\n  name two\n"),
    (
        "loca",
        "test-prod",
        'no environment and no file "loca"; did you mean "local"?\n'
        "  environments: local, prod, test-prod; or a snapshot file\n",
    ),
    (
        "old/snapshot.yaml",
        "local",
        "no such file: old/snapshot.yaml\n  a file of schema snapshot, or one of: local, prod, test-prod\n",
    ),
    (
        "local",
        "prod",
        "environments/prod.yaml:1:6: url: PRODUCTION_DATABASE_URL is not set\n"
        "  set it in the environment or in .env: PRODUCTION_DATABASE_URL=postgresql://USER:PASSWORD@HOST:5432/DATABASE\n",
    ),
]


def test_which_two(pair: Pair) -> None:
    for one, other, said in WHICH:
        assert pair.error("diff", "--from", one, "--to", other, code=2) == f"error: {said}"


def test_an_environment_that_does_not_answer(pair: Pair) -> None:
    content = "url: postgresql://x:secret@127.0.0.1:1/y\nadmin_url: postgresql://x:secret@127.0.0.1:1/y\n"
    (pair.root / "environments" / "prod.yaml").write_text(content)
    assert pair.error("diff", "--from", "local", "--to", "prod", code=3) == (
        "error: postgresql://x:***@127.0.0.1:1/y: no server answers at 127.0.0.1:1\n"
        "  start it, or correct host and port\n"
    )


def test_a_role_that_may_not_read_catalogs(pair: Pair, suffix: str) -> None:
    pair.other.execute(
        f"create role blind_{suffix} login password '{PASSWORD}'",
        "revoke select on pg_catalog.pg_constraint from public",
    )
    pair.environment("test-prod", pair.other, f"blind_{suffix}", kind="production")
    assert pair.error("diff", "--from", "local", "--to", "test-prod", code=3) == (
        "error: test-prod: reading the catalog: permission denied for table pg_constraint\n"
        "  connect with the identity that owns the objects (admin_url), or have an administrator do it\n"
    )


def test_a_role_that_may_not_read_the_revision(pair: Pair, suffix: str) -> None:
    pair.other.execute(f"create role poor_{suffix} login password '{PASSWORD}'")
    pair.environment("test-prod", pair.other, f"poor_{suffix}", kind="production")
    assert pair.diff() == (
        "local → test-prod\n"
        "  revision  test-prod .. WARN  the role may not read at which migration the database is: revisions are not"
        " compared\n"
        "  promote setup --env test-prod\n"
        f"{ALLOWED}identical: 101 objects, 0 differences, 2 allowed\n"
    )


def test_revisions(pair: Pair) -> None:
    pair.other.execute("update alembic_version set version_num = '2d94e6b81fa0'")
    assert pair.diff(code=1) == (
        "local → test-prod\n"
        f"  revision  revision .. FAIL  {HEAD} → 2d94e6b81fa0\n"
        f"{ALLOWED}different: 1 difference, 2 allowed\n"
    )
    assert "-- to be decided by a person: run the migrations, do not write the revision down: promote migrate\n" in (
        pair.diff("--format", "sql", code=1)
    )


def test_help_has_examples(pair: Pair) -> None:
    for words in (["--help"], ["diff", "--help"], ["drift", "--help"], ["snapshot", "--help"]):
        assert "Examples:" in pair.schema(*words)
