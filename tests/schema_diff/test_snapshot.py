"""`promote schema snapshot`, what validate and schema diff make of its file, and files that are none."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minerva_promote.config.load_environment import read_environment
from minerva_promote.config.load_project import load_project
from minerva_promote.config.snapshot_file import read_snapshot_file
from minerva_promote.database.catalog import live_snapshot
from minerva_promote.schema_diff.diff import diff
from minerva_promote.schema_diff.model import Entity, Schema, index_by_key, restrict_to_tables
from minerva_promote.schema_diff.snapshot_yaml import schema_from_file, snapshot_yaml
from minerva_promote.schema_diff.stale_snapshot import stale_to_database
from tests.material import REPOSITORY
from tests.migrations.migrated_databases import HEAD
from tests.schema_diff.conftest import Bench, Pair, both_ways
from tests.servers import Database

FILE = "alembic/snapshot.yaml"
EXPORT = REPOSITORY / "examples" / "lighthouse.sql"


def major(database: Database) -> int:
    with database.connect() as conn:
        return conn.info.server_version // 10_000


def test_the_shipped_file_is_what_the_command_writes(pair: Pair) -> None:
    shipped = (REPOSITORY / FILE).read_text("utf-8")
    out = pair.schema("snapshot", "--env", "test-prod")
    if major(pair.other) == 18:  # which stands in it
        assert out == (
            f"test-prod\n  snapshot  {FILE} .. ok  unchanged: 4 tables, 43 columns, revision {HEAD}\nsnapshot of test-prod\n"
        )
        assert (pair.root / FILE).read_text("utf-8") == shipped
        assert pair.promote("schema", "snapshot", "test-prod", "--out", "-").stdout == shipped


def test_it_is_written_anew(pair: Pair) -> None:
    pair.other.execute("alter table books add extra int default 7")
    out = pair.schema("snapshot", "--env", "test-prod", "--out", str(pair.root / "new" / "s.yaml"))
    assert out.endswith(f"new/s.yaml .. ok  made: 4 tables, 44 columns, revision {HEAD}\nsnapshot of test-prod\n")
    assert not list((pair.root / "new").glob(".s.yaml*"))
    assert '      extra: {type: integer, default: "7"}\n' in (pair.root / "new" / "s.yaml").read_text("utf-8")
    out = pair.schema("snapshot", "--env", "test-prod")
    assert f"{FILE} .. ok  written anew: 4 tables, 44 columns" in out


def test_a_broken_file_is_written_anew_too(pair: Pair) -> None:
    """It would stop every other command."""
    (pair.root / FILE).write_text("tables: {books: {columns: {id: {type: uuid}}}}\n")
    assert pair.error("diff", "--from", "local", "--to", "test-prod", code=2) == (
        f"error: {FILE}:1:1: format: missing: the file is of an earlier release, this one reads 2\n"
        "  write it anew: promote schema snapshot --env ENV\n"
    )
    assert "written anew" in pair.schema("snapshot", "--env", "test-prod")
    pair.diff()


def test_tables_of_the_contract_that_are_not_there(pair: Pair) -> None:
    pair.other.execute("alter table books rename to book")
    assert pair.error("snapshot", "--env", "test-prod", code=3) == (
        'error: test-prod lacks what the contract names: books; did you mean "book"?\n'
        "  promote migrate --env test-prod, or correct contract.tables of promote.yaml\n"
    )


def test_a_file_that_cannot_be_written(pair: Pair) -> None:
    (pair.root / "file").write_text("")
    assert pair.error("snapshot", "--env", "test-prod", "--out", str(pair.root / "file" / "s.yaml"), code=2) == (
        f"error: {pair.root}/file/s.yaml cannot be written: file exists\n  name a file you can write with --out\n"
    )


def test_compared_with_environments(pair: Pair) -> None:
    pair.schema("snapshot", "--env", "test-prod")
    assert pair.diff(one=FILE) == f"{FILE} → test-prod\nidentical: 72 objects, 0 differences\n"
    allowed = pair.diff(one=FILE, other="local")
    assert allowed.endswith("identical: 72 objects, 0 differences, 2 allowed\n")
    pair.other.execute(
        "alter table chunks alter vision_model drop not null", "create table not_of_the_contract (a int)",
        "alter type source_type add value 'epub'",
    )  # fmt: skip
    assert pair.diff(one=FILE, code=1) == (
        f"{FILE} → test-prod\n"
        "  type  source_type .. FAIL  labels kindle, website, pdf → kindle, website, pdf, epub\n"
        "  column  chunks.vision_model .. FAIL  not null yes → no\n"
        "  schema  declarations .. WARN\n"
        f"  warn: stale-snapshot: {FILE} was written from test-prod, which has been changed since\n"
        f"  help: promote schema snapshot --env test-prod --out {FILE}\n"
        "different: 2 differences\n"
    )
    pair.other.execute("update alembic_version set version_num = 'another'")
    assert (
        f"  warn: stale-snapshot: {FILE} was written at revision {HEAD}, test-prod is at another\n"
        f"  help: promote schema snapshot --env test-prod --out {FILE}\n"
    ) in pair.diff(one=FILE, code=1)


def test_two_files(pair: Pair) -> None:
    one, other = str(pair.root / "a.yaml"), str(pair.root / "b.yaml")
    pair.schema("snapshot", "--env", "local", "--out", one)
    pair.schema("snapshot", "--env", "test-prod", "--out", other)
    assert pair.diff(one=one, other=other).endswith("identical: 72 objects, 0 differences, 2 allowed\n")
    text = (
        Path(other)
        .read_text("utf-8")
        .replace("postgresql: 18", "postgresql: 15")
        .replace("postgresql: 16", "postgresql: 15")
    )
    Path(other).write_text(text)
    assert (
        f"  server  PostgreSQL .. ok  {major(pair.other)} → 15: what these releases write differently is compared by what it means\n"
    ) in pair.diff(one=one, other=other)


BROKEN = {
    "format: 3\ntables: 7\n": (
        "{file}:1:9: format: 3 is of a later release, this one reads 2\n"
        "  use that release of promote, or write the file anew: promote schema snapshot --env ENV\n"
    ),
    "format: 2\n": '{file}:1:1: missing key "tables"\n',
    "format: 2\ntables: {a: {columns: {id: {typ: uuid}}}}\n": (
        '{file}:2:29: tables.a.columns.id: unknown key "typ"; did you mean "type"?\n'
    ),
    "format: 2\ntables: {a: {columns: {id: {type: uuid}}, primary_key: {k: {columns: [idd]}}}}\n": (
        '{file}:2:71: tables.a.primary_key.k.columns[0]: no column "idd"; did you mean "id"?\n'
    ),
    "format: 2\ntables: {a: {columns: {id: {type: \"v(${d})\"}}}}\n": (
        '{file}:2:35: tables.a.columns.id.type: no variable "d"\n  variables: embedding_dimensions\n'
    ),
    "format: 2\ntables: {\n": "{file}:3:1: not YAML: did not find expected node content\n",
    "": "{file}:1:1: the file is empty\n",
}  # fmt: skip


def test_broken_files(pair: Pair) -> None:
    file, said = pair.root / "broken.yaml", {}
    for text in BROKEN:
        file.write_text(text)
        said[text] = pair.error("diff", "--from", str(file), "--to", "local", code=2).replace(str(file), "{file}")
    assert said == {text: f"error: {expected}" for text, expected in BROKEN.items()}


def test_validate_says_that_it_is_of_another_revision(pair: Pair) -> None:
    path = pair.root / FILE
    path.write_text(path.read_text("utf-8").replace(HEAD, "540a518e2b30"), "utf-8")
    file = pair.root / "export.sql"
    file.write_bytes(EXPORT.read_bytes())
    ran = pair.promote("--var", "embedding_dimensions=1536", "validate", file)
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert ran.stdout.startswith(
        f"  validate   {FILE} ............ WARN\n"
        f"    warn: stale-snapshot: {FILE} was written at revision 540a518e2b30, the migrations are at {HEAD}: it may not"
        " be what an import will meet\n"
        "        help: promote schema snapshot --env test-prod\n"
        "  validate   export.sql ....................... ok "
    )
    assert ran.stdout.endswith("accepted: 1 file\n")


MERGED = {
    "left": f'revision = "aaaaaaaaaaaa"\ndown_revision = "{HEAD}"\n',
    "right": f'revision = "bbbbbbbbbbbb"\ndown_revision = "{HEAD}"\n',
    "joined": 'revision = "cccccccccccc"\ndown_revision = ("aaaaaaaaaaaa", "bbbbbbbbbbbb")\n',
}


def test_validate_says_it_of_trees_of_others(pair: Pair) -> None:
    """One that is named by its alembic.ini, with a revision that joins two."""
    (pair.root / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/alembic\n", "utf-8")
    for name, text in MERGED.items():
        (pair.root / "alembic" / "versions" / f"{name}.py").write_text(text, "utf-8")
    path = pair.root / "promote.yaml"
    path.write_text(path.read_text("utf-8").replace("migrations: alembic\n", "migrations: alembic.ini\n"), "utf-8")
    (pair.root / "export.sql").write_bytes(EXPORT.read_bytes())
    ran = pair.promote("--var", "embedding_dimensions=1536", "validate", pair.root / "export.sql")
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert ran.stdout.splitlines()[1] == (
        f"    warn: stale-snapshot: {FILE} was written at revision {HEAD}, the migrations are at cccccccccccc: it may not"
        " be what an import will meet"
    )


def test_what_a_run_would_say(pair: Pair) -> None:
    def said(name: str) -> list[str]:
        project = load_project(pair.root)
        database = pair.local if name == "local" else pair.other
        with database.connect() as conn:
            live = live_snapshot(conn, project.contract.tables)
        return [
            f"{each.message} | {each.hint}"
            for each in stale_to_database(project, read_environment(project, name), live)
        ]

    assert said("local") == said("test-prod") == []
    pair.other.execute(
        "alter table chunks drop column chunk_metadata", "alter table books add extra int",
        "alter table books alter title drop not null", "alter table books alter author type text",
    )  # fmt: skip
    assert said("test-prod") == [
        f"{FILE} is not as test-prod: books.title not null yes → no, books.author type character varying → text,"
        " books.extra is not in the file, and 1 more | promote schema snapshot --env test-prod"
    ]
    assert said("local") == []
    pair.allow()
    assert said("local") == [
        f"{FILE} is not as local: screenshots.file_path not null no → yes | promote schema snapshot --env local"
    ]


def test_every_kind_survives_being_written(bench: Bench, tmp_path: Path) -> None:
    tables = frozenset(entity.name for entity in bench.base.of_kind("table") if entity.schema == "public")
    whole = restrict_to_tables(bench.base, tables)
    path = tmp_path / "s.yaml"
    path.write_text(snapshot_yaml(whole, environment="x", kind="local"), "utf-8")
    back = schema_from_file(read_snapshot_file(path, {}))
    assert diff(whole, back) == ()
    silent = {"extension": {"types"}, "trigger": {"function"}}
    for key, entity in whole.entities.items():
        facts = {name: fact for name, fact in entity.facts.items() if name not in silent.get(entity.kind, ())}
        found = {n: f for n, f in back.entities[key].facts.items() if n not in silent.get(entity.kind, ())}
        assert (found, back.entities[key].columns) == (facts, entity.columns), key
    assert both_ways(whole, back) == []


def test_a_part_has_what_it_needs(bench: Bench) -> None:
    found = restrict_to_tables(bench.base, frozenset({"parent"}))
    assert {(each.kind, each.path) for each in found.entities.values() if not each.table} == {
        ("revision", "revision"), ("extension", "vector"), ("type", "mood"), ("type", "positive"), ("table", "parent"),
    }  # fmt: skip
    found = restrict_to_tables(bench.base, frozenset({"child"}))
    assert ("function", "public", "", "touch()") in found.entities


names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8) | st.sampled_from(
    [
        "${",
        "$${x}",
        "<<",
        "true",
        "null",
        "12",
        "a b",
        "a: b",
        "uuid[]",
        "numeric(10,2)",
        "\u2028",
        "\ufeff",
        "ä'\"",
        "1.5",
    ]
)
facts = st.fixed_dictionaries({"type": names}, optional={"not_null": st.just(True), "default": names})
columns = st.dictionaries(names, facts, min_size=1, max_size=3)


@given(tables=st.dictionaries(names, columns, min_size=1, max_size=3), options=st.lists(names, min_size=1).map(tuple))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_names_survive_being_written(
    tables: dict[str, dict[str, dict[str, str | bool]]], options: tuple[str, ...], tmp_path: Path
) -> None:
    made = [Entity("revision", "", "", "revision", {"at": options})]
    for name, its_columns in tables.items():
        made.append(Entity("table", "public", "", name, {"options": options}))
        made += [Entity("column", "public", name, column, of, (column,)) for column, of in its_columns.items()]
    schema = Schema(index_by_key(made), 18, options, frozenset(tables))
    path = tmp_path / "s.yaml"
    path.write_text(snapshot_yaml(schema, environment="e", kind="local"), "utf-8")
    assert schema_from_file(read_snapshot_file(path, {})) == schema
