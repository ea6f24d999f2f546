"""One quantity of one run has one value and one verdict, wherever liftlab says it."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from liftlab.analysis.estimate import quantity
from liftlab.analysis.targets import RATES
from liftlab.cli.main import main
from liftlab.jobs import opening
from liftlab.reporting import markdown, report
from liftlab.reporting.html import FINDING_TYPE
from liftlab.reporting.render import Rendered
from liftlab.reporting.sections import Section, section_of
from liftlab.reporting.text import answers, findings, messages, targets
from liftlab.reporting.text.base import Text
from liftlab.settings import Project, load_project
from liftlab.store import RunData
from liftlab.summary import RunSummary, summarize
from liftlab.summary import run as summary_module
from liftlab.summary.claims.model import Claim, Quantity
from liftlab.summary.claims.ruling import rule

ROOT = Path(__file__).parents[2]
DEFINITIONS = ROOT / "docs" / "definitions.md"
PUBLISHED = ["week2_day1", "week1"]
SHAPES = [
    "model", "simulator", "all_errors", "most_errors", "timeouts", "one", "none", "unequal",
    "seldom_right", "thousands",
    "met_by_test", "failed_by_test", "open_by_test",
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
    request: pytest.FixtureRequest, project: Project, lay: Callable[[str, Project], str]
) -> RunSummary:
    name = request.param
    run_id = name if name in PUBLISHED else lay(name, project)
    return summarize(opening.open_run(run_id, project=project), project)


@pytest.fixture
def printed(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Run a command as it is typed; return its exit code and what it printed."""
    monkeypatch.chdir(project.root)
    monkeypatch.setenv("LIFTLAB_RUNS_DIR", str(project.path("runs")))

    def command(*arguments: str) -> tuple[int, str]:
        code = main([*arguments])
        return code, capsys.readouterr().out

    return command


def sections_of(summary: RunSummary) -> dict[str, Section]:
    """Return every part of every page by its name."""
    parts = {name: section_of(getattr(summary, name)) for name in RESULTS}
    return {"status page": section_of(summary), **parts}


@pytest.fixture(scope="module")
def sections(summary: RunSummary) -> dict[str, Section]:
    return sections_of(summary)


@pytest.fixture(scope="module")
def known(summary: RunSummary, sections: dict[str, Section]) -> dict[str, dict[str, list[str]]]:
    return quantities(summary, sections)


def said_of(summary: RunSummary, sections: dict[str, Section]) -> Iterator[tuple[str, Text | str]]:
    """Yield everything that is said of a run as text, with where."""
    for name, section in sections.items():
        yield from ((f"section {name}", text) for text in (section.title, *section.sentences))
    for audience, (_, written) in messages.AUDIENCES.items():
        yield f"message for {audience}", written(summary)
    yield from ((f"number {name}", text) for name, text in findings.numbers(summary))
    yield from (("target", targets.sentence(row, summary.answers)) for row in summary.targets.rows)


def quantities(
    summary: RunSummary, sections: dict[str, Section]
) -> dict[str, dict[str, list[str]]]:
    """Return by quantity, and by the words for it, where these stand."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for where, text in said_of(summary, sections):
        for name, words in text.quantities if isinstance(text, Text) else ():
            found[name][words].append(where)
    for part, section in sections.items():
        for name, value, words in _SPAN.findall(section.html().text):
            found[unescape(name)][unescape(value or words)].append(f"page part {part}")
    return found


def test_one_quantity_has_one_value(known: dict[str, dict[str, list[str]]]) -> None:
    """Each entry that fails names the places that disagree."""
    disagree = {
        name: {words: sorted(set(places)) for words, places in by_words.items()}
        for name, by_words in known.items()
        if len(by_words) > 1
    }
    assert disagree == {}


def test_every_quantity_is_defined(known: dict[str, dict[str, list[str]]]) -> None:
    defined = set(re.findall(r"`([a-z0-9_]+)`", DEFINITIONS.read_text("utf-8")))
    names = {name.removeprefix("count:").partition(":")[0].partition(".")[0] for name in known}
    assert names <= defined


def test_what_a_run_comes_to_is_said(
    summary: RunSummary, known: dict[str, dict[str, list[str]]]
) -> None:
    """A check that nothing could fail would prove nothing: the main quantities are there."""
    names = set(known)
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


# As the commands print it.


def test_errors_fail_check_and_stand_beside_the_rate(
    project: Project, lay: Callable[[str, Project], str], printed: Callable[..., tuple[int, str]]
) -> None:
    run_id = lay("mostly_failed", project)
    code, out = printed("check", run_id)
    assert code == 3
    assert out.rstrip().endswith("fails: error rate.")
    rates = [line for line in out.splitlines() if line.startswith("  success rate ")]
    assert re.search(r"\bmet\b.*100\.0 %", rates[0])
    assert "of 40 answered; 60 of 100 failed at the endpoint" in rates[0]
    for arguments in (("status", run_id), ("status", run_id, "--for", "daily"), ("show", run_id)):
        code, out = printed(*arguments)
        assert code == 0
        assert "60 of 100 requests failed at the endpoint" in out


def test_nothing_answered_is_not_measurable_in_any_command(
    project: Project, lay: Callable[[str, Project], str], printed: Callable[..., tuple[int, str]]
) -> None:
    run_id = lay("all_failed", project)
    for arguments in (("check", run_id), ("status", run_id), ("show", run_id)):
        code, out = printed(*arguments)
        assert code == (4 if arguments[0] == "check" else 0)
        assert "not measurable" in out
        assert not re.search(r"(?<!not) met\b|\d+ m?s;", out)


def test_the_history_has_the_numbers_of_the_pages(
    summary: RunSummary, printed: Callable[..., tuple[int, str]]
) -> None:
    code, out = printed("history", "--json")
    found = json.loads(out)
    run_id, counted = summary.run.run.run_id, summary.answers
    row = next(row for row in found["runs"] if row["run_id"] == run_id)
    times = {"e2e": summary.latency.e2e, **{row.what: row for row in summary.latency.stages}}
    wanted = {f"{what}_median_s": rows.p50 for what, rows in times.items() if not rows.p50.over}
    wanted |= {"success_rate": counted.success.estimate, "parsed_rate": counted.parsed.estimate}
    wanted["cost_per_trial_usd"] = summary.cost.request
    for name, estimate in wanted.items():
        assert row[name] == pytest.approx(estimate.value), name
    counts = (row["trials"], row["cases"], row["judged"], row["errors"])
    assert counts == (counted.trials, counted.cases, counted.graded, counted.errors)
    newest = (series for series in found["series"] if series["runs"][-1] == run_id)
    latest = {m["metric"]: m["latest"] for series in newest for m in series["metrics"]}
    for name, value in latest.items():  # rows are rounded to ten decimals
        assert row[name] is None or row[name] == pytest.approx(value, abs=1e-9)
    assert code == 0


def test_the_lists_of_runs_have_the_numbers_of_the_pages(
    summary: RunSummary, printed: Callable[..., tuple[int, str]]
) -> None:
    run_id, median = summary.run.run.run_id, summary.latency.e2e.p50
    _, out = printed("history")
    line = next(line for line in out.splitlines() if run_id in line)
    shown = [quantity(median.value, "s", limit=median.limit)]
    shown += [quantity(stage.p50.value, "s") for stage in summary.latency.stages if stage.n]
    shown.append(quantity(summary.answers.success.estimate.value, "%"))
    shown.append(quantity(summary.cost.request.value, "USD"))
    assert all(f" {words} " in line for words in shown), (line, shown)
    _, out = printed("runs")
    line = next(line for line in out.splitlines() if line.startswith(run_id))
    shown = [f"{summary.answers.trials:,}", quantity(summary.answers.success.estimate.value, "%")]
    shown.append(quantity(median.value, "s", limit=median.limit))
    assert all(f" {words}" in line for words in shown if words != "–"), (line, shown)


def test_check_judges_as_the_pages_do(
    summary: RunSummary, printed: Callable[..., tuple[int, str]]
) -> None:
    code, out = printed("check", summary.run.run.run_id, "--json")
    told, rows = json.loads(out), summary.targets.rows
    verdicts = {row.verdict for row in rows if row.required}
    expected = 3 if "not met" in verdicts else 7 if verdicts != {"met"} else 0
    assert code == told["exit_code"] == (expected if summary.has_answers else 4)
    for row, target in zip(rows, told["targets"], strict=True):
        estimate = row.result.estimate
        assert (target["target"], target["verdict"]) == (row.key, row.verdict)
        ends = (target["value"], target["low"], target["high"], target["n"])
        assert ends == (estimate.value, estimate.low, estimate.high, estimate.n)
    again, out = printed("check", summary.run.run.run_id)
    assert again == code
    lines = out.splitlines()[2:]
    for row, line in zip(rows, lines[: len(rows)], strict=True):
        cells = (row.result.name, targets.limit(row), row.verdict, str(row.result.estimate))
        assert all(cell in line for cell in cells), line
        assert (answers.out_of(summary.answers) in line) or row.metric not in RATES


RULED = {"met": "supported", "not met": "contradicted", "undecided": "not supported"}
BY_TEST = {
    "mest": ("met", "70 % is reached, decided after 11 trials"),
    "fast": ("not met", "70 % is not reached, decided after 12 trials"),
    "opst": ("undecided", "not decided whether 70 % is reached"),
}


def test_a_run_until_decided_is_judged_by_its_test(
    summary: RunSummary, printed: Callable[..., tuple[int, str]]
) -> None:
    if summary.run.until is None:
        return
    run_id, decision = summary.run.run.run_id, summary.decision
    target = summary.targets.of("success_rate")
    verdict, said = BY_TEST[run_id[-4:]]
    assert decision is not None
    assert target is not None
    assert target.verdict == verdict
    assert findings.title(summary).endswith(said)
    interval = decision.published.interval
    for written in (markdown.status(summary), markdown.daily(summary)):
        assert said in written.replace("\\", "")
        assert "not enough prompts yet to say whether 70" not in written
    for command in ("show", "status"):
        assert said in printed(command, run_id)[1]
    _, out = printed("check", run_id)
    row = next(line for line in out.splitlines() if line.startswith("  success rate "))
    assert f"  {verdict}  " in row
    assert interval in row
    rate = Quantity(metric="success_rate")
    claim = rule(Claim(id="C", statement="", what=rate, relation="at_least", value=0.7), summary)
    assert claim.ruling == RULED[verdict]
    assert "(at least 70 %)" in claim.why
    assert interval in claim.why


def test_show_says_what_the_pages_say(
    summary: RunSummary, printed: Callable[..., tuple[int, str]]
) -> None:
    said = [f"{findings.title(summary)}.", *findings.sentences(summary)]
    code, out = printed("show", summary.run.run.run_id)
    assert [line.strip() for line in out.splitlines()[1 : len(said) + 1]] == said
    again, out = printed("show", summary.run.run.run_id, "--json")
    told = json.loads(out)
    assert told["summary"][: len(said)] == said
    assert len(told["trials"]) == summary.answers.trials
    assert code == again == 0


def test_the_index_and_what_goes_out_are_of_the_summary(
    summary: RunSummary,
    sections: dict[str, Section],
    known: dict[str, dict[str, list[str]]],
    printed: Callable[..., tuple[int, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`report` writes them; its notebooks are not executed here: their sections stand for them."""
    folder = tmp_path / summary.run.run.run_id
    folder.mkdir()
    pages = [rendered(name, section) for name, section in sections.items()]
    for page in pages:
        (folder / page.html).write_text("page")
    monkeypatch.setattr(report, "render_all", lambda *_: pages)
    monkeypatch.setenv("LIFTLAB_REPORTS_DIR", str(tmp_path))
    code, _ = printed("report", summary.run.run.run_id)
    assert code == (0 if summary.has_answers else 4)
    index = _SPAN.findall((folder / "index.html").read_text("utf-8"))
    assert index or not summary.answers.trials
    for name, value, words in index:
        assert set(known[unescape(name)]) == {unescape(value or words)}
    assert (folder / "status.md").read_text("utf-8") == markdown.status(summary)
    assert (folder / "daily.md").read_text("utf-8") == markdown.daily(summary)


def rendered(name: str, section: Section) -> Rendered:
    finding = section._repr_mimebundle_()[FINDING_TYPE]
    return Rendered(name=name, html=f"{name}.html", title_html=finding["title_html"])


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often each part of a summary is computed."""
    calls: Counter[str] = Counter()
    for name in [name for name in vars(summary_module) if name.endswith("_of")]:
        whole = getattr(summary_module, name)

        def counted(*arguments: Any, name: str = name, whole: Any = whole) -> Any:
            calls[name] += 1
            return whole(*arguments)

        monkeypatch.setattr(summary_module, name, counted)
    return calls


def test_each_part_is_computed_once_for_all_pages(
    project: Project, make: Callable[[str], RunData], calls: Counter[str]
) -> None:
    made = summarize(make("model"), project)
    assert quantities(made, sections_of(made))
    assert markdown.status(made)
    assert markdown.daily(made)
    assert set(calls.values()) == {1}


@pytest.mark.parametrize("command", ["report", "status", "check", "show"])
def test_each_part_is_computed_at_most_once_for_a_command(
    command: str,
    calls: Counter[str],
    printed: Callable[..., tuple[int, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "week2_day1").mkdir()
    monkeypatch.setenv("LIFTLAB_REPORTS_DIR", str(tmp_path))
    monkeypatch.setattr(report, "render_all", lambda *_: [])
    printed(command, "week2_day1")
    assert calls["targets_of"] == 1
    assert set(calls.values()) == {1}
