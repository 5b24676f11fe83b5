"""Random sequences of runs, re-runs, rows of others, undos and undos of undos, against a model in Python.

After each step every table holds what the model says: after an undo, what it would hold without that run.
"""

from __future__ import annotations

import random

import pytest

from tests.ledger.forging import forge, load_list
from tests.ledger.undoing import Undone, rows_of, undone
from tests.run.exports import TIME, Export, key

__all__ = ["undone"]

Row = tuple[str, str]  # table and key


def export(book: int) -> Export:
    """One of three books; the first two share a row of embedding_configs."""
    if book == 1:
        return Export()
    made = Export(book, screenshots=book - 2, chunks=book)
    if book == 3:
        made.config["id"] = f"'{key('e', 1)}'"
        for chunk in made.chunks:
            chunk["embedding_config_id"] = made.config["id"]
    return made


FILES = {book: export(book) for book in (1, 2, 3)}


def rows(made: Export) -> set[Row]:
    """The rows of a file."""
    return {(table, row["id"].strip("'")) for table, several in made.rows.items() for row in several}


def needs(made: Export) -> dict[Row, set[Row]]:
    """Which rows of a file need which."""
    book = ("books", made.book_id)
    found = {("screenshots", shot["id"].strip("'")): {book} for shot in made.screenshots}
    for chunk in made.chunks:
        named = {("screenshots", shot["id"].strip("'")) for shot in made.screenshots[:1]}
        shared = ("embedding_configs", made.config["id"].strip("'"))
        found["chunks", chunk["id"].strip("'")] = {book, shared} | named
    return found


class Walk:
    """One sequence on one database, and what must come of it."""

    def __init__(self, undone: Undone, seed: int) -> None:
        self.undone = undone
        self.shop = undone.shop
        self.random = random.Random(seed)
        self.needs = {row: of for made in FILES.values() for row, of in needs(made).items()}
        self.there = rows(FILES[1])
        self.added = {undone.run: rows(FILES[1])}  # by run
        self.standing = {undone.run}  # runs that were not undone
        self.undos: dict[str, tuple[str, set[Row]]] = {}  # not taken back: the run, and the rows that it removed
        self.changed: set[Row] = set()
        self.rewritten: set[Row] = set()  # by another transaction than that of its run
        self.forged: set[Row] = set()  # rows that a forged run lists
        self.scrapes = 0
        self.texts: dict[Row, str] = {}  # each row as it was when it was first seen
        self.done = 0
        (self.shop.root / "checks" / "search.yaml").unlink()  # how quick a search is, is not asked here
        self.compare()

    def go(self, steps: int) -> None:
        """So many things happen."""
        for _ in range(steps):
            actions = [
                self.run,
                self.undo,
                self.undo,
                self.undo,
                self.take_back,
                self.take_back,
                self.other,
                self.change,
                self.change,
                self.forge,
            ]
            self.random.choice(actions)()
            self.compare()

    def compare(self) -> None:
        """Every table holds exactly the rows of the model, each as it always was."""
        found = rows_of(self.shop.database)
        there = {(table, text[1:37]): text for table, texts in found.items() for text in texts}
        assert set(there) == self.there
        for row in self.there - self.changed:
            assert self.texts.setdefault(row, there[row]) == there[row]

    def run(self) -> None:
        made = FILES[self.random.choice(list(FILES))]
        new = rows(made) - self.there
        ran = self.shop.run(self.shop.file(made), *(["--rehearse-undo"] if self.random.random() < 0.2 else []))
        assert ran.exit_code == (1 if rows(made) & self.changed else 0), ran.stdout + ran.stderr
        if ran.exit_code or not new:
            return
        run = self.latest("committed")
        self.added[run] = new
        self.standing.add(run)
        self.there |= new

    def undo(self) -> None:
        if not self.standing:
            return
        run, keep = self.random.choice(sorted(self.standing)), self.random.random() < 0.5
        going = {row for row in self.added[run] if not (keep and row[0] == "embedding_configs")}
        depending = any(self.needs.get(row, set()) & going for row in self.there - going)
        accept = self.random.random() < 0.5
        rewritten = going & self.rewritten
        unproved = (bool(rewritten) and not accept) or bool(rewritten & self.forged)
        refused = not going or not going <= self.there or bool(going & self.changed) or depending or unproved
        more = [*([] if keep else ["--no-keep-shared"]), *(["--accept", "unproved"] if accept else [])]
        if self.take(run, refused, *more):
            self.there -= going
            self.rewritten -= going
            self.standing.remove(run)
            self.undos[self.latest("undone")] = (run, going)

    def take_back(self) -> None:
        if not self.undos:
            return
        undo = self.random.choice(sorted(self.undos))
        run, coming = self.undos[undo]
        lacking = any(self.needs.get(row, set()) - self.there - coming for row in coming)
        if self.take(undo, bool(coming & self.there) or lacking):
            self.there |= coming
            self.standing.add(run)
            del self.undos[undo]

    def take(self, what: str, refused: bool, *more: str) -> bool:
        """Have something taken back; whether it was."""
        ran = self.undone.undo(what, "--apply", *more)
        assert ran.exit_code == (1 if refused else 0), ran.stdout + ran.stderr
        self.done += not refused
        return not refused

    def other(self) -> None:
        """Somebody's row depends on a book, or goes again."""
        mine = sorted(row for row in self.there if row[0] == "failed_scrapes")
        books = sorted(row for row in self.there if row[0] == "books")
        if mine and self.random.random() < 0.7:
            row = self.random.choice(mine)
            self.shop.database.execute(f"delete from failed_scrapes where id = '{row[1]}'")
            self.there.remove(row)
        elif books:
            self.scrapes += 1
            row, book = ("failed_scrapes", key("f", self.scrapes)), self.random.choice(books)
            values = f"'{row[1]}', '{book[1]}', 'u', {TIME}, {TIME}"
            self.shop.database.execute(
                f"insert into failed_scrapes (id, book_id, url, created_at, updated_at) values ({values})"
            )
            self.there.add(row)
            self.needs[row] = {book}

    def change(self) -> None:
        """A chunk is changed, or changed back."""
        chunks = sorted(row for row in self.there if row[0] == "chunks")
        if self.changed:
            row, value = self.random.choice(sorted(self.changed)), 2
            self.changed.remove(row)
        elif chunks:
            row, value = self.random.choice(chunks), 9
            self.changed.add(row)
        else:
            return
        self.rewritten.add(row)
        self.shop.database.execute(f"update chunks set chunk_token_count = {value} where id = '{row[1]}'")

    def forge(self) -> None:
        """The import role records a run that lists the rows of another one, each with its mark."""
        if not self.standing:
            return
        run = self.random.choice(sorted(self.standing))
        forged = forge(self.shop, load_list(self.shop, run))
        self.forged |= self.added[run]
        self.take(forged, True, "--no-keep-shared", "--accept", "unproved", "--accept", "gone")

    def latest(self, kind: str) -> str:
        """The run, or undo, that was recorded last."""
        query = f"select run_id::text from promote.events where kind = '{kind}' order by seq desc limit 1"
        return str(self.shop.rows(query)[0][0])


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.soak)])
def test_a_random_walk(undone: Undone, seed: int) -> None:
    walk = Walk(undone, seed)
    walk.go(15)
    assert walk.done


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 130))
def test_a_long_random_walk(undone: Undone, seed: int) -> None:
    walk = Walk(undone, seed)
    walk.go(60)
    assert walk.done
    assert undone.shop.promote("history", "--env", "test-prod", "--verify").exit_code == 0
