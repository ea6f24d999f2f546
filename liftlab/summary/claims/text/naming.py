"""Which quantity of a run the words around a figure name, or why they name none.

Whole numbers, "27 retries" or "Right: 23", are read only where a noun says what is counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from liftlab.settings.targets import Population
from liftlab.summary.claims.model import Quantity, counts, estimate
from liftlab.summary.claims.text.figures import Figure, half_a_digit
from liftlab.summary.claims.text.lexicon import Mark, Slot
from liftlab.summary.claims.text.sentence import Sentence

WRONG, MANY = "wrong", "per_"  # the rest of the success rate; of so many requests
_DIFFERENCE = "!a difference"
_UNCLEAR = "what it is the share of is not clear"
_CAUSE = re.compile(  # how a failure class is told
    r"behind|because|makes?|due|accounts?|caused?|causes|explains?|come|forgets?|missed|share"
    r"|reason"
)
_OF_FAILURES = re.compile(
    r" ?(?:of )?(?:all |the |what |those that |the ones that )*(?:failures|fail(?:s|ed)?|wrong"
    r"|errors)\b"
)
_PART_OF = re.compile(r" (?:out )?of (?:the |a |our )?~?[0-9]")  # "10.0 s of 15 s"
_WHOLE_OF = re.compile(r"[0-9] ?m?s (?:out )?of ~?$")
_OF_WHOLE = re.compile(r"\bof (?:the|a|our) ~?$")
_LIMITS_WHO = re.compile(
    r"\b(with|without|for|when|where|if|after|during|among|on|under|whose|except|excluding|at|in"
    r"|inside|across|once|only)\s+((?:[a-z]+ ?){1,4})"
)


_OF_SOME = re.compile(  # "on 200 prompts"
    r"\b(?:in|for|on|over|across|with|of) ([0-9][0-9,]{0,8}) (?:\w+ )?(?:requests|prompts|cases"
    r"|calls)\b"
)
_WITH = re.compile(r" (?:with|against) (?!(?:an?|the) )[a-z ]{2,40}(?=[.,;:)]|$)")
_PLAIN_SHARE = re.compile(r"(?:success |pass |solve )?(?:rate|%|pct|score|result)s?")
_IS_OF = re.compile(
    r"(?: prompts?| ones?| cases?| tasks?| functions?)?"
    r"(?: ?[:=,(]| is| are| at| was| were| only| with| did| does?| best| worst| better| worse"
    r"| comes? in)* ?[:=(~]? ?"
)
_WHO = re.compile(r"\b(?:requests?|calls?|prompts?|generations?|runs?|answers?|responses?)\b")
# A clause that is about what the clause before it is about: "they take 19 s", "and took 19 s".
_CARRIED = re.compile(
    r"\b(?:they|them|their|theirs|it|its|these|those|such)\b"
    r"|^ ?(?:also |then |only )?(?:takes?|took|needs?|needed|ran|runs?|finish|finished|is|are|was"
    r"|were|ha[sd]|have|arrives?|arrived|c[oa]mes?)\b"
)
_RIGHT, _WRONG = r"(?:right|correct|passing|passed|solved)", r"(?:wrong|incorrect)"
_ANSWERS = r"(?:answers?|requests?|generations?|solutions?|programs?|responses?)"
# How each is counted: "27 retries", "no retries".
_NOUNS = {
    "retries": r"(?:extra |more )?retr(?:y|ies)|extra attempts",
    "attempts": r"(?:http )?attempts|http (?:calls|requests)",
    "right_answers": rf"{_RIGHT} {_ANSWERS}|{_ANSWERS} (?:(?:are|were|is|was) )?{_RIGHT}",
    "wrong_answers": rf"{_WRONG} {_ANSWERS}|{_ANSWERS} (?:(?:are|were|is|was) )?{_WRONG}"
    rf"|failures?|(?:failed|failing) answers",
    "parsed_answers": rf"{_ANSWERS} (?:that )?parsed?",
    "failed_requests": r"(?:endpoint |server |http |request )errors?|requests? errored",
    "number_of_slow_steps": r"slow steps?|steps? (?:was|were|is|are) slow",
    "steps": r"steps",
    "requests": r"requests?|trials|generations",
    "prompts": r"(?:test )?(?:prompts?|cases)",
}
# As the name of a number: "Right: 23".
_LABELS = {
    "right_answers": _RIGHT,
    "wrong_answers": rf"{_WRONG}(?: total)?",
    "parsed_answers": r"parsed|parses?|parsable|valid python",
    "failed_requests": r"errors?",
    "repeats": r"repeats|repetitions",
}
_COLUMNS = re.compile(
    r"(?:count|n|#|number|answers?|occurrences|value|how (?:many|often)|total|result|measured)s?"
)
WHOLE_NUMBER = re.compile(
    r"(?<![0-9.,a-z_/@$:#+±~<>=-])(?<!\$ )([0-9]{1,3}(?:,[0-9]{3})+"
    r"|[0-9]{1,7})(?![\w%.:/]*[0-9a-z%])"
    r"|\b(no|zero)(?= (?:slow|retr))"
)
_ENDS = re.compile(
    r" ?(?:$|[.,;)|\]]|(?:and|over|on|in total|in all|overall|altogether|(?:for|in) [0-9,]+"
    r"|across|with|x|at all)\b)"
)
_ALL_OF_THEM = re.compile(
    r"(?:^|[,;:(|-] ?|(?:\b(?:ran|run of|asked|sent|fired|issued|made|measured|(?:suite"
    r"|set) (?:has|of)|total of|are|were|there)|n ?=) )$"
)
_SIZES = ("requests", "prompts", "steps")
# Behind these a number may be a part: "in 5 requests", "each of 5 prompts", "another 40 prompts".
_PART_OF_THEM = re.compile(
    r"\b(?:each|per|every|another|other|(?<!run )of|to|max|most|least|first|last|top|than|need\w*|"
    r"for|from|with|in|across|after|next|as|or|the|these|those|all)(?: the| our)? $"
)


class Unread(Exception):
    """A figure is not read; says why."""


def quantity(sentence: Sentence, figure: Figure, last: str) -> Quantity:
    """Return the quantity that a figure is of; raise Unread if the words do not say so.

    `last`: the stage that the sentence before named.
    """
    if figure.kind == "usd":
        return Quantity(metric=_one(sentence, "cost", figure, "what it is the cost of"))
    if figure.kind == "seconds":
        return _time(sentence, figure, last)
    return _share(sentence, figure)


def _one(sentence: Sentence, slot: Slot, figure: Figure, missing: str) -> str:
    """Return the one value of a slot: from a figure's words, its names, or what it is under."""
    start, end = sentence.clause(figure)
    marks = sentence.find(slot, figure)
    has_own = any(start <= mark.start and mark.end <= end for mark in marks)
    if words := sentence.leftover(figure, before=has_own):
        raise Unread(f"{missing} is not named beside “{' '.join(words[:4])}”")
    if not has_own and marks and sentence.leftover(figure, before=True, since=marks[-1].end):
        raise Unread(f"{missing} is not named")
    if not has_own and not marks and not sentence.piece.names and sentence.is_taken(figure):
        raise Unread(f"{missing} is not named")
    values = {mark.value for mark in marks} or sentence.of_names(slot)
    return _only(values, figure, missing)


def _only(values: set[str], figure: Figure, missing: str) -> str:
    if figure.was is not None:  # of a change, which goes without saying
        values = values - {_DIFFERENCE}
    for value in values:
        if value.startswith("!"):
            raise Unread(value[1:])
    if len(values) != 1:
        raise Unread(f"{missing} is not {'clear' if values else 'named'}")
    return next(iter(values))


def _time(sentence: Sentence, figure: Figure, last: str) -> Quantity:
    statistic = _one(sentence, "statistic", figure, "its statistic")
    stage = _stage(sentence, figure, last)
    if sentence.find("group", figure) or sentence.of_names("group", near=True):
        raise Unread("times by kind of prompt are not in the summary")
    if sentence.find("class", figure):
        raise Unread("times by failure are not in the summary")
    return Quantity(metric=f"{stage}_{statistic}_s", population=_population(sentence, figure))


def _stage(sentence: Sentence, figure: Figure, last: str) -> str:
    values = {mark.value for mark in sentence.find("stage", figure)}
    if len(values) > 1:
        values.discard("~e2e")
    strong = values - {"~e2e"}
    for mark in sentence.find("stage", figure):
        between = sentence.text[figure.end : max(figure.end, mark.start)]
        if mark.is_strong and re.search(r"\b(?:by|than|because|due|thanks|is|are|as)\b", between):
            raise Unread("its stage is not clear")
    before, behind = sentence.text[: figure.start], sentence.text[figure.end :]
    if (strong and _OF_WHOLE.search(before)) or _PART_OF.match(behind) or _WHOLE_OF.search(before):
        raise Unread("its stage is not clear")  # "1.3 s of the 2.1 s"
    if not values and sentence.leftover(figure):
        raise Unread("what took it is not named")
    if not strong:
        values = sentence.of_names("stage") - {"~e2e"} or values
        if not values and last not in ("", "e2e"):
            raise Unread("its stage is not named")
    stage = _only(values or {"e2e"}, figure, "its stage").lstrip("~")
    attempts = sentence.lexicon.summary.run.attempts
    if stage in ("ttft", "itl") and attempts["first_token_s"].notna().any():
        raise Unread("times of tokens")
    return stage


def _population(sentence: Sentence, figure: Figure) -> Population:
    start, end = sentence.clause(figure)
    named = sentence.lexicon.marks(" | ".join(sentence.piece.names))
    marks = [*named, *(mark for mark in sentence.marks if mark.start < end)]
    values = {
        mark.value
        for mark in marks
        if mark.slot == "whose"
        and (mark in named or mark.start >= start or not _is_of_another(sentence, figure, mark))
    }
    for value in values:
        if value.startswith("!"):
            raise Unread(value[1:])
    _refuse_others(sentence, figure)
    return "right" if values else "answered"


def _is_of_another(sentence: Sentence, figure: Figure, mark: Mark) -> bool:
    """Whether a mark of an earlier clause says only of another figure whose it is."""
    if sentence.text.startswith("succe", mark.start):  # "38 % success, median 15 s"
        return True
    around = [
        other
        for other in sentence.figures
        if other.end <= figure.start and _encloses(sentence.clause(other), mark)
    ]
    if mark.value != "right" or not around:
        return False
    start, end = sentence.clause(figure)
    own = sentence.text[start:end]
    if _CARRIED.search(own):
        return False
    if _WHO.search(own):  # "a right answer costs 0.02 USD, and the median request takes 19 s"
        return True
    if any(other.kind == "seconds" for other in around):
        return False
    raise Unread("whose it is is not clear")


def _encloses(bounds: tuple[int, int], mark: Mark) -> bool:
    return bounds[0] <= mark.start and mark.end <= bounds[1]


def _refuse_others(sentence: Sentence, figure: Figure) -> None:
    """Refuse a figure whose words narrow down whose it is in a way that no table knows."""
    start, end = sentence.clause(figure)
    unknown = set(sentence.leftover(figure))
    answers, behind = sentence.lexicon.summary.answers, sentence.text[end:]
    for some in _OF_SOME.finditer(sentence.text[:end]):
        if figure.start <= some.start() < figure.end:  # "10 of 20 easy prompts": its own total
            continue
        if int(some[1].replace(",", "")) not in (answers.trials, answers.cases, answers.answered):
            raise Unread(f"whose it is: “{some[0]}”")
    if limit := _WITH.match(behind):  # "3 s with caching", but not "3 s with 40 % success"
        raise Unread(f"whose it is: “{limit[0].strip()}”")
    for match in _LIMITS_WHO.finditer(sentence.text[start:end]):
        if match[1] == "after" and figure.was is not None:
            continue
        if unknown.intersection(match[2].split()):
            raise Unread(f"whose it is: “{match[0].strip()}”")


def _share(sentence: Sentence, figure: Figure) -> Quantity:
    if classes := _classes(sentence, figure):
        return _of_class(sentence, figure, classes)
    groups = tuple(
        sentence.values("group", figure) or sorted(sentence.of_names("group", near=True))
    )
    if groups and _is_success(sentence, figure, groups):
        return Quantity(metric="success_rate", groups=groups)
    measure = _one(sentence, "measure", figure, "what it is the share of")
    if measure == "failures" or _is_word_alone(sentence, figure):
        raise Unread(_UNCLEAR)
    if measure == "cv":
        return Quantity(metric=f"{_stage(sentence, figure, '')}_cv")
    _refuse_others(sentence, figure)
    requests = re.search(r"\b(?:requests?|calls?|runs?)\b", sentence.text)
    if measure == "failed" and (requests or sentence.lexicon.summary.answers.errors):
        raise Unread("failed may mean wrong, or not answered")
    if groups and measure in ("parsed_rate", "error_rate"):
        raise Unread("only the success rate is known by kind of prompt")
    return Quantity(metric=WRONG if measure == "failed" else measure, groups=groups)


def _classes(sentence: Sentence, figure: Figure) -> list[str]:
    """Return the failure class that a share is of: in its clause, its row, or behind it."""
    start, end = sentence.clause(figure)
    found = [m for m in sentence.find("class", figure) if start <= m.start and m.end <= end]
    if not found and _OF_FAILURES.match(sentence.text[figure.end :]):
        found = [m for m in sentence.marks if m.slot == "class" and m.start > figure.start]
        if not found:
            raise Unread(_UNCLEAR)
    named = {mark.value for mark in found} or sentence.of_names("class", near=True)
    if named and sentence.text[figure.start].isalpha() and figure.kind == "share":
        raise Unread(_UNCLEAR)
    if len(named) > 1 or (named and not all(map(_CAUSE.fullmatch, sentence.leftover(figure)))):
        raise Unread(_UNCLEAR)
    return sorted(named)


def _of_class(sentence: Sentence, figure: Figure, classes: list[str]) -> Quantity:
    """Return the share of a failure class: of the failures or of all, where that is not said."""
    kinds = [
        Quantity(metric=m, groups=tuple(classes)) for m in ("share_of_failures", "failure_share")
    ]
    said = " | ".join((sentence.text, *sentence.piece.names[:2], *sentence.piece.around[:1]))
    if re.search(r"\b(?:of|all|the|[0-9]) (?:the |our )?(?:failures|wrong|failed)\b", said):
        return kinds[0]
    if re.search(r"\bof (?:all |the |our )?(?:answers|requests|generations)\b", said):
        return kinds[1]
    summary = sentence.lexicon.summary
    return min(kinds, key=lambda kind: abs((estimate(summary, kind).value or 0.0) - figure.value))


def _is_success(sentence: Sentence, figure: Figure, groups: tuple[str, ...]) -> bool:
    """Whether a share beside a kind of prompt, and nothing else, is its success rate."""
    names, texts = sentence.piece.names, (*sentence.piece.names[:2], *sentence.piece.around[:1])
    marks = [*sentence.marks, *(m for text in texts for m in sentence.lexicon.marks(text))]
    if any(m.slot == "measure" and m.value != _DIFFERENCE for m in marks) or len(groups) > 1:
        return False
    if figure.kind == "count":
        known = counts(sentence.lexicon.summary, Quantity(metric="success_rate", groups=groups))
        if known is None or known[1] != figure.total:
            return False
    if names:
        return bool(_PLAIN_SHARE.fullmatch(names[1]))
    left = [m for m in sentence.marks if m.slot == "group" and m.end <= figure.start]
    own = sentence.text[figure.end : sentence.clause(figure)[1]]
    if any(mark.slot == "group" for mark in sentence.lexicon.marks(own)):
        return False  # "50 % easy, 35 % medium" says what the prompts are
    return bool(left and _IS_OF.fullmatch(sentence.text[left[-1].end : figure.start]))


def _is_word_alone(sentence: Sentence, figure: Figure) -> bool:
    """Whether "no" or "all" stands before what it counts, but apart from what that does."""
    if not sentence.text[figure.start].isalpha():
        return False
    end = figure.end + len(sentence.text[figure.end :].partition(":")[0])
    marks = [mark for mark in sentence.marks if mark.slot == "measure" and mark.start >= figure.end]
    return not marks or marks[0].end > end or "error" in marks[0].value


def numbers(sentence: Sentence) -> Iterator[Figure]:
    """Yield the whole numbers of a sentence that are no part of another figure."""
    for match in WHOLE_NUMBER.finditer(sentence.text):
        if any(f.start < match.end() and match.start() < f.end for f in sentence.figures):
            continue
        value = float(match[1].replace(",", "")) if match[1] else 0.0
        off = half_a_digit(match[1]) if match[1] and len(match[1]) > 3 else 0.0
        yield Figure(kind="whole", value=value, off=off, start=match.start(), end=match.end())


def counted(sentence: Sentence, figure: Figure) -> Quantity | None:
    """Return what a number counts; None where no noun says so, raise Unread where it is unclear."""
    left, right = sentence.text[: figure.start], sentence.text[figure.end :]
    found = _behind(sentence, figure, right) or _before(sentence, left, right)
    if found is None:
        return None
    metric, end = found
    start, stop = sentence.clause(figure)
    if not _ENDS.match(right[end:]):
        raise Unread("what it counts is not clear")
    part = _PART_OF_THEM.search(left) or (metric in _SIZES and not _ALL_OF_THEM.search(left))
    if end and part:
        raise Unread("it may be a part of them")
    if metric in _SIZES and any(other.kind == "usd" for other in sentence.figures):
        raise Unread("so many for a price")
    if re.match(r" ?(?:per|each|a|an|in parallel|at (?:a time|once))\b", right[end:]):
        raise Unread("it is not of the whole run")
    inside = [m for m in sentence.marks if start <= m.start and m.end <= stop]
    groups = [
        m for m in inside if m.slot == "group" or (m.slot == "stage" and m.is_known and m.is_strong)
    ]
    if groups or sentence.of_names("group", near=True):
        raise Unread("numbers by kind of prompt or stage are not read")
    if metric.startswith("class="):
        return Quantity(metric="failures_of_class", groups=(metric,))
    return Quantity(metric=metric)


def _behind(sentence: Sentence, figure: Figure, right: str) -> tuple[str, int] | None:
    """Return what the noun behind a number names, and where the noun ends."""
    for mark in sentence.marks:
        if mark.slot == "class" and mark.start == figure.end + 1:
            return mark.value, mark.end - figure.end
    for metric, noun in _NOUNS.items():
        if match := re.match(rf"[ -](?:{noun})\b", right):
            return metric, match.end()
    return None


def _before(sentence: Sentence, left: str, right: str) -> tuple[str, int] | None:
    """Return what the label before a number names, or the row or the column of a cell."""
    texts = [re.split(r"[,;(.|] ?", left)[-1]] if re.search(r"[:=] ?$", left) else []
    if names := sentence.piece.names:
        if left or right:
            return None
        texts = [names[1]] if not _COLUMNS.fullmatch(names[1]) else [names[0]]
    for text in texts:
        name = re.sub(r"^(?:number of|total|all) | ?[:=] ?$", "", text.strip(" :=-"))
        for mark in sentence.lexicon.marks(name):
            if mark.slot == "class" and (mark.start, mark.end) == (0, len(name)):
                return mark.value, 0
        for metric, noun in (*_NOUNS.items(), *_LABELS.items()):
            if re.fullmatch(noun, name):
                return metric, 0
    return None
