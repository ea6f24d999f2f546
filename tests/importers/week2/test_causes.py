"""Error texts of the first benchmark as classes; what says nothing blames nobody."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from liftlab.importers.week2.causes import error_class
from liftlab.jobs import opening
from liftlab.jobs.exchanging import import_files
from liftlab.settings import Project


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("expected an indented block after 'if' statement on line 2", "does_not_parse"),
        ("invalid syntax (<unknown>, line 3)", "does_not_parse"),
        ("'(' was never closed", "does_not_parse"),
        ("does_not_parse", "does_not_parse"),
        ("HTTP error 503: Service Unavailable", "http_5xx"),
        ("Server error '502 Bad Gateway' for url", "http_5xx"),
        ("Client error '401 Unauthorized'", "http_4xx"),
        ("429 Too Many Requests", "http_429"),
        ("The read operation timed out", "deadline"),
        ("[Errno 111] Connection refused", "connect"),
        ("[Errno 104] Connection reset by peer", "reset"),
        ("[Errno -2] Name or service not known", "dns"),
        ("certificate verify failed", "tls"),
        ("1 validation error for IR: field required", "schema_mismatch"),
        ("Expecting value in JSON", "invalid_json"),
        ("Something went wrong", None),
        ("", None),
        (None, None),
    ],
)
def test_what_a_text_tells_of(text: str | None, cause: str | None) -> None:
    assert error_class(text) == cause


def test_a_failure_without_a_known_cause_is_not_judged(
    project: Project,
    sample: Callable[[str], dict[str, Any]],
    write: Callable[..., Path],
) -> None:
    content = sample("early.json")
    content["results"][3]["ir_to_code"]["error"] = "Something went wrong"
    (each,) = import_files(project, [str(write(json.dumps(content).encode()))])
    trials = opening.open_run(str(each.run_id), project=project).trials.set_index("case_id")
    assert trials["outcome"]["max_of_two"] == "ungraded"
