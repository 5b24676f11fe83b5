"""The shapes of what an environment asks for before it takes a file: ``identity:`` and ``backup:``."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from minerva_promote.config.models.roles import STRICT


class DatabaseIdentityPin(BaseModel):
    """Which database an environment is, so that a URL that leads elsewhere is found out."""

    model_config = STRICT

    system_identifier: str | None = None  # of the server's data directory; its copies by replication share it
    database: str | None = None  # its name


class Backup(BaseModel):
    """A dump of the whole database before every run."""

    model_config = STRICT

    folder: str  # of the machine that runs promote; relative to the project
    program: str | None = None  # of pg_dump; default: PATH, then beside the embedded server
    timeout: str = "1h"  # how long pg_dump may take
    keep: int | None = Field(default=None, ge=1)  # dumps of this environment, the new one included; default: all


def backup_disabled(value: Any) -> Any:
    """``backup: false``, as if it were not there."""
    return None if value is False or value == "off" else value
