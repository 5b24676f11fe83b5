"""An object in a few words, for a line that says that only one side has it."""

from __future__ import annotations

from minerva_promote.config.schema_aspects import Fact, aspect_text, value_text
from minerva_promote.schema_diff.model import Entity

LONGEST = 80
_MAIN = (
    "type",
    "version",
    "columns",
    "references",
    "referenced",
    "expression",
    "definition",
    "at",
    "returns",
    "labels",
)


def described(entity: Entity) -> str:
    """ "uuid, not null"; "btree (title)"; "(book_id) → books (id), on delete cascade"."""
    facts = {aspect: fact for aspect, fact in entity.facts.items() if aspect not in entity.of.not_compared}
    match entity.kind:
        case "index":
            head = f"{entity.fact('method')} ({value_text(entity.fact('columns'))})"
            facts.pop("method", None)
        case "primary key" | "unique":
            head = f"({value_text(entity.fact('columns'))})"
        case "foreign key":
            columns, referenced = (value_text(entity.fact(each)) for each in ("columns", "referenced"))
            head = f"({columns}) → {entity.fact('references')} ({referenced})"
        case "check":
            head = value_text(entity.fact("expression"))
        case "column" | "type" | "sequence":
            head = value_text(entity.fact("type"))
        case "extension":
            head = value_text(entity.fact("version"))
        case "revision":
            head = value_text(entity.fact("at"))
        case "function":
            head, facts = f"returns {value_text(entity.fact('returns'))}", {}
        case "view" | "materialized view" | "rule":
            head, facts = "", {}
        case _:
            head = value_text(entity.fact("definition")) if "definition" in facts else ""
    others = [_said(aspect, fact) for aspect, fact in facts.items() if aspect not in _MAIN]
    if "labels" in facts:
        others.append(value_text(facts["labels"]))
    text = ", ".join(filter(None, (head, *others)))
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _said(aspect: str, fact: Fact) -> str:
    if fact is True:
        return aspect_text(aspect)
    if fact is False:
        return f"not {aspect_text(aspect)}"
    return f"{aspect_text(aspect)} {value_text(fact)}"
