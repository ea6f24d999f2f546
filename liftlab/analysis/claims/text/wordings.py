"""How people word a dozen kinds of claims: which recogniser reads which figure.

Every pattern is bounded: no text takes long.
"""

from __future__ import annotations

from collections.abc import Iterator

from liftlab.analysis.claims.text import (
    changes,
    costs,
    mood,
    others,
    rates,
    reasons,
    spreads,
    times,
)
from liftlab.analysis.claims.text.figures import Figure, Sentence, sentences
from liftlab.analysis.claims.text.found import Found
from liftlab.analysis.claims.text.markdown import Piece
from liftlab.analysis.claims.text.names import Names


def find(piece: Piece, names: Names) -> Iterator[tuple[int, Found]]:
    """Yield the claims of a piece of text, each with the line of the piece it stands in."""
    for sentence in _statements(piece):
        seen: set[object] = set()
        for found in sorted(_of_sentence(sentence, names), key=lambda each: each.at):
            # One change a sentence: its percentage and its two times say the same.
            at = found.at if found.kind == "cost" else 0  # each price, and what many would cost
            key = found.kind if found.kind in _ONCE else (found.kind, found.claim, found.note, at)
            if key not in seen:
                seen.add(key)
                yield piece.line(sentence.at + found.at), found


def _statements(piece: Piece) -> Iterator[Sentence]:
    """Yield what says how things are: sentences, or what stands before a part that does not."""
    if piece.undone:
        return
    for sentence in sentences(piece):
        if not _is_none(sentence):
            yield sentence
            continue
        end = -1
        for part in sentence.text.split(";")[:-1]:
            if _is_none(Sentence(part, piece, sentence.at)):
                break
            end += len(part) + 1
        if end > 0:
            yield Sentence(sentence.text[:end], piece, sentence.at)


def _is_none(sentence: Sentence) -> bool:
    return mood.of_others(sentence) or mood.wanted(sentence)


_ONCE = ("change", "points", "spread", "cold against warm", "works", "explained by", "forecast")


def _of_sentence(sentence: Sentence, names: Names) -> Iterator[Found]:
    said = [*reasons.cold(sentence, names), *others.sums(sentence, names)]
    yield from said
    of_cold = bool(said)
    taken: set[Figure] = set()
    changed = False
    for figure in sentence.figures:
        if figure in taken or mood.is_aim(sentence, figure):
            continue
        for time, found in times.quantiles_of_shares(sentence, figure, names):
            taken |= {figure, time}
            yield found
        if figure in taken:
            continue
        found_here = [*_of_figure(sentence, figure, names, of_cold=of_cold)]
        changed |= any(found.kind == "change" for found in found_here)
        if any(found.kind == "points" for found in found_here):
            taken |= {each for each in sentence.figures if each.kind == "share"}
        beside = sentence.same(figure, "count") if figure.kind == "share" else None
        if beside and found_here:
            taken.add(beside)
        if figure.kind == "count" and found_here and (share := sentence.same(figure, "share")):
            taken.add(share)
        yield from (found for found in found_here if not (changed and found.kind in _TIMES))
    for recognise in (rates.all_or_none, reasons.because, others.works, others.other):
        yield from recognise(sentence, names)
    if not any(_is_spread(sentence, figure, names) for figure in sentence.figures):
        yield from spreads.steady(sentence, names)


_TIMES = ("median", "mean")


def _of_figure(
    sentence: Sentence, figure: Figure, names: Names, *, of_cold: bool
) -> Iterator[Found]:
    if figure.kind == "usd":
        if not sentence.piece.header:
            yield from costs.costs(sentence, figure, names)
        return
    if figure.kind == "share":
        found = [*spreads.spreads(sentence, figure, names)]
        yield from found
        if found:
            return
    if of_cold and figure.kind in ("seconds", "share", "times"):
        return
    changed = [*changes.changes(sentence, figure)]
    yield from changed
    if changed or sentence.piece.header:
        return
    if figure.kind == "seconds":
        yield from times.seconds(sentence, figure, names)
    elif figure.kind in ("share", "count"):
        yield from rates.shares(sentence, figure, names)


def _is_spread(sentence: Sentence, figure: Figure, names: Names) -> bool:
    return figure.kind == "share" and any(spreads.spreads(sentence, figure, names))
