"""A check's result where it is read: in the terminal, in JUnit XML, in a CI job's summary.

Names of runs, targets and stages come from files. Control characters are taken out of all of it;
XML and Markdown are escaped.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator

from liftlab.analysis.comparability import is_share, unit_of
from liftlab.analysis.estimate import as_set, quantity, span
from liftlab.analysis.regression import LEVEL, FalseAlarms, Regression
from liftlab.analysis.targets import JudgedTarget
from liftlab.jobs.baselines import Baseline
from liftlab.jobs.checking import CheckResult
from liftlab.reporting.markdown import escaped
from liftlab.reporting.text import comparison as text
from liftlab.reporting.text import targets
from liftlab.reporting.text.base import capitalised, joined
from liftlab.summary.answers import Answers
from liftlab.summary.claims.model import metric_words
from liftlab.summary.comparison import Comparison, RankedRuns
from liftlab.words import counted, one_line

_MOST = 500
COMMENT = "<!-- liftlab check -->"
_GOOD = ("met", "no regression found")
_CHANGES = ("metric", "baseline", "this run", "change", "verdict")
_HEADINGS = ("target", "limit", "verdict", "value", "rests on")
Row = tuple[str, ...]


def check_lines(result: CheckResult) -> Iterator[str]:
    """Yield the result as lines of text: every target with its numbers, then the baseline."""
    yield f"{visible(result.run_id)}  {visible(_line(result))}"
    rows = [_row(target, result.summary.answers) for target in result.targets]
    rows = [_HEADINGS, *rows] if rows else []
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    yield from (f"  {'  '.join(map(str.ljust, row, widths))}".rstrip() for row in rows)
    for target in result.targets:
        if decides := targets.decides(target):
            yield f"  {visible(target.result.name)}: {decides}"
    if result.baseline:
        yield f"against the baseline {visible(result.baseline)}"
        reasons = {found.reason for found in result.regressions}
        shared = next(iter(reasons)) if len(reasons) == 1 else ""
        for found in result.regressions:
            line = _regression(found)
            yield f"  {visible(line.replace(f'; {shared}', '') if shared else line)}"
        if shared:
            yield f"  {visible(capitalised(shared))}."
    yield visible(result.sentence())


def pair_lines(pair: Comparison) -> Iterator[str]:
    """Yield a comparison as lines of text."""
    yield f"{visible(pair.first.run_id)} → {visible(pair.second.run_id)}: {text.title(pair)}"
    yield from (f"  {visible(sentence)}" for sentence in text.sentences(pair))
    yield from (f"  {visible(text.change(change))}" for change in pair.times.times)
    if pair.costs:
        before, after = (quantity(usd, "USD") for usd in pair.costs)
        yield f"  Cost of a request: {before} → {after}, means without an interval."
    sure = [case for case in pair.cases if case.verdict != "cannot tell"]
    for case in sure[:10]:
        yield f"  {visible(case.case_id)}: {case.verdict}, × {case.ratio}"


def ranking_lines(ranked: RankedRuns) -> Iterator[str]:
    """Yield a ranking as lines of text."""
    yield f"{visible(text.most_often_right(ranked))}."
    yield from (f"  {visible(said)}" for said in text.ranking(ranked))
    yield from (f"  {visible(text.placed(row))}" for row in ranked.rows)


def baseline_lines(baseline: Baseline) -> Iterator[str]:
    """Yield what is pinned as lines of text: each number, and how much runs like it differ."""
    facts = (baseline.run.get(name) for name in ("suite", "pipeline", "endpoint", "model"))
    told = " · ".join(str(fact) for fact in facts if fact)
    yield f"{visible(baseline.run_id)}  {visible(told)}"
    spreads = baseline.spreads()
    for metric, value in baseline.metrics.items():
        said = "no spread yet: no comparable run"
        if (spread := spreads.get(metric)) is not None:
            said = f"{spread.runs:,} comparable runs differ by {quantity(spread.sd, '%')} (SD)"
        name = visible(capitalised(metric_words(metric)))
        yield f"  {name}: {quantity(value, unit_of(metric))}; {said}"
    yield f"  {counted(len(baseline.cases), 'prompt')}"


def false_alarms_line(found: FalseAlarms) -> str:
    """Return how often runs that are alike would have failed each other, and what is expected."""
    if not found.pairs:
        return f"No false-alarm rate: {found.rate.reason}."
    of = f"{counted(found.pairs, 'pair')} of comparable runs"
    failed = f"{found.alarms:,} of {of} failed: {found.rate}"
    return f"{failed}; by chance {as_set(LEVEL, '%')} are expected."


def check_markdown(result: CheckResult) -> str:
    """Return the result as Markdown, for a job's summary."""
    rows = [_row(target, result.summary.answers) for target in result.targets]
    lines = [f"### {_markdown(result.sentence())}", "", _markdown(_line(result)), ""]
    lines += _table(_HEADINGS, rows)
    if result.baseline:
        lines += ["", f"Against the baseline {_markdown(result.baseline)}:", ""]
        lines += _table(_CHANGES, map(_regression_row, result.regressions))
    return "\n".join([*lines, ""])


def check_comment(result: CheckResult) -> str:
    """Return the result as a short comment on a pull request: what is not met, or not decided.

    Its first line is not shown; whoever posts it again finds the comment by it.
    """
    open_targets = [target for target in result.targets if target.verdict not in _GOOD]
    worse = [found for found in result.regressions if found.verdict not in _GOOD]
    lines = [COMMENT, f"### {_markdown(result.sentence())}", ""]
    if open_targets:
        rows = [_row(target, result.summary.answers)[:4] for target in open_targets]
        lines += [*_table(_HEADINGS[:4], rows), ""]
    if worse:
        lines += [f"Against the baseline {_markdown(result.baseline or '')}:", ""]
        lines += [*_table(_CHANGES, map(_regression_row, worse)), ""]
    met = len(result.targets) - len(open_targets)
    of = counted(len(result.targets), "target")
    return "\n".join([*lines, f"{met:,} of {of} met · {_markdown(_line(result))}", ""])


def check_junit(result: CheckResult) -> bytes:
    """Return the result as JUnit XML: a case a target, and a case a number of the baseline."""
    cases = [*_junit_cases(result)]
    suite = ET.Element("testsuite", name=f"liftlab check {visible(result.run_id)}")
    counts = {"failure": 0, "skipped": 0}
    for name, verdict, said, required in cases:
        case = ET.SubElement(suite, "testcase", classname="liftlab.check", name=name)
        kind = _junit_kind(verdict, required, result.undecided_passes)
        if kind:
            counts[kind] += 1
            ET.SubElement(case, kind, message=f"{verdict}: {said}"[:_MOST], type=verdict)
        ET.SubElement(case, "system-out").text = said
    named = {"tests": len(cases), "failures": counts["failure"], "skipped": counts["skipped"]}
    for name, count in {**named, "errors": 0}.items():
        suite.set(name, str(count))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _junit_cases(result: CheckResult) -> Iterator[tuple[str, str, str, bool]]:
    """Yield name, verdict and sentence of each target and number, and whether it is required."""
    for target in result.targets:
        said = targets.sentence(target, result.summary.answers)
        yield visible(target.result.name), target.verdict, visible(said), target.required
    for found in result.regressions:
        name = f"{visible(metric_words(found.metric))} against the baseline"
        yield name, found.verdict, visible(_regression(found)), True


def _junit_kind(verdict: str, required: bool, undecided_passes: bool) -> str:
    """Return the element that a verdict becomes: none for a good one."""
    if verdict in _GOOD:
        return ""
    passes = verdict in ("undecided", "not measurable") and undecided_passes
    return "skipped" if passes or not required else "failure"


def visible(text: str) -> str:
    """Return foreign text as one line of bounded length, without what XML has no place for."""
    line = " ".join(one_line(text).split())
    return line if len(line) <= _MOST else f"{line[: _MOST - 1]}…"


def _markdown(text: str) -> str:
    return escaped(visible(text))


def _line(result: CheckResult) -> str:
    run = result.summary.run.run
    return " · ".join(fact for fact in (run.suite, run.pipeline, run.endpoint, run.model) if fact)


def _row(target: JudgedTarget, found: Answers) -> Row:
    note = "" if target.required else " (not required)"
    return (
        f"{visible(target.result.name)}{note}",
        targets.limit(target),
        target.verdict,
        str(target.result.estimate),
        joined([joined([target.basis, target.whose], "; "), targets.out_of(target, found)], ", "),
    )


def _regression(found: Regression) -> str:
    """Return both values of a number, how far apart they are, and what that is worth."""
    values = (quantity(value, unit_of(found.metric)) for value in (found.before, found.after))
    change = "" if found.change is None else f" ({_change(found)})"
    name = capitalised(metric_words(found.metric))
    said = f"{name}: {' → '.join(values)}{change}: {found.verdict}"
    if found.reason:
        return f"{said}; {found.reason}."
    if found.verdict == "no regression found" and found.detectable is not None:
        said += f"; {quantity(abs(found.detectable), '%')} for the worse would have been found"
    return f"{said}; spread of {counted(found.runs, 'run')}."


def _change(found: Regression) -> str:
    if found.change is None:
        return "–"
    ends = ""
    if found.low is not None and found.high is not None:
        ends = f", 95 % interval {span(found.low, found.high, '%')}"
    unit = "points" if is_share(found.metric) else "%"
    return f"{found.change * 100:+.1f} {unit}{ends}"


def _regression_row(found: Regression) -> Row:
    return (
        visible(metric_words(found.metric)),
        quantity(found.before, unit_of(found.metric)),
        quantity(found.after, unit_of(found.metric)),
        _change(found),
        f"{found.verdict}{f': {visible(found.reason)}' if found.reason else ''}",
    )


def _table(head: Row, rows: Iterable[Row]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    return lines + [f"| {' | '.join(map(escaped, row))} |" for row in rows]
