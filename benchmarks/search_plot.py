"""Recall against latency as an SVG, written by hand: no dependency, the same bytes for the same figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 64, 190, 48, 56  # margins; the legend stands in the right one
COLOURS = ("#c0392b", "#1f77b4", "#2e8b57", "#555555", "#8e44ad")
RADII = (4.5, 6.5, 9.0)  # of the sizes, small to large


@dataclass(frozen=True, slots=True)
class Point:
    """One marker."""

    contender: str
    size: int  # rows
    p95_ms: float
    recall: float


def plot(points: Sequence[Point], titles: Mapping[str, str], note: str) -> str:
    """The picture: p95 on a logarithmic axis, recall@10 from 0 to 1; one line a contender, one marker a size."""
    low = 10 ** math.floor(math.log10(min(point.p95_ms for point in points)))
    high = 10 ** math.ceil(math.log10(max(point.p95_ms for point in points)))
    high = high if high > low else low * 10
    sizes = sorted({point.size for point in points})
    radius = {size: RADII[min(place, len(RADII) - 1)] for place, size in enumerate(sizes)}

    def x(milliseconds: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(milliseconds / low) / math.log(high / low)

    def y(recall: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * recall

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
        ' font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(note)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        _text(LEFT, 22, "recall@10 against p95 latency of a search", size=14, weight="bold"),
        _text(LEFT, 38, note, fill="#555555", size=11),
        *_axes(low, high, x, y),
    ]
    for colour, (name, title) in zip(COLOURS, titles.items(), strict=False):
        mine = sorted((point for point in points if point.contender == name), key=lambda point: point.size)
        if len(mine) > 1:
            path = " ".join(f"{x(point.p95_ms):.1f},{y(point.recall):.1f}" for point in mine)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-opacity="0.4"/>')
        for point in mine:
            said = f"{title}, {point.size:,} chunks: recall {point.recall:.2f}, p95 {point.p95_ms:.1f} ms"
            parts.append(
                f'<circle cx="{x(point.p95_ms):.1f}" cy="{y(point.recall):.1f}" r="{radius[point.size]}"'
                f' fill="{colour}" fill-opacity="0.75" stroke="{colour}"><title>{escape(said)}</title></circle>'
            )
    parts += _legend(titles, radius)
    return "\n".join([*parts, "</svg>", ""])


def _axes(low: float, high: float, x: object, y: object) -> Iterator[str]:
    assert callable(x)
    assert callable(y)
    tick = low
    while tick <= high * 1.001:
        yield _line(x(tick), y(0), x(tick), y(1))
        yield _text(x(tick), y(0) + 18, f"{tick:g} ms", anchor="middle")
        tick *= 10
    for tenth in range(0, 11, 2):
        yield _line(x(low), y(tenth / 10), x(high), y(tenth / 10))
        yield _text(x(low) - 8, y(tenth / 10) + 4, f"{tenth / 10:.1f}", anchor="end")
    yield _text((x(low) + x(high)) / 2, HEIGHT - 14, "p95, seen from the client (logarithmic)", anchor="middle")
    middle = (y(0) + y(1)) / 2
    yield (
        f'<text x="18" y="{middle:.1f}" text-anchor="middle" transform="rotate(-90 18 {middle:.1f})">recall@10</text>'
    )


def _legend(titles: Mapping[str, str], radius: Mapping[int, float]) -> Iterator[str]:
    left, top = WIDTH - RIGHT + 22, TOP + 12
    for place, (colour, title) in enumerate(zip(COLOURS, titles.values(), strict=False)):
        yield f'<circle cx="{left}" cy="{top + 22 * place}" r="5" fill="{colour}"/>'
        yield _text(left + 14, top + 22 * place + 4, title)
    top += 22 * len(titles) + 14
    for place, (size, r) in enumerate(radius.items()):
        yield f'<circle cx="{left}" cy="{top + 24 * place}" r="{r}" fill="none" stroke="#555555"/>'
        yield _text(left + 14, top + 24 * place + 4, f"{size:,} chunks")


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#dddddd"/>'


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", fill: str = "#222222", size: int = 12, weight: str = ""
) -> str:
    more = f' font-weight="{weight}"' if weight else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}" font-size="{size}"{more}>'
        f"{escape(text)}</text>"
    )


def goals(points: Iterable[Point]) -> str:
    """What must hold after `promote index --apply`, and whether it does."""
    found = {(point.contender, point.size): point for point in points}
    lines = []
    for (name, size), point in found.items():
        if name != "applied" or size < 100_000:
            continue
        times = found["exact", size].p95_ms / point.p95_ms
        for holds, fact in (
            (point.recall >= 0.95, f"recall@10 is {point.recall:.3f}, at least 0.95"),
            (times >= 20, f"p95 is {times:.0f} times as fast as exact search, at least 20"),
            (point.p95_ms < 200, f"p95 is {point.p95_ms:.1f} ms, less than 200"),
        ):
            lines.append(f"{'ok    ' if holds else 'MISSED'} {size:,} chunks after promote index --apply: {fact}")
    return "\n".join(lines)
