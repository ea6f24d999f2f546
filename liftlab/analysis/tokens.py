"""When tokens came: TTFT, TTFO, ITL, TPOT and tokens a second, each computed here and only here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from liftlab.analysis.columns import Bools, Floats, floats, is_one_of, labels
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.quantiles import quantiles

TOKENS_PER_S = "tokens/s"
WORDS = {
    "ttft": "TTFT",
    "first_reasoning": "first reasoning token",
    "ttfo": "TTFO",
    "itl": "ITL",
    "tpot": "TPOT",
    "tokens_per_s": TOKENS_PER_S,
}


def token_times(attempts: pd.DataFrame) -> dict[str, Floats]:
    """Return the times of tokens of each attempt by quantity; NaN where a reply tells none.

    `ttft`: sent to the first token of any kind; `first_reasoning` and `ttfo`: to the first of the
    reasoning, of the answer; `itl`: the median gap between reads that brought tokens; `tpot`:
    (last - first) / (tokens - 1), in seconds; `tokens_per_s`: 1 / `tpot`.
    """
    sent, last = floats(attempts, "sent_s"), floats(attempts, "last_token_s")
    reasoning, answer = floats(attempts, "first_reasoning_s"), floats(attempts, "first_token_s")
    first, tokens = np.fmin(reasoning, answer), floats(attempts, "output_tokens")
    # A reply that came in one read tells when it came, not how fast it was written.
    paced = (tokens > 1) & (last > first)
    tpot = np.full(len(attempts), np.nan)
    tpot[paced] = (last - first)[paced] / (tokens[paced] - 1)
    return {
        "ttft": first - sent,
        "first_reasoning": reasoning - sent,
        "ttfo": answer - sent,
        "itl": floats(attempts, "itl_s"),
        "tpot": tpot,
        "tokens_per_s": 1 / tpot,
    }


def reasoned_only(attempts: pd.DataFrame) -> Bools:
    """Return which streamed replies held reasoning and not one token of an answer."""
    reasoned = np.isfinite(floats(attempts, "first_reasoning_s"))
    only: Bools = reasoned & np.isnan(floats(attempts, "first_token_s"))
    return only


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTokens:
    """The times of tokens of one stage's streamed replies.

    `n` replies have a timed token, `reasoned_only` of them no token of an answer. Estimates are
    by quantity, of the replies that tell it; a case counts once.
    """

    stage: str
    n: int
    reasoned_only: int
    medians: dict[str, Estimate]
    p95s: dict[str, Estimate]

    def as_json(self) -> dict[str, object]:
        """Return the medians as plain data, in seconds and tokens a second."""
        medians = {name: estimate.value for name, estimate in self.medians.items()}
        return {"n": self.n, "no_answer_token": self.reasoned_only, "median": medians}


def stage_tokens(attempts: pd.DataFrame) -> list[StageTokens]:
    """Summarise times of tokens by stage, of measured replies that were streamed and succeeded."""
    heads = (floats(attempts, name) for name in ("first_token_s", "first_reasoning_s"))
    rows = attempts[np.isfinite(np.fmin(*heads)) & is_one_of(attempts, "phase", ["measure"])]
    only = reasoned_only(rows)
    failed = labels(rows, "error_class") != None  # noqa: E711  # elementwise
    rows, only = rows[~failed | only], only[~failed | only]
    times, stages = token_times(rows), labels(rows, "stage")
    timed = np.isfinite(times["ttft"])
    return [
        _of_stage(str(stage), rows, times, only, timed & (stages == stage))
        for stage in dict.fromkeys(stages[timed])
    ]


def _of_stage(
    stage: str, rows: pd.DataFrame, times: dict[str, Floats], only: Bools, mine: Bools
) -> StageTokens:
    medians, p95s = {}, {}
    for name, values in times.items():
        known = mine & np.isfinite(values)
        if known.any():
            cases = labels(rows, "case_id")[known]
            unit = TOKENS_PER_S if name == "tokens_per_s" else "s"
            medians[name], p95 = quantiles(values[known], (0.5, 0.95), clusters=cases, unit=unit)
            if unit == "s":  # the 95th percentile of a rate is among the fastest
                p95s[name] = p95
    n, without = int(mine.sum()), int((mine & only).sum())
    return StageTokens(stage=stage, n=n, reasoned_only=without, medians=medians, p95s=p95s)
