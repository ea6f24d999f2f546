"""The messages that go out: for leadership, for the technical team, for users, and for the day.

Each sentence is chosen by a ruling (`ruled`), so that nothing is said that the run's rows do not
carry. Text from outside is escaped at the end, once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from liftlab.analysis.claims import Ruling
from liftlab.analysis.estimate import quantity
from liftlab.analysis.load import summarise_load
from liftlab.analysis.trust import client_warning
from liftlab.records import LOAD
from liftlab.reporting import messages
from liftlab.reporting.facts import Facts, gather
from liftlab.reporting.messages import be, failure_words, markdown, plural
from liftlab.reporting.ruled import Ruled, ruled
from liftlab.reporting.steps import next_steps

if TYPE_CHECKING:
    from liftlab.settings import Project
    from liftlab.store import RunData

LEADERSHIP_WORDS = 90
_CARRIED = ("supported", "supported as a count only")
_TOLD = 3  # slow stages and failure classes, the worst first
_NAMED = 4  # categories


def leadership(facts: Facts) -> str:
    """Return at most 90 words for a manager: what works, how fast, what it costs, what is next."""
    rulings = ruled(facts)
    said: list[str] = []
    for sentence in _for_leadership(facts, rulings):
        if words([*said, sentence]) <= LEADERSHIP_WORDS:
            said.append(sentence)
    return " ".join(said)


def technical(facts: Facts) -> str:
    """Return a paragraph a topic for those who will look into it."""
    return "\n\n".join(_for_technical(facts, ruled(facts)))


def users(facts: Facts) -> str:
    """Return what somebody who uses it may expect."""
    return " ".join(_for_users(facts, ruled(facts)))


AUDIENCES: dict[str, tuple[str, Callable[[Facts], str]]] = {
    "leadership": ("For leadership", leadership),
    "technical": ("For the technical team", technical),
    "users": ("For users", users),
}


def message(run: RunData, audience: str, project: Project | None = None) -> str:
    """Return the message for one audience as Markdown; text from outside is escaped."""
    return _escaped(AUDIENCES[audience][1](gather(run, project)))


def status_markdown(run: RunData, project: Project | None = None) -> str:
    """Return `status.md`: a message for each audience, the numbers, and which run they are of."""
    facts = gather(run, project)
    parts = [f"# {markdown(messages.title(facts))}"]
    if warning := client_warning(run.run):
        parts.append(f"**{markdown(warning)}**")
    for heading, written in AUDIENCES.values():
        parts += [f"## {heading}", _escaped(written(facts))]
    named = messages.numbers(facts)
    numbers = "\n".join(f"- {markdown(f'{name}: {value}')}" for name, value in named)
    if len(facts.data.trials):
        parts += ["## The numbers", numbers]
    return "\n\n".join([*parts, markdown(f"{messages.run_line(facts)}.")]) + "\n"


def words(sentences: list[str]) -> int:
    """Count words as a reader does.

    Examples
    --------
    >>> words(["It takes 15.0 s.", "Next: fix it."])
    7
    """
    return sum(len(sentence.split()) for sentence in sentences)


def _for_leadership(facts: Facts, rulings: Ruled) -> Iterator[str]:
    """Yield sentences, the most important first."""
    yield from _nothing(facts)
    yield from _done(facts)
    if rulings.right is not None:
        yield _right(facts)
        yield from _target(facts, rulings.success_target)
    if not facts.unanswered:
        yield from _time(facts, rulings)
        if rulings.cost is not None:
            yield _sentence(rulings.cost.may_say)
    yield from _wrong(facts)
    steps = [lead for lead, _ in next_steps(facts)]
    if steps:
        yield f"Next: {steps[0][0].lower()}{steps[0][1:]}"
    needs = [
        verdict.needs
        for verdict in (facts.success_verdict(), facts.time_verdict())
        if verdict is not None and verdict.needs.startswith("about ")
    ]
    if needs:
        yield f"More cases would settle what is open: {needs[0]}."


def _wrong(facts: Facts) -> Iterator[str]:
    """Yield what most of the wrong answers have in common, where there are several."""
    wrong = facts.passed.trials - facts.passed.successes
    if not facts.failures or wrong < 2:
        return
    top = facts.failures[0]
    if top.count == 1:
        yield f"The {wrong:,} wrong answers fail in different ways."
    else:
        most = f"{top.count:,} of the {wrong:,}" if top.count < wrong else f"All {wrong:,}"
        yield f"{most} wrong answers {failure_words(top.failure_class)}."


def _for_technical(facts: Facts, rulings: Ruled) -> Iterator[str]:
    yield from _nothing(facts)
    if rulings.right is not None and rulings.parsed is not None:
        said = f"Right: {rulings.right.may_say} Parses: {rulings.parsed.may_say}"
        if rulings.success_target is not None:
            said += f" {rulings.success_target.why}"
        yield said
    known = [spread for spread in rulings.spreads if spread.ruling != "not measurable"]
    for stage in (*rulings.stages, *known):
        yield stage.may_say
    if rulings.tail is not None:
        needs = f" {rulings.tail.n_needed:,} cases give a bound." if rulings.tail.n_needed else ""
        yield f"P95 end to end is {_measurable(rulings.tail)}.{needs}"
    if facts.slow and not facts.unanswered:
        more = len(facts.slow) - _TOLD
        told = [f"{each.sentence()}" for each in facts.slow[:_TOLD]]
        yield " ".join(["Slow:", *told]) + (f" {more:,} more were slow." if more > 0 else "")
    if facts.failures:
        told = [
            f"{share.failure_class.replace('_', ' ')} {share.count:,}"
            for share in facts.failures[:_TOLD]
        ]
        yield f"What went wrong: {', '.join(told)}."
    if rulings.cost is not None:
        yield f"Cost: {rulings.cost.may_say}"
    steps = [f"{lead} {why}" for lead, why in next_steps(facts)]
    if steps:
        yield f"Next: {' '.join(steps)}"


def _for_users(facts: Facts, rulings: Ruled) -> Iterator[str]:
    yield from _nothing(facts)
    if facts.unanswered:
        return
    if rulings.right is not None and facts.passed.successes == 0:
        yield f"Do not use it yet: none of {facts.passed.trials:,} answers was right."
        return
    if rulings.median is not None:
        half = facts.e2e.p50
        typical = messages.rounded(half.value or 0.0)
        yield f"Ask in plain language and get Python code, typically after {typical}."
    if rulings.right is not None:
        yield _right(facts)
        works = [name for name, each in rulings.works.items() if each.ruling in _CARRIED]
        fails = [name for name in rulings.works if name not in works]
        if works:
            yield f"In this run it was right at least once for every case of: {_names(works)}."
        if fails:
            yield f"Do not count on it for: {_names(fails)}."
        yield "Test what it gives you before you use it."
    if rulings.cost is not None:
        yield _sentence(rulings.cost.may_say)


def _nothing(facts: Facts) -> Iterator[str]:
    """Yield why there is little to say, where there is."""
    passed = facts.passed
    if facts.data.run.pipeline == LOAD:
        for line in summarise_load(facts.data.run, facts.data.attempts).lines():
            yield f"{line[:1].upper()}{line[1:]}."
    elif len(facts.data.trials) == 0:
        yield "The run has no finished trial, so there is nothing to report yet."
    elif passed.trials == 0 and passed.errors:
        yield messages.no_answer(facts)
    elif passed.trials == 0:
        yield "The answers were not judged, because there are no checks for them."


def _right(facts: Facts) -> str:
    passed = facts.passed
    estimate = passed.estimate
    said = f"{passed.successes:,} of {passed.trials:,} answers {be(passed.successes)} right"
    if estimate.interval:
        said += f" ({estimate.interval})"
    if facts.parsed.successes != passed.successes:
        said += f"; {facts.parsed.successes:,} parse"
    if passed.errors:
        said += f"; {passed.errors:,} more got no answer from the endpoint"
    return f"{said}."


def _target(facts: Facts, ruling: Ruling | None) -> Iterator[str]:
    """Yield the verdict on the success rate, and no promise that the rows do not carry."""
    verdict = facts.success_verdict()
    if verdict is None or ruling is None:
        return
    aim = f"the target of {quantity(verdict.limit, '%')}"
    sure = {"supported": f"That meets {aim}.", "contradicted": f"That misses {aim}."}
    once = {
        "met": f"This run meets {aim}; it is too early to promise that.",
        "not met": f"This run misses {aim}.",
        "undecided": f"Whether {aim} is reached is not settled.",
    }
    yield sure.get(ruling.ruling) or once.get(verdict.verdict, "")


def _time(facts: Facts, rulings: Ruled) -> Iterator[str]:
    if rulings.median is None:
        return
    typical = messages.rounded(facts.e2e.p50.value or 0.0)
    verdict = facts.time_verdict()
    if verdict is None or rulings.time_target is None:
        yield f"A typical request takes {typical}."
        return
    aim = f"the target of {quantity(verdict.limit, 's')}"
    ends = {
        "supported": f"within {aim}",
        "contradicted": f"over {aim}",
    }
    end = ends.get(rulings.time_target.ruling, f"and whether that meets {aim} is not settled")
    yield f"A typical request takes {typical}, {end}."


def _done(facts: Facts) -> Iterator[str]:
    """Yield what was done, where something was."""
    trials, repeats = facts.data.trials, facts.data.run.repeats or 1
    if len(trials):
        cases = trials["case_id"].nunique()
        often = "once" if repeats == 1 else f"{repeats:,} times"
        yield f"{cases:,} {plural('prompt', cases)} {'was' if cases == 1 else 'were'} run {often}."
        if facts.data.sped_up != 1:
            yield f"Simulated, run {facts.data.sped_up:g} times as fast: times are at real length."


def _sentence(cost: str) -> str:
    """Make a sentence of a cost that begins with its number."""
    return f"It costs {cost}"


def _measurable(ruling: Ruling) -> str:
    return "not measurable" if ruling.ruling == "not measurable" else ruling.may_say.rstrip(".")


def _names(names: list[str]) -> str:
    shown = [name.replace("_", " ") for name in names[:_NAMED]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more {plural('kind', more)}" if more > 0 else "")


def _escaped(text: str) -> str:
    """Escape text paragraph by paragraph."""
    return "\n\n".join(markdown(part) for part in text.split("\n\n"))
