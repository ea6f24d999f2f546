"""Pages in a real browser: axe-core finds nothing, nothing is loaded, nothing runs.

Needs the extra `browser`, a Chromium, and axe-core from npm (`npm install axe-core`, here or where
AXE_CORE says); it is skipped, with the reason, where one of them is missing.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from liftlab.cli.main import main
from liftlab.jobs.opening import open_run
from liftlab.records import LOAD, SESSIONS
from liftlab.reporting.export import export
from liftlab.reporting.links import glossary, index, linked, trials_page
from liftlab.reporting.render import Rendered
from liftlab.reporting.report import siblings, topic
from liftlab.reporting.sections import attach
from liftlab.serving.simulator import SimulatorServer
from liftlab.settings import load_project
from liftlab.store import list_runs
from liftlab.summary import RunSummary, summarize
from liftlab.summary.comparison import Comparison, Side, compare
from tests.agreement.conftest import made
from tests.agreement.test_words import executed
from tests.hostile import STRINGS, renamed
from tests.sessions.serving import serve

playwright = pytest.importorskip("playwright.sync_api", reason="the extra `browser` is missing")
pdfium = pytest.importorskip("pypdfium2", reason="the extra `browser` is missing")
ROOT = Path(__file__).parents[2]
AXE = Path(os.environ.get("AXE_CORE", ROOT / "node_modules" / "axe-core")) / "axe.min.js"
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
pytestmark = [
    pytest.mark.skipif(not AXE.is_file(), reason=f"no axe-core: npm install axe-core ({AXE})"),
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine"),
]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-46]*.ipynb"))  # 50 compares runs on disk
WIDTHS = (360, 768, 1200)
OPEN = "document.querySelectorAll('details').forEach(each => each.open = true)"
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def pages(summary: RunSummary, notebooks: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Yield the pages of a run as `report` writes them, and their index."""
    attach()
    topics = {path.stem: topic(path) for path in notebooks}
    rendered = [Rendered(name=name, html="", title_html="One &amp; two") for name in topics]
    html = {
        path.stem: export(executed(path, summary), nav=siblings(topics, path.stem))[0]
        for path in notebooks
    }
    trials, marks = trials_page(summary.run, html.values())
    glossary_html, quantities = glossary()
    html |= {"trials": trials, "index": index(summary, rendered, topics, has_trials=True)}
    yield "definitions", glossary_html
    yield from ((name, linked(text, quantities, marks)) for name, text in html.items())


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """The pages of a run, and the first of one that is full of hostile text."""
    project, model = load_project(ROOT, environ={}), made("model")
    runs = {"model": (model, NOTEBOOKS), "hostile": (renamed(model, STRINGS), NOTEBOOKS[:1])}
    files: dict[str, list[Path]] = {}
    for name, (run, notebooks) in runs.items():
        folder = tmp_path_factory.mktemp(name)
        files[name] = []
        for page, html in pages(summarize(run, project), notebooks):
            (folder / f"{page}.html").write_text(html, "utf-8")
            files[name].append(folder / f"{page}.html")
    return files


def _own(number: str) -> list[Path]:
    return [*(ROOT / "notebooks").glob(f"{number}_*.ipynb")]


def compared() -> Comparison:
    """Compare two runs of 120,000 trials, of 600 prompts."""
    data = made("thousands")
    trials, stages = (
        pd.concat([table.assign(case_id=f"{n} " + table["case_id"]) for n in range(3)])
        for table in (data.trials, data.stages)
    )
    row = {name: getattr(data.run, name) for name in ("suite", "model", "endpoint")}
    first, second = (
        Side(run_id=run_id, row={"run_id": run_id, **row}, trials=trials, stages=stages)
        for run_id in ("first", "second")
    )
    return compare(first, second)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The pages of a load, of session checks, of a capacity run, and of a comparison."""
    root = tmp_path_factory.mktemp("own")
    shutil.copytree(ROOT / "data" / "suites", root / "data" / "suites")
    (root / "liftlab.toml").write_text("[paths]\nsuites = 'data/suites'\n")
    slo = ["--slo", "e2e_p95_s <= 60", "--levels", "1,2,4", "--visits", "1"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        with SimulatorServer("instant") as server:
            lift = ["--protocol", "lift"]
            assert main(["load", server.url, *lift, "-c", "2", "-n", "60"]) == 0
            assert main(["capacity", "--endpoint", server.url, *lift, *slo]) == 0
        checks = ["--checks", str(ROOT / "data" / "sessions" / "lift.toml")]
        with serve("read_foreign") as api:
            assert main(["sessions", api.url, *checks]) == 0
        project = load_project(root, environ={})
        runs = {run.suite: run.run_id for run in list_runs(project.path("runs"))}
        [capacity] = [name for name in runs if name not in (LOAD, SESSIONS)]
        notebooks = {LOAD: NOTEBOOKS, SESSIONS: _own("70"), capacity: _own("80")}
        files = []
        for suite, chosen in notebooks.items():
            summary = summarize(open_run(runs[suite], project=project), project)
            for page, html in pages(summary, chosen):
                files.append(root / f"{suite}-{page}.html")
                files[-1].write_text(html, "utf-8")
    [notebook] = _own("50")
    files.append(root / "50_compare.html")
    files[-1].write_text(export(executed(notebook, compared()))[0], "utf-8")
    return files


def faults(browser: Any, path: Path) -> list[str]:
    """Return what axe-core finds on a page, what it asked for, and what it said or ran."""
    context = browser.new_context(bypass_csp=True)
    page, seen = context.new_page(), []
    page.on("request", lambda sent: seen.append(f"request {sent.url}"))
    page.on("console", lambda said: seen.append(f"console {said.text}"))
    page.on("dialog", lambda shown: seen.append(f"dialog {shown.message}"))
    page.on("pageerror", lambda error: seen.append(f"error {error}"))
    page.goto(path.as_uri())
    handlers = "[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames())"
    seen += [name for name in page.evaluate(handlers) if name.startswith("on")]
    seen += ["script"] * page.locator("script").count()
    page.evaluate(OPEN)
    page.evaluate(AXE.read_text("utf-8"))
    for width, scheme in itertools.product(WIDTHS, ("light", "dark")):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
        seen += [f"{width} {scheme} {f['id']}: {f['nodes'][0]['html'][:200]}" for f in found]
        if (over := page.evaluate(WIDE)) > 0:
            seen.append(f"{over} pixels wider than the window, of {width}")
    context.close()
    return [each for each in seen if each != f"request {path.as_uri()}"]


@pytest.mark.parametrize("name", ["model", "hostile"])
def test_nothing_is_found_and_nothing_is_loaded(
    name: str, browser: Any, written: dict[str, list[Path]]
) -> None:
    for path in written[name]:
        assert faults(browser, path) == [], path.name


def test_nothing_is_found_on_pages_of_other_kinds_of_run(browser: Any, own: list[Path]) -> None:
    assert len(own) > 12
    for path in own:
        assert faults(browser, path) == [], path.name


def status_of(written: dict[str, list[Path]]) -> Path:
    return next(path for path in written["model"] if path.stem == "00_status")


def filled(sheet: Any) -> float:
    """Return how far down a printed page there is ink, of its height without margins."""
    ink = sheet.render(scale=1, grayscale=True).to_numpy() < 200
    assert not ink[:, : ink.shape[1] // 40].any()  # nothing runs off the paper
    assert not ink[:, -(ink.shape[1] // 40) :].any()
    body = ink[ink.shape[0] // 20 : int(0.935 * ink.shape[0])]
    return float((np.flatnonzero(body.any(axis=1))[-1] + 1) / len(body))


def test_no_link_of_the_contents_is_cut_off(browser: Any, written: dict[str, list[Path]]) -> None:
    page = browser.new_page(viewport={"width": 700, "height": 400})
    page.goto(status_of(written).as_uri())
    bar = "document.querySelector('.contents')"
    assert page.evaluate(f"{bar}.scrollWidth <= {bar}.clientWidth")
    page.close()


def test_contents_can_be_gone_to_by_keyboard(browser: Any, written: dict[str, list[Path]]) -> None:
    page = browser.new_page(viewport={"width": 600, "height": 400})  # 1200 at 200 %
    page.goto(status_of(written).as_uri())
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('href')") == "#s2":
            break
    page.keyboard.press("Enter")
    assert page.url.endswith("#s2")
    place = page.evaluate("document.querySelector('#s2').getBoundingClientRect().top")
    bar = page.evaluate("document.querySelector('.contents').getBoundingClientRect().bottom")
    assert bar <= place <= 400  # not under what stays in view
    page.close()


def test_paper_has_the_run_in_its_margin_and_no_page_nearly_empty(
    browser: Any, written: dict[str, list[Path]]
) -> None:
    page = browser.new_page(viewport={"width": 680, "height": 900})  # of A4, between margins
    page.goto(status_of(written).as_uri())
    page.emulate_media(media="print")
    tops = page.evaluate("[...document.querySelectorAll('.tiles')][0].children.length")
    rows = page.evaluate(
        "new Set([...document.querySelectorAll('.tiles')[0].children].map("
        "tile => tile.getBoundingClientRect().top)).size"
    )
    assert (tops > 1, rows) == (True, 1)
    assert page.locator(".contents").is_hidden()
    assert page.evaluate(WIDE) <= 0
    paper = pdfium.PdfDocument(page.pdf(prefer_css_page_size=True))
    page.close()
    run_id = made("model").run.run_id
    for number, sheet in enumerate(paper, 1):
        text = sheet.get_textpage().get_text_range()
        assert f"liftlab · run {run_id}" in text
        assert f"{number} / {len(paper)}" in text
        assert number == len(paper) or filled(sheet) > 0.5
