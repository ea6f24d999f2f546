"""What a run will do, in which order and when, and what that may take.

Open loop has absolute times, made before the load, which never look at how that goes: a request
that is late is late, and the next one keeps its own time. Otherwise a server that stalls would be
asked less, and look better.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import random
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from liftlab.errors import FileInvalid, UsageError

CONSTANT, POISSON = "constant", "poisson"
_MAX_BYTES = 64_000_000
_MAX_LINES = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTrial:
    """One case, once."""

    case_id: str
    repeat: int
    prompt: str
    category: str | None = None
    difficulty: str | None = None
    function: str | None = None  # what is graded
    signature: str = ""  # what a prompt for code has to add about it
    is_program: bool = False  # it reads standard input and prints

    @property
    def key(self) -> tuple[str, int]:
        """What names a trial within its run."""
        return self.case_id, self.repeat


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRule:
    """End a run once it is decided whether its success rate reaches a target.

    Rates within ± `zone` of the target may be decided either way.
    """

    target: float = 0.7
    zone: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstCase:
    """What a plan takes at most: calls, tokens, seconds one after the other, and money."""

    trials: int
    calls_min: int
    calls_max: int
    output_tokens_max: int | None  # None: requests set no limit
    seconds_max: float
    usd_max: float | None


def repeat_major(trials: Sequence[PlannedTrial], seed: int) -> list[PlannedTrial]:
    """Order trials by repeat, shuffled within each.

    A drift of the endpoint is then not taken for a property of a case, and a run that is
    stopped early has seen every case about as often as every other.
    """
    ordered: list[PlannedTrial] = []
    for repeat in sorted({trial.repeat for trial in trials}):
        within = sorted((t for t in trials if t.repeat == repeat), key=lambda t: t.case_id)
        random.Random(f"{seed}:{repeat}").shuffle(within)
        ordered += within
    return ordered


def attempt_seed(run_seed: int, case_id: str, repeat: int, stage: str, attempt: int) -> int:
    """Return the sampling seed of one attempt: new for each, the same in every re-run."""
    name = f"{run_seed}:{case_id}:{repeat}:{stage}:{attempt}"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") & 0x7FFF_FFFF


def worst_case(
    trials: int,
    stages: Sequence[tuple[int, int | None]],
    deadline_s: float,
    usd_per_hour: float | None,
    usd_per_request: float = 0.0,
) -> WorstCase:
    """Bound what a plan can take.

    `stages`: of each its limit of attempts and of output tokens an attempt, None without one.
    `usd_per_hour` is None where the endpoint's price is unknown.
    """
    tokens = [None if most is None else attempts * most for attempts, most in stages]
    calls_max = trials * sum(attempts for attempts, _ in stages)
    seconds_max = calls_max * deadline_s
    usd_max = None
    if usd_per_hour is not None:
        usd_max = seconds_max * usd_per_hour / 3600 + calls_max * usd_per_request
    return WorstCase(
        trials=trials,
        calls_min=trials * len(stages),
        calls_max=calls_max,
        output_tokens_max=None if None in tokens else trials * sum(filter(None, tokens)),
        seconds_max=seconds_max,
        usd_max=usd_max,
    )


class ArrivalsInvalid(FileInvalid):
    """A file of arrival times that cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """How requests arrive: at a rate, or at recorded times."""

    kind: str
    rate_rps: float
    times_s: tuple[float, ...] = ()

    def plan(self, count: int, seed: int) -> array[float]:
        """Return when each of `count` requests is to be sent, in seconds after the start.

        Raises UsageError if fewer times are recorded than are asked for.
        """
        if self.kind == CONSTANT:
            return array("d", (index / self.rate_rps for index in range(count)))
        if self.kind == POISSON:
            return poisson(self.rate_rps, count, seed)
        if count > len(self.times_s):
            raise UsageError(
                f"{len(self.times_s)} arrival times are recorded: {count} requests are too many"
            )
        return array("d", self.times_s[:count])


def poisson(rate_rps: float, count: int, seed: int) -> array[float]:
    """Return the arrivals of a Poisson process, in seconds after the start.

    Given their number, the arrivals of a Poisson process are spread evenly over the time,
    in order (Cox and Lewis 1966, section 2.1): so the rate is the one asked for, the gaps
    are exponential, and one gap says nothing of the next.
    """
    rng = random.Random(f"arrivals:{seed}")
    span_s = count / rate_rps
    return array("d", sorted(rng.random() * span_s for _ in range(count)))


def at_rate(rate_rps: float, kind: str = POISSON) -> Arrivals:
    """Return arrivals at a rate; raise UsageError if the rate or the kind cannot be used."""
    if kind not in (CONSTANT, POISSON):
        raise UsageError(f"--arrival is constant or poisson where a rate is given, not {kind!r}")
    if not 0 < rate_rps <= 1e6:
        raise UsageError(f"--rate must be above 0 and at most 1000000 a second, not {rate_rps:g}")
    return Arrivals(kind=kind, rate_rps=rate_rps)


def recorded(path: Path) -> Arrivals:
    """Read arrival times, a number of seconds a line, in order; they are taken from the first.

    Empty lines and what follows a `#` are passed over. Raises ArrivalsInvalid if the file cannot be
    read or used; names the line.
    """
    try:
        with path.open(encoding="utf-8") as file:
            if path.stat().st_size > _MAX_BYTES:
                raise ArrivalsInvalid(path, f"longer than {_MAX_BYTES} bytes")
            times = _read(path, file)
    except OSError as error:
        raise ArrivalsInvalid(path, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ArrivalsInvalid(path, "not UTF-8 text") from None
    span_s = times[-1] - times[0] if times else 0.0
    if span_s <= 0:
        raise ArrivalsInvalid(path, "needs at least two different times, in seconds, a line each")
    return Arrivals(
        kind="recorded",
        rate_rps=(len(times) - 1) / span_s,
        times_s=tuple(moment - times[0] for moment in times),
    )


def _read(path: Path, lines: Iterable[str]) -> array[float]:
    times = array("d")
    for number, line in enumerate(itertools.islice(lines, _MAX_LINES), start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            moment = float(text)
        except ValueError:
            moment = math.nan
        if not math.isfinite(moment):
            raise ArrivalsInvalid(path, f"not a number of seconds: {text[:40]!r}", number)
        if times and moment < times[-1]:
            raise ArrivalsInvalid(path, f"{text[:40]} comes after {times[-1]:g}", number)
        times.append(moment)
    return times
