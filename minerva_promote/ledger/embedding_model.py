"""The embedding model that the runs of a project name in the ledger."""

from __future__ import annotations

from dataclasses import dataclass

from minerva_promote.database.catalog import fetch, query
from minerva_promote.database.connection import Connection
from minerva_promote.ledger.bounds import storable
from minerva_promote.ledger.recent_changes import RecentChange

DETAIL = "embedding"  # key of the details of an event


@dataclass(frozen=True, slots=True)
class ModelRun:
    """A committed run that named its model."""

    model: str
    run: RecentChange


def model_details(project: str, model: str) -> dict[str, str]:
    """What an event keeps under DETAIL."""
    return {"project": project, "model": model}


def last_model_run(conn: Connection, project: str) -> ModelRun | None:
    """The last run of the project that named a model and was not undone. One query; raises TargetError."""
    rows = fetch(
        conn, query("embedding_model", __package__ or ""), {"project": storable(project)}, "reading the ledger"
    )
    if not rows:
        return None
    model, *event = rows[0].values()
    return ModelRun(model, RecentChange(*event))
