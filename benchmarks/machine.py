"""The facts about a machine without which a figure means nothing; nothing that names it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

PACKAGES = ("minerva-promote", "numpy", "psycopg", "postgast", "pysimdjson", "orjson")


def machine() -> dict[str, str]:
    """Processor, cores, memory, system and versions."""
    facts = {
        "processor": _first("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "memory": _memory(),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
    }
    for name in PACKAGES:
        try:
            facts[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return facts


def _memory() -> str:
    kilobytes = _first("/proc/meminfo", "MemTotal")
    return f"{int(kilobytes.split()[0]) / (1 << 20):.0f} GiB" if kilobytes else "unknown"


def _first(path: str, key: str) -> str:
    """The value of the first line ``key : value`` of a file, or nothing."""
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "")
