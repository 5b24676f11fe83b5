"""Vectors of another model close the gate though their length fits; those of another subject do not."""

from __future__ import annotations

import random
import struct
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from minerva_promote.config.load_project import load_project
from minerva_promote.config.project import Project
from minerva_promote.config.snapshot import Snapshot
from minerva_promote.config.snapshot_file import read_snapshot
from minerva_promote.embedding import target_sample as space_target
from minerva_promote.embedding.check import space_step
from minerva_promote.embedding.compare import compare
from minerva_promote.embedding.direction_statistics import compare_directions
from minerva_promote.embedding.file_sample import SpaceCollector
from minerva_promote.embedding.mixed_target import is_mixed
from minerva_promote.embedding.model import Space, SpaceSample, Text, spaces_of
from minerva_promote.embedding.report import comparison_findings, describe
from minerva_promote.embedding.target_sample import FileRows
from minerva_promote.exportfile.row_decoder import ColumnLayout, Row
from minerva_promote.exportfile.validation import validate
from minerva_promote.results import Finding, Outcome, Severity, StepResult
from tests import servers
from tests.material import REPOSITORY
from tests.run.exports import CONFIG, Export, key

D = 64
HELP = "compute the vectors with the target's model, and export again"
SPACE = Space("chunks", "embedding", ("id",), "chunk_text", "book_id", None, None, None, (), None)


class Model:
    """Unit vectors that share a direction, and differ in directions of falling weight; topics among these."""

    def __init__(self, seed: int, dimensions: int = D, common: float = 0.2) -> None:
        self.rng = np.random.default_rng(seed)
        self.turn = np.linalg.qr(self.rng.standard_normal((dimensions, dimensions)))[0]
        self.common = common
        weights = np.arange(1, dimensions) ** -0.8
        self.spread = np.sqrt(weights / weights.sum())

    def topic(self, count: int) -> Any:
        """Vectors about something that nothing else is about."""
        centre = self.rng.standard_normal(len(self.spread)) * self.spread
        inside = 0.6 * centre + 0.8 * self.rng.standard_normal((count, len(self.spread))) * self.spread
        whole = np.hstack([np.full((count, 1), self.common**0.5), (1 - self.common) ** 0.5 * inside])
        return whole / np.linalg.norm(whole, axis=1, keepdims=True) @ self.turn


def sample(vectors: Any, roots: list[str] | None = None, texts: list[Text | None] | None = None) -> SpaceSample:
    wire = tuple(struct.pack(">HH", len(vector), 0) + vector.astype(">f4").tobytes() for vector in np.asarray(vectors))
    several = tuple(roots or ["b"] * len(wire))
    return SpaceSample(SPACE, len(wire), wire, tuple(texts or [None] * len(wire)), several, frozenset(), ())


class Compared(NamedTuple):
    """What a comparison says."""

    findings: tuple[Finding, ...]
    detail: str


def compared(file: SpaceSample, target: SpaceSample, same: list[tuple[Text, bytes]] | None = None) -> Compared:
    comparison = compare(file, target, same)
    return Compared(comparison_findings(comparison, "books"), describe(comparison, "books"))


def verdicts(ours: Any, theirs: Any, roots: list[str] | None = None) -> list[tuple[str, str]]:
    """Severity and code of what speaks against the vectors."""
    comparison = compared(sample(ours), sample(theirs, roots), []).findings
    return [(str(finding.severity), finding.code) for finding in comparison]


def two_topics(model: Model, count: int = 120) -> Any:
    return np.vstack([model.topic(count), model.topic(count)])


CLOSED = [("error", "embedding-space")]


@pytest.mark.parametrize("seed", range(3))
def test_other_subjects_of_the_same_model_are_no_fault(seed: int) -> None:
    model = Model(seed)
    assert verdicts(model.topic(80), two_topics(model)) == []


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 3))])
def test_the_same_subjects_of_another_model_are(seed: int) -> None:
    model = Model(seed)
    texts = two_topics(model)
    rng = np.random.default_rng(seed)
    turned = texts @ np.linalg.qr(rng.standard_normal((D, D)))[0]
    assert verdicts(turned[::2], texts[1::2]) == CLOSED
    permuted = texts[:, rng.permutation(D)] * rng.choice([-1, 1], D)
    assert verdicts(permuted[::2], texts[1::2]) == CLOSED
    assert verdicts(two_topics(Model(seed + 100)), texts) == CLOSED


def test_vectors_that_point_the_other_way() -> None:
    texts = two_topics(Model(1, common=0.4))
    comparison = compared(sample(-texts[::2]), sample(texts[1::2]), [])
    (finding,) = comparison.findings
    assert finding.message.startswith(
        "the vectors point the other way: cosine of mean directions -0.99 (random subsets"
    )
    assert finding.hint == "find out where their signs were changed"


def test_the_length_of_vectors() -> None:
    texts = two_topics(Model(1))
    assert compared(sample(24.1 * texts[::2]), sample(texts[1::2]), []).findings == (
        Finding(
            "embedding-space",
            "norm 24.10, target 1.00",
            hint="scale the vectors as the target's are, or compute them with its model",
        ),
    )
    rng = np.random.default_rng(1)
    uneven = texts * rng.uniform(0.7, 1.3, (len(texts), 1))
    assert verdicts(uneven[::2], uneven[1::2]) == []
    (finding,) = compared(sample(uneven[::2]), sample(texts[1::2]), []).findings
    assert (str(finding.severity), finding.hint) == ("warn", "harmless for cosine searches; find out why")
    assert finding.message.endswith(", target 1.00: only one side's are all of one length")


UNLIKE = "the vectors look like those of another model: cosine of mean directions "


@pytest.mark.parametrize("seed", range(3))
def test_small_books_of_many_dimensions_are_told_apart(seed: int) -> None:
    model, other = Model(seed, 256), Model(seed + 100, 256)
    target = model.topic(24)
    assert verdicts(model.topic(18), target) == []
    assert verdicts(other.topic(18), target) == CLOSED
    assert verdicts(other.topic(8), target) == CLOSED
    assert verdicts(-target[:9], target[9:]) == CLOSED
    assert verdicts(np.tile(other.topic(1), (20, 1)), target) == CLOSED
    (finding,) = compared(sample(other.topic(8)), sample(target), []).findings
    assert finding.hint == f"{HELP}; or say space: warn in the environment"


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 3))])
def test_some_vectors_of_another_model_are_told(seed: int) -> None:
    model, other = Model(seed, 1024, common=0.6), Model(seed + 100, 1024)
    target = two_topics(model)
    mixed = np.vstack([model.topic(30), other.topic(10)])
    (finding,) = compared(sample(mixed), sample(target), []).findings
    assert finding == Finding(
        "embedding-space",
        "10 of 40 vectors have nothing in common with the target's, which all follow one direction",
        hint="are they of another model? compute them again",
        severity=Severity.WARN,
    )
    for common in (0.0, 0.05, 0.2, 0.6):
        alike = Model(seed, 1024, common)
        assert verdicts(alike.topic(60), two_topics(alike)) == []


def test_few_vectors_only_warn() -> None:
    texts = two_topics(Model(1))
    other = two_topics(Model(2))
    comparison = compared(sample(other[:7]), sample(texts), [])
    assert [(str(finding.severity), finding.code) for finding in comparison.findings] == [("warn", "embedding-space")]
    (finding,) = comparison.findings
    assert finding.message.startswith(UNLIKE)
    assert finding.message.endswith("; 7 on a side are too few to be sure")
    assert verdicts(other[:8], texts) == CLOSED  # as all parts of the target follow its direction
    assert verdicts(other[:8], texts[:15]) == [("warn", "embedding-space")]
    for count in (7, 1):
        comparison = compared(sample(two_topics(Model(2, 256))[:count]), sample(two_topics(Model(1, 256))), [])
        (finding,) = comparison.findings
        assert (finding.severity, finding.message.startswith(UNLIKE)) == ("warn", True)
        assert finding.message.endswith(f"; {count} on a side are too few to be sure")
    comparison = compared(sample(other[:7]), sample(texts[:3]), [])
    assert comparison.detail == (
        "7 vectors against 3: fewer than 8 on a side, norms not compared,"
        " fewer than 4 in the target, directions not compared"
    )
    short = compared(sample(other[:, :63]), sample(texts[:, :63]), [])
    assert short.detail.endswith(", 63 dimensions are too few to compare directions")


def test_a_target_without_any_structure_says_nothing() -> None:
    noise = np.random.default_rng(1).standard_normal((400, D))
    comparison = compared(sample(noise[:100]), sample(noise[100:]), [])
    assert comparison.findings == ()
    assert comparison.detail.endswith(", the target's vectors point nowhere in particular, directions not compared")


@pytest.mark.parametrize("dimensions", [64, 384])
def test_a_target_of_two_models_is_recognized(dimensions: int) -> None:
    first, second = Model(1, dimensions, 0.4), Model(51, dimensions, 0.4)
    mixed = np.vstack([two_topics(first, 60), two_topics(second, 60)])
    assert is_mixed(mixed)
    assert not is_mixed(np.vstack([two_topics(first, 60), second.topic(30)]))  # strays, which are fewer than a quarter
    assert verdicts(first.topic(60), mixed) == []
    assert compared(sample(first.topic(60)), sample(mixed), []).detail.endswith(
        "the target's vectors are those of two models, directions not compared"
    )


def test_subjects_of_one_model_are_no_two_models() -> None:
    rng = np.random.default_rng(1)
    assert not is_mixed(two_topics(Model(1)))
    assert not is_mixed(np.vstack([rng.standard_normal(D) + 0.7 * rng.standard_normal((30, D)) for _ in range(4)]))
    assert not is_mixed(rng.standard_normal((120, 8)) @ rng.standard_normal((8, D)))
    assert not is_mixed(rng.standard_normal((120, D)))
    assert not is_mixed(np.tile(rng.standard_normal(D), (120, 1)))


def test_a_target_whose_own_books_lie_apart_only_warns() -> None:
    first, second, third = (Model(seed).topic(60) for seed in (1, 2, 3))
    roots = ["one"] * 60 + ["two"] * 60
    comparison = compared(sample(third), sample(np.vstack([first, second]), roots), []).findings
    assert [str(finding.severity) for finding in comparison] == ["warn"]
    assert comparison[0].message.endswith("; so do books of the target among themselves")


def test_same_texts() -> None:
    model = Model(1)
    vectors, other = model.topic(4), Model(2).topic(4)
    texts = [Text(number, bytes(32)) for number in range(4)]
    file = sample(vectors, texts=[*texts[:3], None])
    wires = sample(other).vectors

    def said(same: list[tuple[Text, bytes]] | None) -> tuple[list[str], str]:
        comparison = compared(file, sample(vectors), same)
        return [finding.message for finding in comparison.findings], comparison.detail.partition(" or more)")[2]

    assert said(None) == ([], ", the same texts were not looked for: it took too long")
    assert said([]) == ([], "")
    assert said([(texts[0], file.vectors[0])]) == ([], ", 1 text in both, cosine of its vectors 1.00")
    facts, shown = said([(texts[place], wires[place]) for place in range(3)])
    assert facts == [f"{shown[2:]}, must be 0.90 or more"]
    assert shown.startswith(", 3 texts in both, cosine of their vectors ")
    facts, _ = said([(texts[0], file.vectors[0]), (texts[1], file.vectors[1]), (texts[2], wires[2])])
    assert facts[0].startswith("1 of 3 texts in both, cosine of their vectors 1.00; the least ")
    # of several vectors of one text in the target, the nearest counts
    assert said([(texts[0], wires[0]), (texts[0], file.vectors[0])])[0] == []


def test_the_drawn_rows_are_as_likely_as_any_other_and_few() -> None:
    project, snapshot = in_dimensions(3)
    layout = ColumnLayout("chunks", ("id", "book_id", "chunk_text", "embedding_config_id", "embedding"))
    counts = np.zeros(2000)
    for start in range(0, 2000, 40):  # the same draw every time: shifted, so that all rows take every place
        collector = SpaceCollector(project.contract, snapshot, size=64)
        for number in range(2000):
            place = (number + start) % 2000
            collector.add(Row(layout, [bytes(16), bytes(16), b"t", bytes(16), place.to_bytes(16, "big")], 0, 0))
        (drawn,) = collector.samples()
        assert (drawn.rows, len(drawn.vectors), len(set(drawn.vectors))) == (2000, 64, 64)
        for vector in drawn.vectors:
            counts[int.from_bytes(vector, "big")] += 1
    assert counts.sum() == 50 * 64
    assert counts.reshape(10, 200).sum(1).std() < 30  # 320 ± 18 by chance


def test_collecting_costs_next_to_nothing() -> None:
    project, snapshot = in_dimensions(D)
    layout = ColumnLayout("chunks", ("id", "book_id", "chunk_text", "embedding_config_id", "embedding"))
    collector = SpaceCollector(project.contract, snapshot)
    row = Row(layout, [bytes(16), bytes(16), b"t" * 2000, bytes(16), bytes(4 + 4 * D)], 0, 0)
    begun = time.perf_counter()
    for _ in range(50_000):
        collector.add(row)
    assert (time.perf_counter() - begun) / 50_000 < 5e-6  # a row of 1,536 numbers takes 250 µs to import


def in_dimensions(dimensions: int) -> tuple[Project, Snapshot]:
    """The shipped project, with vectors of another length."""
    project = load_project(REPOSITORY, {"embedding_dimensions": str(dimensions)})
    return project, read_snapshot(REPOSITORY / project.contract.snapshot, project.variables)


TABLES = (
    "create extension vector",
    "create table embedding_configs (id uuid primary key, model_name varchar not null, model_version varchar not null,"
    " dimensions int not null, is_active bool not null, created_at timestamp not null default now())",
    "create table chunks (id uuid primary key default gen_random_uuid(), book_id uuid, chunk_text varchar,"
    f" embedding_config_id uuid, embedding vector({D}))",
)


class Bench:
    """A target with the two tables that matter, and files to hold against it."""

    def __init__(self, database: servers.Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.project, self.snapshot = in_dimensions(D)
        database.execute(*TABLES)

    def config(self, number: int = 0, name: str = "text-embedding-3-small", active: bool = True) -> str:
        with self.database.connect() as connection:
            connection.execute(
                "insert into embedding_configs values (%s, %s, 'v1', %s, %s)", [key("e", number), name, D, active]
            )
        return key("e", number)

    def book(self, vectors: Any, number: int = 900, texts: list[str] | None = None, config: str = CONFIG) -> None:
        with self.database.connect() as connection, connection.cursor() as cursor:
            cursor.executemany(
                "insert into chunks (book_id, chunk_text, embedding_config_id, embedding) values (%s, %s, %s, %s)",
                [
                    (key("b", number), texts[place] if texts else f"book {number}, {place}", config, _text(vector))
                    for place, vector in enumerate(vectors)
                ],
            )

    def step(self, vectors: Any, change: Callable[[Export], None] = lambda export: None) -> StepResult:
        export = Export(chunks=len(vectors), screenshots=0)
        export.config["dimensions"] = str(D)
        for chunk, vector in zip(export.chunks, vectors, strict=True):
            chunk["embedding"] = f"'{_text(vector)}'"
        change(export)
        file = export.write(self.folder / "export.sql")
        collector = SpaceCollector(self.project.contract, self.snapshot)
        validation = validate(file, self.project.contract, self.snapshot, connected=True, sink=collector.add)
        assert validation.accepted, validation.errors
        with self.database.connect() as connection:
            return space_step(connection, collector.samples(), FileRows(validation.manifest.roots), "10s")


def _text(vector: Any) -> str:
    return "[" + ",".join(f"{number:.7g}" for number in np.asarray(vector).tolist()) + "]"


@pytest.fixture
def bench(database: servers.Database, tmp_path: Path) -> Bench:
    """A target without any row."""
    return Bench(database, tmp_path)


def facts(step: StepResult) -> list[str]:
    return [f"{finding.severity} {finding.code}: {finding.message} | {finding.hint}" for finding in step.findings]


def test_an_empty_target_is_said(bench: Bench) -> None:
    step = bench.step(Model(1).topic(40))
    assert (step.step, step.name, step.outcome) == ("check", "embedding space", Outcome.SKIP)
    assert step.detail == "nothing to compare: the target has no embedding of other books"
    assert step.findings == ()


def test_a_second_book_on_something_else(bench: Bench) -> None:
    model = Model(1)
    bench.config()
    bench.book(model.topic(60), 900)
    bench.book(model.topic(60), 901)
    step = bench.step(model.topic(40))
    assert (step.outcome, facts(step)) == (Outcome.OK, [])
    assert step.detail.startswith("40 vectors against 120: norm 1.00, target 1.00, cosine of mean directions 0.")
    assert " (books of the target have 0." in step.detail
    assert set(step.data["values"]) >= {"norm", "cosine", "cosine_groups", "same_texts", "target_vectors"}


def test_a_book_of_another_model(bench: Bench) -> None:
    bench.config()
    bench.book(two_topics(Model(1)))
    step = bench.step(two_topics(Model(2))[::4])
    assert step.outcome is Outcome.FAIL
    (fact,) = facts(step)
    assert fact.startswith(
        "error embedding-space: the vectors look like those of another model: cosine of mean directions "
    )
    assert " (random subsets of the target have 0.9" in fact
    assert ") (by chance" not in fact
    assert fact.endswith(f") | {HELP}")


def test_the_books_own_rows_are_left_out(bench: Bench) -> None:
    bench.config()
    vectors = Model(1).topic(40)
    bench.book(vectors, 1)
    assert bench.step(vectors).outcome is Outcome.SKIP


def test_the_same_texts_of_another_model(bench: Bench) -> None:
    bench.config()
    bench.book(Model(1).topic(5), texts=[f"text {number}" for number in (1, 2, 3, 70, 71)])
    step = bench.step(Model(2).topic(5))
    assert step.outcome is Outcome.FAIL
    few, fact = facts(step)
    assert few.startswith(f"warn embedding-space: {UNLIKE}")
    assert fact.startswith("error embedding-text: 3 texts in both, cosine of their vectors ")
    assert fact.endswith(f", must be 0.90 or more | {HELP}")


def test_texts_that_take_too_long_are_said(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.config()
    bench.book(Model(1).topic(5), texts=["text 1"] * 5)
    slow = b"select 1, ''::bytea, ''::bytea from pg_sleep(5) where $1::int[] is not null and $2::bytea[] is not null"
    monkeypatch.setattr(space_target, "_texts_query", lambda space: slow + b" and $3::text[] is not null")
    monkeypatch.setattr(space_target, "TEXT_TIMEOUT", "50ms")
    step = bench.step(Model(1).topic(5))
    assert step.outcome is Outcome.OK
    assert ", the same texts were not looked for: it took too long" in step.detail


def test_a_target_that_cannot_be_read(bench: Bench) -> None:
    bench.database.execute("alter table chunks drop column embedding")
    step = bench.step(Model(1).topic(5))
    assert (step.outcome, step.detail) == (
        Outcome.ERROR,
        'the target\'s vectors cannot be read: column "embedding" does not exist',
    )


def test_another_config(bench: Bench) -> None:
    bench.config(9, "text-embedding-ada-002")
    bench.book(Model(1).topic(5), config=key("e", 9))
    step = bench.step(Model(1).topic(5))
    assert facts(step) == [
        "error embedding-config: the file's vectors are of another embedding_configs row than the target's:"
        " model_name text-embedding-3-small, the target has text-embedding-ada-002 | " + HELP,
        "error embedding-config-active: 2 rows of embedding_configs would be active after the import, must be 1:"
        f" {key('e', 9)} (text-embedding-ada-002, v1, 64); {CONFIG} (text-embedding-3-small, v1, 64)"
        " | export with the target's config, or set is_active in the target",
    ]


def test_the_same_model_under_another_key(bench: Bench) -> None:
    bench.config(9)
    bench.book(Model(1).topic(5), config=key("e", 9))
    assert [finding.code for finding in bench.step(Model(1).topic(5)).findings] == ["embedding-config-active"]


def test_no_active_config(bench: Bench) -> None:
    step = bench.step(Model(1).topic(5), lambda export: export.config.update(is_active="false"))
    assert facts(step) == [
        "error embedding-config-active: 0 rows of embedding_configs would be active after the import, must be 1"
        " | export with an active one, or set is_active in the target"
    ]


def test_a_retired_model_is_no_fault(bench: Bench) -> None:
    bench.config(9, "text-embedding-ada-002", active=False)
    bench.config()
    bench.book(Model(2).topic(5), 900, config=key("e", 9))
    bench.book(Model(1).topic(5), 901)
    assert bench.step(Model(1).topic(5)).findings == ()


def test_a_big_table_is_sampled(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.config()
    bench.book(Model(1).topic(600))
    monkeypatch.setattr(space_target, "PAGES", 10)
    with bench.database.connect() as connection:
        (space,) = spaces_of(bench.project.contract, bench.snapshot)
        first = space_target.read_target_sample(connection, space, FileRows(), "10s")
        again = space_target.read_target_sample(connection, space, FileRows(), "10s")
        assert 20 < len(first.vectors) < 400
        assert first == again
        assert space_target.read_target_sample(connection, space, FileRows((key("b", 900),)), "10s").vectors == ()
    assert space_target.SAMPLE == 512


def test_a_file_without_vectors_and_a_space_without_texts(bench: Bench) -> None:
    with bench.database.connect() as connection:
        assert space_step(connection, (), FileRows(), "10s").detail == "the file has no vectors"
        (space,) = spaces_of(bench.project.contract, bench.snapshot)
        assert (space.text, space.config_table, space.identity) == (
            "chunk_text",
            "embedding_configs",
            ("model_name", "model_version", "dimensions"),
        )
        untold = replace(sample(Model(1).topic(3)), space=replace(space, text=None))
        assert space_target.find_same_texts(connection, untold, FileRows()) == ()


@pytest.mark.soak
def test_error_rates() -> None:
    """Of 60 targets and files each: subjects of one model, the same turned, another model, the other way."""
    closed = dict.fromkeys(("same", "turned", "other", "scaled"), 0)
    for seed in range(60):
        random.seed(seed)
        model = Model(seed, 384, common=random.choice((0.05, 0.2, 0.5)))
        target = two_topics(model, random.choice((40, 120, 250)))
        file = model.topic(random.choice((40, 120, 250)))
        turn = np.linalg.qr(np.random.default_rng(seed).standard_normal((384, 384)))[0]
        other = Model(seed + 1000, 384, common=0.2).topic(100)
        for name, vectors in (("same", file), ("turned", file @ turn), ("other", other), ("scaled", 3 * file)):
            closed[name] += bool(verdicts(vectors, target))
    assert closed["same"] <= 1
    assert closed["turned"] >= 59
    assert closed["other"] >= 59
    assert closed["scaled"] == 60


def test_directions_by_hand() -> None:
    comparison = compare_directions(np.eye(D)[:32], np.eye(D)[32:], ["b"] * 32)
    assert comparison.cosine == 0
    assert comparison.cosine_chance == 0.5
    assert comparison.cosine_groups is None
