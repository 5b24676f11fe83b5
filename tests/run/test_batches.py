"""Files whose rows stand in odd but legal order, and more rows than one batch takes."""

from __future__ import annotations

import pytest

from tests.run.conftest import Shop
from tests.run.exports import Export, insert, key
from tests.run.reports import findings


def test_odd_but_legal_orders_and_shapes(shop: Shop) -> None:
    export = Export(screenshots=3, chunks=5)
    shots, chunks = export.screenshots, export.chunks
    text = [
        "start transaction;;",
        insert("books", [export.book]),
        insert("screenshots", shots[2:]),
        insert("embedding_configs", [export.config]),
        insert("chunks", [chunks[4], chunks[0]]),
        insert('"screenshots"', [dict(reversed(shots[0].items()))]).replace(
            "(id) DO", "on constraint screenshots_pkey do"
        ),
        insert("public.chunks", [dict(reversed(row.items())) for row in chunks[1:3]]),
        insert("screenshots", [{name: value for name, value in shots[1].items() if name != "file_path"}]),
        insert("chunks", [{name: value for name, value in chunks[3].items() if name != "chunk_metadata"}]),
        "END",
        ";",
    ]
    for row in chunks:
        row["screenshot_ids"] = f"ARRAY[{shots[2]['id']}]::uuid[]"
    file = shop.file("\n".join(text).replace("ARRAY[" + shots[0]["id"], "ARRAY[" + shots[2]["id"]))
    ran = shop.run(file)
    assert ran.exit_code == 0, ran.stdout
    assert shop.rows("select chunk_sequence, chunk_text from chunks order by 1") == [
        (n, f"text {n}") for n in range(1, 6)
    ]
    assert shop.rows("select sequence_number from screenshots order by 1") == [(1,), (2,), (3,)]
    before = shop.contents()
    assert shop.run(file).stdout.endswith("all 10 rows are already there, identical\n")
    assert shop.contents() == before


@pytest.mark.parametrize(
    "first", ["67108864", pytest.param("0", marks=pytest.mark.soak)], ids=["validated-first", "while-it-goes-in"]
)
def test_many_batches_with_some_rows_already_there(shop: Shop, first: str) -> None:
    """A target that lost rows, as when someone deleted some: the rest is compared, what is missing is not appended."""
    shop.copy.edit("promote.yaml", "limits:", f"limits:\n    validate_first: {first}")
    many = 1203
    export = Export(screenshots=300, chunks=many)
    shop.accepted(export)
    assert (shop.count("chunks"), shop.count("screenshots")) == (many, 300)
    assert shop.rows("select count(*) from chunks where chunk_text = 'text ' || chunk_sequence") == [(many,)]
    before = shop.contents()
    assert shop.accepted(export).stdout.endswith(f"all {many + 302:,} rows are already there, identical\n")
    assert shop.contents() == before
    shop.database.execute("update chunks set chunk_text = 'x' where chunk_sequence in (1, 600, 1203)")
    shop.database.execute("delete from chunks where chunk_sequence = 700")
    ran = shop.run(shop.file(export))
    assert ran.exit_code == 1
    kinds = [(fact.split(": ")[1], fact.split(": ")[2]) for fact in findings(ran)]
    assert sorted(kinds) == [
        ("appended", f"chunks {key('d', 1, 700)}"),
        *(("different", f"chunks {key('d', 1, number)}") for number in (1, 600, 1203)),
    ]
    assert "1 new" not in ran.stdout
    assert "0 new, 1,199 already there, 3 different, 1 appended" in ran.stdout


def test_shared_rows_among_new_ones_in_one_batch(shop: Shop) -> None:
    shop.accepted(Export(1))
    export = Export(2, chunks=600)
    second = {**export.config, "id": f"'{key('e', 2)}'", "model_version": "'v2'", "is_active": "false"}
    export.rows["embedding_configs"].append(second)
    ran = shop.accepted(export)
    assert "embedding_configs ................ ok     1 new, 1 already there, 0 different" in ran.stdout
    assert shop.count("embedding_configs") == 2
