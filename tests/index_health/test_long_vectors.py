"""Vectors that are longer than an index takes: run, check and index say the same, and none of them fails for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.conftest import Ran
from tests.run.exports import Export
from tests.servers import ProjectCopy

WHY = "3,072 numbers are more than an index on vector takes (2,000): index its cast to halfvec(3072)"


def steps(ran: Ran, exit_code: int = 0) -> dict[str, dict[str, Any]]:
    assert ran.exit_code == exit_code, ran.stdout + ran.stderr
    return {step["name"]: step for step in json.loads(ran.stdout)["steps"]}


def test_3072_numbers(project: ProjectCopy, promote: Callable[..., Ran]) -> None:
    project.edit("promote.yaml", "embedding_dimensions: 1536", "embedding_dimensions: 3072")
    searches = (project.root / "checks/search.yaml").read_text("utf-8")
    project.write("checks/search.yaml", searches.replace("samples: 50", "samples: 3"))
    export = Export()
    export.rows["embedding_configs"][0]["dimensions"] = "3072"
    for number, chunk in enumerate(export.chunks, 1):
        chunk["embedding"] = f"'[{','.join(str((place * number) % 7 + 1) for place in range(3072))}]'"
    project.write("export.sql", export.text())
    env, json_ = ("--env", "test-prod"), ("--format", "json")
    assert promote("setup", *env).exit_code == 0

    ran = steps(promote("run", *env, "--file", "export.sql", *json_))
    checked = steps(promote("check", *env, *json_))
    for results in (ran, checked):
        assert results["search_plan"]["outcome"] == "skip"
        assert WHY in results["search_plan"]["detail"]
        assert results["search_latency"]["outcome"] in ("ok", "WARN")
    assert checked["similar_chunks"]["outcome"] == "WARN"
    assert WHY in checked["similar_chunks"]["findings"][0]["help"]

    step = steps(promote("index", *env, *json_))["chunks.embedding"]
    assert step["outcome"] == "ok"
    assert step["detail"].endswith(f"it suffices; no index is possible on chunks.embedding as it is: {WHY}")
    slow = steps(promote("index", *env, "--latency", "0.0001", *json_), 1)["chunks.embedding"]
    statement = 'CREATE INDEX ON "public"."chunks" USING hnsw (("embedding"::halfvec(3072)) halfvec_cosine_ops)'
    assert WHY in slow["hint"]
    assert statement in slow["hint"]
    applied = promote("index", *env, "--apply")
    assert (applied.exit_code, applied.stdout.splitlines()[-1]) == (0, "nothing was changed; exact search suffices")

    project.database("test-prod").execute(statement.replace("INDEX ON", "INDEX chunks_halfvec ON"))
    checked = steps(promote("check", *env, *json_), 1)  # an index is there now, and the searches do not use it
    assert checked["search_plan"]["outcome"] == "FAIL"
    assert [finding["code"] for finding in checked["similar_chunks"]["findings"]] == ["column-cast"]
    assert "chunks_halfvec" in steps(promote("index", *env, *json_))
