"""What a run of session checks comes to: its failures by root cause, and how long calls take."""

from __future__ import annotations

import json
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from liftlab.analysis.estimate import Estimate
from liftlab.analysis.latency import LatencySummary, summarise
from liftlab.endpoints.urls import shown
from liftlab.records import SESSIONS
from liftlab.sessions.checks import Checks, checks_of, steps_of
from liftlab.sessions.grade import records
from liftlab.sessions.judge import APART
from liftlab.sessions.model import SEVERITIES, CheckModel, Severity
from liftlab.sessions.record import Exchange, Record
from liftlab.sessions.remains import Made, remaining
from liftlab.settings.targets import SESSION_METRIC
from liftlab.store import RunData
from liftlab.summary.result import Result
from liftlab.words import counted

_DOWN = {"cause": "the server stops answering", "severity": "critical", "kind": "hang",
         "expected": "a reply", "at": "", "call": ""}  # fmt: skip
_NOT_OFFERED = frozenset({401, 403, 404, 405, 501})
Facets = Mapping[str, Mapping[str, Any]]  # what the grade of each check says beside its outcome


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
    command: str
    sent: Exchange | None
    reply: str = ""  # what `sent` came to


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class CallTimes(Result):
    """How long calls take: for each whether under load, and its times."""

    rows: tuple[tuple[bool, LatencySummary], ...]

    @property
    def is_busy(self) -> bool:
        """Whether every call took less than this machine, busy as it was, could time."""
        least_s = self.run.run.timing_uncertainty_s or 0.0
        medians = [times.p50.value for _, times in self.rows]
        return bool(medians) and all(one is not None and one < least_s for one in medians)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Sessions(Result):
    """The verdict on a session API."""

    checks: int  # that the run is to make
    passed: int
    failed: int
    failures: tuple[Failure, ...]  # root causes, the worst first
    untested: tuple[tuple[str, str], ...]  # checks that could not be made, and why
    not_run: int  # checks that were not begun, since the run ended early
    left: tuple[Made, ...]  # what is, or may be, left on the server
    lost_kept: int  # checks in which the server closed a connection that it was to keep
    stopped: tuple[str, ...]  # critical ones that another failure kept from their point
    critical: Estimate  # critical failures; the upper end counts what was not tested
    # what was asked and what came, where the server has no such sessions; empty where it has
    refused: str = ""

    @property
    def judged(self) -> int:
        """How many checks have a verdict."""
        return self.passed + self.failed

    def of(self, severity: Severity) -> list[Failure]:
        """Return the failures of a severity."""
        return [failure for failure in self.failures if failure.severity == severity]

    @cached_property
    def times(self) -> CallTimes:
        """How long successful calls take, each apart: of ordinary checks, then under load."""
        rows, checks = self.run.attempts, checks_of(self.run.folder)
        rows = rows[(rows["phase"] == "measure") & rows["http_status"].between(200, 299)]
        under_load = rows["case_id"].isin([check.id for check in checks.check if check.alone])
        parts = rows.groupby([under_load, rows["stage"]])
        seconds = {key: part["last_byte_s"] - part["sent_s"] for key, part in parts}
        least_s = self.run.run.timing_uncertainty_s
        keys = [(load, call) for load in (False, True) for call in checks.api.calls]
        times = (
            (key[0], summarise(seconds[key], what=key[1]).within(least_s))
            for key in keys
            if key in seconds
        )
        return CallTimes(run=self.run, rows=tuple(times))

    def as_json(self, targets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return it as plain data, with the verdicts of targets."""
        counts = ("checks", "passed", "failed", "not_run")
        return {
            **{name: getattr(self, name) for name in counts},
            "untested": dict(self.untested),
            "left": [asdict(made) for made in self.left],
            "critical": self.critical.value,
            "targets": targets,
            "failures": [asdict(failure) for failure in self.failures],
            "calls": [
                {"call": times.what, "under_load": load, "n": times.n,
                 "median_s": times.p50.value, "p95_s": times.p95.value}
                for load, times in self.times.rows
            ],
        }  # fmt: skip


def sessions_of(run: RunData) -> Sessions | None:
    """Sum up a run of session checks; None for any other run."""
    if run.run.pipeline != SESSIONS:
        return None
    checks = checks_of(run.folder)
    graded = run.grades.dropna(subset=["facets"])
    pairs = zip(graded["case_id"], graded["facets"], strict=True)
    facets = {str(check_id): json.loads(text) for check_id, text in pairs}
    passed, failed = (int((run.trials["outcome"] == name).sum()) for name in ("pass", "fail"))
    refused = _refused(run, checks)
    if refused:  # a check that wants a 404 passes there, too
        passed, failed, facets = 0, 0, {}
    failures = [*_failures(run, checks, facets)] if passed + failed else []
    failures.sort(key=lambda one: (SEVERITIES.index(one.severity), -len(one.witnesses), one.cause))
    untested = {k: str(told["untested"]) for k, told in facets.items() if "untested" in told}
    begun = set(run.trials["case_id"])
    seen = {k: [f["severity"] for f in told.get("failures", ())] for k, told in facets.items()}
    critical = {check.id for check in checks.check if check.severity == "critical"}
    stopped = {k for k in critical & seen.keys() if seen[k] and "critical" not in seen[k]}
    more = len(critical & ({*untested} | stopped) | critical - begun)
    n = sum(one.severity == "critical" for one in failures) if passed + failed else None
    needs = f"{counted(more, 'critical check')} not made to the end" if more else ""
    return Sessions(
        run=run,
        checks=len(checks.check),
        passed=passed,
        failed=failed,
        failures=tuple(failures),
        untested=tuple(untested.items()),
        not_run=len(checks.check) - len(begun),
        left=tuple(remaining(run.folder.path)),
        lost_kept=sum("lost_kept" in told for told in facets.values()),
        stopped=tuple(sorted(stopped)),
        critical=Estimate(
            value=n, low=n, high=None if n is None else n + more, n=passed + failed, needs=needs,
            reason=(refused or "the server answered no check") if n is None else "",
            quantity=SESSION_METRIC, population="the checks of this run", finest=1.0,
        ),
        refused=refused,
    )  # fmt: skip


def _refused(run: RunData, checks: Checks) -> str:
    """Say how a server that does not offer these sessions answered the calls that make one."""
    rows = run.attempts[(run.attempts["phase"] == "measure") & run.attempts["http_status"].notna()]
    calls = checks.api.calls
    making = rows[rows["stage"].isin([name for name, call in calls.items() if call.makes])]
    rows = making if len(making) else rows
    came = Counter(rows["http_status"].astype(int))
    if not came or any(status not in _NOT_OFFERED and status >= 400 for status in came):
        return ""
    if not _NOT_OFFERED.issuperset(came) and not _all_pages(run, set(rows["stage"])):
        return ""
    call, status = calls[str(rows["stage"].iloc[0])], came.most_common(1)[0][0]
    what = f"{status}" if status in _NOT_OFFERED else f"{status} and no JSON"
    said = f"{call.method} {checks.api.base}{call.path} was answered with {what}"
    token = "; if it wants a token, name its variable: --token-env" if status in (401, 403) else ""
    return f"this server does not offer these sessions: {said}{token}"


def _all_pages(run: RunData, calls: set[str]) -> bool:
    """Whether all that calls did not refuse are pages for people, or lead to one."""
    kept = records(run.trials, run.stages, run.folder.artifacts)
    given = [
        one
        for _, record in kept
        for one in record.exchanges
        if one.call in calls and one.status is not None and one.status not in _NOT_OFFERED
    ]
    return bool(given) and all(
        (one.status or 0) >= 300 or one.headers.get("content-type", "").startswith("text/html")
        for one in given
    )


def _failures(run: RunData, checks: Checks, facets: Facets) -> Iterator[Failure]:
    """Return one failure for each cause: the worst of those that saw it tells of it."""
    by_cause: dict[tuple[str, str], list[tuple[CheckModel, Mapping[str, Any]]]] = defaultdict(list)
    for check_id, told in facets.items():
        down = [{**_DOWN, "actual": str(told.get("untested"))}] if "down" in told else []
        for finding in (*told.get("failures", ()), *down):
            apart = finding["severity"] if finding["kind"] in APART else ""
            by_cause[finding["cause"], apart].append((checks[check_id], finding))
    kept = dict(records(run.trials, run.stages, run.folder.artifacts)) if by_cause else {}
    for (cause, _), seen in by_cause.items():
        check, worst = min(
            seen, key=lambda one: (SEVERITIES.index(one[1]["severity"]), one[0].basis != "contract")
        )
        yield Failure(
            cause=cause,
            severity=worst["severity"],
            witnesses=tuple(dict.fromkeys([check.id, *(each.id for each, _ in seen)])),
            basis=check.basis,
            why=check.why,
            expected=worst["expected"],
            actual=worst["actual"],
            command=command(run, check),
            **_sent(run, checks, kept[check.id], worst),
        )


def _sent(
    run: RunData, checks: Checks, record: Record, finding: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the exchange that a finding is of, of several together the last; and its reply."""
    at, call = finding["at"], finding["call"]
    mine = [one for one in record.exchanges if one.judged and one.at.startswith(at)]
    mine = [one for one in mine if one.call == call] or mine
    if not mine:
        return {"sent": None}
    one = replace(mine[-1], path=f"{checks.api.base}{mine[-1].path}")
    head = one.message or one.error_class or "no reply"
    if one.status is not None:
        head = f"{one.status} {one.headers.get('content-type', '')}"
    text = run.folder.artifacts.get_text(one.reply_sha256) if one.reply_sha256 else ""
    return {"sent": one, "reply": f"{head}\n{text}".rstrip()}


def command(run: RunData, check: CheckModel) -> str:
    """Return the command that makes one check again."""
    asked = run.folder.manifest()["request"]
    told, endpoint = asked["sessions"], asked["endpoint"]
    options = {
        "--checks": told["file"],
        "--user-header": told["user_header"],
        "--token-env": endpoint["token_env"],
        "--restart-hook": "CMD" if any(step.restart for step in steps_of(check.step)) else None,
        "--only": check.id,
    }
    parts = [part for name, value in options.items() if value for part in (name, value)]
    return shlex.join(["liftlab", "sessions", shown(endpoint["base_url"]), *parts])
