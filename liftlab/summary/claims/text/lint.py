"""Find the claims of a report, where the words say which quantity each is of, and rule them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from liftlab.summary.claims.model import Claim, Quantity, Relation, Ruling
from liftlab.summary.claims.ruling import rule
from liftlab.summary.claims.text import modality
from liftlab.summary.claims.text.figures import Figure, figures
from liftlab.summary.claims.text.lexicon import Lexicon
from liftlab.summary.claims.text.markdown import Piece, pieces
from liftlab.summary.claims.text.naming import (
    MANY,
    WHOLE_NUMBER,
    WRONG,
    Unread,
    counted,
    numbers,
    quantity,
)
from liftlab.summary.claims.text.sentence import Sentence, sentences

if TYPE_CHECKING:
    from liftlab.summary.run import RunSummary

MAX_FIGURES = 24  # of a sentence: beyond them it is a listing
_NOW = re.compile(r"\b(?:now|today|current(?:ly)?|this (?:run|week|time)|we|our|ours)\b")
_OWN = re.compile(r"\b(?:we|our|ours|us|now|here)\b|; ")
_NUMBERED = re.compile(r"\b(week|day|sprint|run|v|version|release) ?([0-9][0-9.]{0,6})\b")
# A column of another build, or of a change; as the name of a column only.
_OTHER_COLUMN = re.compile(
    r"^(?:main|master|trunk|control(?! flow)|upstream|ref(?:erence)?|[δ∆]|delta"
    r"|diff(?:erence)?|change)\b"
)
_BY = re.compile(r"\bby (?:about |around |roughly |almost |nearly |over |up to |~)?\$?$")
_CHANGED = re.compile(
    r"\b(?:from|dropped|drops|fell|falls|went|improved|rose|grew|increased|decreased|reduced|cut"
    r"|down|up(?! to)|shrank|climbed|jumped|sped|slowed|moved|brought|took)\b"
)
_SPREADS = re.compile(
    r"\b(?:rang\w+|spread\w*|var(?:y|ies|ied|ying)|between|anywhere|everything)\b"
)
_WHO = r"^(?: of)?(?: (?:all|the|our|its))? ?[a-z ]{0,30}?"
_WITHIN = re.compile(
    rf"{_WHO}(?:(?:finish|complete|answer|respon|return|end|are done|were done|take|took|came? back"
    r"|arriv|run|ran|have|had|are right|were right)[a-z ]{0,25})?"
    r" ?(?:within|in under|in less than|under|below|less than|faster than|in) ~?$"
)
_LONGER = re.compile(rf"{_WHO}(?:took|takes?|needed|ran) (?:longer|more) than ~?$")
_OPPOSITE: dict[Relation, Relation] = {"at_most": "at_least", "at_least": "at_most", "is": "is"}
_MORE_IS_BETTER = ("success_rate", "parsed_rate", "pass_at_1")
MAX_FOUND = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A figure of a text: a claim, or the reason why it is not read as one."""

    at: int
    claim: Claim | None = None
    caveat: str = ""
    why_not: str = ""


def claims_in(piece: Piece, lexicon: Lexicon) -> Iterator[Found]:
    """Yield what a piece of text claims, and its figures that are not read, in order."""
    told = any(char.isdigit() for char in piece.text) or WHOLE_NUMBER.search(piece.text)
    if not told and not figures(piece.text):
        return
    planned = any(modality.plans(name) for name in (*piece.names, *piece.around[:2]))
    last = ""  # the stage that the sentence before named
    for at, raw in sentences(piece.text):
        text = modality.without_quotes(raw)
        changes = bool(_CHANGED.search(raw)) and not _SPREADS.search(raw)
        found = figures(text, changes=changes)
        if len(found) > MAX_FIGURES:
            yield Found(at=at + found[0].start, why_not="a listing of figures")
            continue
        if text != raw:
            for figure in set(figures(raw, changes=changes)) - set(found):
                yield Found(at=at + figure.start, why_not="quoted")
        marks = [
            mark
            for mark in lexicon.marks(text)
            if not any(f.start <= mark.start and mark.end <= f.end for f in found if f.off)
        ]
        sentence = Sentence(text, marks, found, piece, lexicon)
        for claim in _claims(sentence, last, planned=planned):
            yield replace(claim, at=at + claim.at)
        stages = [mark.value for mark in marks if mark.slot == "stage" and mark.is_strong]
        last = stages[-1] if stages else last


def _claims(sentence: Sentence, last: str, *, planned: bool) -> Iterator[Found]:
    """Yield what each figure of a sentence claims, or why it is not read."""
    first = sentence.figures[0] if sentence.figures else None
    subject = " ".join(sentence.leftover(first, before=True)) if first else ""
    both = (*sentence.figures, *numbers(sentence))
    for figure in sorted(both, key=lambda figure: figure.start):
        try:
            if figure.kind == "whole":
                claim = _number(sentence, figure, planned=planned)
            else:
                claim = _read(sentence, figure, last, planned=planned)
            own = _OWN.search(sentence.text[sentence.clause(figure)[0] :])
            if claim and subject and first and first.start < figure.start and not own:
                raise Unread(f"it may be of “{subject}”, too")
        except Unread as why:
            yield Found(at=figure.start, why_not=_with_change(figure, str(why)))
            continue
        if claim:
            caveat = "the change itself takes both runs" if figure.was is not None else ""
            yield Found(at=figure.start, claim=claim, caveat=caveat)


def _with_change(figure: Figure, why: str) -> str:
    if figure.was is None:
        return why
    ratio = figure.value / figure.was if figure.was else 0.0
    unit = {"seconds": " s", "usd": " USD"}.get(figure.kind, "")
    return f"a change from {figure.was:g} to {figure.value:g}{unit} (ratio {ratio:.2g}); {why}"


def _read(sentence: Sentence, figure: Figure, last: str, *, planned: bool) -> Claim | None:
    """Return the claim of a figure; None for the time of a share that is read with it."""
    _refuse(sentence, figure, planned=planned)
    left, right = sentence.text[: figure.start], sentence.text[figure.end :]
    aimed = modality.aimed(left)
    if not aimed and (within := _within(sentence, figure)):
        return within
    if any(_within(sentence, other) for other in sentence.figures if other.end <= figure.start):
        return None
    start, end = sentence.clause(figure)
    clause = sentence.text[start:end]
    if _BY.search(left) and not any(mark.value == "cv" for mark in sentence.marks):
        raise Unread("a change: compare both runs")
    relation = modality.relation(left, right)
    is_limit = relation != "is"
    verdict = modality.target(clause, left[start:], right, limit=is_limit)
    if (verdict == "open" and not is_limit) or (verdict in ("", "open") and aimed):
        raise Unread("a target")
    wanted = quantity(sentence, figure, last)
    if verdict in ("met", "not met"):
        usual: Relation = "at_least" if wanted.metric in _MORE_IS_BETTER else "at_most"
        relation = relation if is_limit else usual
        relation = _OPPOSITE[relation] if verdict == "not met" else relation
    elif modality.DENIED.search(clause.partition("(")[0] or clause):
        raise Unread("a denial")
    return _claim(wanted, figure, relation, about=bool(modality.ABOUT.search(left)))


def _number(sentence: Sentence, figure: Figure, *, planned: bool) -> Claim | None:
    """Return the claim of a whole number; None where it counts nothing that a run has."""
    wanted = counted(sentence, figure)
    if wanted is None:
        return None
    left, right = sentence.text[: figure.start], sentence.text[figure.end :]
    _refuse(sentence, figure, planned=planned)
    if modality.aimed(left):
        raise Unread("a target")
    if modality.DENIED.search(left):
        raise Unread("a denial")
    relation = modality.relation(left, right)
    if relation != "is" and wanted.metric in ("attempts", "retries"):
        raise Unread("it may be how often it is tried")
    return _claim(wanted, figure, relation, about=bool(modality.ABOUT.search(left)))


def _refuse(sentence: Sentence, figure: Figure, *, planned: bool) -> None:
    """Refuse a figure that is no claim about the run, whatever it is of."""
    start, end = sentence.clause(figure)
    if figure.kind == "times":
        raise Unread("a change: compare both runs")
    if figure.kind == "other":
        raise Unread("in another unit")
    if why := modality.unread(*sentence.sides(figure), planned=planned):
        raise Unread(why)
    if sentence.piece.quoted:
        raise Unread("quoted")
    if sentence.is_of_a_case():
        raise Unread("about a single prompt")
    if figure.low is not None:
        raise Unread("a range, no figure")
    if modality.OPEN.search(sentence.text[start:end]):
        raise Unread("left open")
    if name := sentence.unknown_name(figure):
        raise Unread(f"its row or column is not known: “{name}”")
    if other := _other_run(sentence, figure):
        raise Unread(f"another run's figure: “{other}”")


def _claim(wanted: Quantity, figure: Figure, relation: Relation, *, about: bool) -> Claim:
    if wanted.metric.startswith(MANY):
        many = int(wanted.metric.removeprefix(MANY))
        wanted = replace(wanted, metric="cost_per_trial_usd")
        off = max(figure.off, 0.0005 * figure.value)  # a rounded price, so many times
        figure = replace(figure, value=figure.value / many, off=off / many)
    if wanted.metric == WRONG:
        wanted, figure = replace(wanted, metric="success_rate"), _rest(figure)
        relation = _OPPOSITE[relation]
    off = figure.off
    if about:
        off = max(off, 0.05 * figure.value, 0.02 if wanted.is_share else 0.0)
    is_count = figure.kind == "count" and (relation == "is" or wanted.within_s is not None)
    return Claim(
        id="",
        statement="",
        what=wanted,
        relation=relation,
        value=figure.value,
        off=off,
        count=figure.count if is_count else None,
        total=figure.total if is_count else None,
    )


def _rest(figure: Figure) -> Figure:
    """Return a share of what is left over."""
    count = None if figure.count is None else (figure.total or 0) - figure.count
    return replace(figure, value=1 - figure.value, count=count)


def _within(sentence: Sentence, figure: Figure) -> Claim | None:
    """Read "90 % of requests finish within 5 s"; None where no time follows such a share."""
    later = [other for other in sentence.figures if other.start >= figure.end]
    if figure.kind not in ("share", "count") or not later or later[0].kind != "seconds":
        return None
    between = sentence.text[figure.end : later[0].start]
    longer = _LONGER.match(between)
    if not longer and not _WITHIN.match(between):
        return None
    marks = [mark for mark in sentence.marks if figure.end <= mark.start < later[0].start]
    if any(mark.slot in ("group", "class", "whose") for mark in marks):
        raise Unread("times by kind of prompt are not in the summary")
    stages = [mark for mark in sentence.marks if mark.slot == "stage" and mark.is_strong]
    stages = [mark for mark in stages if not (longer and mark.value == "!a difference")]
    if any(not mark.is_known for mark in stages):
        raise Unread("some other time")
    right = any(mark.value == "success_rate" for mark in marks)
    stage = "right" if right else stages[-1].value if stages else "e2e"
    wanted = Quantity(metric=f"{stage}_within", within_s=later[0].value)
    relation = modality.relation(sentence.text[: figure.start], sentence.text[figure.end :])
    if relation != "is":  # "at least 2 of 5" is a limit on a share, and no count
        figure = replace(figure, kind="share", count=None, total=None)
    elif figure.off:  # "half of them within 16 s" leaves room for more
        relation = "at_least"
    if longer:
        figure, relation = _rest(figure), _OPPOSITE[relation]
    return _claim(wanted, figure, relation, about=False)


def _other_run(sentence: Sentence, figure: Figure) -> str:
    """Return the words that say that a figure is of another run; empty where none do."""
    start, end = sentence.clause(figure)
    piece, lexicon = sentence.piece, sentence.lexicon
    own = sentence.text[start:end]
    said = own if _NOW.search(own) else sentence.text[:end]
    if any(_OTHER_COLUMN.match(name) for name in piece.names[1:2]):
        return piece.names[1]
    for text in (said, *piece.names[:2], *piece.around[:1]):
        for mark in lexicon.marks(text):
            words = set(text[mark.start : mark.end].split())
            if mark.slot == "other" and not words & lexicon.own:
                return text[mark.start : mark.end]
        for week in _NUMBERED.finditer(text):
            name = f"{week[1]}{week[2]}"
            own_name = any(word.startswith(name) for word in lexicon.own)
            if not own_name and name not in lexicon.summary.run.run.run_id:
                return week[0]
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A figure found in a report."""

    line: int  # where it stands, from 1
    said: str  # the line it stands in
    ruling: Ruling | None = None  # what the run says of it; None where it is not read
    why_not: str = ""  # why it is not read

    def as_json(self) -> dict[str, object]:
        """Return it for scripts."""
        return {
            "line": self.line,
            "said": self.said,
            **({"ruling": None} if self.ruling is None else self.ruling.as_json()),
            "not_read": self.why_not or None,
        }


def lint(markdown: str, summary: RunSummary) -> list[Checked]:
    """Find the claims of a report and rule those whose words say which quantity they are about.

    `markdown`: the report; beyond 20,000 lines, 1,000 columns and 1,000 figures it is not read.
    `summary`: the run's. What is returned is in the order of the text.
    """
    lexicon = Lexicon(summary)
    checked: dict[Checked, None] = {}
    for piece in pieces(markdown):
        for found in claims_in(piece, lexicon):
            if len(checked) == MAX_FOUND:
                return list(checked)
            line = piece.line(found.at)
            said, ruling = piece.said.get(line, ""), None
            if found.claim is not None:
                ruling = rule(replace(found.claim, id=f"line {line}", statement=said), summary)
                ruling = ruling.beside(found.caveat) if found.caveat else ruling
            checked[Checked(line=line, said=said, ruling=ruling, why_not=found.why_not)] = None
    return list(checked)
