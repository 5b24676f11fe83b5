"""What the rows of a file use, and what the import role has: both are looked at before anything is written."""

from __future__ import annotations

import pytest

from tests import yamlfile
from tests.conftest import Ran
from tests.run.conftest import Shop
from tests.run.exports import Export

CLOSED = "gate closed: nothing was changed"


@pytest.fixture(params=[False, True], ids=["small", "big"])
def big(request: pytest.FixtureRequest, shop: Shop) -> Shop:
    """The same for a file that is validated first, and for one that is read while its rows go in."""
    if request.param:
        shop.copy.edit("promote.yaml", "limits:", "limits:\n    validate_first: 0")
    return shop


def take(shop: Shop, *statements: str) -> None:
    shop.database.execute(*(each.replace("{api}", shop.role) for each in statements))


def found(shop: Shop, ran: Ran) -> list[str]:
    """The findings of preflight, with their help behind |."""
    lines = ran.stdout.replace(shop.role, "api").replace(shop.database.name, "DB").splitlines()
    lines = [line.strip() for line in lines]
    return [
        f"{line} | {after.removeprefix('help: ')}" if after.startswith("help: ") else line
        for line, after in zip(lines, [*lines[1:], ""], strict=True)
        if "privilege: " in line or "more than declared" in line or "not declared" in line
    ]


def refused(shop: Shop, *expected: str) -> None:
    """Named before anything is written."""
    before = shop.contents()
    ran = shop.run(shop.file(Export()))
    assert found(shop, ran) == [*expected]
    assert (ran.exit_code, ran.stderr) == (1, "")
    assert "  preflight  schema, privileges, settings ..... FAIL" in ran.stdout
    assert ran.stdout.splitlines()[-1].startswith(CLOSED)
    assert shop.contents() == before


def test_a_column_that_the_file_uses(big: Shop) -> None:
    query = "select string_agg(attname, ', ') from pg_attribute where attrelid = 'books'::regclass and attnum > 0"
    ((columns,),) = big.rows(f"{query} and attname <> 'book_metadata'")
    take(big, "revoke insert on books from {api}", f"grant insert ({columns}) on books to {{api}}")
    refused(
        big,
        "privilege: api lacks INSERT (book_metadata) on public.books | promote setup --env test-prod,"
        " or GRANT INSERT (book_metadata) ON public.books TO api",
    )
    take(big, "grant insert (book_metadata) on books to {api}")
    assert big.accepted(Export()).exit_code == 0


def test_columns_that_are_read(shop: Shop) -> None:
    take(shop, "revoke select on chunks from {api}", "grant select (id) on chunks to {api}")
    ran = shop.run(shop.file(Export()))
    assert ran.exit_code == 1
    (fact,) = [each for each in found(shop, ran) if "chunks" in each]
    assert fact.startswith("privilege: api lacks SELECT (")
    assert "book_id" in fact
    assert shop.count("books") == 0


def test_all_of_a_table(big: Shop) -> None:
    take(big, "revoke all on books, chunks from {api}")
    refused(
        big,
        *(
            f"privilege: api lacks SELECT and INSERT on public.{table} | promote setup --env ENV,"
            f" or GRANT SELECT, INSERT ON public.{table} TO api".replace("ENV", "test-prod")
            for table in ("books", "chunks")
        ),
    )


def test_a_table_without_rows(big: Shop) -> None:
    """What a file has no rows of needs no privilege."""
    take(big, "revoke insert on screenshots from {api}")
    export = Export(screenshots=0)
    big.accepted(export)
    assert big.count("screenshots") == 0
    refused_file = big.file(Export(2), "other.sql")
    ran = big.run(refused_file)
    assert ran.exit_code == 1
    assert found(big, ran) == [
        "privilege: api lacks INSERT on public.screenshots | promote setup --env test-prod,"
        " or GRANT INSERT ON public.screenshots TO api"
    ]
    assert big.count("books") == 1


def test_more_than_declared(shop: Shop) -> None:
    """A warning; where the environment is protected, a refusal."""
    take(shop, "grant delete on chunks to {api}")
    said = (
        "undeclared: api has more than declared: DELETE on table public.chunks: nothing declares it |"
        ' promote grants --env test-prod --apply: REVOKE DELETE ON TABLE public.chunks FROM "api"'
    )
    ran = shop.accepted(Export())
    assert found(shop, ran) == [f"warn: {said}"]
    assert "  preflight  schema, privileges, settings ..... WARN" in ran.stdout
    shop.environment(protected=True)
    before = shop.contents()
    ran = shop.run(shop.file(Export(2)), "--yes", "test-prod")
    assert (ran.exit_code, ran.stderr) == (1, "")
    assert found(shop, ran) == [said]
    assert ran.stdout.splitlines()[-1].startswith(CLOSED)
    assert shop.contents() == before


def test_what_cannot_hurt_is_no_matter(shop: Shop) -> None:
    """Less than declared, drift of other roles, and what is accepted, are not the import's business."""
    reader = shop.copy.name("minerva_reader")
    shop.environment(protected=True)
    take(shop, f"grant delete on chunks to {reader}", "create table notes ()", "alter table notes owner to {api}")
    ran = shop.run(shop.file(Export()), "--yes", "test-prod")
    assert (ran.exit_code, len(found(shop, ran))) == (1, 1)
    accept = [{"code": "owns-object", "object": "table public.notes", "why": "made at run time"}]
    path = shop.root / "environments" / "test-prod.yaml"
    content = yamlfile.read(path)
    content["roles"][shop.role]["accept"] = accept
    yamlfile.write(path, content)
    ran = shop.run(shop.file(Export()), "--yes", "test-prod")
    assert (ran.exit_code, ran.stderr, found(shop, ran)) == (0, "", [])


def test_an_import_role_that_is_not_declared(shop: Shop) -> None:
    shop.environment(roles=None, public=None)
    said = "undeclared-import-role: import role api is not declared in roles: what it may do is not compared"
    help_ = "declare it with its grants: promote grants --env test-prod --generate shows how"
    assert found(shop, shop.accepted(Export())) == [f"warn: {said} | {help_}"]
    shop.environment(protected=True)
    ran = shop.run(shop.file(Export(2)), "--yes", "test-prod")
    assert (ran.exit_code, found(shop, ran)) == (1, [f"{said} | {help_}"])
    assert shop.count("books") == 1
