"""One parse tree of PostgreSQL's own parser becomes an Insert, or is refused with its place.

Every node may carry its listed fields and no other, so that syntax of later releases is refused until somebody has
thought about it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minerva_promote.exportfile.insert_model import Conflict, Insert, Refused, Slot, TypeName

_REFUSED_FIELDS = {
    "with_clause": "WITH",
    "returning_clause": "RETURNING",
    "returning_list": "RETURNING",
    "override": "OVERRIDING",
    "alias": "an alias of the table",
    "catalogname": "a name of three parts",
    "indirection": "a part of a column",
    "sort_clause": "ORDER BY",
    "limit_count": "LIMIT",
    "limit_offset": "OFFSET",
    "limit_option": "FETCH",
    "locking_clause": "FOR UPDATE",
    "op": "UNION, INTERSECT or EXCEPT",
    "larg": "UNION, INTERSECT or EXCEPT",
    "where_clause": "WHERE",
    "expr": "an expression",
    "collation": "COLLATE",
    "opclass": "an operator class",
    "setof": "SETOF",
    "pct_type": "%TYPE",
}
_REFUSED_VALUES = {
    "func_call": "a function",
    "column_ref": "a column reference",
    "a_expr": "an operator",
    "bool_expr": "an operator",
    "sub_link": "a subquery",
    "sqlvalue_function": "a value of the session",
    "coalesce_expr": "a function",
    "min_max_expr": "a function",
    "xml_expr": "a function",
    "set_to_default": "DEFAULT",
    "row_expr": "a row",
    "a_array_expr": "an ARRAY without its cast",
    "a_indirection": "a subscript",
    "collate_clause": "COLLATE",
    "param_ref": "a parameter",
    "case_expr": "an expression",
    "null_test": "an expression",
    "boolean_test": "an expression",
    "type_cast": "a chain of casts",
}


class InsertReader:
    """Reads one parse tree; places become holes of the part they fall into."""

    def __init__(self, head: bytes, row: bytes) -> None:
        self.head, self.row = len(head), len(row)

    def refuse(self, code: str, message: str, hint: str, position: int) -> Refused:
        if position < self.head:
            return Refused(code, message, hint, "head", max(position, 0))
        if position < self.head + self.row:
            return Refused(code, message, hint, "row", position - self.head)
        return Refused(code, message, hint, "tail", max(position - self.head - self.row - 1, 0))

    def require_only(self, node: Any, allowed: Iterable[str], position: int) -> None:
        allowed = {*allowed, "location"}
        for descriptor, _ in node.ListFields():
            if descriptor.name not in allowed:
                what = _REFUSED_FIELDS.get(descriptor.name, descriptor.name.replace("_", " "))
                raise self.refuse(
                    "form", f"{what} is not accepted", "write INSERT … VALUES … ON CONFLICT only", position
                )

    def insert(self, node: Any) -> Insert:
        relation = node.relation
        tail = self.head + self.row + 1
        select = node.select_stmt.select_stmt
        if not select.values_lists and select.op <= 1:  # SETOP_NONE
            what = "rows that come from a query are" if node.HasField("select_stmt") else "DEFAULT VALUES is"
            raise self.refuse("form", f"{what} not accepted", "write VALUES (…), (…)", relation.location)
        self.require_only(relation, ("schemaname", "relname", "inh", "relpersistence"), relation.location)
        if not relation.inh:
            raise self.refuse("form", "ONLY is not accepted", "name the table alone", relation.location)
        allowed = {"relation", "cols", "select_stmt", "on_conflict_clause"}
        if node.override in (1, 3):  # OVERRIDING_NOT_SET, OVERRIDING_SYSTEM_VALUE: what promote writes itself
            allowed.add("override")
        self.require_only(node, allowed, tail if "override" in allowed else relation.location)
        if not node.cols:
            raise self.refuse("columns", "the columns are not named", "name every column", relation.location)
        for item in node.cols:
            self.require_only(item.res_target, ("name",), item.res_target.location)
        slots = self.values(select, tail)
        if not node.HasField("on_conflict_clause"):
            raise self.refuse(
                "conflict-missing",
                "ON CONFLICT is missing: a second run would fail",
                "end the statement with ON CONFLICT (key) DO NOTHING",
                tail,
            )
        return Insert(
            relation.schemaname,
            relation.relname,
            tuple(item.res_target.name for item in node.cols),
            tuple(item.res_target.location for item in node.cols),
            slots,
            self.conflict(node.on_conflict_clause),
        )

    def values(self, select: Any, position: int) -> tuple[Slot, ...]:
        allowed = {"values_lists"}
        if select.limit_option == 1:  # LIMIT_OPTION_DEFAULT
            allowed.add("limit_option")
        if select.op == 1:  # SETOP_NONE
            allowed.add("op")
        self.require_only(select, allowed, position)
        if len(select.values_lists) != 1:
            raise self.refuse("form", "rows could not be told apart", "write VALUES (…), (…)", position)
        return tuple(self.value(item) for item in select.values_lists[0].list.items)

    def value(self, node: Any) -> Slot:
        kind = node.WhichOneof("node")
        if kind == "type_cast":
            return self.cast(node.type_cast)
        if kind == "a_const":
            return self.constant(node.a_const)
        raise self.refused_value(node)

    def refused_value(self, node: Any) -> Refused:
        kind = node.WhichOneof("node")
        what = _REFUSED_VALUES.get(kind, kind.replace("_", " "))
        position = getattr(getattr(node, kind), "location", self.head)
        return self.refuse("expression", f"{what} is not a constant", "write the value itself", position)

    def constant(self, node: Any) -> Slot:
        position = node.location
        offset = position - self.head
        if offset < 0:
            raise self.refuse("form", "VALUES in parentheses is not accepted", "write VALUES (…), (…)", self.head)
        if node.isnull:
            return Slot("null", (), offset)
        kind = node.WhichOneof("val")
        if kind == "boolval":
            return Slot("true" if node.boolval.boolval else "false", (), offset)
        if kind == "sval":
            return Slot("string", (offset,), offset)
        if kind == "ival":
            return Slot("number", (offset,), offset, negative=node.ival.ival < 0)
        if kind == "fval":
            return Slot("number", (offset,), offset, negative=node.fval.fval.startswith("-"))
        raise self.refuse("constant-form", "a bit string is not accepted", "write a plain '…' string", position)

    def cast(self, node: Any) -> Slot:
        type_name = self.type_name(node.type_name)
        inner = node.arg.WhichOneof("node")
        if inner == "a_const":
            slot = self.constant(node.arg.a_const)
            return Slot(slot.kind, slot.placeholder_offsets, slot.offset, slot.negative, type_name)
        if inner == "a_array_expr":
            array = node.arg.a_array_expr
            if not type_name.array:
                raise self.refuse("expression", "an ARRAY for what is no array", "write one string", array.location)
            elements = []
            for element in array.elements:
                if element.WhichOneof("node") != "a_const" or element.a_const.WhichOneof("val") != "sval":
                    if element.WhichOneof("node") == "a_const":
                        position = element.a_const.location
                        raise self.refuse(
                            "array", "an element that is no string", "write ARRAY['…', …]::uuid[]", position
                        )
                    raise self.refused_value(element)
                elements.append(element.a_const.location - self.head)
            return Slot("array", tuple(elements), array.location - self.head, cast=type_name)
        raise self.refused_value(node.arg)

    def type_name(self, node: Any) -> TypeName:
        self.require_only(node, ("names", "typmods", "typemod", "array_bounds"), node.location)
        typmods = []
        for item in node.typmods:
            if item.a_const.ival.ival <= 0:  # of a placeholder, which is positive
                raise self.refuse(
                    "cast", "a type modifier that is no number", "write it as the column has it", node.location
                )
            typmods.append(item.a_const.location - self.head)
        bounds = [item.integer.ival for item in node.array_bounds]
        if bounds not in ([], [-1]):
            raise self.refuse("cast", "array bounds in a cast are not accepted", "write uuid[]", node.location)
        names = tuple(item.string.sval for item in node.names)
        return TypeName(names, tuple(typmods), bool(bounds), node.location - self.head)

    def conflict(self, node: Any) -> Conflict:
        position = node.location
        self.require_only(node, ("action", "infer", "target_list"), position)
        columns, constraint = [], ""
        if node.HasField("infer"):
            self.require_only(node.infer, ("index_elems", "conname"), position)
            constraint = node.infer.conname
            for item in node.infer.index_elems:
                element = item.index_elem
                defaults = [name for name in ("ordering", "nulls_ordering") if getattr(element, name) == 1]
                self.require_only(element, ("name", *defaults), position)
                columns.append(element.name)
        return Conflict(tuple(columns), constraint, tuple(self.updated_columns(node.target_list, position)))

    def updated_columns(self, targets: Any, position: int) -> Iterable[str]:
        for item in targets:
            target = item.res_target
            self.require_only(target, ("name", "val"), position)
            fields = target.val.column_ref.fields if target.val.WhichOneof("node") == "column_ref" else ()
            if [field.string.sval for field in fields] != ["excluded", target.name]:
                raise self.refuse(
                    "conflict-set",
                    f"DO UPDATE may only set {target.name} = EXCLUDED.{target.name}",
                    "write DO NOTHING, or SET column = EXCLUDED.column",
                    target.location,
                )
            yield target.name
