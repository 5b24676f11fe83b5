"""One hash over everything that the project declares for an environment, to detect a changed configuration."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from minerva_promote.config.files import UnreadableError, read_bounded

if TYPE_CHECKING:
    from minerva_promote.config.project import Environment, Project

FORMAT = 1  # of what is hashed

# No declarations, or known from the target itself (where a URL leads), or secret.
_ENVIRONMENT_LEFT_OUT = frozenset({"at", "project", "variables", "settings", "passwords", "scratch", "source"})
_PASSWORD = "password"

MOST = 64 << 20  # bytes of a golden file


def fingerprint(project: Project, environment: Environment) -> str:
    """sha256, in hex, over contract, variables, checks, templates, golden queries, searches and the environment.

    It depends on values, not on their spelling: a comment changes nothing. It leaves out URLs, passwords, and keys that
    have their defaults, so that a key which a later release adds does not change it.
    """
    declared = {
        "format": FORMAT,
        "project": project.name,
        "variables": dict(project.variables),
        "contract": plain(project.contract),
        "extensions": dict(project.extensions),
        "checks": [plain(placed.check) for placed in project.checks],
        "searches": [
            [search.name, search.sql, plain(search.settings), plain(search.params)] for search in project.searches
        ],
        "files": dict(_files(project)),
        "environment": {
            field.name: plain(getattr(environment, field.name))
            for field in fields(environment)
            if field.name not in _ENVIRONMENT_LEFT_OUT
        },
    }
    return hashlib.sha256(json.dumps(declared, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()


def _files(project: Project) -> Iterator[tuple[str, str]]:
    """Path in the project and hash of every template and golden file; an empty hash for a file that cannot be read."""
    golden = {project.root / placed.check.golden for placed in project.checks if placed.check.probe == "golden"}
    templates = {path for path in project.templates.rglob("*.j2") if path.is_file()}
    for path in sorted(golden | templates):
        yield path.relative_to(project.root).as_posix(), _file(path)


def _file(path: Path) -> str:
    try:
        return hashlib.sha256(read_bounded(path, MOST)).hexdigest()
    except (FileNotFoundError, UnreadableError):
        return ""


def plain(value: Any) -> Any:
    """The value as JSON can hold it, in declared order, without defaults and passwords."""
    if isinstance(value, BaseModel):
        return {
            name: plain(inner)
            for name, inner in value
            if name != _PASSWORD and inner != type(value).model_fields[name].get_default(call_default_factory=True)
        }
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(map(plain, value), key=repr)
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
