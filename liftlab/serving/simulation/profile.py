"""A profile: the seeded model of a simulated endpoint; its chance, its container, its pauses."""

from __future__ import annotations

import random
import time
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError, model_validator

from liftlab import tomlfile
from liftlab.errors import FileInvalid, UnknownName
from liftlab.serving.simulation.faults import parse_fault
from liftlab.settings.targets import Table

_FOLDER = Path(__file__).with_name("profiles")


def _ordered(bounds: tuple[int, int]) -> tuple[int, int]:
    if bounds[0] > bounds[1]:
        raise ValueError("the first bound is above the second")
    return bounds


def _known_fault(words: str) -> str:
    parse_fault(words)
    return words


_Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, le=1)]
_Bound = Annotated[int, Field(ge=1, le=100_000)]
_Range = Annotated[tuple[_Bound, _Bound], AfterValidator(_ordered)]


class Service(Table):
    """Time in a slot: `base_s` until the first token, then `token_s` for each further one.

    Each of the two is drawn once a request, evenly within its `spread` (0.5 is ± 50 %).
    """

    base_s: _Seconds = 0.0
    base_spread: _Share = 0.0
    token_s: _Seconds = 0.0
    token_spread: _Share = 0.0


class Tokens(Table):
    """How many tokens an answer counts, drawn evenly between two bounds, by what was asked."""

    ir: _Range = (16, 16)
    body: _Range = (16, 16)
    branching: _Range = (16, 16)  # bodies of functions that decide or loop
    code: _Range = (16, 16)
    other: _Range = (16, 16)


class Cold(Table):
    """The container: how long it loads, when it goes, and what it answers while it loads.

    Without `storm` a request is held until the model is loaded; with it each request in
    that time is answered by the next of these statuses, at once.
    """

    load_s: _Seconds = 0.0
    load_spread: _Share = 0.0
    idle_s: _Seconds | None = None  # None: once loaded it stays
    storm: tuple[Annotated[int, Field(ge=400, le=599)], ...] = ()


class Stall(Table):
    """Pauses of the whole server: in each `every_s` it begins nothing for the last `length_s`.

    The first period begins with the first generation that is asked for.
    """

    every_s: _Seconds = 0.0  # 0: never
    length_s: _Seconds = 0.0

    @model_validator(mode="after")
    def _fits(self) -> Stall:
        if self.length_s > self.every_s:
            raise ValueError("length_s is longer than every_s")
        return self


class Shares(Table):
    """How often a body does not parse, and how often one that does never returns its value."""

    missing_return: _Share = 0.0
    does_not_parse: _Share = 0.0


class Crowd(Shares):
    """How often any body goes wrong that is asked for while more than `above` are under way."""

    above: Annotated[int, Field(ge=1)]


class Answers(Table):
    """How often bodies go wrong, apart for plain functions and those that decide or loop."""

    plain: Shares = Shares()
    branching: Shares = Shares()
    crowd: Crowd | None = None

    def shares(self, *, branching: bool, under_way: int) -> Shares:
        """Return how often a body goes wrong, `under_way` with all others that are asked for."""
        if self.crowd is not None and under_way > self.crowd.above:
            return self.crowd
        return self.branching if branching else self.plain


class FaultRule(Table):
    """A fault, and which generations it befalls: by number (from 1) or by a seeded share."""

    fault: Annotated[str, AfterValidator(_known_fault)]
    requests: tuple[int, ...] = ()
    share: _Share = 0.0


class Profile(Table):
    """All of a simulated endpoint, in seconds before any scaling of time."""

    name: str = ""
    description: str = ""
    model: str = "simulated"
    hardware: str = "simulated"
    seed: int = 1
    slots: int = Field(1, ge=1, le=100_000)
    service: Service = Service()
    tokens: Tokens = Tokens()
    cold: Cold = Cold()
    stall: Stall = Stall()
    answers: Answers = Answers()
    faults: tuple[FaultRule, ...] = ()


def profile_names() -> list[str]:
    """Return the names of the profiles that come with liftlab."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def load_profile(name_or_file: str | Path) -> Profile:
    """Return a profile that comes with liftlab, or one from a file (a name ending in .toml).

    Raises UnknownName if there is none of that name, FileInvalid with the line and the field.
    """
    path = Path(name_or_file)
    if path.suffix != ".toml":
        if str(name_or_file) not in profile_names():
            raise UnknownName("profile", str(name_or_file), profile_names())
        path = _FOLDER / f"{name_or_file}.toml"
    file = tomlfile.read(path, FileInvalid)
    try:
        return Profile.model_validate({"name": path.stem, **file.data})
    except ValidationError as error:
        raise tomlfile.invalid(file, error, FileInvalid) from None


class Chance:
    """A source of draws; the same name gives the same draws.

    Seeding takes a tenth of a plain request's time, so it waits for the first draw.
    """

    def __init__(self, *name: object) -> None:
        self._name = name

    def happens(self, probability: float) -> bool:
        """Draw whether something happens; a probability of 0 draws nothing."""
        return probability > 0 and self._random.random() < probability

    def around_one(self, spread: float) -> float:
        """Draw a factor evenly within `spread` of 1; a spread of 0 draws nothing."""
        return 1.0 if spread == 0 else self._random.uniform(1 - spread, 1 + spread)

    def count(self, low: int, high: int) -> int:
        """Draw a whole number from `low` to `high`."""
        return low if low == high else self._random.randint(low, high)

    @cached_property
    def _random(self) -> random.Random:
        return random.Random(":".join(map(str, self._name)))


class Container:
    """Whether the model is loaded: it loads when asked for, and goes when nobody asks."""

    def __init__(self, cold: Cold, time_scale: float, seed: int) -> None:
        self._cold = cold
        self._time_scale = time_scale
        self._chance = Chance("cold", seed)
        self._ready_s: float | None = None
        self._active = 0
        self._idle_since_s = 0.0
        self._storms = 0

    def ask(self, now_s: float) -> float:
        """Return when the model is ready for a request that comes now; begin to load if needed."""
        idle_s = self._cold.idle_s
        if self._ready_s is not None and idle_s is not None and not self._active:
            since_s = max(self._ready_s, self._idle_since_s)
            if (now_s - since_s) * self._time_scale > idle_s:
                self._ready_s = None
        if self._ready_s is None:
            spread = self._chance.around_one(self._cold.load_spread)
            self._ready_s = now_s + self._cold.load_s * spread / self._time_scale
        return self._ready_s

    def storm(self) -> int | None:
        """Return the next status of a wake-up storm, or None if requests are held instead."""
        if not self._cold.storm:
            return None
        self._storms += 1
        return self._cold.storm[(self._storms - 1) % len(self._cold.storm)]

    def __enter__(self) -> None:
        self._active += 1

    def __exit__(self, *_: object) -> None:
        self._active -= 1
        self._idle_since_s = time.perf_counter()


class Pauses:
    """The server's regular pauses, as a collector of garbage or a neighbour makes them."""

    def __init__(self, stall: Stall, time_scale: float) -> None:
        self._every_s = stall.every_s / time_scale
        self._length_s = stall.length_s / time_scale
        self._zero_s: float | None = None

    def resumes_s(self, now_s: float) -> float:
        """Return when the server goes on: `now_s` itself outside of a pause."""
        if not self._length_s:
            return now_s
        if self._zero_s is None:
            self._zero_s = now_s
        left_s = self._every_s - (now_s - self._zero_s) % self._every_s
        return now_s + left_s if left_s <= self._length_s else now_s
