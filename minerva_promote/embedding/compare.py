"""Whether a file's vectors live in the space of a target's: what the numbers over two samples say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from minerva_promote.embedding.direction_statistics import (
    MIN_DIMENSIONS,
    MIN_TARGET_VECTORS,
    MIN_VECTORS,
    compare_directions,
    enough_samples,
    normalize,
    outlier_count,
)
from minerva_promote.embedding.model import Comparison, ConfigRow, Space, SpaceSample, Text
from minerva_promote.results import Finding, Severity

if TYPE_CHECKING:
    from minerva_promote.embedding.direction_statistics import Vectors

MIN_NORMS = 8  # vectors on each side
MAX_NORM_DIFFERENCE = 0.05  # of the target's
NORM_SPREADS = 4.0
NORM_FIXED = 0.01  # a spread below this share of the norm is that of vectors made equally long
SAME_TEXT = 0.9  # cosine of two vectors of the same text
REEMBED_HINT = "embed the texts with the target's model, and export again"


def compare(
    file: SpaceSample, target: SpaceSample, same: Sequence[tuple[Text, bytes]] | None, root_table: str
) -> Comparison:
    """What speaks against the file's vectors; ``same`` are vectors of the target for texts of the file."""
    findings = list(config_findings(file, target))
    numbers: dict[str, float | int] = {"file_vectors": file.rows, "target_vectors": target.rows}
    file_vectors, target_vectors = _to_matrix(file.vectors), _to_matrix(target.vectors)
    if not len(target_vectors):
        detail = f"nothing to compare: the target has no {file.space.column} of other {root_table}"
        return Comparison(detail, tuple(findings), numbers, compared=False)
    if file_vectors.shape[1] != target_vectors.shape[1]:
        message = f"vectors of {file_vectors.shape[1]:,}, the target's have {target_vectors.shape[1]:,}"
        findings.append(Finding("embedding-space", message, hint=REEMBED_HINT))
        return Comparison(message, tuple(findings), numbers)
    details = [_compare_norms(file_vectors, target_vectors, findings, numbers)]
    details.append(_compare_directions(file_vectors, target_vectors, target.roots, root_table, findings, numbers))
    details.append(_compare_texts(file, same, findings, numbers))
    detail = f"{len(file_vectors)} vectors against {len(target_vectors)}: " + ", ".join(
        part for part in details if part
    )
    return Comparison(detail, tuple(findings), numbers)


def config_findings(file: SpaceSample, target: SpaceSample) -> Iterable[Finding]:
    """The file's embedding config against the target's: the same model, and one active afterwards."""
    space = file.space
    if space.config_table is None or not file.used:
        return
    after = {row.key: row for row in (*target.configs, *file.configs)}
    before = {row.key: row for row in target.configs}
    target_rows = [before[key] for key in sorted(target.used) if key in before]
    if not target.vectors:
        target_rows = [
            row for key, row in before.items() if row.active and key not in {row.key for row in file.configs}
        ]
    target_rows = [row for row in target_rows if row.active] or target_rows
    for row in [after[key] for key in sorted(file.used) if key in after]:
        if target_rows and row.identity not in [other.identity for other in target_rows]:
            unlike = _describe_difference(space, row, target_rows[0])
            message = f"the file's vectors are of another {space.config_table} row than the target's: {unlike}"
            yield Finding("embedding-config", message, hint=REEMBED_HINT)
    active = [row for row in after.values() if row.active]
    if space.active and len(active) != 1:
        message = f"{len(active)} rows of {space.config_table} would be active after the import, must be 1"
        if active:
            message += ": " + "; ".join(f"{row.key} ({', '.join(row.identity)})" for row in active[:4])
        one = "export with the target's config" if len(active) > 1 else "export with an active one"
        same = len({row.identity for row in active}) == 1  # a doubled row: nothing is searched with another model
        hint = f"{one}, or set {space.active} in the target"
        severity = Severity.WARN if same else Severity.ERROR
        yield Finding("embedding-config-active", message, hint=hint, severity=severity)


def _describe_difference(space: Space, row: ConfigRow, other: ConfigRow) -> str:
    parts = zip(space.identity, row.identity, other.identity, strict=True)
    return "; ".join(f"{name} {mine}, the target has {its}" for name, mine, its in parts if mine != its)


def _compare_norms(
    file_vectors: Vectors, target_vectors: Vectors, findings: list[Finding], numbers: dict[str, float | int]
) -> str:
    import numpy as np

    (file_mean, file_spread), (target_mean, target_spread) = (
        (float(norms.mean()), float(norms.std()))
        for norms in (np.linalg.norm(vectors, axis=1) for vectors in (file_vectors, target_vectors))
    )
    numbers |= {
        "norm": _round(file_mean), "norm_spread": _round(file_spread),
        "target_norm": _round(target_mean), "target_norm_spread": _round(target_spread),
    }  # fmt: skip
    if min(len(file_vectors), len(target_vectors)) < MIN_NORMS:
        return f"fewer than {MIN_NORMS} on a side, norms not compared"
    summary = f"norm {_norm(file_mean, file_spread)}, target {_norm(target_mean, target_spread)}"
    if abs(file_mean - target_mean) > max(
        MAX_NORM_DIFFERENCE * target_mean, NORM_SPREADS * max(file_spread, target_spread)
    ):
        hint = "scale the vectors as the target's are, or embed the texts with its model"
        findings.append(Finding("embedding-space", summary, hint=hint))
    elif (file_spread > MAX_NORM_DIFFERENCE * file_mean) != (target_spread > MAX_NORM_DIFFERENCE * target_mean) and (
        min(file_spread / file_mean, target_spread / target_mean) < NORM_FIXED
    ):
        message = f"{summary}: only one side's are all of one length"
        hint = "harmless for cosine searches; find out why"
        findings.append(Finding("embedding-space", message, hint=hint, severity=Severity.WARN))
    return summary


def _compare_directions(
    file_vectors: Vectors,
    target_vectors: Vectors,
    roots: Sequence[str],
    root_table: str,
    findings: list[Finding],
    numbers: dict[str, float | int],
) -> str:
    if file_vectors.shape[1] < MIN_DIMENSIONS:
        return f"{file_vectors.shape[1]} dimensions are too few to compare directions"
    if len(target_vectors) < MIN_TARGET_VECTORS:
        return f"fewer than {MIN_TARGET_VECTORS} in the target, directions not compared"
    result = compare_directions(file_vectors, target_vectors, roots)
    numbers |= {"cosine": _round(result.cosine), "cosine_subsets": _round(result.cosine_subsets)}
    if result.cosine_groups is not None:
        numbers["cosine_groups"] = _round(result.cosine_groups)
    if result.overlaps is not None:
        numbers |= {"overlap": _round(result.overlaps.file), "overlap_target": _round(result.overlaps.target)}
    if not result.structured:
        return "the target's vectors point nowhere in particular, directions not compared"
    reference = f"random subsets of the target have {result.cosine_subsets:.2f} or more"
    if result.cosine_groups is not None:
        reference = f"{root_table} of the target have {result.cosine_groups:.2f} or more, {reference}"
    summary = f"cosine of mean directions {result.cosine:.2f} ({reference})"
    enough = enough_samples(file_vectors, target_vectors)
    doubt = "" if enough else f"; {min(len(file_vectors), len(target_vectors))} on a side are too few to be sure"
    if result.opposite:
        message = f"the vectors point the other way: {summary}{doubt}"
        severity = Severity.ERROR if enough else Severity.WARN
        hint = "find out where their signs were changed"
        findings.append(Finding("embedding-space", message, hint=hint, severity=severity))
    elif result.overlaps is not None and result.foreign:
        message = (
            f"the vectors look like those of another model: {summary};"
            f" overlap {result.overlaps.file:.2f} (by chance 1.00, within the target {result.overlaps.target:.2f})"
        )
        if result.scattered:
            message += f"; so do {root_table} of the target among themselves"
        severity = Severity.WARN if result.scattered or not enough else Severity.ERROR
        hint = (
            REEMBED_HINT
            if min(len(file_vectors), len(target_vectors)) >= MIN_VECTORS
            else f"{REEMBED_HINT}; or say space: warn in the environment"
        )
        findings.append(Finding("embedding-space", message + doubt, hint=hint, severity=severity))
    elif outliers := outlier_count(file_vectors, target_vectors):
        message = (
            f"{outliers} of {len(file_vectors)} vectors have nothing in common with the target's,"
            " which all follow one direction"
        )
        hint = "are they of another model? embed their texts again"
        findings.append(Finding("embedding-space", message, hint=hint, severity=Severity.WARN))
    return summary


def _compare_texts(
    file: SpaceSample,
    same: Sequence[tuple[Text, bytes]] | None,
    findings: list[Finding],
    numbers: dict[str, float | int],
) -> str:
    """The cosine of the vectors that file and target have for the same text; of several the greatest counts."""
    import numpy as np

    if same is None:
        return "the same texts were not looked for: it took too long"
    by_text = {text: vector for text, vector in zip(file.texts, file.vectors, strict=True) if text is not None}
    pairs: dict[Text, float] = {}
    for text, vector in same:
        if text in by_text:
            first, second = normalize(_to_matrix((by_text[text], vector)))
            pairs[text] = max(pairs.get(text, -1.0), float(first @ second))
    numbers["same_texts"] = len(pairs)
    if not pairs:
        return ""
    median, least = float(np.median(list(pairs.values()))), min(pairs.values())
    numbers |= {"same_text_cosine": _round(median), "same_text_least": _round(least)}
    summary = "1 text in both" if len(pairs) == 1 else f"{len(pairs)} texts in both"
    summary += f", cosine of its vectors {median:.2f}" if len(pairs) == 1 else f", cosine of their vectors {median:.2f}"
    below = sum(value < SAME_TEXT for value in pairs.values())
    if median < SAME_TEXT:
        findings.append(Finding("embedding-text", f"{summary}, must be {SAME_TEXT:.2f} or more", hint=REEMBED_HINT))
    elif below:
        message = f"{below} of {summary}; the least {least:.2f}"
        findings.append(Finding("embedding-text", message, hint="embed these texts again", severity=Severity.WARN))
    return summary


def _to_matrix(vectors: Sequence[bytes]) -> Vectors:
    """Wire forms as rows; those of another length than the first are left out."""
    import numpy as np

    length = len(vectors[0]) if vectors else 4
    components = b"".join(vector[4:] for vector in vectors if len(vector) == length)
    return np.frombuffer(components, ">f4").reshape(-1, (length - 4) // 4 or 1).astype(np.float64)


def _norm(mean: float, spread: float) -> str:
    return f"{mean:.2f} ± {spread:.2f}" if spread >= NORM_FIXED * mean else f"{mean:.2f}"


def _round(value: float) -> float:
    return round(value, 4)
