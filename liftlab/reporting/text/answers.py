"""How many answers are right, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from liftlab.analysis.estimate import Estimate
from liftlab.analysis.success import SuccessRate
from liftlab.reporting.text import words
from liftlab.reporting.text.base import Text, capitalised, listed, marked, value, with_likely, write
from liftlab.summary.answers import Answers, Failures
from liftlab.words import be, counted

NOT_GRADED = Text("No answer was graded")
NOTHING_JUDGED = Text("Success, times and the cost of a right answer are not measurable.")


def count(rate: SuccessRate) -> Text:
    """Return how many of how many are right ("12 of 40"), marked as the rate that they make."""
    return marked(f"{rate.successes:,} of {rate.trials:,}", f"count:{rate.estimate.quantity}")


def right(answers: Answers) -> Text:
    """Say how many answers are right."""
    if not answers.graded:
        return unanswered(answers) if not answers.answered else NOT_GRADED
    noun, verb = ("answer", "is") if answers.graded == 1 else ("answers", be(answers.right))
    return write("{} {} {} right", count(answers.success), noun, verb)


def wrong(answers: Answers) -> Text:
    """Say how many answers are wrong and what most of them have in common; empty if none is."""
    if not answers.wrong:
        return Text()
    head = f"{answers.wrong:,} of {counted(answers.graded, 'answer')}"
    verb = be(answers.wrong)
    shares = answers.failures
    if not shares or shares[0].count <= max([1, *(share.count for share in shares[1:2])]):
        return Text(f"{head} {verb} wrong.")  # no class stands out
    most = shares[0].count
    they = "all of them" if most == answers.wrong else f"most often ({most:,}) they"
    return Text(f"{head} {verb} wrong; {they} {words.failure(shares[0].failure_class)}.")


def weighed(answers: Answers) -> Text:
    """Say the rate where prompts were answered unequally often, and the count is another share."""
    rate = answers.success
    if not rate.trials:
        return Text()
    if _as_counted(rate.estimate, rate.successes, rate.trials):
        return Text()
    return write("If every prompt counts the same, {} are right.", value(rate.estimate))


def weighed_shares(failures: Failures) -> Text:
    """Say that every prompt counts the same, where a share of failures is not as its count."""
    if all(_as_counted(row.of_failures, row.count, failures.count) for row in failures.rows):
        return Text()
    return Text("In shares every prompt counts the same, however many of its answers failed.")


def _as_counted(estimate: Estimate, count: int, of: int) -> bool:
    return replace(estimate, value=count / of).point == estimate.point


def parsed(answers: Answers) -> Text:
    """Say how many answers parse, where that differs from how many are right."""
    found = answers.parsed
    if found.successes == answers.right or not answers.graded or not found.trials:
        return Text()
    said = count(found)
    if not found.successes:
        return write("{} parse.", said)
    if found.successes == found.trials:
        every = f"All {found.trials:,}" if found.trials > 1 else "The answer"
        said = marked(every, *said.quantities[0])
    verb, whom = ("parses", "it") if found.successes == 1 else ("parse", "them")
    return write("{} {}, which does not make {} right.", said, verb, whom)


def errors(answers: Answers) -> Text:
    """Say how many requests failed at the endpoint; empty where none, or all, did."""
    if not answers.errors or not answers.answered:
        return Text()
    return write("{}{}.", failed(answers), how(answers.error_classes))


def failed(answers: Answers) -> Text:
    """Return how many requests failed at the endpoint, as a clause."""
    noun = "request" if answers.trials == 1 else "requests"
    return write("{} {} failed at the endpoint", error_count(answers), noun)


def error_count(answers: Answers) -> Text:
    """Return how many of how many requests failed, marked as the rate that they make."""
    return marked(f"{answers.errors:,} of {answers.trials:,}", "count:error_rate")


def reliable(answers: Answers) -> Text:
    """Say which kinds of prompt were answered right every time, or which came nearest."""
    graded = [rate for rate in answers.by_category if rate.trials]
    always = [rate for rate in graded if rate.successes == rate.trials]
    if always:
        names = [write("{} ({})", words.readable(rate.group), count(rate)) for rate in always]
        return write("It was right every time for {}.", listed(names))
    if not graded:
        return Text()
    best = max(graded, key=lambda rate: rate.successes / rate.trials)
    return write("It is not reliable for any kind of prompt yet (best: {}).", group(best))


def out_of(answers: Answers) -> Text:
    """Return of how many a rate of answers is, where requests failed; empty where none did."""
    if not answers.errors or not answers.answered:
        return Text()
    return write(
        "of {} answered; {} failed at the endpoint", f"{answers.answered:,}", error_count(answers)
    )


def unanswered(answers: Answers) -> Text:
    """Say that no request was answered."""
    if not answers.trials:
        return Text("No request has ended yet")
    return write("No request was answered: {}{}", failed(answers), how(answers.error_classes))


def group(rate: SuccessRate) -> Text:
    """Return a group's count with its name, as "arithmetic, 6 of 10"."""
    return write("{}, {}", words.readable(rate.group), count(rate))


def apart(rates: Sequence[SuccessRate]) -> Text:
    """Say which groups' intervals are apart, best and worst; empty where all overlap."""
    graded = [rate for rate in rates if rate.trials]
    if len(graded) < 2:
        return Text()
    best = max(graded, key=lambda rate: rate.estimate.low or 0.0)
    worst = min(graded, key=lambda rate: 1.0 if rate.estimate.high is None else rate.estimate.high)
    if (best.estimate.low or 0.0) <= (1.0 if worst.estimate.high is None else worst.estimate.high):
        return Text()
    return write("Best: {}; worst: {}.", group(best), group(worst))


def how(classes: Sequence[tuple[str, int]]) -> str:
    """Return in brackets how requests failed, the most frequent way first."""
    kinds = [f"{words.request_error(name)}: {n:,}" for name, n in classes[:3]]
    if len(classes) == 1:
        kinds = [words.request_error(classes[0][0])]
    return f" ({', '.join(kinds)})" if kinds else ""


def failures_title(failures: Failures) -> Text:
    """Return which class causes most failures."""
    if not failures.rows:
        graded = "pass" in set(failures.run.counted("trial", "outcome")["outcome"])
        return Text("No answer failed" if graded else "No answer was graded")
    first = failures.rows[0]
    cause = words.cause(first.failure_class)
    if failures.count == 1:
        return Text(f"One answer failed: {cause}")
    if len(failures.rows) == 1:
        return Text(f"{capitalised(cause)} cause all {failures.count:,} failures")
    if first.count == failures.rows[1].count:
        return Text(f"{failures.count:,} answers fail in {len(failures.rows):,} different ways")
    causes = marked(f"{first.count:,} of {failures.count:,}", f"count:{first.of_failures.quantity}")
    if 2 * first.count > failures.count:
        return write("{} cause most failures: {}", capitalised(cause), causes)
    return write("The most frequent fault is {}: {} failures", cause, causes)


def spoiled(failures: Failures) -> Text:
    """Say how much of all graded answers the most frequent class spoils, and how sure that is."""
    if not failures.rows:
        return Text()
    row = failures.rows[0]
    tied = len(failures.rows) > 1 and row.count == failures.rows[1].count
    what = capitalised(words.cause(row.failure_class)) if tied else "They"
    said = write("{} spoil {} of all graded answers.", what, with_likely(row.of_trials))
    if len(failures.rows) > 1 and not failures.clearly_first:
        second = words.cause(failures.rows[1].failure_class)
        return write("{} That is not clearly more than {}.", said, second)
    return said
