"""The head of a migration tree as its files say it, without Alembic: that import costs more than a small run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path

from minerva_promote.config.files import UnreadableError, read_bounded


def written_head(versions: Path) -> str | None:
    """The one revision that no other builds on; None when the files do not say it plainly, then Alembic must.

    So it is with a revision that the head does not build on: a circle, or one whose base is missing.
    """
    revisions: dict[str, tuple[str, ...]] = {}
    for path in versions.glob("*.py"):
        found = _identifiers(path)
        if found is None or found[0] in revisions:
            return None
        revisions[found[0]] = found[1]
    heads = revisions.keys() - {base for bases in revisions.values() for base in bases}
    return heads.pop() if len(heads) == 1 and _below(heads, revisions) == revisions.keys() else None


def _below(heads: Iterable[str], revisions: Mapping[str, tuple[str, ...]]) -> set[str]:
    """The revisions that these build on, and they themselves; also those that are not there."""
    found: set[str] = set()
    waiting = list(heads)
    while waiting:
        revision = waiting.pop()
        if revision not in found:
            found.add(revision)
            waiting += revisions.get(revision, ())
    return found


def _identifiers(path: Path) -> tuple[str, tuple[str, ...]] | None:
    """``revision`` and ``down_revision`` of one file; None unless both are plain constants."""
    try:
        tree = ast.parse(read_bounded(path))
    except (FileNotFoundError, UnreadableError, SyntaxError, ValueError):
        return None
    names: dict[str, object] = {}
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        for target in targets:
            if isinstance(target, ast.Name) and isinstance(node, (ast.Assign, ast.AnnAssign)):
                names[target.id] = _constant(node.value)
    revision, down = names.get("revision"), names.get("down_revision", ...)
    bases = down if isinstance(down, tuple) else () if down is None else (down,)
    if isinstance(revision, str) and all(isinstance(base, str) for base in bases):
        return revision, tuple(map(str, bases))
    return None


def _constant(node: ast.expr | None) -> object:
    """The value of a constant, or of a list of them, as revisions that join several have it; ... of anything else."""
    if isinstance(node, (ast.Tuple, ast.List)):
        return tuple(_constant(each) for each in node.elts)
    return node.value if isinstance(node, ast.Constant) else ...
