"""`liftlab grade`: judge a file of answers, without an endpoint."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from liftlab.cli.main import say
from liftlab.cli.options import (
    A_PATH,
    cluster_option,
    connection,
    is_file,
    json_option,
    project,
    share_option,
    suite_option,
)  # fmt: skip
from liftlab.errors import RunInterrupted, UsageError, VerdictsUnproven
from liftlab.words import counted, printable

if TYPE_CHECKING:
    from tqdm import tqdm

    from liftlab.cluster import Cluster
    from liftlab.grading.samples import Summary
    from liftlab.settings import Project

_LINES = 20  # how often progress is told where there is no terminal


@click.command("grade")
@click.argument("samples", type=A_PATH)
@suite_option("The suite with the checks", required=True)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, allow_dash=True),
    help="Where the verdicts go; - is standard output.",
)
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Sandboxes at once.")
@share_option("--shard", "Grade share I of N; the same command without --shard joins the shares.")
@cluster_option("Grade on a Dask cluster, or on N processes of this machine.")
@click.option(
    "--allow-weak-isolation", is_flag=True, help="Grade even where code can't be isolated."
)
@json_option
def grade_command(
    samples: Path,
    suite: str,
    out: Path,
    shard: tuple[int, int] | None,
    cluster: str | None,
    allow_weak_isolation: bool,
    **how: Any,
) -> None:
    """Grade SAMPLES, JSON Lines with a case_id and a code each, and write one verdict per line.

    EvalPlus's eval_results.json and bigcode-evaluation-harness's generations are read, too.
    After an interruption the same command continues, unless it writes to standard output.
    Shares and clusters: docs/scale.md.
    """
    if cluster and (shard or how["workers"] > 1):
        raise UsageError("--cluster has workers of its own: leave out --shard and --workers")
    if shard and str(out) == "-":
        raise UsageError("--shard keeps its verdicts beside --out: give a file's name")
    here = project(
        needed=not is_file(suite), grading__allow_weak_isolation=allow_weak_isolation or None
    )
    with connection(cluster) as workers_elsewhere:
        how |= {"shard": shard, "cluster": workers_elsewhere}
        if str(out) == "-":
            with tempfile.TemporaryDirectory(prefix="liftlab-grade-") as scratch:
                place = Path(scratch) / "verdicts.jsonl"
                proven, told = _graded(here, samples, suite, place, **how)
                with place.open(encoding="utf-8") as verdicts:
                    for line in verdicts:
                        click.echo(line, nl=False)
            say(told.replace(str(place), "standard output"))
        else:
            place = _writable(out, samples, *map(Path, suite.split(" + ")))
            proven, told = _graded(here, samples, suite, place, shown=out, **how)
            click.echo(told)
    if not proven:
        raise VerdictsUnproven(
            "known answers were judged otherwise than they must be: do not rely on these verdicts"
        )


def _graded(
    here: Project,
    samples: Path,
    suite: str,
    place: Path,
    *,
    shown: Path | None = None,
    shard: tuple[int, int] | None,
    cluster: Cluster | None,
    workers: int,
    as_json: bool,
) -> tuple[bool, str]:
    """Grade a file of answers into another; return whether that is proven, and what is said."""
    from liftlab.grading.samples import grade_samples, grade_shard
    from liftlab.grading.verdict_files import Shard
    from liftlab.suite import load

    whole = load(suite, [here.path("suites")])
    progress = Progress()
    how: dict[str, Any] = {
        "settings": here.settings.grading, "workers": workers, "progress": progress,
    }  # fmt: skip
    try:
        if shard:
            path, summary = grade_shard(samples, whole, place, Shard(*shard), **how)
            shown = shown and shown.with_name(path.name)
        else:
            summary = grade_samples(samples, whole, place, cluster=cluster, **how)
    except KeyboardInterrupt:
        raise RunInterrupted(
            f"{progress.done} of {progress.total} graded; the same command goes on from there"
        ) from None
    finally:
        progress.close()
    share = "{}/{}".format(*shard) if shard else None
    if as_json:
        return summary.proven, json.dumps(_facts(summary, shown or place, share))
    return summary.proven, "\n".join(_sentences(summary, whole.name, shown or place, share))


def _writable(out: Path, *sources: Path) -> Path:
    """Return where `out` leads to, if a file can be put there without harm."""
    try:
        place = Path(os.path.realpath(out))
        if place.exists() and not place.is_file():
            raise UsageError(f"--out {out} is a folder or a device: give a file's name")
        if not place.parent.is_dir():
            raise UsageError(f"--out {out}: there is no folder {place.parent}: make it first")
        if any(place.exists() and each.exists() and place.samefile(each) for each in sources):
            raise UsageError(f"--out {out} would replace what is read from there: choose another")
    except OSError as fault:
        raise UsageError(f"--out {str(out)[:100]}: {fault.strerror or fault}") from None
    return place


class Progress:
    """A bar on a terminal, else a line for about every twentieth of the work, with what is left."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self.done = self.total = 0
        self._stream = stream or sys.stderr
        self._bar: tqdm[Any] | None = None
        self._began: tuple[float, int] | None = None

    def __call__(self, done: int, total: int) -> None:
        """Take how many are done, of how many; the first call says how many were done before."""
        step, self.done, self.total = done - self.done, done, total
        if self._began is None:
            self._begin(done, total)
        elif self._bar is not None:
            self._bar.update(step)
        elif done == total or done % max(1, total // _LINES) == 0:
            print(self._line(), file=self._stream, flush=True)

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()

    def _begin(self, done: int, total: int) -> None:
        from tqdm import tqdm

        self._began = time.monotonic(), done
        if done:
            say(f"{done} of {total} were graded before: going on from there")
        if self._stream.isatty():
            self._bar = tqdm(total=total, initial=done, unit="sample", file=self._stream)

    def _line(self) -> str:
        from tqdm import tqdm

        assert self._began is not None
        began, before = self._began
        rate = (self.done - before) / max(time.monotonic() - began, 1e-9)
        left = tqdm.format_interval((self.total - self.done) / rate) if rate else "?"
        return f"{self.done}/{self.total} graded, {rate:.0f} a second, {left} left"


def _sentences(summary: Summary, name: str, out: Path, shard: str | None) -> list[str]:
    from liftlab.analysis.success import pass_at_k
    from liftlab.reporting.text.reasons import lacking, type_only_note

    counts = ", ".join(f"{count} {outcome}" for outcome, count in summary.outcomes.items())
    what = counted(summary.total, "different answer" if shard else "sample")
    share = f" of share {shard}" if shard else ""
    lines = [f"{what}{share} against {name}: {counts}"]
    if summary.joined:
        lines.append(f"{counted(summary.joined, 'verdict')} joined from shards")
    if summary.strange:
        names = ", ".join(summary.strange[:3]) + (", …" if summary.strange[3:] else "")
        lines.append(f"not joined, as another suite or grader made them: {printable(names)}")
    if summary.by_case and not shard:
        first = pass_at_k(*_counts(summary), 1)
        answers = f"{counted(first.samples, 'answer')} to {counted(first.cases, 'case')}"
        lines.append(f"pass@1: {first.estimate}; {answers}")
    notes = [
        note
        for note in (
            type_only_note(summary.type_only),
            *lacking((found, 1) for found in summary.lacking),
        )
        if note
    ]
    told = f"{summary.controls} controls told apart, " if summary.controls else ""
    where = f"{told}isolation {summary.isolation}; verdicts in {out}"
    if shard:
        where += "; the same command without --shard joins them"
    return [*lines, *map(printable, notes), where]


def _facts(summary: Summary, out: Path, shard: str | None) -> dict[str, Any]:
    from liftlab.analysis.success import pass_at_k

    judged = summary.by_case and not shard  # pass@1 is of samples
    first = pass_at_k(*_counts(summary), 1).estimate if judged else None
    return {
        "schema_version": 1,
        "samples": summary.total,
        "shard": shard,
        "resumed": summary.resumed,
        "joined": summary.joined,
        "isolation": summary.isolation,
        "controls": summary.controls or None,
        "proven": summary.proven,
        "outcomes": summary.outcomes,
        "type_only": summary.type_only,
        **{
            name: dict(Counter(lack[name] for lack in summary.lacking if name in lack))
            for name in ("not_installed", "needs_python")
        },
        "cases": len(summary.by_case),
        "pass_at_1": first and first.value,
        "pass_at_1_low": first and first.low,
        "pass_at_1_high": first and first.high,
        "out": str(out),
    }


def _counts(summary: Summary) -> tuple[list[int], list[int]]:
    counts = list(summary.by_case.values())
    return [judged for _, judged in counts], [passed for passed, _ in counts]
