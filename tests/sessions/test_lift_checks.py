"""The checks of the lift API find what is planted, and report nothing of a server that is sound.

Each fault is looked for with the checks that are there for it; all checks on all faults, at
several concurrencies, are `benchmarks/session_faults.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from liftlab.sandbox import Sandbox
from tests.sessions.driver import failures, lift_checks, restart_hook, run_checks, worst
from tests.sessions.faults import FAULTS, Fault
from tests.sessions.serving import serve

# Which checks are there for a fault.
LOOK: dict[str, tuple[str, ...]] = {
    "list_shows_all": ("isolation-list",),
    "read_foreign": ("isolation-read",),
    "assists_foreign": ("isolation-assists",),
    "resolve_foreign": ("isolation-resolve",),
    "finalize_foreign": ("isolation-finalize",),
    "generate_foreign": ("isolation-generate",),
    "delete_foreign": ("isolation-delete",),
    "user_of_connection": ("isolation-read", "isolation-list"),
    "user_cut": ("isolation-long-names",),
    "metadata_shared": ("isolation-metadata",),
    "no_user_no_refusal": ("isolation-no-user", "no-user"),
    "empty_user_sees_all": ("isolation-empty-user", "no-user"),
    "lost_update": ("parallel-resolves", "parallel-resolves-counted"),
    "same_id": ("parallel-creates",),
    "lost_on_finalize": ("finalize-keeps-session",),
    "lost_while_finalizing": ("edit-while-finalizing",),
    "delete_takes_all": ("delete-takes-one",),
    "text_not_applied": ("resolve-keeps-text",),
    "draft_shared": ("isolation-same-ir",),
    "failed_create_lost": ("create-refused-loses-nothing",),
    "code_no_return": ("generate-right",),
    "code_swapped": ("generate-keeps-parameter-order",),
    "code_of_other": ("generate-of-the-right-session",),
    "code_broken": ("generate-right",),
    "hangs_on_large": ("payload-1mb",),
    "dies_of_depth": ("payload-depth",),
    "dies_of_crash": ("alive-after-not-json",),
    "lock_kept": ("client-breaks-off",),
    "list_dies_of_nul": ("payload-nul",),
    "delete_keeps": ("use-after-delete", "list-without-deleted"),
    "delete_unknown_ok": ("unknown-session",),
    "finalize_with_holes": ("finalize-with-holes",),
    "finalize_once": ("finalize-twice",),
    "finalize_no_ir": ("finalize-gives-ir",),
    "finalize_stays_active": ("finalize-changes-status",),
    "generate_unfinalized": ("generate-before-finalize",),
    "language_ignored": ("generate-other-language",),
    "mode_ignored": ("generate-bad-mode",),
    "generate_other_language": ("workflow-ir", "generate-right"),
    "revision_stuck": ("resolve-raises-revision",),
    "unknown_hole_ok": ("resolve-unknown-hole",),
    "resolve_finalized": ("resolve-after-finalize",),
    "resolve_closes_all": ("resolve-closes-one",),
    "resolve_closes_other": ("resolve-closes-one",),
    "ambiguities_stale": ("resolve-closes-one", "parallel-resolves"),
    "assists_phantom": ("assists-fit-holes",),
    "assists_stale": ("assists-follow",),
    "assists_missing": ("assists-fit-holes",),
    "unknown_is_500": ("unknown-session",),
    "unknown_crashes": ("unknown-session", "unknown-session-again"),
    "error_as_200": ("unknown-session", "isolation-read", "no-user"),
    "empty_create_ok": ("create-nothing",),
    "metadata_dropped": ("create-keeps-metadata",),
    "text_latin1": ("payload-text",),
    "text_cut_at_nul": ("payload-text",),
    "bidi_stripped": ("payload-bidi",),
    "summary_cut": ("create-keeps-ir",),
    "list_misses_newest": ("list-has-new",),
    "list_first_20": ("list-all-of-25",),
    "race_is_500": ("parallel-resolves",),
    "reply_cut": ("payload-20kb",),
    "blocked_by_model": ("slow-model",),
    "restart_half": ("restart-is-clean",),
    "unknown_type_ok": ("resolve-type-unknown",),
    "not_json_500": ("payload-not-json", "alive-after-not-json"),
    "wrong_type_500": ("payload-wrong-types",),
    "bad_ir_500": ("create-bad-ir",),
    "long_user_500": ("header-8kb",),
    "html_errors": ("error-body", "unknown-session"),
    "traceback_shown": ("error-tells-no-internals",),
    "updated_back": ("time-updated-moves",),
    "updated_stuck": ("time-updated-moves",),
    "created_moves": ("time-created-stays",),
    "time_local": ("time-zone",),
    "slash_loops": ("trailing-slash",),
    "json_as_html": ("json-is-json",),
}
HANG_S = {"hangs_on_large": 0.5, "dies_of_crash": 0.5, "lock_kept": 0.5}  # a call's deadline
THINK_S = {"blocked_by_model": 0.7}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_a_planted_fault_is_found_with_its_severity(fault: Fault, sandbox: Sandbox) -> None:
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
    assert list(failures(verdicts)) == []
    assert Counter(one.outcome for one in verdicts.values()) == {"pass": len(checks.checks)}
    assert (left, crashes) == ([], [])


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


def test_every_check_says_what_it_is_for() -> None:
    checks = lift_checks().checks
    assert len(checks) >= 60
    assert set(LOOK) == {fault.name for fault in FAULTS}
    assert len({check.why for check in checks}) == len(checks)
