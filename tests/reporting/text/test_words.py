"""One table of words: every class that is stored has its words, and no reader meets a name."""

from __future__ import annotations

from typing import get_args

from liftlab.analysis.causes import CAUSES, KINDS
from liftlab.records import ErrorClass, FailureClass
from liftlab.reporting.text import words
from liftlab.reporting.text.slow import CAUSE_WORDS, KIND_WORDS


def test_every_stored_class_has_its_words() -> None:
    assert set(get_args(FailureClass)) <= set(words.FAILURES)
    assert set(get_args(ErrorClass)) <= set(words.REQUESTS)


def test_every_cause_of_a_slow_step_has_its_words() -> None:
    assert set(CAUSES) <= set(CAUSE_WORDS)
    assert set(KINDS) == set(KIND_WORDS)


def test_what_is_not_known_is_written_as_words() -> None:
    assert words.failure("new_class") == words.cause("new_class") == "new class"
    assert words.request_error("new_error") == "new error"
    assert words.stage("clause_analysis") == "clause analysis"
