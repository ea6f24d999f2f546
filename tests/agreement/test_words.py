"""No page, no Markdown and no message of any run holds what a reader stumbles over."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from nbformat import v4

from liftlab.cli import show
from liftlab.jobs import opening
from liftlab.reporting import markdown
from liftlab.reporting.export import export
from liftlab.reporting.figures.base import Figure
from liftlab.reporting.mail import draft
from liftlab.reporting.render import judge
from liftlab.reporting.sections import attach
from liftlab.reporting.text import targets
from liftlab.reporting.text.messages import AUDIENCES, LEADERSHIP_WORDS
from liftlab.reporting.text.reasons import reason_lines
from liftlab.settings import Project, load_project
from liftlab.store import RunData
from liftlab.summary import RunSummary, summarize

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-46]*.ipynb"))  # 50 compares runs on disk
SHAPES = [
    "bimodal", "opposed", "long_prompts", "cold_cache", "slow_case", "model", "simulator",
    "all_errors", "most_errors", "timeouts", "one", "none", "unequal", "seldom_right",
]  # fmt: skip
UNFIT = {
    "exponent": r"\b\d+(?:\.\d+)?e[-+]?\d+\b",
    "five decimals": r"\d\.\d{5,}",
    "identifier": r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b",
    "one of many": r"(?<![\d,.–])1 (?!is\b|was\b|has\b|does\b|unless\b)[a-z]{2,}s\b",
    "nothing of nothing": r"\b0 of 0\b",
    "programmer's nothing": r"\b(?:nan|NaN|None|inf|NaT)\b|<NA>",
    "no noun": r"\b(?:is|are|of|the|to) [.;,)]",
    "nothing with decimals": r"-0\.0+\b|(?<![\d.,])0\.000+\b",
    "two words for a prompt": r"(?<!edge )\b[Cc]ases?\b",
    "two words for too few": r"\b(?:insufficient data|no values|no trials)\b",
    "a dash explained": r"– \([a-z]",
}
# What leaders need not know; the team finds it behind the folds.
JARGON = r"\bn = \d|\bp [=<]|p-value|log-likelihood|\d % interval|\bbound\b|confidence|coefficient"
_APART = re.compile(r"<svg.*?</svg>|<style.*?</style>|<(code|pre)\b.*?</\1>", re.DOTALL)
_FOLDED = re.compile(r"<details(?:(?!<details).)*?</details>", re.DOTALL)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    attach()
    return load_project(ROOT, environ={"LIFTLAB_RUNS_DIR": str(tmp_path_factory.mktemp("runs"))})


@pytest.fixture(scope="module", autouse=True)
def undrawn() -> Iterator[None]:
    """Leave out the drawings, which are tested where they are made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "svg", lambda self, width=0.0: "<svg></svg>")
        yield


@pytest.fixture(scope="module", params=[*SHAPES, "week2_day1", "week1"])
def summary(
    request: pytest.FixtureRequest, project: Project, make: Callable[[str], RunData]
) -> RunSummary:
    name = request.param
    run = opening.open_run(name, project=project) if name.startswith("week") else make(name)
    return summarize(run, project)


def page(path: Path, summary: RunSummary) -> str:
    """Return the page of a notebook as `report` writes it, without a kernel."""
    # What claims may say is the claims reader's, and quotes what people wrote.
    return export(executed(path, summary, without=("summary.claims",)))[0]


def executed(path: Path, summary: Any, without: tuple[str, ...] = ()) -> Any:
    """Return a notebook with what its cells show of a run, but for some of them."""
    notebook = nbformat.read(path, as_version=4)
    door = SimpleNamespace(
        open_run=lambda _: summary.run,
        summarize=lambda _: summary,
        compare=lambda *_: summary,
    )
    names: dict[str, Any] = {"liftlab": door}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            tree = ast.parse(cell.source.replace("import liftlab\n", ""))
            last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, "cell", "exec"), names)
            if "parameters" in cell.metadata.get("tags", ()):
                names["run_id"] = "shown"
            if isinstance(last, ast.Expr) and cell.source not in without:
                value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
                cell.outputs = [v4.new_output("display_data", value._repr_mimebundle_())]
    return notebook


def words(html: str) -> str:
    """Return what a page says: no figures, no code, a line each where a row or a block ends."""
    bare = re.sub(r"</(?:td|th|tr|p|li|h\d|div|summary)>", "\n", _APART.sub("`x`", html))
    return unescape(re.sub(r"<[^>]+>", "", bare)).replace("\N{NO-BREAK SPACE}", " ")


def unfolded(html: str) -> str:
    """Return a page without what is a click away."""
    while _FOLDED.search(html):
        html = _FOLDED.sub("", html)
    return html


def written(summary: RunSummary) -> Iterator[tuple[str, str]]:
    """Yield everything that goes out of a run, without what is marked as code, with its name."""
    for path in NOTEBOOKS:
        yield path.stem, words(page(path, summary))
    for write in (markdown.status, markdown.daily, markdown.performance):
        said = re.sub(r"`[^`]*`", "`x`", write(summary)).replace("\\", "")
        yield write.__name__, said.replace("<!-- liftlab:performance -->", "")


def test_nothing_makes_a_reader_stumble(summary: RunSummary) -> None:
    found = {
        (where, kind, text[max(0, match.start() - 40) : match.end() + 20])
        for where, text in written(summary)
        for kind, pattern in UNFIT.items()
        for match in re.finditer(pattern, text)
    }
    assert found == set()


def test_every_page_has_the_figures_and_tables_that_it_owes(summary: RunSummary) -> None:
    for path in NOTEBOOKS:
        notebook = executed(path, summary)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.execution_count = 1
        assert judge(notebook) == ""


def test_nothing_on_the_terminal_makes_a_reader_stumble(summary: RunSummary) -> None:
    run = summary.run
    lines = [show.heading(run), *show.sentences(summary), *reason_lines(run)]
    lines += [targets.sentence(row, summary.answers) for row in summary.targets.rows]
    lines += [show.trial_table(summary).to_string(index=False), show.attempt_table(run.attempts)]
    names = {run.run.run_id, run.run.suite, *run.trials["case_id"], *run.stages["case_id"]}
    known = "|".join(map(re.escape, sorted(filter(None, names), key=len, reverse=True)))
    text = re.sub(known, "x", "\n".join(lines))
    found = {
        (kind, text[max(0, match.start() - 40) : match.end() + 20])
        for kind, pattern in UNFIT.items()
        for match in re.finditer(pattern, text)
    }
    assert found == set()


def test_leadership_reads_ninety_words(summary: RunSummary) -> None:
    mail = message_from_bytes(draft(summary, "leadership", [], b""), policy=policy.default)
    told = mail.get_body(("plain",)).get_content()  # type: ignore[attr-defined]
    said = markdown.message(summary, "leadership")
    assert 0 < len(said.split()) <= LEADERSHIP_WORDS
    assert " ".join(said.split()) in " ".join(told.split())


def test_a_leader_reads_no_statistics(summary: RunSummary) -> None:
    status = words(unfolded(page(NOTEBOOKS[0], summary)))
    for text in (status, AUDIENCES["leadership"][1](summary), AUDIENCES["users"][1](summary)):
        assert not re.findall(rf".*(?:{JARGON}).*", text)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("exponent", "1.2e-05 USD"),
        ("five decimals", "0.00012 USD"),
        ("identifier", "signature_mismatch seems"),
        ("one of many", "all 1 answers"),
        ("nothing of nothing", "0 of 0 answers"),
        ("no noun", "the others are ."),
        ("nothing with decimals", "0.0000 s"),
        ("two words for a prompt", "needs 5 cases"),
        ("two words for too few", "insufficient data"),
        ("a dash explained", "– (nothing was answered)"),
    ],
)
def test_what_is_looked_for_is_found(kind: str, text: str) -> None:
    assert re.search(UNFIT[kind], text)
