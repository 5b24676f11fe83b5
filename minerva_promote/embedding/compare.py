"""Whether a file's vectors live in the space of a target's: what the numbers over two samples say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from minerva_promote.embedding.direction_statistics import (
    FEWEST,
    FEWEST_DIMENSIONS,
    LEAST,
    directions,
    enough_samples,
    normalize,
    outlier_count,
)
from minerva_promote.embedding.model import Comparison, ConfigRow, Space, SpaceSample, Text
from minerva_promote.results import Finding, Severity

if TYPE_CHECKING:
    from minerva_promote.embedding.direction_statistics import Vectors

FEWEST_NORMS = 8  # vectors on each side
NORM_APART = 0.05  # of the target's
NORM_SPREADS = 4.0
NORM_FIXED = 0.01  # a spread below this share of the norm is that of vectors made equally long
SAME_TEXT = 0.9  # cosine of two vectors of the same text
_HELP = "embed the texts with the target's model, and export again"


def compare(
    file: SpaceSample, target: SpaceSample, same: Sequence[tuple[Text, bytes]] | None, root_table: str
) -> Comparison:
    """What speaks against the file's vectors; ``same`` are vectors of the target for texts of the file."""
    findings = list(config_findings(file, target))
    numbers: dict[str, float | int] = {"file_vectors": file.rows, "target_vectors": target.rows}
    ours, theirs = _singles(file.vectors), _singles(target.vectors)
    if not len(theirs):
        detail = f"nothing to compare: the target has no {file.space.column} of other {root_table}"
        return Comparison(detail, tuple(findings), numbers, compared=False)
    if ours.shape[1] != theirs.shape[1]:
        fact = f"vectors of {ours.shape[1]:,}, the target's have {theirs.shape[1]:,}"
        findings.append(Finding("embedding-space", fact, hint=_HELP))
        return Comparison(fact, tuple(findings), numbers)
    said = [_of_norms(ours, theirs, findings, numbers)]
    said.append(_of_directions(ours, theirs, target.roots, root_table, findings, numbers))
    said.append(_of_texts(file, same, findings, numbers))
    detail = f"{len(ours)} vectors against {len(theirs)}: " + ", ".join(part for part in said if part)
    return Comparison(detail, tuple(findings), numbers)


def config_findings(file: SpaceSample, target: SpaceSample) -> Iterable[Finding]:
    """The file's embedding config against the target's: the same model, and one active afterwards."""
    space = file.space
    if space.config_table is None or not file.used:
        return
    after = {row.key: row for row in (*target.configs, *file.configs)}
    before = {row.key: row for row in target.configs}
    theirs = [before[key] for key in sorted(target.used) if key in before]
    if not target.vectors:
        theirs = [row for key, row in before.items() if row.active and key not in {row.key for row in file.configs}]
    theirs = [row for row in theirs if row.active] or theirs
    for row in [after[key] for key in sorted(file.used) if key in after]:
        if theirs and row.identity not in [other.identity for other in theirs]:
            unlike = _unlike(space, row, theirs[0])
            fact = f"the file's vectors are of another {space.config_table} row than the target's: {unlike}"
            yield Finding("embedding-config", fact, hint=_HELP)
    active = [row for row in after.values() if row.active]
    if space.active and len(active) != 1:
        fact = f"{len(active)} rows of {space.config_table} would be active after the import, must be 1"
        if active:
            fact += ": " + "; ".join(f"{row.key} ({', '.join(row.identity)})" for row in active[:4])
        one = "export with the target's config" if len(active) > 1 else "export with an active one"
        same = len({row.identity for row in active}) == 1  # a doubled row: nothing is searched with another model
        help_ = f"{one}, or set {space.active} in the target"
        severity = Severity.WARN if same else Severity.ERROR
        yield Finding("embedding-config-active", fact, hint=help_, severity=severity)


def _unlike(space: Space, row: ConfigRow, other: ConfigRow) -> str:
    parts = zip(space.identity, row.identity, other.identity, strict=True)
    return "; ".join(f"{name} {mine}, the target has {its}" for name, mine, its in parts if mine != its)


def _of_norms(ours: Vectors, theirs: Vectors, findings: list[Finding], numbers: dict[str, float | int]) -> str:
    import numpy as np

    (mine, my_spread), (its, its_spread) = (
        (float(norms.mean()), float(norms.std())) for norms in (np.linalg.norm(each, axis=1) for each in (ours, theirs))
    )
    numbers |= {
        "norm": _round(mine), "norm_spread": _round(my_spread),
        "target_norm": _round(its), "target_norm_spread": _round(its_spread),
    }  # fmt: skip
    if min(len(ours), len(theirs)) < FEWEST_NORMS:
        return f"fewer than {FEWEST_NORMS} on a side, norms not compared"
    shown = f"norm {_norm(mine, my_spread)}, target {_norm(its, its_spread)}"
    if abs(mine - its) > max(NORM_APART * its, NORM_SPREADS * max(my_spread, its_spread)):
        help_ = "scale the vectors as the target's are, or embed the texts with its model"
        findings.append(Finding("embedding-space", shown, hint=help_))
    elif (my_spread > NORM_APART * mine) != (its_spread > NORM_APART * its) and (
        min(my_spread / mine, its_spread / its) < NORM_FIXED
    ):
        fact = f"{shown}: only one side's are all of one length"
        help_ = "harmless for cosine searches; find out why"
        findings.append(Finding("embedding-space", fact, hint=help_, severity=Severity.WARN))
    return shown


def _of_directions(
    ours: Vectors,
    theirs: Vectors,
    roots: Sequence[str],
    root_table: str,
    findings: list[Finding],
    numbers: dict[str, float | int],
) -> str:
    if ours.shape[1] < FEWEST_DIMENSIONS:
        return f"{ours.shape[1]} dimensions are too few to compare directions"
    if len(theirs) < LEAST:
        return f"fewer than {LEAST} in the target, directions not compared"
    found = directions(ours, theirs, roots)
    numbers |= {"cosine": _round(found.cosine), "cosine_subsets": _round(found.cosine_subsets)}
    if found.cosine_groups is not None:
        numbers["cosine_groups"] = _round(found.cosine_groups)
    if found.overlaps is not None:
        numbers |= {"overlap": _round(found.overlaps.file), "overlap_target": _round(found.overlaps.target)}
    if not found.structured:
        return "the target's vectors point nowhere in particular, directions not compared"
    own = f"random subsets of the target have {found.cosine_subsets:.2f} or more"
    if found.cosine_groups is not None:
        own = f"{root_table} of the target have {found.cosine_groups:.2f} or more, {own}"
    shown = f"cosine of mean directions {found.cosine:.2f} ({own})"
    enough = enough_samples(ours, theirs)
    doubt = "" if enough else f"; {min(len(ours), len(theirs))} on a side are too few to be sure"
    if found.opposite:
        fact = f"the vectors point the other way: {shown}{doubt}"
        severity = Severity.ERROR if enough else Severity.WARN
        help_ = "find out where their signs were changed"
        findings.append(Finding("embedding-space", fact, hint=help_, severity=severity))
    elif found.overlaps is not None and found.foreign:
        fact = (
            f"the vectors look like those of another model: {shown};"
            f" overlap {found.overlaps.file:.2f} (by chance 1.00, within the target {found.overlaps.target:.2f})"
        )
        if found.scattered:
            fact += f"; so do {root_table} of the target among themselves"
        severity = Severity.WARN if found.scattered or not enough else Severity.ERROR
        help_ = _HELP if min(len(ours), len(theirs)) >= FEWEST else f"{_HELP}; or say space: warn in the environment"
        findings.append(Finding("embedding-space", fact + doubt, hint=help_, severity=severity))
    elif lost := outlier_count(ours, theirs):
        fact = f"{lost} of {len(ours)} vectors have nothing in common with the target's, which all follow one direction"
        help_ = "are they of another model? embed their texts again"
        findings.append(Finding("embedding-space", fact, hint=help_, severity=Severity.WARN))
    return shown


def _of_texts(
    file: SpaceSample,
    same: Sequence[tuple[Text, bytes]] | None,
    findings: list[Finding],
    numbers: dict[str, float | int],
) -> str:
    """The cosine of the vectors that file and target have for the same text; of several the greatest counts."""
    import numpy as np

    if same is None:
        return "the same texts were not looked for: it took too long"
    mine = {text: vector for text, vector in zip(file.texts, file.vectors, strict=True) if text is not None}
    pairs: dict[Text, float] = {}
    for text, vector in same:
        if text in mine:
            one, other = normalize(_singles((mine[text], vector)))
            pairs[text] = max(pairs.get(text, -1.0), float(one @ other))
    numbers["same_texts"] = len(pairs)
    if not pairs:
        return ""
    middle, least = float(np.median(list(pairs.values()))), min(pairs.values())
    numbers |= {"same_text_cosine": _round(middle), "same_text_least": _round(least)}
    shown = "1 text in both" if len(pairs) == 1 else f"{len(pairs)} texts in both"
    shown += f", cosine of its vectors {middle:.2f}" if len(pairs) == 1 else f", cosine of their vectors {middle:.2f}"
    apart = sum(value < SAME_TEXT for value in pairs.values())
    if middle < SAME_TEXT:
        findings.append(Finding("embedding-text", f"{shown}, must be {SAME_TEXT:.2f} or more", hint=_HELP))
    elif apart:
        fact = f"{apart} of {shown}; the least {least:.2f}"
        findings.append(Finding("embedding-text", fact, hint="embed these texts again", severity=Severity.WARN))
    return shown


def _singles(vectors: Sequence[bytes]) -> Vectors:
    """Wire forms as rows; those of another length than the first are left out."""
    import numpy as np

    length = len(vectors[0]) if vectors else 4
    alike = b"".join(vector[4:] for vector in vectors if len(vector) == length)
    return np.frombuffer(alike, ">f4").reshape(-1, (length - 4) // 4 or 1).astype(np.float64)


def _norm(mean: float, spread: float) -> str:
    return f"{mean:.2f} ± {spread:.2f}" if spread >= NORM_FIXED * mean else f"{mean:.2f}"


def _round(value: float) -> float:
    return round(value, 4)
