"""What a report can name of a run: its stages, its cases and its categories."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

from liftlab.analysis.claims.model import Evidence
from liftlab.analysis.claims.text.figures import Figure, Sentence
from liftlab.analysis.claims.text.plain import plain
from liftlab.analysis.columns import labels

# Words of a case's name that tell nobody which case it is.
_COMMON = frozenset(
    "a an and check for from get if in is number of or string the to two".split()  # noqa: SIM905
)
_TOOK = r"took|takes|needed|needs|ran|came|finished|at|:|=|\("
_END_TO_END = ("end to end", "end-to-end", "e2e", "overall", "total")
# Stages as people call them, where a run has a stage of that name.
_ALSO = {
    "nlp_to_ir": ("ir stage", "ir generation", "first stage", "first step", "ir step", "nlp stage"),
    "ir_to_code": (
        "code stage",
        "code generation",
        "second stage",
        "second step",
        "code step",
        "codegen",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Names of a run, as plain text.

    Parameters
    ----------
    stages
        Stage ids by name.
    cases
        Case ids.
    categories
        The cases of each category.
    price
        The id of the price that is billed.
    trials
        How many trials it has.
    """

    stages: Mapping[str, str]
    cases: tuple[str, ...]
    categories: Mapping[str, tuple[str, ...]]
    price: str = ""
    trials: int = 0

    @classmethod
    def of(cls, evidence: Evidence) -> Names:
        """Take the names of a run."""
        trials = evidence.trials
        cases = tuple(dict.fromkeys(labels(trials, "case_id").astype(str)))
        categories: dict[str, tuple[str, ...]] = {}
        if "category" in trials:
            known = trials[pd.notna(trials["category"])]
            for name, frame in known.groupby("category", sort=False):
                members = dict.fromkeys(labels(frame, "case_id").astype(str))
                categories[plain(str(name))] = tuple(str(each) for each in members)
        ids = [str(stage) for stage in dict.fromkeys(labels(evidence.stages, "stage"))]
        stages = {name: stage for stage in ids for name in (plain(stage), *_ALSO.get(stage, ()))}
        prices = [str(price) for price in dict.fromkeys(labels(evidence.costs, "price_id"))]
        return cls(
            stages=stages | dict.fromkeys(_END_TO_END, "e2e"),
            cases=cases,
            categories=categories,
            price=prices[0] if prices else "",
            trials=len(trials),
        )

    def stage_in(self, text: str) -> str:
        """Return the stage that a text names last; empty if none."""
        return max(((text.rfind(name), stage) for name, stage in self.stages.items()))[1] * (
            any(name in text for name in self.stages)
        )

    def stage(self, before: str, after: str, around: tuple[str, ...]) -> str:
        """Return the stage that a figure is of: named before it, soon after it, or above it."""
        found = self.stage_in(before) or self.stage_in(after[:40])
        if not found:
            found = next((s for text in reversed(around) if (s := self.stage_in(text))), "")
        return found or "e2e"

    def stage_of(self, sentence: Sentence, figure: Figure) -> str:
        """Return the stage that a figure is of: named near it, earlier, or above its sentence."""
        around = (*sentence.piece.around, sentence.text[: figure.start])
        return self.stage(sentence.left(figure), sentence.after(figure), around)

    def cases_in(self, text: str) -> tuple[str, ...]:
        """Return the cases that a text names by their telling word, such as "add", "addition"."""
        words = re.findall(r"[a-z0-9]+", text)
        stems = {case: _telling(case) for case in self.cases}
        stems = {case: word[: max(3, len(word) - 1)] for case, word in stems.items()}
        return tuple(case for case, s in stems.items() if any(w.startswith(s) for w in words))

    def one_case(self, text: str) -> bool:
        """Whether a text says what a single case took."""
        return bool(_took(self.cases).search(text))

    def category_in(self, text: str) -> tuple[str, tuple[str, ...]]:
        """Return the category that a text names, and its cases."""
        for name, cases in self.categories.items():
            stem = re.escape(name.removesuffix("s")).replace("\\ ", "[ -]")
            if re.search(rf"\b{stem}s?\b", text):
                return name, cases
        return "", ()


@lru_cache(maxsize=8)
def _took(cases: tuple[str, ...]) -> re.Pattern[str]:
    """Return the pattern of "is_even took"; a name of one word may mean anything."""
    names = "|".join(re.escape(name) for case in cases if " " in (name := plain(case)))
    return re.compile(rf"\b(?:{names})(?: \([^()]{{0,30}}\))? ?(?:{_TOOK})" if names else "(?!)")


def _telling(case: str) -> str:
    words = plain(case).split()
    return next((word for word in words if word not in _COMMON), words[0] if words else "")
