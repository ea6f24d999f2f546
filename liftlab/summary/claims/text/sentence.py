"""A sentence of a report: its figures, and which words speak of which."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from liftlab.summary.claims.text import modality
from liftlab.summary.claims.text.figures import Figure
from liftlab.summary.claims.text.lexicon import Lexicon, Mark, Slot
from liftlab.summary.claims.text.markdown import Piece

MAX_SENTENCE = 600
_END = re.compile(r"(?<=[.!?])\s+(?=[^\s])")
_SEGMENT = re.compile(r";\s")
_CUT = re.compile(
    r", |; |\(|\)|\[|\]|\||·| - | / (?!requests?\b|calls?\b|prompts?\b|answers?\b)"
    r"|(?<=[a-z%0-9]) (?:and|but|while|whereas|versus|vs|with|against|plus|of which) "
)
_REMARK = re.compile(r"\([^()0-9]{1,80}\)")
# Words that tell nothing of what a figure is; others stand for something that no table knows.
_PLAIN = frozenset(
    re.findall(
        "[a-z]+",
        """
        a about above account accounts accuracy achieve achieved against all almost also an and
        answer answered answers any are around arrive arrives as asked at bad bar be been being
        below benchmark best big both breakdown broad broken but by call calls came case cases
        category class clear clearly code come comes consistent cost costing costs cpu currently
        day did different difficulty do does dominates done down each end ending endpoint ends
        eval evaluation even every exactly expensive fast figure final five flat for four fresh
        from function functions fyi generation generations get gets give given gives goal good
        got graded great had hardware has have headline heads here here's high hit hits holds
        hovers however i impact in internal is it it's its just keeps kept landed lands laptop
        large latency latest least less limit little local low machine makes measured measures
        meet meets met miss missed model money more most my nearly news no not note nothing now
        number numbers of on once one ones only or original our out over overall overview own
        pay pays per pipeline poor postmortem price priced pricing produce produced prompt
        prompts python quick rare rate reach reached reaches real recap reliability remains
        report request requests respectively response responses result results returned returns
        revised rose roughly run runs s sadly same sat scored see service set share simply
        simulated sit sits slow small smoke so solution solutions span spend spent spread stable
        stands status stay stayed stays still stood story stretch success suite summary system
        take takes taking target targets team ten test tests than thanks that that's the then
        there there's these this those three tight time times timing timings to today today's
        tonight's took total trial trials truth two unchanged under up updated us usd value
        values very was we week well went were what's which while whole with within worst yes
        yet you your
        """,
    )
)


_ADJECTIVE = re.compile(r"\ban? [a-z]+ $")  # "a healthy 15.3 s"
_LEAD = re.compile(  # "Quick numbers before the call: "
    r"[^:]*\b(?:we|i|it|there|that's|here's|numbers|results?|summary|update|tl;?dr|fyi|verdict"
    r"|so)\b[^:]*: "
)
_OF_TABLES = frozenset(
    re.findall(
        "[a-z]+",
        "average cents count failures full max mean metric metrics min ms number ours quantity"
        " result sec seconds secs share sum total usd value whole",
    )
)
_NAMES = ("statistic", "stage", "group", "class", "measure", "cost")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with its marks, and where its figures' clauses begin and end."""

    text: str
    marks: Sequence[Mark]
    figures: Sequence[Figure]
    piece: Piece
    lexicon: Lexicon

    def clause(self, figure: Figure) -> tuple[int, int]:
        """Return the bounds of the words around a figure."""
        start, end = _between(_CUT, self.text, figure)
        lead = _LEAD.match(self.text, start, figure.start)
        named = [part.start for part in self.marks] + [part.start for part in self.figures]
        if lead and not any(start <= place < lead.end() for place in named):
            start = lead.end()
        if bracket := _REMARK.match(self.text, end):  # "2.15 s (median)"
            end = bracket.end()
        return start, end

    def sides(self, figure: Figure) -> tuple[str, str]:
        """Return what stands on both sides of a figure, up to the next semicolon."""
        start, end = _between(_SEGMENT, self.text, figure)
        return self.text[start : figure.start], self.text[figure.end : end]

    def values(self, slot: Slot, figure: Figure) -> list[str]:
        """Return what the words of a slot say of a figure."""
        return list(dict.fromkeys(mark.value for mark in self.find(slot, figure)))

    def find(self, slot: Slot, figure: Figure) -> list[Mark]:
        """Return the marks of a slot that speak of a figure, from its clause or from before it."""
        marks = [mark for mark in self.marks if mark.slot == slot]
        start, end = self.clause(figure)
        if listed := self._listed([mark for mark in marks if mark.end <= end], figure):
            return [listed]
        own = [mark for mark in marks if start <= mark.start and mark.end <= end]
        if own:
            return self._nearest(own, figure)
        left = [mark for mark in marks if mark.end <= figure.start]
        if left and self.is_taken(figure):
            return []
        # What stands beside the last one is of it: "99 of 230 checks passed (43 %)".
        beside = [m for m in left if not m.is_known and left[-1].start - m.end < 3]
        return [*beside, *left[-1:]]

    def is_taken(self, figure: Figure) -> bool:
        """Whether what was named before is of an earlier figure, and nothing tells them apart."""
        start, end = self.clause(figure)
        names = [m for m in self.marks if m.slot in _NAMES and start <= m.start and m.end <= end]
        earlier = [
            f
            for f in self._alike(figure)
            if f.end <= figure.start
            and modality.relation(self.text[: f.start], self.text[f.end :]) == "is"
        ]
        return bool(earlier) and not names and not modality.TARGET.search(self.text[start:end])

    def _alike(self, figure: Figure) -> list[Figure]:
        """Return the figures that count in the same, a share and "4 of 5" alike."""
        shares = ("share", "count")
        kinds = shares if figure.kind in shares else (figure.kind,)
        return [other for other in self.figures if other.kind in kinds]

    def _listed(self, marks: Sequence[Mark], figure: Figure) -> Mark | None:
        """Return the mark in a figure's place of a list: "P50 and P95 are 1.2 and 3.4 s"."""
        same = self._alike(figure)
        before = [mark for mark in marks if mark.end <= same[0].start]
        names = list(dict.fromkeys(mark.value for mark in before))
        if not len(names) == len(same) == len({mark.value for mark in marks}) or len(names) < 2:
            return None
        return next(mark for mark in before if mark.value == names[same.index(figure)])

    def _nearest(self, own: Sequence[Mark], figure: Figure) -> list[Mark]:
        """Return the marks of a clause that no other figure stands before."""
        others = [other for other in self.figures if other is not figure]

        def is_free(start: int, end: int) -> bool:
            return not any(start <= other.start and other.end <= end for other in others)

        left = [m for m in own if m.end <= figure.start and is_free(m.end, figure.start)]
        right = [m for m in own if m.start >= figure.end and is_free(figure.end, m.start)]
        if left and right and not re.search("[a-z]", self.text[left[-1].end : figure.start]):
            return left[-1:]  # "min = 1.2 s max = 3.4 s"
        return [*left, *right] or list(own[:1])

    def leftover(
        self, figure: Figure, *, before: bool = False, since: int | None = None
    ) -> list[str]:
        """Return the words of a figure's clause that no table knows.

        `before`: only those before the figure. `since`: from there on, not from the clause's begin.
        """
        text = list(self.text)
        known_parts: list[Mark | Figure] = [*self.marks, *self.figures]
        for part in known_parts:
            text[part.start : part.end] = " " * (part.end - part.start)
        start, end = self.clause(figure)
        start = start if since is None else since
        left = _ADJECTIVE.sub(" ", "".join(text[start : figure.start]))
        right = "" if before else "".join(text[figure.end : end]).partition(": ")[0]
        words = re.findall(r"[a-z][a-z']+", left + right)
        known = _PLAIN | self.lexicon.own
        return [word for word in words if word not in known and not word.endswith("ly")]

    def unknown_name(self, figure: Figure) -> str:
        """Return the name of a cell's row or column that has a word which no table knows."""
        others = ("measure", "class", "cost") if figure.kind == "seconds" else ()
        for name in self.piece.names[:2]:
            text = name
            for mark in self.lexicon.marks(name):
                if mark.slot not in others:
                    text = text.replace(name[mark.start : mark.end], " ")
            if set(re.findall(r"[a-z][a-z']+", text)) - _PLAIN - _OF_TABLES - self.lexicon.own:
                return name
        return ""

    def of_names(self, slot: Slot, *, near: bool = False) -> set[str]:
        """Return the values of a slot in the names of a cell's row and column, else in headings."""
        headings = () if near else self.piece.around
        for text in (" | ".join(self.piece.names[:2]), *headings):
            if values := {m.value for m in self.lexicon.marks(text) if m.slot == slot}:
                return values
        return set()

    def is_of_a_case(self) -> bool:
        """Whether it is about a single prompt."""
        names, lexicon = self.piece.names, self.lexicon
        if lexicon.names_a_case(" ".join((self.text, *names[:1]))):
            return True
        return bool(names) and (names[0] in lexicon.cases or bool(_OF_CASES.fullmatch(names[2])))


_OF_CASES = re.compile(
    r"(?:tests?|test case|cases?|prompts?|examples?|runs?|trials?|requests?|#|id)"
)


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """Yield where each sentence begins, and the sentence; long ones cut."""
    at = 0
    for match in [*_END.finditer(text), None]:
        end = match.start() if match else len(text)
        for start in range(at, end, MAX_SENTENCE):
            yield start, text[start : min(end, start + MAX_SENTENCE)]
        at = match.end() if match else end


def _between(pattern: re.Pattern[str], text: str, figure: Figure) -> tuple[int, int]:
    """Return where what a pattern cuts off around a figure begins and ends."""
    cuts = [cut.span() for cut in pattern.finditer(text)]
    start = max((end for _, end in cuts if end <= figure.start), default=0)
    return start, min((cut for cut, _ in cuts if cut >= figure.end), default=len(text))
