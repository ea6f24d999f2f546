"""What a run of session checks comes to: its failures by root cause, and how long calls take."""

from __future__ import annotations

import json
import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from liftlab.analysis.estimate import Estimate
from liftlab.analysis.latency import LatencySummary, summarise
from liftlab.endpoints.urls import shown
from liftlab.records import SESSIONS
from liftlab.sessions.checks import Checks
from liftlab.sessions.control import checks_of
from liftlab.sessions.grade import records
from liftlab.sessions.judge import APART
from liftlab.sessions.model import SEVERITIES, CheckModel, Severity
from liftlab.sessions.record import Exchange, Record
from liftlab.settings.targets import SESSION_METRIC
from liftlab.store import RunData
from liftlab.summary.result import Result
from liftlab.words import counted

DOWN = "the server stops answering"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request and its reply, as a person reads them."""

    request: str
    user: str
    body: str
    reply: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One root cause, and the checks that it made fail; the rest is of the first of them."""

    cause: str
    severity: Severity
    witnesses: tuple[str, ...]
    basis: str
    why: str
    expected: str
    actual: str
    sent: Sent | None
    command: str


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Sessions(Result):
    """The verdict on a session API.

    Parameters
    ----------
    checks, passed, failed
        How many checks the run is to make, and how many were as expected or not.
    failures
        Root causes, the worst first.
    untested
        Which checks could not be made, and why.
    not_run
        How many were not begun, since the run ended early.
    left
        What could not be deleted from the server.
    lost_kept
        In how many checks the server closed a connection that it was to keep.
    stopped
        Critical checks that stopped at another failure before what they are there to find.
    no_reply
        The error class of the last look at whether the server answers; empty where it did.
    critical
        How many critical failures there are; the upper end counts what was not tested.
    """

    checks: int
    passed: int
    failed: int
    failures: tuple[Failure, ...]
    untested: tuple[tuple[str, str], ...]
    not_run: int
    left: tuple[str, ...]
    lost_kept: int
    stopped: tuple[str, ...]
    no_reply: str
    critical: Estimate

    @property
    def judged(self) -> int:
        """How many checks have a verdict."""
        return self.passed + self.failed

    def of(self, severity: Severity) -> list[Failure]:
        """Return the failures of a severity."""
        return [failure for failure in self.failures if failure.severity == severity]

    @property
    def times(self) -> CallTimes:
        """How long calls take."""
        return CallTimes(run=self.run, rows=self.calls)

    @property
    def open(self) -> Untested:
        """What could not be tested, and what is left on the server."""
        return Untested(run=self.run, sessions=self)

    @cached_property
    def calls(self) -> tuple[tuple[bool, LatencySummary], ...]:
        """How long successful calls take, each apart: of ordinary checks, then under load."""
        checks = checks_of(self.run.folder)
        loads = {check.id for check in checks.checks if check.alone}
        rows = self.run.attempts
        rows = rows[(rows["phase"] == "measure") & rows["http_status"].between(200, 299)]
        under_load = rows["case_id"].isin(loads)
        return tuple(
            (load, _times(rows[(rows["stage"] == call) & (under_load == load)], call, self.run))
            for load in (False, True)
            for call in checks.api.calls
            if ((rows["stage"] == call) & (under_load == load)).any()
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class CallTimes(Result):
    """How long calls take: for each whether under load, and its times."""

    rows: tuple[tuple[bool, LatencySummary], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Untested(Result):
    """What session checks leave open."""

    sessions: Sessions


def sessions_of(run: RunData) -> Sessions | None:
    """Sum up a run of session checks; None for any other run."""
    if run.run.pipeline != SESSIONS:
        return None
    checks = checks_of(run.folder)
    facets = {
        str(row["case_id"]): json.loads(row["facets"])
        for row in run.grades.to_dict("records")
        if isinstance(row["facets"], str)
    }
    outcomes = run.trials["outcome"].value_counts()
    count = {name: int(outcomes.get(name, 0)) for name in ("pass", "fail", "error", "ungraded")}
    not_run = len(checks.checks) - len(run.trials)
    untested = tuple((k, str(told["untested"])) for k, told in facets.items() if "untested" in told)
    failures = sorted(
        [*_failures(run, checks, facets), *_down(run, checks, facets, count)],
        key=lambda one: (SEVERITIES.index(one.severity), -len(one.witnesses), one.cause),
    )
    judged = count["pass"] + count["fail"]
    critical = sum(one.severity == "critical" for one in failures)
    open_ids = {k for k, _ in untested} | (
        {check.id for check in checks.checks} - set(run.trials["case_id"])
    )
    stopped = [k for k, told in facets.items() if _is_short(checks[k], told)]
    more = sum(checks[check_id].severity == "critical" for check_id in open_ids | set(stopped))
    return Sessions(
        run=run,
        checks=len(checks.checks),
        passed=count["pass"],
        failed=count["fail"],
        failures=tuple(failures),
        untested=untested,
        not_run=not_run,
        left=tuple(line for told in facets.values() for line in told.get("left", ())),
        lost_kept=sum("lost_kept" in told for told in facets.values()),
        stopped=tuple(stopped),
        no_reply=_no_reply(run),
        critical=_count(critical, more, judged),
    )


def _is_short(check: CheckModel, told: Mapping[str, Any]) -> bool:
    """Say whether a critical check stopped at a lesser failure, before what it is there to find."""
    found = [finding["severity"] for finding in told.get("failures", ())]
    return bool(found) and check.severity == "critical" and "critical" not in found


def _count(critical: int, more: int, judged: int) -> Estimate:
    """Return the number of critical failures; what was not tested may hide that many more."""
    if not judged:
        return Estimate(
            value=None, n=0, reason="the server answered no check", quantity=SESSION_METRIC
        )
    return Estimate(
        value=critical,
        low=critical,
        high=critical + more,
        n=judged,
        population="the checks of this run",
        quantity=SESSION_METRIC,
        needs=f"{counted(more, 'critical check')} that did not get to their point" if more else "",
    )


def _no_reply(run: RunData) -> str:
    looks = run.attempts[run.attempts["phase"] == "probe"].sort_values("seq")
    classes = [one for one in looks["error_class"].tail(1) if isinstance(one, str)]
    return classes[0] if classes else ""


def _failures(
    run: RunData, checks: Checks, facets: Mapping[str, Mapping[str, Any]]
) -> Iterator[Failure]:
    """Return one failure for each cause: the worst of those that saw it tells of it."""
    by_cause: dict[tuple[str, str], list[tuple[str, Mapping[str, Any]]]] = defaultdict(list)
    for check_id, told in facets.items():
        for finding in told.get("failures", ()):
            apart = finding["severity"] if finding["kind"] in APART else ""
            by_cause[finding["cause"], apart].append((check_id, finding))
    kept = dict(records(run.trials, run.stages, run.folder.artifacts)) if by_cause else {}
    for (cause, _), seen in by_cause.items():
        worst = min(
            seen,
            key=lambda one: (
                SEVERITIES.index(one[1]["severity"]),
                checks[one[0]].basis != "contract",
            ),
        )
        check = checks[worst[0]]
        yield Failure(
            cause=cause,
            severity=worst[1]["severity"],
            witnesses=_first(check.id, [check_id for check_id, _ in seen]),
            basis=check.basis,
            why=check.why,
            expected=worst[1]["expected"],
            actual=worst[1]["actual"],
            sent=_sent(run, kept[check.id], worst[1]),
            command=command(run, checks, check),
        )


def _down(
    run: RunData,
    checks: Checks,
    facets: Mapping[str, Mapping[str, Any]],
    count: Mapping[str, int],
) -> Iterator[Failure]:
    """Return the failure of a server that answered some checks, and then none any more."""
    seen = [check_id for check_id, told in facets.items() if "down" in told]
    if not seen or not (count["pass"] + count["fail"]):
        return
    yield Failure(
        cause=DOWN,
        severity="critical",
        witnesses=tuple(seen),
        basis="contract",
        why="Nobody can work while nothing answers.",
        expected="a reply",
        actual=str(facets[seen[0]].get("untested", "no reply")),
        sent=None,
        command=command(run, checks, checks[seen[0]]),
    )


def _first(check_id: str, seen: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([check_id, *seen]))


def _sent(run: RunData, record: Record, finding: Mapping[str, Any]) -> Sent | None:
    """Return the exchange that a finding is of; of several together the last."""
    at, call = finding["at"], finding["call"]
    mine = [one for one in record.exchanges if one.judged and one.at.startswith(at)]
    mine = [one for one in mine if one.call == call] or mine
    if not mine:
        return None
    one = mine[-1]
    head = one.message or one.error_class or "no reply"
    if one.status is not None:
        head = " ".join(filter(None, (str(one.status), one.headers.get("content-type"))))
    text = _text(run, one.reply_sha256)
    return Sent(
        request=f"{one.method} {_path(run, one)}",
        user=one.user,
        body=one.request,
        reply=f"{head}\n{text}" if text else head,
    )


def _path(run: RunData, one: Exchange) -> str:
    return f"{checks_of(run.folder).api.base}{one.path}" or "/"


def _text(run: RunData, digest: str | None) -> str:
    return "" if digest is None else run.folder.artifacts.get_text(digest)


def command(run: RunData, checks: Checks, check: CheckModel) -> str:
    """Return the command that makes one check again."""
    manifest = run.folder.manifest()
    asked = manifest["request"]
    endpoint = asked["endpoint"]
    parts = ["liftlab", "sessions", shown(endpoint["base_url"])]
    if asked.get("checks"):
        parts += ["--checks", asked["checks"]]
    if asked.get("user_header"):
        parts += ["--user-header", asked["user_header"]]
    if endpoint.get("token_env"):
        parts += ["--token-env", endpoint["token_env"]]
    if any(step.restart for step in check.step):
        parts += ["--restart-hook", "CMD"]
    return shlex.join([*parts, "--only", check.id])


def _times(rows: pd.DataFrame, call: str, run: RunData) -> LatencySummary:
    found = summarise(rows["last_byte_s"] - rows["sent_s"], what=call)
    return found.within(run.run.timing_uncertainty_s)
