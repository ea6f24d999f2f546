"""One trial in words."""

from __future__ import annotations

import math

import pandas as pd

from liftlab.analysis.columns import client_counts
from liftlab.analysis.estimate import nearest, quantity
from liftlab.analysis.latency import judged_seconds, judged_steps
from liftlab.reporting.text import words
from liftlab.reporting.text.base import Text
from liftlab.summary.trials import TrialDetails
from liftlab.words import counted

_ENDED = {"pass": "right", "fail": "wrong", "ungraded": "not graded", "error": "no answer"}


def title(trial: TrialDetails) -> Text:
    """Return which trial it is and how it ended."""
    ended = _ENDED.get(str(trial.trial["outcome"]), "not graded")
    return Text(f"{trial.case_id}, repeat {trial.repeat}: {ended}{_why(trial)}")


def times(trial: TrialDetails) -> Text:
    """Say how long it took, in which stages, and how often the model was asked.

    As everywhere, what liftlab's own work took is not in it; beside it, where it counts.
    """
    if _missing(trial.trial["e2e_s"]):
        return Text("No time was measured.")
    row = pd.DataFrame([trial.trial])
    stages = [
        f"{words.stage(name)} {quantity(seconds, 's')}"
        for name, seconds in zip(trial.stages["stage"], judged_steps(trial.stages), strict=True)
        if not _missing(seconds)
    ]
    e2e = float(judged_seconds(row)[0])
    took = f"It took {quantity(e2e, 's', limit=nearest(trial.limits, e2e))}"
    parts = f" ({', '.join(stages)})" if len(stages) > 1 else ""
    own = ""
    if client_counts(row):
        own = f"; liftlab's own work took {quantity(trial.trial['client_s'], 's')} more"
    if trial.attempts["attempt"].isna().any():
        return Text(f"{took}{parts}{own}; how many requests it sent is not known.")
    return Text(f"{took}{parts} in {counted(len(trial.attempts), 'request')}{own}.")


def raised(trial: TrialDetails) -> Text:
    """Say which exception ended the code, and where; empty where none did."""
    exception = trial.facets.get("exception")
    if not isinstance(exception, str):
        return Text()
    message = trial.facets.get("message")
    line = f" on line {trial.line}" if trial.line is not None else ""
    return Text(f"{exception}{line}: {message}" if message else f"{exception}{line}")


def checks(trial: TrialDetails) -> Text:
    """Say how many checks the answer met; empty where there were none."""
    if not len(trial.checks):
        return Text()
    met = int(trial.checks["passed"].astype(bool).sum())
    return Text(f"{met:,} of {counted(len(trial.checks), 'check')} met.")


def _why(trial: TrialDetails) -> str:
    failure = trial.trial["failure_class"]
    errors = [str(name) for name in trial.stages["error_class"].dropna()]
    if trial.trial["outcome"] == "error" and errors:
        return f", {words.request_error(errors[-1])}"
    return "" if _missing(failure) else f", {words.cause(str(failure))}"


def _missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
