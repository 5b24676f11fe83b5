"""The settings of pgvector that a search can be made with: what they take, and the release that brought them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from minerva_promote.config.suggest import did_you_mean, listing


@dataclass(frozen=True, slots=True)
class SearchSetting:
    """A setting, the values that it takes, and the first release of pgvector that has it."""

    values: tuple[str, ...] | tuple[int, int]  # words, or the least and the greatest whole number
    since: tuple[int, int, int]


_MANY = 2**31 - 1
SEARCH_SETTINGS: Mapping[str, SearchSetting] = {
    "ivfflat.probes": SearchSetting((1, 32_768), (0, 1, 0)),
    "ivfflat.iterative_scan": SearchSetting(("off", "relaxed_order"), (0, 8, 0)),
    "ivfflat.max_probes": SearchSetting((1, 32_768), (0, 8, 0)),
    "hnsw.ef_search": SearchSetting((1, 1_000), (0, 5, 0)),
    "hnsw.iterative_scan": SearchSetting(("off", "relaxed_order", "strict_order"), (0, 8, 0)),
    "hnsw.max_scan_tuples": SearchSetting((1, _MANY), (0, 8, 0)),
}


def setting_fault(name: str, value: object) -> tuple[str, str] | None:
    """What is wrong with a setting, and the way out; None when nothing is."""
    known = SEARCH_SETTINGS.get(name)
    if known is None:
        near = did_you_mean(name, SEARCH_SETTINGS)
        return f'no search setting "{name}"{near}', f"settings: {listing(SEARCH_SETTINGS)}"
    least, most = known.values[0], known.values[-1]
    if isinstance(least, int) and isinstance(most, int):
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return None
        return f"{name} is {_shown(value)}", f"a whole number from {least:,} to {most:,}"
    if value in known.values:
        return None
    return f"{name} is {_shown(value)}", "one of: " + ", ".join(f'"{word}"' for word in known.values)


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool | int | float) else f'"{value}"'
