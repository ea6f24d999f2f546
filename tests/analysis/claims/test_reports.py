"""The claims of whole reports, labelled by hand: how many are found, and how many are none.

A line of a report that holds claims ends in a comment with their kinds; `?` marks those about
which people may differ: they count neither way. The `unseen_` reports were written before the
recogniser was first run on them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from liftlab.analysis.claims import Evidence
from liftlab.analysis.claims.text import lint

REPORTS = Path(__file__).with_name("reports")
LABEL = re.compile(r"\s*<!-- ([a-zA-Z=/?,; ]+?) -->\s*$")
LETTERS = {
    "supported": "S",
    "supported as a count only": "C",
    "not supported": "N",
    "contradicted": "X",
    "not measurable": "M",
}
FAMILY = {
    "success rate": "rate",
    "median": "time",
    "mean": "time",
    "cold against warm": "cold",
    "explained by": "because",
    "sum of stages": "sum",
    "throughput": "other",
    "time to first token": "other",
}


def read(path: Path) -> tuple[str, dict[int, list[str]]]:
    """Return a report without its labels, and the labels by line."""
    lines, labels = [], {}
    for number, whole in enumerate(path.read_text().split("\n"), 1):
        label = LABEL.search(whole)
        if label:
            labels[number] = [name.strip() for name in re.split("[,;]", label[1])]
        lines.append(whole[: label.start()] if label else whole)
    return "\n".join(lines), labels


def family(kind: str) -> str:
    return "rate" if kind.startswith("share of") else FAMILY.get(kind, kind)


def score(path: Path, evidence: Evidence) -> Iterator[tuple[str, int, str]]:
    """Yield "hit", "missed" or "false" with the line and the kind."""
    text, labels = read(path)
    found: dict[int, list[str]] = {}
    for each in lint(text, evidence):
        found.setdefault(each.line, []).append(family(each.kind))
    for number in range(1, text.count("\n") + 2):
        have = found.get(number, [])
        for label in labels.get(number, []):
            kind, sure = label.rstrip("?"), not label.endswith("?")
            if kind in have:
                have.remove(kind)
                if sure:
                    yield "hit", number, kind
            elif sure:
                yield "missed", number, kind
        for kind in have:
            yield "false", number, kind


@pytest.mark.parametrize("group", ["seen", "unseen"])
def test_most_claims_are_found_and_little_else(group: str, week2: Evidence) -> None:
    results = [
        (path.name, *each) for path in REPORTS.glob(f"{group}_*.md") for each in score(path, week2)
    ]
    count = Counter(outcome for _, outcome, _, _ in results)
    faults = [each for each in results if each[1] != "hit"]
    assert count["hit"] >= 50
    assert count["hit"] / (count["hit"] + count["missed"]) >= 0.95, faults
    assert count["hit"] / (count["hit"] + count["false"]) >= 0.95, faults


def judged(path: Path, evidence: Evidence) -> Iterator[tuple[str, int, str]]:
    """Yield "right", "misruled", "missed" or "false" with the line and the label or the kind."""
    text, labels = read(path)
    found: dict[int, list[tuple[str, str]]] = {}
    for each in lint(text, evidence):
        kind = {"latency target": "target", "success target": "target", "cost target": "cost"}.get(
            each.kind, family(each.kind)
        )
        letters = "".join(LETTERS[ruling.ruling] for ruling in each.rulings) or "U"
        found.setdefault(each.line, []).append((kind, letters))
    for number in range(1, text.count("\n") + 2):
        have = found.get(number, [])
        sure = [label for label in labels.get(number, []) if not label.endswith("?")]
        for kind, _, rulings in (label.partition("=") for label in sure):
            alike = [each for each in have if each[0] == kind]
            fitting = [each for each in alike if set(each[1]) & set(rulings)]
            for each in (fitting or alike)[:1]:
                have.remove(each)
            yield "right" if fitting else "misruled" if alike else "missed", number, kind
        unsure = [label.rstrip("?") for label in labels.get(number, []) if label not in sure]
        yield from (("false", number, kind) for kind, _ in have if kind not in unsure)


def test_claims_of_reports_by_other_hands_are_found_and_ruled(week2: Evidence) -> None:
    paths = sorted(REPORTS.glob("ruled_*.md"))
    results = [(path.name, *each) for path in paths for each in judged(path, week2)]
    count = Counter(outcome for _, outcome, _, _ in results)
    faults = [each for each in results if each[1] != "right"]
    assert count["right"] >= 60
    assert count["right"] / (len(results) - count["false"]) >= 0.95, faults
    assert count["right"] / (len(results) - count["missed"]) >= 0.95, faults


def test_a_claim_has_the_line_it_stands_in(week2: Evidence) -> None:
    report = """Setext
======

> - an item over
>   two lines: 80% of prompts
>   succeed

```
80% success
```

Metric | Value
--- | ---
Success | 80%

    code: 80% success
<!-- 80% success -->
The median E2E latency
is 14.96 s.
"""
    assert [(each.line, each.kind) for each in lint(report, week2)] == [
        (5, "success rate"),
        (14, "success rate"),
        (19, "median"),
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,250 ms median", 1.25),
        ("14,96 s median", 14.96),
        ("a median of fifteen seconds", 15.0),
        ("P50: **14.96 s**", 14.96),
    ],
)
def test_numbers_are_read_as_people_write_them(text: str, value: float, week2: Evidence) -> None:
    (found,) = lint(text, week2)
    assert found.rulings[0].claim.value == pytest.approx(value)


def test_a_share_of_some_prompts_is_told_beside_the_share_of_all(week2: Evidence) -> None:
    (found,) = lint("Affects ~20 % of prompts with control flow", week2)
    assert "1 of 2" in found.rulings[0].why
    assert "Of all answers it is 4 of 5" in found.rulings[0].why
