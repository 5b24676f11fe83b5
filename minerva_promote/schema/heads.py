"""The head of a migration tree as its files say it, without Alembic: that import costs more than a small run."""

from __future__ import annotations

import ast
from pathlib import Path


def written_head(versions: Path) -> str | None:
    """The one revision that no other builds on; None when the files do not say it plainly, then Alembic must."""
    revisions: dict[str, str | None] = {}
    for path in versions.glob("*.py"):
        found = _identifiers(path)
        if found is None or found[0] in revisions:
            return None
        revisions[found[0]] = found[1]
    heads = set(revisions) - set(revisions.values())
    return heads.pop() if len(heads) == 1 else None


def _identifiers(path: Path) -> tuple[str, str | None] | None:
    """``revision`` and ``down_revision`` of one file; None unless both are plain constants."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None
    names: dict[str, object] = {}
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        for target in targets:
            if isinstance(target, ast.Name) and isinstance(node, (ast.Assign, ast.AnnAssign)):
                names[target.id] = node.value.value if isinstance(node.value, ast.Constant) else ...
    revision, down = names.get("revision"), names.get("down_revision", ...)
    if isinstance(revision, str) and (down is None or isinstance(down, str)):
        return revision, down
    return None
