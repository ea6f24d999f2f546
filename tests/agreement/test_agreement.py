"""One quantity of one run has one value and one verdict, wherever liftlab says it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from liftlab import jobs
from liftlab.reporting import markdown
from liftlab.reporting.sections import section_of
from liftlab.reporting.text import findings, messages, targets
from liftlab.reporting.text.base import Text
from liftlab.settings import Project, load_project
from liftlab.store import RunData
from liftlab.summary import RunSummary, summarize
from liftlab.summary import run as summary_module

ROOT = Path(__file__).parents[2]
DEFINITIONS = ROOT / "docs" / "definitions.md"
PUBLISHED = ["week2_day1", "week1"]
SHAPES = [
    "model", "simulator", "all_errors", "most_errors", "timeouts", "one", "none", "unequal",
    "seldom_right", "thousands",
]  # fmt: skip
RESULTS = [
    "targets", "answers", "failures", "examples", "right_by", "trials", "latency", "spread",
    "slow", "drift", "cost", "budget", "published", "claims", "recommendations", "provenance",
]  # fmt: skip
_SPAN = re.compile(r'<span data-q="([^"]*)"(?: data-v="([^"]*)")?>([^<]*)</span>')
Said = list[tuple[str, str, str]]  # where, which quantity, in which words


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return load_project(ROOT, environ={"LIFTLAB_RUNS_DIR": str(tmp_path_factory.mktemp("runs"))})


@pytest.fixture(scope="module", params=[*SHAPES, *PUBLISHED])
def summary(
    request: pytest.FixtureRequest, project: Project, make: Callable[[str], RunData]
) -> RunSummary:
    name = request.param
    run = jobs.open_run(name, project=project) if name in PUBLISHED else make(name)
    return summarize(run, project)


def said_of(summary: RunSummary) -> Iterator[tuple[str, Text | str]]:
    """Yield everything that is said of a run as text, with where."""
    for name in RESULTS:
        section = section_of(getattr(summary, name))
        yield from ((f"section {name}", text) for text in (section.title, *section.sentences))
    section = section_of(summary)
    yield from (("status page", text) for text in (section.title, *section.sentences))
    for audience, (_, written) in messages.AUDIENCES.items():
        yield f"message for {audience}", written(summary)
    yield from ((f"number {name}", text) for name, text in findings.numbers(summary))
    yield from (("target", targets.sentence(row, summary.answers)) for row in summary.targets.rows)


def shown_in(summary: RunSummary) -> Iterator[tuple[str, str]]:
    """Yield the HTML of every part of every page, with where."""
    for name in RESULTS:
        yield f"page part {name}", section_of(getattr(summary, name)).html().text
    yield "status page", section_of(summary).html().text


def quantities(summary: RunSummary) -> dict[str, dict[str, list[str]]]:
    """Return by quantity, and by the words for it, where these stand."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for where, text in said_of(summary):
        for quantity, words in text.quantities if isinstance(text, Text) else ():
            found[quantity][words].append(where)
    for where, html in shown_in(summary):
        for quantity, value, words in _SPAN.findall(html):
            found[unescape(quantity)][unescape(value or words)].append(where)
    return found


def test_one_quantity_has_one_value(summary: RunSummary) -> None:
    """Each entry that fails names the places that disagree."""
    disagree = {
        name: {words: sorted(set(places)) for words, places in by_words.items()}
        for name, by_words in quantities(summary).items()
        if len(by_words) > 1
    }
    assert disagree == {}


def test_every_quantity_is_defined(summary: RunSummary) -> None:
    defined = set(re.findall(r"`([a-z0-9_]+)`", DEFINITIONS.read_text("utf-8")))
    names = {
        name.removeprefix("count:").partition(":")[0].partition(".")[0]
        for name in quantities(summary)
    }
    assert names <= defined


def test_what_a_run_comes_to_is_said(summary: RunSummary) -> None:
    """A check that nothing could fail would prove nothing: the main quantities are there."""
    names = set(quantities(summary))
    if summary.answers.graded:
        assert {"success_rate", "count:success_rate", "median:e2e", "slow_steps"} <= names
    if summary.answers.errors:
        assert "count:error_rate" in names


def test_where_nothing_was_answered_nothing_is_judged(summary: RunSummary) -> None:
    if summary.answers.answered or summary.run.run.provenance != "measured":
        return
    verdicts = {row.key: row.verdict for row in summary.targets.rows if row.metric != "error_rate"}
    assert set(verdicts.values()) == {"not measurable"}


@pytest.mark.parametrize("written", [markdown.status, markdown.daily, markdown.performance])
def test_no_figure_is_raw(summary: RunSummary, written: Callable[[RunSummary], str]) -> None:
    """No exponent, no five decimals, no identifier, no "1 answers", no "0 of 0"."""
    text = written(summary)
    assert not re.search(r"\d(?:\.\d+)?e[-+]?\d", text)
    assert not re.search(r"\d\.\d{5,}", text)
    assert not re.search(r"\b1 (?!s\b)\w+s\b(?<!is)(?<!was)", text.replace("1 to ", ""))
    assert "0 of 0" not in text
    prose = text.rpartition("\n\n")[0]  # the last line names the run and its model
    assert not re.search(r"(?<![\w`\\])[a-z]+(?:\\_|_)[a-z_\\]+", _without_names(prose, summary))


def _without_names(text: str, summary: RunSummary) -> str:
    """Take out the names of cases and of the run: they are the user's own."""
    for name in {*summary.run.trials["case_id"], summary.run.run.run_id}:
        text = text.replace(markdown.escaped(str(name)), "")
    return text


def test_each_part_is_computed_once(
    project: Project, make: Callable[[str], RunData], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Counter[str] = Counter()
    for name in [name for name in vars(summary_module) if name.endswith("_of")]:
        whole = getattr(summary_module, name)

        def counted(*arguments: Any, name: str = name, whole: Any = whole) -> Any:
            calls[name] += 1
            return whole(*arguments)

        monkeypatch.setattr(summary_module, name, counted)
    made = summarize(make("model"), project)
    assert quantities(made)
    assert markdown.status(made)
    assert markdown.daily(made)
    assert set(calls.values()) == {1}
