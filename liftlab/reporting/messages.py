"""What a run comes to, in sentences: for the pages, the terminal and a status update.

Every number in them is an estimate's own; where the data carry none, they say so.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from liftlab.analysis.columns import floats, labels
from liftlab.analysis.cost import projection
from liftlab.analysis.estimate import Estimate, quantity
from liftlab.analysis.load import summarise_load
from liftlab.analysis.success import SuccessRate
from liftlab.records import LOAD
from liftlab.reporting.facts import Facts, gather
from liftlab.reporting.text import words

if TYPE_CHECKING:
    from liftlab.settings import Project
    from liftlab.store import RunData

# What Markdown would read as markup: within a line, at its beginning, and bare links.
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~$@&]|^[#+-]|(?<=^\d)\.(?=\s|$)|:(?=//))")
failure_words = words.failure
MOST_OF_A_NAME = 80  # characters
_REQUESTS = (1_000, 10_000)


def title(facts: Facts) -> str:
    """Return the finding in one line."""
    passed, verdict = facts.passed, facts.success_verdict()
    if facts.data.run.pipeline == LOAD:
        load = summarise_load(facts.data.run, facts.data.attempts)
        return f"{load.ok:,} of {load.n:,} requests were answered well"
    if len(facts.data.trials) == 0:
        return "No trials yet: nothing can be said"
    if passed.trials == 0 and passed.errors:
        return "The endpoint gave no usable answer"
    if passed.trials == 0:
        return f"Timed, not judged: {quantity(facts.e2e.p50.value, 's')} in the middle"
    count = f"{passed.successes:,} of {passed.trials:,} answers {be(passed.successes)} right"
    if verdict is None:
        return count
    aim = quantity(verdict.limit, "%")
    ends = {
        "met": f"the target of {aim} is met",
        "not met": f"the target of {aim} is not met",
        "undecided": f"too few to say whether {aim} is reached",
    }
    return f"{count}; {ends.get(verdict.verdict, 'the rate cannot be told')}"


def summary_sentences(run: RunData, project: Project | None = None) -> list[str]:
    """Return what a run says of success, time and cost, a sentence each, with what carries it."""
    return sentences(gather(run, project))


def sentences(facts: Facts) -> list[str]:
    """Return three or four sentences that anyone understands."""
    if len(facts.data.trials) == 0:
        return ["The run has no finished trial."]
    if facts.unanswered:
        return [no_answer(facts)]
    said = [_success_sentence(facts), _time_sentence(facts), _slow_sentence(facts)]
    return [sentence for sentence in said if sentence]


def run_line(facts: Facts) -> str:
    """Return which run this is, in one quiet line."""
    run, trials = facts.data.run, facts.data.trials
    cases = trials["case_id"].nunique()
    repeats = run.repeats or 1
    kind = {"reference": "published table, re-analysed", "imported": "imported"}
    parts = [
        f"run {run.run_id}" + (f" ({kind[run.provenance]})" if run.provenance in kind else ""),
        run.hardware or run.endpoint,
        _short(run.model),
        f"{cases:,} {plural('case', cases)} × {repeats:,} {plural('repeat', repeats)}",
        "one at a time" if run.concurrency == 1 else _at_once(run.concurrency),
        (run.started_at or "")[:10],
        f"prices of {facts.price_date}" if facts.price_date else "",
        "" if run.status == "complete" else run.status,
    ]
    return " · ".join(part for part in parts if part)


def _short(name: str | None) -> str | None:
    """Return a name from outside, cut where it is none any more."""
    return name if name is None or len(name) <= MOST_OF_A_NAME else f"{name[:MOST_OF_A_NAME]}…"


def requests_at(facts: Facts) -> list[tuple[int, Estimate]]:
    """Return what 1,000 and 10,000 requests like these cost."""
    trials = facts.data.trials
    usd, cases = floats(trials, "cost_usd"), labels(trials, "case_id").astype(str)
    return [(count, projection(usd, count, cases)) for count in _REQUESTS]


def markdown(text: str) -> str:
    r"""Return text that Markdown shows as it is.

    Examples
    --------
    >>> print(markdown("is_even <b>"))
    is\_even \<b\>
    """
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def numbers(facts: Facts) -> list[tuple[str, str]]:
    """Return the numbers of a status update by name, each with what carries it."""
    rows = [
        ("Right", _counted(facts.passed)),
        ("Parsed", _counted(facts.parsed)),
    ]
    if facts.unanswered:
        rows.append(("End to end", "– (no request was answered)"))
    else:
        rows.append(("End to end, median", f"{facts.e2e.p50}, {facts.e2e.rows}"))
        rows.append(("End to end, P95", str(facts.e2e.p95)))
    prices = facts.data.costs["price_id"].dropna().unique()[:1] if facts.cost.value else ()
    at = "".join(f" at {name}" for name in prices)  # trials count the first
    rows += [(f"{count:,} requests{at}", str(found)) for count, found in requests_at(facts)]
    return rows


def _counted(rate: SuccessRate) -> str:
    if rate.trials == 0:
        return "not judged"
    return f"{rate.successes:,} of {rate.trials:,}: {rate.estimate}"


def no_answer(facts: Facts) -> str:
    """Return that every request ended in an error, and which errors."""
    kinds = f" ({', '.join(facts.errors[:2])})" if facts.errors else ""
    return (
        f"{facts.passed.errors:,} of {len(facts.data.trials):,} requests ended in an error of the "
        f"endpoint{kinds}, and none gave an answer that could be judged."
    )


def _success_sentence(facts: Facts) -> str:
    passed, parsed = facts.passed, facts.parsed
    if passed.trials == 0:
        return "The answers were not judged: there are no checks for them."
    said = f"{parsed.successes:,} of {parsed.trials:,} answers parse"
    said += f"; run against their checks, {passed.successes:,} of {passed.trials:,} "
    said += "is right" if passed.successes == 1 else "are right"
    if facts.failures:
        top, wrong = facts.failures[0], passed.trials - passed.successes
        name = top.failure_class.replace("_", " ")
        if top.count == 1:  # the words are for several
            said += f"; {'the other one' if wrong == 1 else 'one of the others'}: {name}"
        else:
            said += f"; of the {wrong:,} others, {top.count:,} {failure_words(top.failure_class)}"
    errors = f" {passed.errors:,} more got no answer from the endpoint." if passed.errors else ""
    return f"{said}.{errors}"


def _time_sentence(facts: Facts) -> str:
    median, verdict = facts.e2e.p50, facts.time_verdict()
    if median.value is None:
        return "How long a request takes cannot be told from these rows."
    said = f"The typical request takes {rounded(median.value)}"
    if verdict is None:
        return f"{said}."
    aim = quantity(verdict.limit, "s")
    ends = {
        "met": f"within the target of {aim}",
        "not met": f"over the target of {aim}",
        "undecided": f"and whether that meets the target of {aim} is undecided",
    }
    return f"{said}, {ends.get(verdict.verdict, '')}".rstrip(", ") + "."


def _slow_sentence(facts: Facts) -> str:
    if not facts.slow:
        return "No stage was slow for its peers." if len(facts.data.stages) >= 8 else ""
    excess = sum(each.excess_s for each in facts.slow)
    known = excess - sum(max(0.0, each.unexplained_s) for each in facts.slow)
    count = len(facts.slow)
    return (
        f"{count:,} {plural('stage', count)} took {rounded(excess)} more than usual; "
        f"what was recorded accounts for {rounded(known)} of it."
    )


def rounded(seconds: float) -> str:
    """Write seconds as people say them: to a tenth from one second on."""
    return f"{seconds:.1f} s" if seconds >= 1 else quantity(seconds, "s")


def _at_once(concurrency: int | None) -> str:
    return f"{concurrency:,} at once" if concurrency else ""


def plural(word: str, count: int) -> str:
    """Return a word in the number that goes with a count."""
    return word if count == 1 else f"{word}s"


def be(count: int) -> str:
    """Return "is" or "are"."""
    return "is" if count == 1 else "are"
