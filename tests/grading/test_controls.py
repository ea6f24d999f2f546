"""Known answers among the real ones."""

from __future__ import annotations

import pytest

from liftlab.grading import answer, pool
from liftlab.grading.pool import CONTROLS, Controls
from liftlab.sandbox import Sandbox


def test_all_are_told_apart(sandbox: Sandbox) -> None:
    known = Controls()
    assert str(known) == ""
    for _ in range(40):
        known.some(sandbox)
    assert str(known) == "14 of 14"
    assert known.missed == []


def test_the_rest_is_graded_where_there_were_answers(sandbox: Sandbox) -> None:
    known = Controls()
    known.rest(sandbox)
    assert str(known) == ""
    known.some(sandbox)
    known.rest(sandbox)
    assert str(known) == "14 of 14"


def test_no_pool_has_the_same(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes | str] = []

    def listen(self: answer.Grading, code: bytes | str) -> object:
        seen.append(code)
        return kept(self, code)

    kept = answer.Grading.of
    monkeypatch.setattr(answer.Grading, "of", listen)
    for _ in range(2):
        known = Controls()
        known.some(sandbox)
        known.rest(sandbox)
    assert len(seen) == 2 * len(CONTROLS)
    assert seen[: len(CONTROLS)] != seen[len(CONTROLS) :]
    assert len(set(seen)) > 2 * len(CONTROLS) - 3  # the forged answer has no name


@pytest.mark.parametrize("verdict", [True, False])
def test_a_broken_comparison_is_found(
    verdict: bool, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer, "is_same", lambda expected, actual: verdict)
    known = Controls()
    known.some(sandbox)
    known.rest(sandbox)
    wanted = {control.wanted for control in known.missed}
    assert wanted >= ({"wrong_answer", "missing_return"} if verdict else {None})


def test_a_broken_comparison_of_what_programs_print_is_found(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer, "plain_lines", lambda text: "3")
    known = Controls()
    known.some(sandbox)
    known.rest(sandbox)
    assert [control.by for control in known.missed] == [answer.StdinGrading]
    assert [control.wanted for control in known.missed] == [None]


def test_a_miss_is_tried_once_more(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[object] = []

    def misses_first(self: Controls, control: object, box: Sandbox) -> bool:
        tries.append(control)
        return tries.count(control) == 2

    monkeypatch.setattr(pool.Controls, "_is_told", misses_first)
    known = Controls()
    known.some(sandbox)
    known.rest(sandbox)
    assert len(tries) == 2 * len(CONTROLS)
    assert known.missed == []
