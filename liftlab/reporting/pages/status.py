"""The status page: is it right, how fast is it, what does it cost, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from liftlab.analysis.columns import floats
from liftlab.analysis.estimate import Estimate, number, quantity, span
from liftlab.analysis.explain import PEERS_NEEDED
from liftlab.analysis.intervals import quantile_needs
from liftlab.analysis.latency import TargetResult, succeeded, success_by
from liftlab.analysis.success import success_by_group
from liftlab.reporting import figures, messages, steps
from liftlab.reporting.bars import stage_title
from liftlab.reporting.facts import Facts, gather
from liftlab.reporting.html import Html, join, tag
from liftlab.reporting.pages.parts import (
    estimate_words,
    finding,
    isolation,
    latency_table,
    provenance,
)
from liftlab.reporting.tables import behind, claims_table, download, table
from liftlab.reporting.tiles import Tile
from liftlab.reporting.tiles import tiles as tile_row

__all__ = [
    "claims",
    "costs",
    "finding",
    "gather",
    "isolation_note",
    "known_issues",
    "next_steps",
    "provenance",
    "published_table",
    "raw_data",
    "success_figure",
    "tiles",
    "time",
]


def tiles(facts: Facts) -> Html:
    """Return what a reader should leave with: right, how long, the tail, the price."""
    return tile_row([_success_tile(facts), _time_tile(facts), _tail_tile(facts), _cost_tile(facts)])


def time(facts: Facts) -> Html:
    """Return where each trial's time went, and what the stages take."""
    data = facts.data
    bars = figures.stage_bars(
        data.trials,
        data.stages,
        data.attempts,
        facts.time_targets,
        notes=_bar_notes(facts),
        caption=_time_caption(facts),
        table=behind(_stage_times(facts)),
    )
    return join([bars.html(), latency_table(facts)])


def success_figure(facts: Facts) -> Html:
    """Return success by category, and by time."""
    trials = facts.data.trials
    rates = success_by_group(trials, "category")
    shown = [replace(facts.passed, group="all"), *rates]
    rows = [
        {
            "Category": rate.group,
            "Right": rate.successes,
            "Judged": rate.trials,
            "Rate": quantity(rate.estimate.value, "%"),
            "Interval": estimate_words(rate.estimate),
        }
        for rate in shown
    ]
    by_category = figures.success_by_category(
        shown,
        facts.success_limit,
        caption=_success_caption(facts),
        table=behind(table(pd.DataFrame(rows), csv="success.csv")),
    )
    if facts.passed.trials == 0:
        return by_category.html()
    seconds = floats(trials, "e2e_s")
    curves = {
        "right": success_by(seconds, succeeded(trials)),
        "parses": success_by(seconds, succeeded(trials, "parsed")),
    }
    by_time = figures.success_by_time(
        curves, facts.time_targets, caption="How many have an answer by when; a failure never has"
    )
    return join([by_category.html(), by_time.html()])


def known_issues(facts: Facts) -> Html:
    """Return what went wrong, most frequent first, and what was slow."""
    if facts.unanswered:
        return tag("p", messages.no_answer(facts))
    rows = [
        {
            "What went wrong": f"{share.failure_class.replace('_', ' ')}: "
            f"{messages.failure_words(share.failure_class)}",
            "Trials": share.count,
            "Share of failures": quantity(share.of_failures.value, "%"),
            "Interval": estimate_words(share.of_failures),
            "Cases": ", ".join(share.cases[:8]) + (", …" if len(share.cases) > 8 else ""),
        }
        for share in facts.failures
    ]
    shown: list[Html] = []
    if rows:
        shown.append(table(pd.DataFrame(rows)))
    else:
        words = "No answer failed its checks." if facts.passed.trials else "Nothing was judged."
        shown.append(tag("p", words))
    shown.extend(tag("p", each.sentence()) for each in facts.slow[:5])
    if len(facts.slow) > 5:
        shown.append(tag("p", f"{len(facts.slow) - 5:,} more were slow.", cls="note"))
    return join(shown)


def costs(facts: Facts) -> Html:
    """Return what a request, a right answer, and a month's requests cost."""
    rows = [("A request", facts.cost), ("A right answer", facts.cost_right)]
    rows += [(f"{count:,} requests a month", e) for count, e in messages.requests_at(facts)]
    frame = pd.DataFrame(
        [
            {"": name, "USD": _usd(name, estimate), "Interval": estimate_words(estimate)}
            for name, estimate in rows
        ]
    )
    used = facts.data.costs["price_id"].dropna().head(1).tolist()  # trials count the first
    words = f"At the price “{used[0]}”. " if used else ""
    words += "Retries and failures are in it; idle time and starting up are not."
    return join([table(frame), tag("p", words, cls="note")])


def published_table(facts: Facts) -> Html:
    """Return this run's figures beside those of the published days, as printed."""
    days = facts.published
    if not days:
        return tag("p", "There are no published days in this project.")
    rows = [
        {"": name, "This run": here}
        | {str(day.get("title", key)): _printed(day, keys) for key, day in days.items()}
        for name, here, keys in _published_rows(facts)
    ]
    note = "Published figures are as printed; “right” there meant that the answer parses."
    return join([table(pd.DataFrame(rows)), tag("p", note, cls="note")])


def claims(facts: Facts) -> Html:
    """Return what was said of this run, ruled by its rows, with what may be said instead."""
    if not facts.rulings:
        return tag("p", "No claims are on file for this run.")
    rows = [
        {
            "claim": ruling.claim.statement + (f" ({ruling.measure})" if ruling.measure else ""),
            "ruling": ruling.ruling,
            "say": ruling.may_say,
        }
        for ruling in facts.rulings
    ]
    return claims_table(rows, caption="Claims of the published summary, ruled on its own rows")


def next_steps(facts: Facts) -> Html:
    """Return what to fix first, and how much evidence is missing."""
    told = [tag("li", tag("strong", lead), f" {why}") for lead, why in steps.next_steps(facts)]
    return tag("ol", *told) if told else tag("p", "Nothing stands out.")


def isolation_note(facts: Facts) -> Html:
    """Return what was not isolated while answers were run."""
    return tag("p", isolation(facts))


def raw_data(facts: Facts) -> Html:
    """Return every trial, and all tables as CSV."""
    data = facts.data
    columns = ["case_id", "repeat", "category", "e2e_s", "attempts", "outcome", "failure_class"]
    shown = table(data.trials[columns], most=20)
    links = [
        ("trials", data.trials),
        ("stages", data.stages),
        ("attempts", data.attempts),
        ("checks", data.checks),
    ]
    items = [
        tag("li", f"{name}: ", download(frame, f"{data.run.run_id}_{name}.csv"))
        for name, frame in links
        if len(frame)
    ]
    return behind(join([shown, tag("ul", *items)]), f"{len(data.trials):,} trials (table, CSV)")


def _success_tile(facts: Facts) -> Tile:
    rate, verdict = facts.passed, facts.success_verdict()
    estimate = rate.estimate
    why = estimate.reason or "not judged: no checks"
    if estimate.low is not None and estimate.high is not None:
        why = f"95 % interval {span(estimate.low, estimate.high, '%')}"
    number = f"{rate.successes:,} / {rate.trials:,}" if rate.trials else "–"
    return _judged("Functional success", number, _with_needs(why, verdict), verdict, "≥", "%")


def _time_tile(facts: Facts) -> Tile:
    median, verdict = facts.e2e.p50, facts.time_verdict()
    if facts.unanswered:
        why = "errors only: what they took is no answer's time"
        return Tile(what="End to end, median", number="–", why=why, verdict="not measurable")
    why = median.reason
    if median.low is not None and median.high is not None:
        level = f"{100 * (median.confidence or 0):.4g} % interval"
        why = f"{level} {span(median.low, median.high, 's')}, n = {median.n:,}"
    return _judged("End to end, median", median.point, _with_needs(why, verdict), verdict, "≤", "s")


def _tail_tile(facts: Facts) -> Tile:
    tail = facts.e2e.p95
    if facts.unanswered:
        why = "errors only"
        return Tile(what="End to end, P95", number="–", why=why, verdict="not measurable")
    if tail.value is not None:
        why = estimate_words(tail) or f"n = {tail.n:,}"
        return Tile(what="End to end, P95", number=tail.point, why=why)
    needed = quantile_needs(0.95)[2] - tail.n
    why = f"needs {quantile_needs(0.95)[2]} cases: {max(needed, 0):,} more"
    if facts.e2e.mean.value is not None:
        why += f" ≈ {_duration(needed * facts.e2e.mean.value)}"
    if facts.cost.value:
        why += f", {needed * facts.cost.value:.2f} USD"
    return Tile(what="End to end, P95", number="–", why=why, verdict="not measurable")


def _cost_tile(facts: Facts) -> Tile:
    cost, what = facts.cost_right, "Cost of a right answer"
    told = estimate_words(cost)
    if cost.value is None:
        return Tile(what=what, number=cost.point, why=told, verdict="not measurable")
    why = f"{told}; {_price(facts)}retries in, idle time out"
    return _judged(what, cost.point, why, facts.cost_verdict(), "≤", "USD")


def _price(facts: Facts) -> str:
    """Say at which price, where trials are counted at another than is billed."""
    prices = facts.data.costs["price_id"].dropna().unique()
    return f"at {prices[0]}, " if len(prices) > 1 else ""


def _judged(
    what: str, number: str, why: str, verdict: TargetResult | None, sign: str, unit: str
) -> Tile:
    if verdict is None:
        return Tile(what=what, number=number, why=why)
    aim = f"target {sign} {quantity(verdict.limit, unit)}"
    return Tile(what=what, number=number, why=why, verdict=verdict.verdict, target=aim)


def _with_needs(why: str, verdict: TargetResult | None) -> str:
    if verdict is None or verdict.verdict != "undecided":
        return why
    return "; ".join(part for part in (why, steps.close(verdict.needs)) if part)


def _time_caption(facts: Facts) -> str:
    if facts.unanswered:
        return "No request was answered: these are the times of errors"
    if not facts.slow:
        enough = len(facts.data.trials) >= PEERS_NEEDED
        return "No trial was slow for its peers" if enough else "Too few trials to tell a slow one"
    worst = facts.slow[0]
    retried = sum("retry" in part.cause for each in facts.slow for part in each.parts[:1])
    left = sum(each.unexplained_s > 0.2 * each.excess_s for each in facts.slow)
    if retried == len(facts.slow):
        end = ", and that is not the whole story" if left else ", and that is why"
        which = {1: "The slow one", 2: "Both slow ones"}.get(retried, f"All {retried:,} slow ones")
        return f"{which} asked again{end}"
    count = len(facts.slow)
    over = quantity(worst.excess_s, "s")
    return f"{count:,} were slow; the slowest, {worst.case_id}, took {over} more than its peers"


def _bar_notes(facts: Facts) -> dict[tuple[str, int], str]:
    notes = {}
    for each in facts.slow:
        if each.parts and each.parts[0].seconds > 0:
            cause = each.parts[0].cause.partition(":")[0]
            notes[each.case_id, each.repeat] = (
                f"{cause}: {messages.rounded(each.parts[0].seconds).removesuffix(' s')} of "
                f"{messages.rounded(each.excess_s)} over its peers"
            )
    return notes


def _stage_times(facts: Facts) -> Html:
    keys = ["case_id", "repeat"]
    trials, stages = facts.data.trials, facts.data.stages
    frame = trials[[*keys, "e2e_s", "attempts", "outcome", "failure_class"]]
    for name in stages.sort_values("position")["stage"].drop_duplicates():
        times = stages.loc[stages["stage"] == name, [*keys, "latency_s"]]
        title = f"{stage_title(str(name))}, s"
        frame = frame.merge(times.rename(columns={"latency_s": title}), on=keys, how="left")
    frame = frame.rename(columns={"e2e_s": "end to end, s", "case_id": "case"})
    return table(frame.sort_values("end to end, s", ascending=False), csv="times.csv")


def _success_caption(facts: Facts) -> str:
    rate = facts.passed
    if not rate.trials:
        return "Nothing was judged"
    words = f"{rate.successes:,} of {rate.trials:,} are right"
    if not facts.failures:
        return words
    top = facts.failures[0]
    return f"{words}; most often, answers {messages.failure_words(top.failure_class)}"


def _usd(name: str, estimate: Estimate) -> str:
    if estimate.value is None:
        return "–"
    return _money(estimate.value, 2 if "month" in name else 4)


def _published_rows(facts: Facts) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    passed, parsed = facts.passed, facts.parsed
    yield "Right", f"{passed.successes:,} of {passed.trials:,}", ()
    yield "Parses", f"{parsed.successes:,} of {parsed.trials:,}", ("successes", "trials")
    for summary in facts.stages:
        title = stage_title(summary.what)
        key = f"{summary.what}_median_s"
        yield f"{title}, median", summary.p50.point, (key, f"{summary.what}_s")
        yield f"{title}, mean", summary.mean.point, (f"{summary.what}_mean_s",)
    yield "End to end, median", facts.e2e.p50.point, ("e2e_median_s", "e2e_s")
    yield "Cost of a request", _cost_words(facts.cost, 4), ("cost_per_request_usd",)
    for count, estimate in messages.requests_at(facts):
        yield f"{count:,} requests", _cost_words(estimate, 2), (f"cost_{count}_usd",)
    yield "Client memory, a stage", _memory(facts), ("memory_mean_mb",)


def _cost_words(estimate: Estimate, decimals: int) -> str:
    return "–" if estimate.value is None else f"{_money(estimate.value, decimals)} USD"


def _money(usd: float, decimals: int) -> str:
    """Write USD as they were published, and more decimals where those would be zeros."""
    return f"{usd:,.{decimals}f}" if usd >= 10.0**-decimals else number(usd, "USD")


def _memory(facts: Facts) -> str:
    peaks = floats(facts.data.stages, "client_peak_mb")
    known = peaks[~pd.isna(peaks)]
    return f"{known.mean():.2f} MB" if len(known) else "not measured (--memory)"


def _printed(day: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    if keys == ("successes", "trials") and "successes" in day:
        return f"{day['successes']} of {day['trials']}"
    for key in keys:
        if key in day:
            unit = {"_s": "s", "sd": "USD", "mb": "MB"}.get(key[-2:], "")
            return f"{day[key]} {unit}".strip()
    return "–"


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
