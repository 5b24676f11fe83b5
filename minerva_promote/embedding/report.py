"""The step of a run, and its findings, about the embedding space of a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from minerva_promote.embedding.compare import MIN_NORMS, NORM_FIXED, SAME_TEXT, Comparison, Configs
from minerva_promote.embedding.direction_statistics import MIN_TARGET_VECTORS, MIN_VECTORS
from minerva_promote.embedding.model import Space
from minerva_promote.results import Finding, Outcome, Severity, StepResult
from minerva_promote.text_format import seconds

NAME = "embedding space"
REEMBED_HINT = "compute the vectors with the target's model, and export again"


def comparison_step(comparisons: Sequence[Comparison], root_table: str, step: str, elapsed: float) -> StepResult:
    """The step for all vector columns of a file; ``skip`` where one of them could not be compared."""
    if not comparisons:
        return StepResult(step, NAME, Outcome.SKIP, "the file has no vectors", elapsed)
    findings = tuple(finding for comparison in comparisons for finding in _findings(comparison, root_table))
    several = len(comparisons) > 1
    prefixes = [f"{comparison.space.table}.{comparison.space.column}" if several else "" for comparison in comparisons]
    numbers = {
        f"{prefix}.{name}" if prefix else name: value
        for prefix, comparison in zip(prefixes, comparisons, strict=True)
        for name, value in _numbers(comparison)
    }
    details = [describe(comparison, root_table) for comparison in comparisons]
    detail = "; ".join(f"{name}: {text}" if name else text for name, text in zip(prefixes, details, strict=True))
    if any(finding.severity is Severity.ERROR for finding in findings):
        outcome = Outcome.FAIL
    elif findings:
        outcome = Outcome.WARN
    else:
        conclusive = all(comparison.is_conclusive for comparison in comparisons)
        outcome = Outcome.OK if conclusive else Outcome.SKIP
    if outcome is not Outcome.SKIP:
        detail += f", {seconds(elapsed)}"
    return StepResult(step, NAME, outcome, detail, elapsed, findings=findings, data={"values": numbers})


def unread_step(reason: str, step: str, elapsed: float) -> StepResult:
    """The step where the target's vectors were not read."""
    return StepResult(step, NAME, Outcome.ERROR, f"the target's vectors {reason}", elapsed)


def describe(comparison: Comparison, root_table: str) -> str:
    """What was compared, with the numbers."""
    space = comparison.space
    if comparison.untested == "key":
        names = ", ".join(space.key)
        return f"not compared: rows of the file cannot be told from other rows of {space.table} by {names}"
    if not comparison.target_vectors:
        return f"nothing to compare: the target has no {space.column} of other {root_table}"
    if comparison.lengths is not None:
        return _lengths(*comparison.lengths)
    parts = [_norms(comparison), _directions(comparison, root_table), _texts(comparison)]
    counts = f"{comparison.file_vectors} vectors against {comparison.target_vectors}: "
    return counts + ", ".join(part for part in parts if part)


def comparison_findings(comparison: Comparison, root_table: str) -> tuple[Finding, ...]:
    """What speaks against the file's vectors."""
    return tuple(_findings(comparison, root_table))


def _findings(comparison: Comparison, root_table: str) -> Iterator[Finding]:
    yield from _config_findings(comparison.space, comparison.configs)
    if comparison.lengths is not None:
        yield Finding("embedding-space", _lengths(*comparison.lengths), hint=REEMBED_HINT)
    yield from _norm_findings(comparison)
    yield from _direction_findings(comparison, root_table)
    yield from _text_findings(comparison)


def _config_findings(space: Space, configs: Configs) -> Iterator[Finding]:
    for row, other in configs.others:
        parts = zip(space.identity, row.identity, other.identity, strict=True)
        unlike = "; ".join(f"{name} {mine}, the target has {its}" for name, mine, its in parts if mine != its)
        message = f"the file's vectors are of another {space.config_table} row than the target's: {unlike}"
        yield Finding("embedding-config", message, hint=REEMBED_HINT)
    active = configs.active
    if active is None:
        return
    message = f"{len(active)} rows of {space.config_table} would be active after the import, must be 1"
    if active:
        message += ": " + "; ".join(f"{row.key} ({', '.join(row.identity)})" for row in active[:4])
    one = "export with the target's config" if len(active) > 1 else "export with an active one"
    hint = f"{one}, or set {space.active} in the target"
    severity = Severity.WARN if configs.active_alike else Severity.ERROR
    yield Finding("embedding-config-active", message, hint=hint, severity=severity)


def _lengths(file: int, target: int) -> str:
    return f"vectors of {file:,}, the target's have {target:,}"


def _norms(comparison: Comparison) -> str:
    norms = comparison.norms
    if norms is None:
        return ""
    if not norms.enough:
        return f"fewer than {MIN_NORMS} on a side, norms not compared"
    return f"norm {_norm(norms.file, norms.file_spread)}, target {_norm(norms.target, norms.target_spread)}"


def _norm(mean: float, spread: float) -> str:
    return f"{mean:.2f} ± {spread:.2f}" if spread >= NORM_FIXED * mean else f"{mean:.2f}"


def _norm_findings(comparison: Comparison) -> Iterator[Finding]:
    norms = comparison.norms
    if norms is not None and norms.differ:
        hint = "scale the vectors as the target's are, or compute them with its model"
        yield Finding("embedding-space", _norms(comparison), hint=hint)
    elif norms is not None and norms.one_side_fixed:
        message = f"{_norms(comparison)}: only one side's are all of one length"
        hint = "harmless for cosine searches; find out why"
        yield Finding("embedding-space", message, hint=hint, severity=Severity.WARN)


def _directions(comparison: Comparison, root_table: str) -> str:
    directions = comparison.directions
    match comparison.untested:
        case "few":
            return f"fewer than {MIN_TARGET_VECTORS} in the target, directions not compared"
        case "dimensions":
            dimensions = comparison.dimensions
            return f"{dimensions} dimensions are too few to compare directions"
        case "structure":
            return "the target's vectors point nowhere in particular, directions not compared"
        case "mixed":
            return "the target's vectors are those of two models, directions not compared"
    assert directions is not None
    reference = f"random subsets of the target have {directions.cosine_subsets:.2f} or more"
    if directions.cosine_groups is not None:
        reference = f"{root_table} of the target have {directions.cosine_groups:.2f} or more, {reference}"
    return f"cosine of mean directions {directions.cosine:.2f} ({reference})"


def _direction_findings(comparison: Comparison, root_table: str) -> Iterator[Finding]:
    directions = comparison.directions
    if directions is None or comparison.untested:
        return
    summary = _directions(comparison, root_table)
    smaller = min(comparison.file_vectors, comparison.target_vectors)
    doubt = "" if comparison.enough else f"; {smaller} on a side are too few to be sure"
    if directions.opposite:
        message = f"the vectors point the other way: {summary}{doubt}"
        severity = Severity.ERROR if comparison.enough else Severity.WARN
        yield Finding("embedding-space", message, hint="find out where their signs were changed", severity=severity)
    elif directions.overlaps is not None and directions.foreign:
        overlaps = directions.overlaps
        message = (
            f"the vectors look like those of another model: {summary};"
            f" overlap {overlaps.file:.2f} (by chance 1.00, within the target {overlaps.target:.2f})"
        )
        if directions.scattered:
            message += f"; so do {root_table} of the target among themselves"
        severity = Severity.WARN if directions.scattered or not comparison.enough else Severity.ERROR
        hint = REEMBED_HINT if smaller >= MIN_VECTORS else f"{REEMBED_HINT}; or say space: warn in the environment"
        yield Finding("embedding-space", message + doubt, hint=hint, severity=severity)
    elif comparison.outliers:
        message = (
            f"{comparison.outliers} of {comparison.file_vectors} vectors have nothing in common with the target's,"
            " which all follow one direction"
        )
        hint = "are they of another model? compute them again"
        yield Finding("embedding-space", message, hint=hint, severity=Severity.WARN)


def _texts(comparison: Comparison) -> str:
    if not comparison.texts_in_time:
        return "the same texts were not looked for: it took too long"
    texts = comparison.texts
    if texts is None:
        return ""
    if texts.pairs == 1:
        return f"1 text in both, cosine of its vectors {texts.median:.2f}"
    return f"{texts.pairs} texts in both, cosine of their vectors {texts.median:.2f}"


def _text_findings(comparison: Comparison) -> Iterator[Finding]:
    texts, summary = comparison.texts, _texts(comparison)
    if texts is None:
        return
    if texts.differ:
        yield Finding("embedding-text", f"{summary}, must be {SAME_TEXT:.2f} or more", hint=REEMBED_HINT)
    elif texts.below:
        message = f"{texts.below} of {summary}; the least {texts.least:.2f}"
        yield Finding(
            "embedding-text", message, hint="compute the vectors of these texts again", severity=Severity.WARN
        )


def _numbers(comparison: Comparison) -> Iterator[tuple[str, float | int]]:
    yield "file_vectors", comparison.file_rows
    yield "target_vectors", comparison.target_rows
    norms, directions, texts = comparison.norms, comparison.directions, comparison.texts
    if norms is not None:
        yield "norm", round(norms.file, 4)
        yield "norm_spread", round(norms.file_spread, 4)
        yield "target_norm", round(norms.target, 4)
        yield "target_norm_spread", round(norms.target_spread, 4)
    if directions is not None:
        yield "cosine", round(directions.cosine, 4)
        yield "cosine_subsets", round(directions.cosine_subsets, 4)
        if directions.cosine_groups is not None:
            yield "cosine_groups", round(directions.cosine_groups, 4)
        if directions.overlaps is not None:
            yield "overlap", round(directions.overlaps.file, 4)
            yield "overlap_target", round(directions.overlaps.target, 4)
    if norms is not None and comparison.texts_in_time:
        yield "same_texts", texts.pairs if texts else 0
    if texts is not None:
        yield "same_text_cosine", round(texts.median, 4)
        yield "same_text_least", round(texts.least, 4)
