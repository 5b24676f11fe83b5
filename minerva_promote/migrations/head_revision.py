"""The head revision of a migration tree, read from its files: importing Alembic takes longer than a small run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path

from minerva_promote.config.files import UnreadableError, read_bounded


def read_head_revision(versions: Path) -> str | None:
    """The one revision that no other builds on; None when only Alembic can tell.

    That is the case for identifiers that are not constants, several heads, and revisions that the head does not build
    on (a circle, a missing base).
    """
    revisions: dict[str, tuple[str, ...]] = {}
    for path in versions.glob("*.py"):
        identifiers = _identifiers(path)
        if identifiers is None or identifiers[0] in revisions:
            return None
        revisions[identifiers[0]] = identifiers[1]
    heads = revisions.keys() - {base for bases in revisions.values() for base in bases}
    return heads.pop() if len(heads) == 1 and _with_ancestors(heads, revisions) == revisions.keys() else None


def _with_ancestors(heads: Iterable[str], revisions: Mapping[str, tuple[str, ...]]) -> set[str]:
    """The heads and all revisions that they build on, those without a file included."""
    ancestors: set[str] = set()
    pending = list(heads)
    while pending:
        revision = pending.pop()
        if revision not in ancestors:
            ancestors.add(revision)
            pending += revisions.get(revision, ())
    return ancestors


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
    """The value of a constant or of a list of constants (the bases of a merge revision); ``...`` for anything else."""
    if isinstance(node, (ast.Tuple, ast.List)):
        return tuple(_constant(element) for element in node.elts)
    return node.value if isinstance(node, ast.Constant) else ...
