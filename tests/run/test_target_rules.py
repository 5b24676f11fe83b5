"""Triggers, rules, constraints and row security of the target: what is stored is what the file says, or nothing is."""

from __future__ import annotations

import pytest

from tests import yamlfile
from tests.run.conftest import Shop
from tests.run.exports import Export, key
from tests.run.reports import CLOSED, OTHER, TAKEN, findings, refused

PREFLIGHT_CLOSED = "gate closed: nothing was changed"


def trigger(shop: Shop, body: str, *, on: str = "chunks", when: str = "before insert", more: str = "") -> None:
    """Make a trigger named meddle."""
    shop.database.execute(
        f"create function meddle() returns trigger language plpgsql as $$begin {body} end$$",
        f"create {more} trigger meddle {when} on {on} for each row execute function meddle()".replace(
            "  ", " "
        ).replace("{deferred}", "deferrable initially deferred"),
    )


def _with_the_owners_rights(shop: Shop) -> None:
    """The trigger works as the owner; that the import role sets it off is known and accepted."""
    shop.database.execute("alter function meddle() security definer", "revoke execute on function meddle() from public")
    (table,) = shop.rows("select tgrelid::regclass::text from pg_trigger where tgname = 'meddle'")[0]
    accept = {"code": "trigger", "object": f"trigger meddle on public.{table}", "why": "for this test"}
    path = shop.root / "environments" / "test-prod.yaml"
    content = yamlfile.read(path)
    content["roles"][shop.role]["accept"] = [accept]
    yamlfile.write(path, content)


def warning(table: str = "chunks") -> str:
    """The finding of preflight."""
    return f"warn: trigger: trigger meddle on {table} runs with the import | all rows are read back and compared"


def test_a_trigger_that_changes_nothing_is_said(shop: Shop) -> None:
    trigger(shop, "return new;")
    ran = shop.accepted(Export(chunks=260))
    assert findings(ran)[0] == warning()
    assert "  preflight  schema, privileges, settings ..... WARN\n" in ran.stdout
    assert "  import     chunks ........................... ok     260 new, 0 already there, 0 different" in ran.stdout
    assert shop.accepted(Export(chunks=260)).stdout.endswith("all 264 rows are already there, identical\n")


def test_a_trigger_of_updates_is_no_matter(shop: Shop) -> None:
    trigger(shop, "return null;", when="before update")
    assert "WARN" not in shop.accepted(Export()).stdout.partition("  index ")[0]


def test_a_trigger_that_changes_what_is_written(shop: Shop) -> None:
    trigger(shop, "new.chunk_text := upper(new.chunk_text); new.embedding := '[1,1,1]'; return new;")
    file = shop.file(Export())
    fact = 'a trigger changed what was written: chunk_text is "TEXT {0}"; embedding is a vector of 3'
    refused(
        shop,
        file,
        warning(),
        *(
            f"{file}:{12 + 3 * number}: different: chunks {key('d', 1, number)}: {fact.format(number)} | {OTHER}"
            for number in (1, 2, 3)
        ),
    )
    ran = shop.run(file)
    assert "  import     chunks ........................... FAIL   0 new, 0 already there, 3 different" in ran.stdout


def test_a_trigger_that_changes_another_table(shop: Shop) -> None:
    trigger(shop, "update books set title = 'x' where id = new.book_id; return null;", when="after insert")
    _with_the_owners_rights(shop)
    file = shop.file(Export())
    fact = f'different: books {key("b", 1)}: a trigger changed what was written: title is "x"'
    refused(shop, file, warning(), f"{file}:6: {fact} | {OTHER}")


def test_a_trigger_that_takes_rows_away(shop: Shop) -> None:
    trigger(shop, "delete from chunks where chunk_sequence = 2; return null;", when="after insert")
    _with_the_owners_rights(shop)
    file = shop.file(Export())
    fact = f"different: chunks {key('d', 1, 2)}: was written, and a trigger took it away again"
    refused(shop, file, warning(), f"{file}:18: {fact} | {OTHER}")


def test_a_deferred_trigger_that_changes_rows(shop: Shop) -> None:
    shop.database.execute(
        "create function meddle() returns trigger language plpgsql as"
        " $$begin update screenshots set screenshot_hash = 'x' where id = new.id; return null; end$$",
        "create constraint trigger meddle after insert on screenshots deferrable initially deferred"
        " for each row execute function meddle()",
    )
    _with_the_owners_rights(shop)
    file = shop.file(Export(screenshots=1))
    fact = f'different: screenshots {key("c", 1, 1)}: a trigger changed what was written: screenshot_hash is "x"'
    refused(shop, file, warning("screenshots"), f"{file}:9: {fact} | {OTHER}")


def test_a_trigger_that_swallows_rows(shop: Shop) -> None:
    trigger(shop, "if new.chunk_sequence = 2 then return null; end if; return new;")
    file = shop.file(Export())
    fact = f"blocked: chunks {key('d', 1, 2)}: meddle, or a constraint of the target, keeps it out"
    refused(shop, file, warning(), f"{file}:18: {fact} | {TAKEN}")


def test_a_trigger_that_swallows_the_book(shop: Shop) -> None:
    trigger(shop, "return null;", on="books")
    file = shop.file(Export(screenshots=0))
    fact = f"blocked: books {key('b', 1)}: meddle, or a constraint of the target, keeps it out"
    foreign = (
        'refused: importing chunks: insert or update on table "chunks" violates foreign key constraint'
        f' "chunks_book_id_fkey": Key (book_id)=({key("b", 1)}) is not present in table "books".'
        " | correct the data, or the target"
    )
    refused(shop, file, warning("books"), f"{file}:6: {fact} | {TAKEN}", foreign)


def test_a_trigger_that_refuses(shop: Shop) -> None:
    trigger(shop, "raise exception 'not on Sundays' using hint = 'come back', errcode = 'check_violation';")
    file = shop.file(Export())
    refused(shop, file, warning(), "refused: importing chunks: not on Sundays | come back")


def test_a_trigger_that_breaks(shop: Shop) -> None:
    trigger(shop, "perform 1 / 0 from missing; return new;")
    before = shop.contents()
    ran = shop.run(shop.file(Export()))
    assert ran.exit_code == 3
    assert ran.stderr == (
        'error: importing chunks: relation "missing" does not exist; nothing was changed (rolled back)\n'
    )
    assert shop.contents() == before


@pytest.mark.parametrize("event", ["insert", "update"])
def test_a_rule_closes_the_gate(shop: Shop, event: str) -> None:
    shop.database.execute(f"create rule swallow as on {event} to books do instead nothing")
    before = shop.contents()
    ran = shop.run(shop.file(Export()))
    assert (ran.exit_code, ran.stderr) == (1, "")
    assert findings(ran) == [
        "rule: rule swallow on books rewrites what is imported | DROP RULE swallow ON books; a trigger can do the same"
    ]
    assert ran.stdout.splitlines()[-1] == PREFLIGHT_CLOSED
    assert shop.contents() == before


def test_a_rule_of_deletions_is_no_matter(shop: Shop) -> None:
    shop.database.execute("create rule keep as on delete to books do instead nothing")
    shop.accepted(Export())


def test_row_security(shop: Shop) -> None:
    shop.database.execute(
        "alter table books enable row level security", "create policy all_of_it on books using (true) with check (true)"
    )
    before = shop.contents()
    ran = shop.run(shop.file(Export()))
    assert (ran.exit_code, ran.stderr) == (1, "")
    assert findings(ran) == [
        "row-security: row security is active on books: rows could be hidden from the checks"
        " | give the import role BYPASSRLS, or a policy that shows all"
    ]
    assert shop.contents() == before


def test_a_constraint_that_only_the_target_has(shop: Shop) -> None:
    shop.database.execute("alter table chunks add constraint short check (length(chunk_text) < 7)")
    export = Export()
    shop.accepted(export)
    other = Export(2)
    other.chunks[1]["chunk_text"] = "'longer than that'"
    before = shop.contents()
    ran = shop.run(shop.file(other))
    assert (ran.exit_code, ran.stderr) == (1, "")
    (finding,) = findings(ran)
    assert finding.startswith(
        'refused: importing chunks: new row for relation "chunks" violates check constraint "short": Failing row'
        f" contains ({key('d', 2, 2)}, {key('b', 2)}, "
    )
    assert finding.endswith(" | correct the data, or the target")
    assert "  import     rows ............................. FAIL   the target refuses a row\n" in ran.stdout
    assert ran.stdout.splitlines()[-1] == CLOSED
    assert shop.contents() == before


def test_a_type_of_the_target_that_is_narrower(shop: Shop) -> None:
    shop.database.execute("alter table books alter column source_domain type varchar(4)")
    export = Export()
    export.book["source_domain"] = "'a.example'"
    ran = shop.run(shop.file(export))
    assert ran.exit_code == 1
    (finding,) = findings(ran)
    assert finding.endswith(": too-long-text: books.source_domain: 9 characters, at most 4 | shorten it")


@pytest.mark.parametrize("first", ["67108864", "0"], ids=["validated-first", "while-it-goes-in"])
def test_a_deferred_constraint(shop: Shop, first: str) -> None:
    shop.copy.edit("promote.yaml", "limits:", f"limits:\n    validate_first: {first}")
    shop.database.execute(
        "create table allowed (hash varchar primary key)",
        "alter table screenshots add constraint known foreign key (screenshot_hash) references allowed"
        " deferrable initially deferred",
    )
    before = shop.contents()
    ran = shop.run(shop.file(Export()))
    assert (ran.exit_code, ran.stderr) == (1, "")
    assert findings(ran) == [
        'refused: checking deferred constraints: insert or update on table "screenshots" violates foreign key'
        ' constraint "known": Key (screenshot_hash)=(hash1) is not present in table "allowed".'
        " | correct the data, or the target"
    ]
    assert ran.stdout.splitlines()[-1] == CLOSED
    assert shop.contents() == before
    shop.database.execute("insert into allowed values ('hash1'), ('hash2')")
    shop.accepted(Export())


def test_a_foreign_key_of_the_target(shop: Shop) -> None:
    """References that the contract does not know."""
    shop.database.execute(
        "create table authors (name varchar primary key)",
        "alter table books add constraint known foreign key (author) references authors",
    )
    file = shop.file(Export())
    refused(
        shop,
        file,
        'refused: importing books: insert or update on table "books" violates foreign key constraint "known":'
        ' Key (author)=(A. Uthor) is not present in table "authors". | correct the data, or the target',
    )


def test_the_database_of_another_kind(shop: Shop) -> None:
    """Migrated as kind local: screenshots need a path there, which no export has."""
    shop.database.execute(
        "alter table screenshots drop constraint ck_screenshots_file_path_null",
        "alter table screenshots alter column file_path set not null",
    )
    before = shop.contents()
    file = shop.file(Export(screenshots=1))
    ran = shop.run(file)
    assert ran.exit_code == 1
    assert findings(ran) == [
        f"{file}:9:1: null: screenshots.file_path is NULL"
        " | the contract says NULL: take NOT NULL from the column, or promote it to an environment of kind production"
    ]
    assert shop.contents() == before
    shop.accepted(Export(screenshots=0))
