"""Records of runs in which the cause of every slow trial is planted, and what is made of them.

Used by `calibration.py`. The form is the simulator's: queue + cold start + base + token x tokens,
with lognormal noise on the service, one stage, one repeat; prompts cost a little, too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from liftlab.analysis.explain import Explanation, explain

BASE_S, TOKEN_S, PROMPT_S = 0.6, 0.028, 0.0004
CASES, SLOW_CASES, TYPICAL_TOKENS = 20, 3, 115
SLOW = 1.5  # times the median from which a trial has to be explained

Rng = np.random.Generator
Plant = dict[str, float]
# What is planted: how it is drawn, and what it is called.
DRAWN: dict[str, Callable[[Rng], float]] = {
    "retry": lambda rng: float(rng.integers(1, 3)),
    "back-off": lambda rng: rng.uniform(5, 20),
    "queue": lambda rng: rng.uniform(3, 20),
    "cold start": lambda rng: rng.uniform(5, 60),
    "output tokens": lambda rng: rng.uniform(300, 900),
    "server stall": lambda rng: rng.uniform(3, 20),
    "stall without a trace": lambda rng: rng.uniform(3, 20),
}
CALLED = {"retry": "retry: does_not_parse", "stall without a trace": "unexplained"}


def drawn(rng: Rng, kinds: tuple[str, ...]) -> Plant:
    """Draw how much of each kind is planted; a back-off comes with a retry."""
    plant = {kind: DRAWN[kind](rng) for kind in kinds}
    return plant | {"retry": 1.0} if "back-off" in plant else plant


def largest(plant: Plant) -> str:
    """Return the name of the cause that holds most of a planted excess."""
    tokens = plant.get("output tokens", TYPICAL_TOKENS)
    seconds = dict(plant)
    if "retry" in plant:
        seconds["retry"] = plant["retry"] * (BASE_S + TOKEN_S * tokens)
    if "output tokens" in plant:
        seconds["output tokens"] = TOKEN_S * (tokens - TYPICAL_TOKENS)
    cause = max(seconds, key=lambda kind: seconds[kind])
    return CALLED.get(cause, cause)


def records(rng: Rng, sigma: float, plants: dict[int, Plant]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make the stage and attempt tables of one run; `plants` are by case."""
    stages, attempts, clock = [], [], 0.0
    for case in range(CASES):
        plant, begun = plants.get(case, {}), clock
        tokens = plant.get("output tokens", rng.uniform(70, 160))
        prompt, tries = rng.integers(80, 400), 1 + int(plant.get("retry", 0))
        for number in range(1, tries + 1):
            first, last = number == 1, number == tries
            service = BASE_S + TOKEN_S * tokens + PROMPT_S * prompt
            service *= rng.lognormal(0, sigma)
            queue = abs(rng.normal(0, 0.01)) + (plant.get("queue", 0.0) if first else 0.0)
            cold = plant.get("cold start", 0.0) if first else 0.0
            backoff = 0.0 if first else plant.get("back-off", 0.0)
            gap = plant.get("server stall", 0.0) if last else 0.0
            silent = plant.get("stall without a trace", 0.0) if last else 0.0
            sent = clock + backoff
            clock = sent + queue + cold + service + gap + silent
            attempts.append(
                {
                    "case_id": case,
                    "repeat": 1,
                    "stage": "code",
                    "attempt": number,
                    "seq": len(attempts),
                    "phase": "measure",
                    "sent_s": sent,
                    "first_byte_s": sent + queue + cold + 0.99 * service,
                    "last_byte_s": clock,
                    "queue_s": queue,
                    "cold": cold > 0,
                    "cold_s": cold,
                    "server_s": service,
                    "max_gap_s": 0.002 + gap,
                    "prompt_tokens": prompt,
                    "output_tokens": round(tokens),
                    "backoff_before_s": backoff,
                    "retry_reason": None if first else "does_not_parse",
                    "abandoned": False,
                }
            )
        stages.append(
            {
                "case_id": case,
                "repeat": 1,
                "stage": "code",
                "latency_s": clock - begun,
                "attempts": tries,
            }
        )
    return pd.DataFrame(stages), pd.DataFrame(attempts)


def explained(
    stages: pd.DataFrame, attempts: pd.DataFrame, without: tuple[str, ...] = ()
) -> dict[str, Explanation]:
    """Explain a run's slow stages, some columns not recorded; by case."""
    found = explain(pd.DataFrame(), stages, attempts.drop(columns=list(without)))
    return {each.case_id: each for each in found}


def share_right(
    rng: Rng, sigma: float, kinds: tuple[str, ...], runs: int, without: tuple[str, ...] = ()
) -> tuple[float, int]:
    """Return how often the main cause of a slow trial is the planted one, and of how many."""
    right, slow = 0, 0
    for _ in range(runs):
        chosen = rng.choice(CASES, SLOW_CASES, replace=False)
        plants = {int(case): drawn(rng, kinds) for case in chosen}
        stages, attempts = records(rng, sigma, plants)
        found = explained(stages, attempts, without)
        limit = SLOW * stages["latency_s"].median()
        for case, plant in plants.items():
            if stages.loc[stages["case_id"] == case, "latency_s"].item() < limit:
                continue
            slow += 1
            each = found.get(str(case))
            right += each is not None and each.main_cause == largest(plant)
    return right / max(slow, 1), slow


def share_of_clean_runs(rng: Rng, sigma: float, runs: int) -> float:
    """Return the share of runs without any cause in which something is called unexplained."""
    alarms = 0
    for _ in range(runs):
        found = explained(*records(rng, sigma, {}))
        alarms += any(each.verdict == "unexplained" for each in found.values())
    return alarms / runs
