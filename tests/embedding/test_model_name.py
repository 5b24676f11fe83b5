"""The embedding model that a contract names: kept in the ledger, and another one is refused."""

from __future__ import annotations

import json
from typing import Any

from tests import yamlfile
from tests.conftest import Ran
from tests.run.conftest import Shop
from tests.run.exports import Export


def name_model(shop: Shop, model: str | None, project: str = "minerva") -> None:
    """Let promote.yaml name this model, or none."""
    path = shop.root / "promote.yaml"
    contract = yamlfile.read(path)["contract"]
    contract.pop("embedding", None)
    yamlfile.change(path, contract=contract | ({"embedding": {"model": model}} if model else {}), project=project)


def run(shop: Shop, book: int, *more: str) -> tuple[int, str, str, str]:
    """Exit code of promoting a book; outcome, detail and first finding of the step about the model."""
    ran = shop.run(shop.file(Export(book), f"book_{book}.sql"), *more, "--format", "json")
    steps = [step for step in json.loads(ran.stdout)["steps"] if step["name"] == "embedding model"]
    if not steps:
        return ran.exit_code, "", "", ""
    (step,) = steps
    findings = [f"{finding['code']}: {finding['fact']}" for finding in step["findings"]]
    return ran.exit_code, step["outcome"], step["detail"], *(findings or [""])


def last_run(shop: Shop) -> tuple[str, Any]:
    """The latest committed run, and what the ledger keeps of its model."""
    query = "select run_id::text, details -> 'embedding' from promote.events where kind = 'committed' order by seq"
    run_id, embedding = shop.rows(query)[-1]
    return run_id, embedding


def undo(shop: Shop, run_id: str) -> Ran:
    """Undo a run, or restore an undo."""
    ran = shop.promote("undo", "--env", "test-prod", run_id, "--apply")
    assert ran.exit_code == 0, ran.stdout + ran.stderr
    return ran


def test_another_model_is_refused_until_all_runs_are_undone(shop: Shop) -> None:
    name_model(shop, "model-a")
    assert run(shop, 1) == (0, "ok", "model-a, the first that is named here", "")
    first, embedding = last_run(shop)
    assert embedding == {"project": "minerva", "model": "model-a"}
    code, outcome, detail, _ = run(shop, 2)
    assert (code, outcome, detail.partition(" (book_1.sql, ")[0]) == (0, "ok", f"model-a, as in run {first[:8]}")
    second, _ = last_run(shop)
    name_model(shop, "model-b")
    for more in ((), ("--dry-run",)):
        code, outcome, _, finding = run(shop, 3, *more)
        assert (code, outcome) == (1, "FAIL")
        assert finding.startswith(
            f"embedding-model: the vectors are of model-b, those of run {second[:8]} (book_2.sql, 20"
        )
        assert finding.endswith(" UTC) of model-a")
    undo(shop, second)
    assert f"those of run {first[:8]} (book_1.sql" in run(shop, 3)[3]
    undo(shop, first)
    assert run(shop, 3) == (0, "ok", "model-b, the first that is named here", "")


def test_a_restored_run_counts_again(shop: Shop) -> None:
    name_model(shop, "model-a")
    run(shop, 1)
    first, _ = last_run(shop)
    undo(shop, first)
    ((undo_id,),) = shop.rows("select run_id::text from promote.events where kind = 'undone'")
    undo(shop, undo_id)
    name_model(shop, "model-b")
    assert run(shop, 1)[:2] == (1, "FAIL")


def test_without_a_name_nothing_is_compared(shop: Shop) -> None:
    name_model(shop, "model-a")
    run(shop, 1)
    name_model(shop, None)
    assert run(shop, 2) == (0, "", "", "")
    assert last_run(shop)[1] is None
    name_model(shop, "model-b", project="another")  # another project in the same database
    assert run(shop, 3)[:2] == (0, "ok")


def test_an_environment_that_warns_begins_a_new_model(shop: Shop) -> None:
    name_model(shop, "model-a")
    run(shop, 1)
    name_model(shop, "model-b")
    shop.environment(space="warn")
    code, outcome, _, finding = run(shop, 2)
    assert (code, outcome, finding.partition(",")[0]) == (0, "WARN", "embedding-model: the vectors are of model-b")
    shop.environment(space=None)
    assert run(shop, 3)[:2] == (0, "ok")
    ran = shop.promote("show", "--env", "test-prod", last_run(shop)[0])
    assert "\n  model        model-b\n" in ran.stdout, ran.stdout


def test_a_plan_compares_too(shop: Shop) -> None:
    name_model(shop, "model-a")
    run(shop, 1)
    name_model(shop, "model-b")
    ran = shop.promote("plan", "--env", "test-prod", "--file", shop.file(Export(2)))
    assert ran.exit_code == 1
    assert "embedding-model: the vectors are of model-b" in ran.stdout


def test_a_name_is_needed(shop: Shop) -> None:
    name_model(shop, "model-a")
    path = shop.root / "promote.yaml"
    path.write_text(path.read_text("utf-8").replace("model: model-a", "model: ''"), "utf-8")
    ran = shop.promote("env", "ping", "test-prod")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "embedding.model" in ran.stderr
