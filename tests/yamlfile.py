"""YAML files that tests change, with libyaml where it is there: hundreds of tests change one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def read(path: Path) -> Any:
    """What the file says."""
    return yaml.load(path.read_text("utf-8"), Loader=_LOADER)  # a safe one


def dump(content: Any, **how: Any) -> str:
    """The text of a file that says this, keys in their order."""
    text: str = yaml.dump(content, Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=1000, **how)
    return text


def write(path: Path, content: Any) -> None:
    """Make or overwrite the file."""
    path.write_text(dump(content), "utf-8")


def change(path: Path, **changes: Any) -> None:
    """Give keys of the file other values; None takes one away."""
    content = read(path) | changes
    write(path, {key: value for key, value in content.items() if value is not None or key not in changes})
