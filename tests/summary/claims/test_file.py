"""Claims from a file: what it may say, and where it goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from liftlab.errors import FileInvalid
from liftlab.importers.week2.reference import reference_names
from liftlab.summary.claims import Claim
from liftlab.summary.claims.file import read

REFERENCE = Path(__file__).parents[3] / "data" / "reference"
GOOD = '[[claim]]\nid = "A"\nstatement = "80 % success"\nmetric = "success_rate"\nvalue = 0.8\n'


def test_all_of_the_published_day(published_claims: dict[str, Claim]) -> None:
    assert list(published_claims) == [f"C{n:02}" for n in range(1, 18)]
    assert all(claim.source for claim in published_claims.values())


def test_the_claims_are_no_run() -> None:
    assert "claims" not in reference_names(REFERENCE)
    assert "week2_day1" in reference_names(REFERENCE)


def test_figures_keep_the_digits_they_were_given_with(tmp_path: Path) -> None:
    path = tmp_path / "claims.toml"
    cost = '[[claim]]\nid = "{}"\nstatement = "s"\nmetric = "cost_per_trial_usd"\nvalue = {}\n'
    path.write_text(GOOD + "".join(cost.format(v, v) for v in ("15", "15.0", "0.0034")))
    off = {claim.id: claim.off for claim in read(path).claims}
    assert off == pytest.approx({"A": 0.005, "15": 0.5, "15.0": 0.05, "0.0034": 0.00005})


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (GOOD.replace("success_rate", "sucess"), 1, "no metric 'sucess'"),
        (GOOD.replace("0.8", '"0.8"'), 5, r"claim\[0\].value"),
        (GOOD.replace("0.8", "80"), 1, "a share is a fraction"),
        (GOOD.replace("0.8", "-1.0"), 5, "above 0"),
        (GOOD.replace("0.8", "inf"), 5, "above 0"),
        (GOOD + "at_most = 0.9\n", 1, "one of value, at_most and at_least"),
        (GOOD.replace("success_rate", "explained"), 1, "needs cause"),
        (GOOD + "colour = 1\n", 6, "colour: unknown key"),
        (GOOD + GOOD, 7, "'A' is taken by the claim in line 2"),
        (GOOD.replace('"80 % success"', '"two\\nlines"'), 3, "one line"),
        (GOOD + '[[claim]]\nid = "B"\n', 6, "statement: is missing"),
        ("[[claim]\n", 1, "not valid TOML"),
        ("title = 1\n", 1, "claim: is missing|title: unknown"),
    ],
)
def test_faults_are_told_with_their_line(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    path = tmp_path / "claims.toml"
    path.write_text(text)
    with pytest.raises(FileInvalid, match=message) as told:
        read(path)
    assert told.value.line in (line, None) if "title" in text else told.value.line == line


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileInvalid, match="no such file"):
        read(tmp_path / "none.toml")


def test_a_claim_is_a_figure_or_a_limit_on_one(tmp_path: Path) -> None:
    path = tmp_path / "claims.toml"
    told = ("", "at_most = 0.8", "at_least = 0.75", "value = 1.0")
    rows = [f'[[claim]]\nid = "{n}"\nstatement = "s"\nmetric = "success_rate"\n{line}\n'
            for n, line in enumerate(told)]  # fmt: skip
    path.write_text('run = "r1"\n' + "".join(rows))
    file = read(path)
    assert [(claim.relation, claim.value) for claim in file.claims] == [
        ("is", None), ("at_most", 0.8), ("at_least", 0.75), ("is", 1.0)
    ]  # fmt: skip
    assert [claim.off for claim in file.claims] == pytest.approx([0, 0.005, 0.005, 0.005])
    assert (file.about("r1"), file.about("r2")) == (True, False)
    path.write_text(GOOD)
    assert read(path).about("r2")


@pytest.mark.parametrize(
    ("extra", "is_valid"),
    [
        ('id = ""', False),
        (f'id = "{"x" * 500}"', True),
        (f'id = "{"x" * 501}"', False),
        ("comparison = {value_s = 1.0, baseline_s = 2.0, n = 1, baseline_n = 1, value_is = 'a', "
         "baseline_is = 'b', same_cases = true}", True),
        ("comparison = {value_s = 0.0, baseline_s = 2.0, n = 1, baseline_n = 1, value_is = 'a', "
         "baseline_is = 'b', same_cases = true}", False),
        ("comparison = {value_s = 1.0, baseline_s = 2.0, n = 0, baseline_n = 1, value_is = 'a', "
         "baseline_is = 'b', same_cases = true}", False),
        ("comparison = {value_s = 1.0, baseline_s = 2.0, n = 1, baseline_n = 0, value_is = 'a', "
         "baseline_is = 'b', same_cases = true}", False),
    ],
)  # fmt: skip
def test_what_a_claim_may_hold_has_bounds(tmp_path: Path, extra: str, is_valid: bool) -> None:
    path = tmp_path / "claims.toml"
    metric = "change" if extra.startswith("comparison") else "success_rate"
    name = "" if extra.startswith("id") else 'id = "A"\n'
    path.write_text(f'[[claim]]\n{name}statement = "s"\nmetric = "{metric}"\n{extra}\n')
    if is_valid:
        assert len(read(path).claims) == 1
    else:
        with pytest.raises(FileInvalid):
            read(path)
