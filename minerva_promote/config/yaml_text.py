"""Values to YAML that is safe to print: characters and words that a terminal or a CI log interprets are escaped."""

from __future__ import annotations

import re
from typing import Any

import yaml

_MARK = re.compile(r"##(?=\[|vso\[)", re.IGNORECASE)


class _Dumper(yaml.SafeDumper):
    """A dumper that double-quotes text which a terminal or the log of a CI service could interpret."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    quoted = "::" in text or _MARK.search(text) or not text.isprintable()
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if quoted else None)


_Dumper.add_representer(str, _text)


def dump_yaml(values: Any) -> str:
    """The values as YAML, in their order; only printable characters and line breaks."""
    text = _dumped(values, unicode=True)
    if not text.replace("\n", "").isprintable():  # then all that is not ASCII is escaped
        text = _dumped(values, unicode=False)
    return _MARK.sub(r"#\\x23", text)  # they stand in double quotes only


def _dumped(values: Any, *, unicode: bool) -> str:
    wide = 1 << 30 if any("::" in line for line in str(values).splitlines()) else 160
    return str(
        yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=unicode, default_flow_style=None, width=wide)
    )
