"""The checks of the lift API find what is planted, and report nothing of a server that is sound.

Each fault is looked for with the checks that are there for it; all checks on all faults, at
several concurrencies, are `benchmarks/session_faults.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from liftlab.sandbox import Sandbox
from liftlab.sessions import clean_up
from tests.sessions.driver import failures, lift_checks, restart_hook, run_checks, worst
from tests.sessions.faults import FAULTS, Fault
from tests.sessions.look import HANG_S, LOOK, THINK_S
from tests.sessions.serving import serve
from tests.sessions.wire import BASE


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_a_planted_fault_is_found_with_its_severity(
    fault: Fault, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault.name in HANG_S:
        monkeypatch.setattr(clean_up, "CLEAN_UP_S", HANG_S[fault.name])
    checks = lift_checks(*LOOK[fault.name], deadline_s=HANG_S.get(fault.name, 10.0))
    with serve(fault.name, think_s=THINK_S.get(fault.name, 0.0)) as server:
        hook = restart_hook(server.url)
        verdicts = await run_checks(server.url, checks, sandbox, restart_hook=hook)
    found = list(failures(verdicts))
    assert worst(found) == fault.severity, found


@pytest.mark.parametrize("concurrency", [1, 32])
async def test_nothing_is_reported_of_a_sound_server_and_nothing_remains(
    concurrency: int, sandbox: Sandbox
) -> None:
    with serve(think_s=0.01) as server:
        hook = restart_hook(server.url)
        checks = lift_checks()
        verdicts = await run_checks(
            server.url, checks, sandbox, concurrency=concurrency, restart_hook=hook
        )
        left, crashes = list(server.sessions), server.crashes
        asked = server.asked
    assert list(failures(verdicts)) == []
    assert Counter(one.outcome for one in verdicts.values()) == {"pass": len(checks.check)}
    assert (left, crashes) == ([], [])
    assert max(asked.values()) < 50  # the real server takes about 60 calls a minute of one user


async def test_one_cause_is_one_failure_however_many_checks_see_it(sandbox: Sandbox) -> None:
    seen = ["workflow-ir", "finalize-gives-ir", "finalize-changes-status", "delete-finalized"]
    with serve("finalize_no_ir") as server:
        verdicts = await run_checks(server.url, lift_checks(*seen), sandbox)
    found = list(failures(verdicts))
    assert {name for name, _ in found} == set(seen)
    assert len({finding.cause for _, finding in found if finding.kind == "shape"}) == 1


async def test_a_closed_connection_is_not_the_next_calls_fault(sandbox: Sandbox) -> None:
    """After its 500 the server closes the connection unannounced."""
    with serve("unknown_crashes") as server:
        checks = lift_checks("unknown-session")
        verdicts = await run_checks(server.url, checks, sandbox)
    assert {finding.kind for _, finding in failures(verdicts)} == {"status"}


async def test_cleaning_up_leaves_the_work_of_others_where_the_server_shows_it_to_all(
    sandbox: Sandbox,
) -> None:
    with serve("list_shows_all", "delete_foreign", "bad_ir_500") as server:
        async with httpx.AsyncClient(headers={"x-demo-user": "alice"}) as alice:
            await alice.post(server.url + BASE, json={"prompt": "hello"})
        theirs = list(server.sessions)
        await run_checks(server.url, lift_checks("create-bad-ir"), sandbox)
        assert list(server.sessions) == theirs != []


def test_every_check_says_what_it_is_for() -> None:
    checks = lift_checks().check
    assert len(checks) >= 60
    assert set(LOOK) == {fault.name for fault in FAULTS}
    assert len({check.why for check in checks}) == len(checks)
