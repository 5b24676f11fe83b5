"""Wrap syntax that creates values or loops, and bypasses the environment, in filters that count."""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

WATCHED, JOINED, CREATED = "_watched", "_joined", "_created"  # filter names that no template can spell


def bound_syntax(tree: nodes.Template) -> nodes.Template:
    """The tree with counting filters around loops, ``~``, lists, tuples, dicts, comparisons and slices."""
    bounded = _Bounding().visit(tree)
    assert isinstance(bounded, nodes.Template)
    return bounded


class _Bounding(NodeTransformer):
    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802  # as Jinja names them
        written = sum(len(data.data) for data in _own_text(node.body))
        self.generic_visit(node)
        iterated = node.iter
        assert isinstance(iterated, nodes.Expr)
        node.iter = _filtered(iterated, WATCHED, nodes.Const(written, lineno=node.lineno))
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), JOINED)

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filtered(node, CREATED)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filtered(node, CREATED) if node.ctx == "load" else node

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filtered(node, CREATED)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filtered(node, CREATED)

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filtered(node, CREATED) if isinstance(node.arg, nodes.Slice) else node


def _filtered(node: nodes.Expr, name: str, *arguments: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, name, list(arguments), [], None, None, lineno=node.lineno)


def _own_text(body: list[nodes.Node]) -> Iterator[nodes.TemplateData]:
    """The fixed text within these nodes, but not within a loop of their own."""
    for node in body:
        if isinstance(node, nodes.TemplateData):
            yield node
        elif not isinstance(node, nodes.For):
            yield from _own_text(list(node.iter_child_nodes()))
