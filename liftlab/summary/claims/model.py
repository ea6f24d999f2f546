"""What a claim says, and what a ruling holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from liftlab.summary.claims.quantities import Quantity

if TYPE_CHECKING:
    from liftlab.summary.claims.file import Comparison

Relation = Literal["is", "at_most", "at_least"]
Verdict = Literal["supported", "not supported", "contradicted", "not measurable"]
# What is claimed of a run that is no single figure of it.
Other = Literal["change", "explained", "sum", "association", "works"]
ALONE = "misleading alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One claim as data."""

    id: str  # its name in a list of claims
    statement: str  # what is claimed, in its own words
    what: Quantity | Other  # A quantity of the run, or another kind of claim
    relation: Relation = "is"  # whether the figure is the quantity, or a limit on it
    # the figure: a share, seconds or USD; None where it says only that there is one
    value: float | None = None
    off: float = 0.0  # by how much the figure may be off: half of the last digit that was written
    # count, total: of "28 of 40"
    count: int | None = None
    total: int | None = None
    cases: tuple[str, ...] = ()  # the cases that it names
    cause: str = ""  # what it says explains the slow steps of a stage
    stage: str = "e2e"  # the stage that `cause` and `association` are about
    comparison: Comparison | None = None  # figures that it sets against each other
    source: str = ""  # where it was said; "expected" for what readers will say next


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What a run lets anyone say of a claim."""

    claim: Claim  # the claim
    ruling: Verdict  # one of four
    why: str  # the numbers that it rests on
    may_say: str  # A sentence that the run carries, to be used instead
    caveat: str = ""  # what has to be said with it even where it is supported

    def __post_init__(self) -> None:
        """Begin each sentence as a sentence."""
        for name in ("why", "may_say"):
            text: str = getattr(self, name)
            object.__setattr__(self, name, text[:1].upper() + text[1:])

    def beside(self, caveat: str) -> Ruling:
        """Return the ruling with another caveat."""
        return replace(self, caveat="; ".join(part for part in (self.caveat, caveat) if part))

    def as_json(self) -> dict[str, object]:
        """Return the ruling for scripts."""
        claim = self.claim
        quantity = claim.what if isinstance(claim.what, Quantity) else None
        return {
            "id": claim.id,
            "statement": claim.statement,
            "metric": quantity.metric if quantity else claim.what,
            "population": quantity.population if quantity else None,
            "groups": list(quantity.groups) if quantity else [],
            "relation": claim.relation,
            "value": claim.value,
            "source": claim.source or None,
            "ruling": self.ruling,
            "caveat": self.caveat or None,
            "why": self.why,
            "may_say": self.may_say,
        }

    def sentence(self) -> str:
        """Say the claim, the ruling, why, and what may be said."""
        tail = f", {self.caveat}" if self.caveat else ""
        name = f"{self.claim.id}, " if self.claim.id else ""
        return (
            f"{name}“{self.claim.statement}”: {self.ruling}{tail}. {self.why} Say: {self.may_say}"
        )

    def __str__(self) -> str:
        return self.sentence()
