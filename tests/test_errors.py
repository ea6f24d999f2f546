"""Each error says what, where and what next, and knows its exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from liftlab import errors


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.LiftlabError("x"), 1),
        (errors.UnknownName("endpoint", "x", []), 2),
        (errors.SuiteInvalid("suite.toml", "bad", 3), 6),
        (errors.UnknownRun("x", []), 6),
        (errors.SchemaTooNew("run.sqlite", 2, 1), 6),
        (errors.EndpointUnreachable("x"), 4),
        (errors.ServerFailed("x"), 4),
        (errors.RunIncomplete("x"), 5),
        (errors.StorageFailed("x"), 1),
    ],
)
def test_exit_codes(error: errors.LiftlabError, code: int) -> None:
    assert error.exit_code == code
    assert "\n" not in str(error)


def test_an_unknown_name_brings_the_nearest() -> None:
    message = str(errors.UnknownName("case", "is_evn", ["is_even", "add_numbers"]))
    assert message.startswith("no case 'is_evn'; did you mean 'is_even'?")


def test_a_file_error_begins_with_its_place() -> None:
    error = errors.SuiteInvalid(Path("suite.toml"), "no prompt", 12)
    assert str(error) == "suite.toml:12: no prompt"
    assert (error.path, error.line) == (Path("suite.toml"), 12)
