"""What it costs as a section: scorecards, the bill over traffic, and its parts."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from liftlab.analysis.cost.hosting import Hosting
from liftlab.analysis.cost.parts import COLD
from liftlab.analysis.cost.prices import Price
from liftlab.reporting.sections import section_of
from liftlab.settings import load_project
from liftlab.store import RunData
from liftlab.summary import summarize
from liftlab.summary.cost import Costs
from tests.reporting.conftest import tables_in
from tests.reporting.sections.test_budget import cards

PROJECT = load_project(Path(__file__).parents[3], environ={})
HOURLY = Price(price_id="p", usd_per_hour=3.6, usd_per_request=0.001)


@pytest.fixture(scope="module")
def unknown(forty: RunData) -> Costs:
    return summarize(forty, PROJECT).cost


@pytest.fixture(scope="module")
def priced(unknown: Costs) -> Costs:
    known = replace(unknown.request, value=0.002, low=0.001, high=0.003, unit="USD", reason="")
    hosting = Hosting(idle_window_s=60.0, cold_start_s=30.0)
    return replace(
        unknown, price=HOURLY, hosting=hosting, request=known, right=replace(known, value=0.004),
        model="gpu_seconds", requests=(1_000, 100_000),
    )  # fmt: skip


def csv_of(html: object, name: str) -> pd.DataFrame:
    found = re.search(rf'base64,([^"]+)" download="{name}"', str(html))
    assert found
    return pd.read_csv(io.BytesIO(base64.b64decode(found[1])))


def test_what_is_not_known_has_no_scorecard(unknown: Costs) -> None:
    assert cards(section_of(unknown).parts[0]) == []


def test_a_request_a_right_answer_and_months_have_scorecards(priced: Costs) -> None:
    shown = cards(section_of(priced).parts[0])
    assert [what for what, _ in shown][:3] == [
        "A request", "A right answer", "1,000 requests a month",
    ]  # fmt: skip
    assert [number for _, number in shown][:2] == ["0.0020 USD", "0.0040 USD"]


def test_without_hosting_there_is_no_bill_over_traffic(priced: Costs, unknown: Costs) -> None:
    assert len(section_of(replace(priced, hosting=None)).parts) < len(section_of(priced).parts)
    assert "traffic.csv" not in str(section_of(unknown).html())


def test_the_bill_of_a_month_follows_its_requests(priced: Costs) -> None:
    frame = csv_of(section_of(priced).html(), "traffic.csv")
    stopped, warm, worked = frame.columns[1:]
    point, row = priced.curve[0], frame.iloc[0]
    month = point.rate_rps * 365.25 / 12 * 86_400  # requests
    assert row["Requests a day"] == pytest.approx(86_400 * point.rate_rps)
    assert point.scaling is not None
    assert point.kept is not None
    calls = priced.service.calls
    fee = calls * 0.001
    assert row[stopped] == pytest.approx(month * (point.scaling.billed_s * 0.001 + fee), rel=0.01)
    assert row[warm] == pytest.approx(month * (point.kept.billed_s * 0.001 + fee), rel=0.01)
    assert row[worked] == pytest.approx(month * (point.scaling.busy_s * 0.001 + fee), rel=0.01)
    assert f"and {len(frame) - 10} more" in str(section_of(priced).html())
    assert (frame[worked].dropna() <= frame[stopped].dropna()).all()


def test_the_months_that_are_told_are_marked_on_the_lines(priced: Costs) -> None:
    html = str(section_of(priced).html())
    bill = priced.bills[0]
    assert bill.usage is not None
    usd = bill.requests * (bill.usage.billed_s * 0.001 + priced.service.calls * 0.001)
    told = re.search(r"1,000 a month: ([\d,.]+) USD", html)
    assert told
    assert float(told[1].replace(",", "")) == pytest.approx(usd, rel=0.01)


def test_without_a_price_it_is_seconds(priced: Costs) -> None:
    free = replace(priced, price=replace(HOURLY, usd_per_hour=None))
    html = section_of(free).html()
    frame = csv_of(html, "traffic.csv")
    point = free.curve[0]
    assert point.scaling is not None
    month = point.rate_rps * 365.25 / 12 * 86_400
    row = frame.iloc[0]
    assert all(", s a month" in name for name in frame.columns[1:])
    assert row.iloc[1] == pytest.approx(month * point.scaling.billed_s, rel=0.01)
    assert row.iloc[3] == pytest.approx(month * point.scaling.busy_s, rel=0.01)


def test_a_rate_that_cannot_be_kept_up_with_is_left_blank(priced: Costs) -> None:
    frame = csv_of(section_of(priced).html(), "traffic.csv")
    cannot = [point.scaling is None for point in priced.curve]
    assert any(cannot)
    assert list(frame.iloc[:, 1].isna()) == cannot


def test_what_the_seconds_went_to_is_shares_of_each_bill(priced: Costs) -> None:
    rows = csv_of(section_of(priced).html(), "parts.csv")
    bars = dict(tuple(rows.groupby(rows.columns[0])))
    run = bars["this run"]
    assert list(run["Of"].unique()) == ["in all"]
    assert run["Billed, s"].sum() == pytest.approx(priced.busy.total)
    assert run["Share"].str.removesuffix(" %").astype(float).sum() == pytest.approx(100, abs=2)
    month = bars["1,000 a month"]
    assert list(month["Of"].unique()) == ["a request"]
    usage = priced.bills[0].usage
    assert usage is not None
    assert month["Billed, s"].sum() == pytest.approx(usage.billed_s)


def test_cold_starts_are_a_part_where_there_were_some(priced: Costs) -> None:
    assert COLD not in str(section_of(replace(priced, hosting=None)).html())
    cold = section_of(replace(priced, hosting=None, cold_s=12.0)).html()
    rows = next(rows for rows in tables_in(cold) if "Part" in rows[0])
    (part,) = [row for row in rows if row["Part"] == COLD]
    assert float(part["Billed, s"]) == 12


def test_of_other_ways_of_billing_those_that_have_a_price_are_shown(priced: Costs) -> None:
    assert [row.model for row in priced.models if row.request.value is not None] == ["gpu_seconds"]
    assert "models.csv" not in str(section_of(priced).html())
    other = section_of(replace(priced, model="tokens")).html()
    (row,) = next(rows for rows in tables_in(other) if "Billed" in rows[0])
    assert row["Billed"] == "By the hour"
    assert row["A request"].endswith(" USD")
