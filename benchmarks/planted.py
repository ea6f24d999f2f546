"""Records of runs in which the cause of a slow step is planted, and what is made of them.

Used by `calibration.py`. The form is the simulator's: queue + cold start + prefill + base + token x
tokens, with lognormal noise on the service, one stage; prompts have 200 to 6,000 tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from liftlab.analysis.slow_steps import SlowStep, SlowSteps, slow_steps

BASE_S, TOKEN_S, PROMPT_S = 0.6, 0.028, 0.002
CASES = 20
SLOW_AT_LEAST_S = 4.0

Rng = np.random.Generator
Row = dict[str, Any]
Noise = Callable[[Rng], float]

# What is planted in a row: how it is drawn.
PLANTED: dict[str, Callable[[Rng, Row], Row]] = {
    "retry": lambda rng, row: {"tries": int(rng.integers(2, 4))},
    "back_off": lambda rng, row: {"tries": 2, "back_off": rng.uniform(8, 20)},
    "connect": lambda rng, row: {"tries": 2, "connect": rng.uniform(8, 20)},
    "queue": lambda rng, row: {"queue": rng.uniform(SLOW_AT_LEAST_S, 20)},
    "cold_start": lambda rng, row: {"cold": rng.uniform(5, 60)},
    "longer_answer": lambda rng, row: {"tokens": int(rng.integers(400, 900))},
    "stall": lambda rng, row: {"gap": rng.uniform(SLOW_AT_LEAST_S, 20)},
    "uncached_prompt": lambda rng, row: {"prompt": max(row["prompt"], 4500), "cached": 0},
    "unexplained": lambda rng, row: {"silent": rng.uniform(8, 20)},
}
NOISES: dict[str, Noise] = {
    "lognormal σ .1": lambda rng: rng.lognormal(0, 0.1),
    "lognormal σ .6": lambda rng: rng.lognormal(0, 0.6),
    "floor and Pareto": lambda rng: (5 + 2 * rng.pareto(1.5)) / 6.2,
}


def repeats_of(layout: str, rng: Rng) -> list[int]:
    """Return how often each case is asked: "20 × 3", or "20, unequal"."""
    if layout.endswith("unequal"):
        return rng.integers(1, 7, CASES).tolist()
    cases, _, repeats = layout.partition(" × ")
    return [int(repeats)] * int(cases)


def clean(rng: Rng, layout: str, kind: str = "cached") -> list[Row]:
    """Draw the rows of a run without any cause.

    `kind` is "cached" (nearly all of each prompt), "first" (not in a case's first request), "some"
    (a fifth is not), "uncached", "by tokens" (a fourth of the cases has long answers), or "by
    case" (a fourth is slow by nature).
    """
    repeats = repeats_of(layout, rng)
    prompts, tokens = rng.integers(200, 6001, len(repeats)), rng.integers(60, 200, len(repeats))
    hard = rng.random(len(repeats)) < 0.25
    rows = []
    for repeat in range(1, max(repeats) + 1):
        for case in rng.permutation(len(repeats)):
            if repeat > repeats[case]:
                continue
            missed = {"first": repeat == 1, "some": rng.random() < 0.2}.get(kind, kind != "cached")
            prompt = int(prompts[case])
            typical = 400 if kind == "by tokens" and hard[case] else tokens[case]
            rows.append(
                {
                    "case": f"case{case}",
                    "repeat": repeat,
                    "prompt": prompt,
                    "cached": 0 if missed else int(0.95 * prompt),
                    "tokens": max(5, int(typical * rng.lognormal(0, 0.15))),
                    "times": 2.5 if kind == "by case" and hard[case] else 1.0,
                }
            )
    return rows


def records(
    rng: Rng, rows: list[Row], noise: Noise = NOISES["lognormal σ .1"]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make the stage and attempt tables of one run, its requests one after the other."""
    stages, attempts, clock = [], [], 0.0
    for row in rows:
        begun, tries = clock, row.get("tries", 1)
        for number in range(1, tries + 1):
            made = _attempt(rng, row, number, clock, noise(rng))
            clock = made["last_byte_s"]
            attempts.append({**made, "seq": len(attempts)})
        key = {"case_id": row["case"], "repeat": row["repeat"], "stage": "code"}
        took = {"started_s": begun, "latency_s": clock - begun, "attempts": tries}
        stages.append({**key, **took})
    return pd.DataFrame(stages), pd.DataFrame(attempts)


def _attempt(rng: Rng, row: Row, number: int, clock: float, noise: float) -> Row:
    first, last = number == 1, number == row.get("tries", 1)
    prefill = PROMPT_S * (row["prompt"] - row["cached"]) * rng.lognormal(0, 0.05)
    service = (BASE_S + TOKEN_S * row["tokens"]) * row["times"] * noise
    queue = abs(rng.normal(0, 0.005)) + (row.get("queue", 0.0) if first else 0.0)
    cold = row.get("cold", 0.0) if first else 0.0
    waits = {name: 0.0 if first else row.get(name, 0.0) for name in ("back_off", "connect")}
    gap, silent = (row.get(name, 0.0) if last else 0.0 for name in ("gap", "silent"))
    sent = clock + sum(waits.values())
    return {
        "case_id": row["case"],
        "repeat": row["repeat"],
        "stage": "code",
        "attempt": number,
        "phase": "measure",
        "sent_s": sent,
        "last_byte_s": sent + queue + cold + prefill + service + gap + silent,
        "queue_s": queue,
        "cold": cold > 0,
        "cold_s": cold,
        "tcp_s": waits["connect"],
        "backoff_before_s": waits["back_off"],
        "prefill_s": prefill,
        "server_s": prefill + service + gap + silent,
        "max_gap_s": 0.002 + gap,
        "prompt_tokens": row["prompt"],
        "cached_tokens": row["cached"],
        "output_tokens": row["tokens"],
        "retry_reason": None if first else "length",
        "abandoned": False,
    }


def slow(tables: tuple[pd.DataFrame, pd.DataFrame], without: tuple[str, ...] = ()) -> SlowSteps:
    """List the slow steps of a run, some columns not recorded."""
    stages, attempts = tables
    return slow_steps(pd.DataFrame(), stages, attempts.drop(columns=list(without)))


def named(step: SlowStep) -> str:
    """Return the main cause; of what is unexplained, what it probably is."""
    return step.probably if step.main_cause == "unexplained" and step.probably else step.main_cause


def share_named(
    rng: Rng, layout: str, cause: str, runs: int, without: tuple[str, ...] = ()
) -> tuple[float, int]:
    """Return how often the one planted cause of a slow step is named, and of how many."""
    right, seen = 0, 0
    for _ in range(runs):
        rows = clean(rng, layout)
        odd = rows[int(rng.integers(len(rows)))]
        odd |= PLANTED[cause](rng, odd)
        found = slow(records(rng, rows), without)
        mine = [s for s in found if (s.case_id, s.repeat) == (odd["case"], odd["repeat"])]
        seen += len(mine)
        right += sum(named(step) == cause for step in mine)
    return right / max(seen, 1), seen


def share_of_alarms(
    rng: Rng, layout: str, kind: str, runs: int, noise: str = "lognormal σ .1"
) -> float:
    """Return the share of runs without a cause in which any step is beyond chance."""
    alarms = 0
    for _ in range(runs):
        found = slow(records(rng, clean(rng, layout, kind), NOISES[noise]), ("prefill_s",))
        alarms += not found.beyond_chance.empty
    return alarms / runs
