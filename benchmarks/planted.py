"""Records of runs in which the cause of one slow step is planted, or none.

Used by `calibration.py`. A server is drawn for each run: what a step takes without any token, what
an output token costs, and what a prompt token that is not cached costs (a 10th to a 30th of that).
Prompts have 200 to 6,000 tokens. Two stages, requests one after the other.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from liftlab.analysis.slow_steps import SlowStep, SlowSteps, slow_steps

CASES = 20
STAGES = ("nlp_to_ir", "ir_to_code")
USUAL_TOKENS = 120

Rng = np.random.Generator
Tables = tuple[pd.DataFrame, pd.DataFrame]
Server = dict[str, float]

# What is planted, in seconds if it is not said otherwise; of a step that usually takes `usual`.
PLANTED: dict[str, Callable[[Rng, float], dict[str, float]]] = {
    "retry": lambda rng, usual: {"tries": int(rng.integers(2, 4))},
    "back_off": lambda rng, usual: {"refused": 1, "back_off": usual * rng.uniform(1, 4)},
    "connect": lambda rng, usual: {"refused": 1, "connect": usual * rng.uniform(1, 4)},
    "queue": lambda rng, usual: {"queue": usual * rng.uniform(1, 4)},
    "cold_start": lambda rng, usual: {"cold": usual * rng.uniform(1, 12)},
    "longer_answer": lambda rng, usual: {"tokens": int(rng.integers(4, 9)) * USUAL_TOKENS},
    "stall": lambda rng, usual: {"gap": usual * rng.uniform(1, 4)},
    "uncached_prompt": lambda rng, usual: {"cached": 0},
    "unexplained": lambda rng, usual: {"silent": usual * rng.uniform(2, 5)},
}
NOISES: dict[str, Callable[[Rng, int], np.ndarray]] = {
    "gamma, CV .1": lambda rng, n: rng.gamma(100, 0.01, n),
    "gamma, CV .6": lambda rng, n: rng.gamma(2.8, 1 / 2.8, n),
    "floor and Lomax(1.5)": lambda rng, n: 0.8 + 0.3 * rng.pareto(1.5, n),
    "ln: .2 × t, 3 df": lambda rng, n: np.exp(0.2 * rng.standard_t(3, n)),
}


def repeats_of(layout: str, rng: Rng) -> np.ndarray:
    """Return how often each case is asked: "20 × 3", or "20, unequal"."""
    if layout.endswith("unequal"):
        return rng.choice([1, 2, 3, 4, 8], CASES)
    cases, _, repeats = layout.partition(" × ")
    return np.full(int(cases), int(repeats))


def server(rng: Rng) -> Server:
    """Draw a server."""
    token = rng.uniform(0.015, 0.06)
    return {
        "base": rng.uniform(5, 20) * token,
        "token": token,
        "prompt": token / rng.uniform(10, 30),
    }


def usual_s(of: Server) -> float:
    """Return what a step of no more than usual takes."""
    return of["base"] + of["token"] * USUAL_TOKENS


def clean(rng: Rng, layout: str, kind: str = "cached") -> pd.DataFrame:
    """Draw the steps of one stage without any cause, in the order in which they are sent.

    `kind` is "cached" (all of each prompt but its last block), "first" (not in a case's first
    request), "some" (one in five is not), "uncached", "by tokens" (the answers of a fourth of the
    cases are long), or "by case" (a fourth of the cases is slow by nature).
    """
    repeats = repeats_of(layout, rng)
    case, n = np.repeat(np.arange(len(repeats)), repeats), int(repeats.sum())
    repeat = np.concatenate([np.arange(1, each + 1) for each in repeats])
    odd = (rng.random(len(repeats)) < 0.25)[case]
    prompt = np.exp(rng.uniform(np.log(200), np.log(6000), len(repeats))).astype(int)[case]
    missed = {
        "cached": np.zeros(n, bool),
        "first": repeat == 1,
        "some": rng.random(n) < 0.2,
    }.get(kind, np.ones(n, bool))
    tokens = rng.uniform(0.5, 1.5, len(repeats))[case] * USUAL_TOKENS
    tokens = np.where(odd & (kind == "by tokens"), 4 * USUAL_TOKENS, tokens)
    steps = {
        "case_id": case,
        "repeat": repeat,
        "prompt": prompt,
        "cached": np.where(missed, 0, prompt - 1 - prompt % 64),
        "tokens": np.maximum(1, tokens * rng.gamma(40, 1 / 40, n)).astype(int),
        "times": np.where(odd & (kind == "by case"), 2.5, 1.0),
    }
    none = dict.fromkeys(("refused", "back_off", "connect", "queue", "cold", "gap", "silent"), 0.0)
    frame = pd.DataFrame(steps | {"tries": 1} | none)
    return frame.iloc[np.lexsort((rng.random(n), repeat))].reset_index(drop=True)


def records(
    rng: Rng,
    of: Server,
    steps: pd.DataFrame,
    stage: str = STAGES[0],
    noise: str = "gamma, CV .1",
    *,
    streamed: bool = False,
) -> Tables:
    """Make the stage and attempt tables of one stage."""
    tries = steps["tries"] + steps["refused"].astype(int)
    a = steps.loc[steps.index.repeat(tries)].reset_index(names="step")
    number = a.groupby("step").cumcount().to_numpy() + 1
    n, first = len(a), number == 1
    last = number == tries.to_numpy()[a["step"]]
    refused, once = first & (a["refused"] > 0), last.astype(float)
    prefill = of["prompt"] * (a["prompt"] - a["cached"]) * rng.gamma(400, 1 / 400, n)
    queue = rng.exponential(0.003, n) + a["queue"] * first
    cold, gap, silent = a["cold"] * first, a["gap"] * once, a["silent"] * once
    answer = (of["base"] + of["token"] * a["tokens"]) * a["times"] * NOISES[noise](rng, n)
    prefill, answer = np.where(refused, 0, prefill), np.where(refused, 0.01, answer)
    connect, back_off = a["connect"] * ~first, a["back_off"] * ~first
    whole = queue + cold + prefill + answer + gap + silent
    ended = (whole + connect + back_off).cumsum()
    sent = ended - whole
    # The wait that nobody records comes before the first token.
    token = sent + queue + cold + prefill + silent + of["base"] * a["times"]
    attempts = pd.DataFrame(
        {
            "case_id": a["case_id"].map("case{}".format),
            "repeat": a["repeat"],
            "stage": stage,
            "attempt": number,
            "seq": np.arange(n),
            "phase": "measure",
            "sent_s": sent,
            "first_byte_s": token if streamed else ended - gap,
            "last_byte_s": ended,
            "queue_s": queue,
            "cold": cold > 0,
            "cold_s": cold,
            "tcp_s": connect,
            "backoff_before_s": back_off,
            "prefill_s": prefill,
            "server_s": prefill + answer + gap + silent,
            "max_gap_s": 0.002 + gap,
            "prompt_tokens": a["prompt"],
            "cached_tokens": a["cached"],
            "output_tokens": a["tokens"],
            "first_token_s": np.where(refused | (not streamed), np.nan, token),
            "retry_reason": np.where(first, None, "length"),
            "abandoned": False,
        }
    )
    begun, end = sent[first].to_numpy(), ended[last].to_numpy()
    took = {"stage": stage, "started_s": begun, "latency_s": end - begun, "attempts": tries}
    names = {"case_id": attempts["case_id"][first].to_numpy(), "repeat": steps["repeat"]}
    return pd.DataFrame(names | took), attempts


def slow(tables: Tables, without: tuple[str, ...] = ()) -> SlowSteps:
    """List the slow steps of a run, some columns not recorded."""
    stages, attempts = tables
    return slow_steps(pd.DataFrame(), stages, attempts.drop(columns=list(without)))


def named(step: SlowStep) -> str:
    """Return the main cause; of what is unexplained, what it probably is."""
    return step.probably if step.main_cause == "unexplained" and step.probably else step.main_cause


def share_named(
    rng: Rng,
    layout: str,
    cause: str,
    runs: int,
    without: tuple[str, ...] = (),
    *,
    streamed: bool = False,
    wanted: str = "",
) -> tuple[float, int]:
    """Return how often the planted cause of a slow step is named, or `wanted`, and of how many."""
    right, seen = 0, 0
    for _ in range(runs):
        of, steps = server(rng), clean(rng, layout)
        place = int(rng.integers(len(steps)))
        if cause == "uncached_prompt":  # a long one, in all requests of its case
            alike = steps["case_id"] == steps["case_id"][place]
            size = int(rng.integers(5000, 6001))
            steps.loc[alike, ["prompt", "cached"]] = size, size - 1 - size % 64
        for name, value in PLANTED[cause](rng, usual_s(of)).items():
            steps.loc[place, name] = value
        key = f"case{steps['case_id'][place]}", steps["repeat"][place]
        found = slow(records(rng, of, steps, streamed=streamed), without)
        mine = [step for step in found if (step.case_id, step.repeat) == key]
        seen += len(mine)
        right += sum(named(step) == (wanted or cause) for step in mine)
    return right / max(seen, 1), seen


def share_of_alarms(
    rng: Rng, layout: str, kind: str, runs: int, noise: str = "gamma, CV .1"
) -> float:
    """Return the share of runs of two stages without a cause that have a step beyond chance."""
    alarms = 0
    for _ in range(runs):
        made = [
            records(rng, server(rng), clean(rng, layout, kind), stage, noise) for stage in STAGES
        ]
        stages, attempts = (pd.concat(each, ignore_index=True) for each in zip(*made, strict=True))
        alarms += not slow((stages, attempts), ("prefill_s",)).beyond_chance.empty
    return alarms / runs
