"""A load is checked before anything is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from liftlab.errors import InputInvalid, UsageError
from liftlab.jobs import loading
from liftlab.records import LOAD
from liftlab.runner.request import RunRequest
from liftlab.runner.segment import Segment
from liftlab.settings import EndpointSettings, Project, load_project

URL = "http://127.0.0.1:9/v1"
LIFT, OPENAI = (
    EndpointSettings(name=name, protocol=name, base_url=URL, model="m")
    for name in ("lift", "openai")
)


@pytest.fixture
def project(project_folder: Path) -> Project:
    return load_project(project_folder)


def planned(project: Project, endpoint: EndpointSettings = OPENAI, **asked: Any) -> RunRequest:
    return loading.plan_load(project, endpoint, **asked)


def test_what_nobody_says(project: Project) -> None:
    request = planned(project, requests=3)
    assert request.pipeline == LOAD
    assert (request.repeats, request.concurrency, request.arrivals) == (3, 1, None)
    assert (request.sampling.max_tokens, request.seed) == (64, project.settings.run.seed)
    assert request.sampling.seed == request.seed
    assert (request.prompt, request.out, request.rates) == (loading.PROMPT, None, None)
    assert not request.endpoint.stream


def test_what_somebody_says(project: Project, tmp_path: Path) -> None:
    asked = tmp_path / "prompt.txt"
    asked.write_text("Say ä.")
    request = planned(
        project, requests=5, concurrency=4, stream=True, prompt_file=asked, max_tokens=7, seed=0
    )
    assert (request.repeats, request.concurrency, request.prompt) == (5, 4, "Say ä.")
    assert (request.sampling.max_tokens, request.seed, request.sampling.seed) == (7, 0, 0)
    assert request.endpoint.stream


@pytest.mark.parametrize("count", [None, 0, -1, 10_000_001])
def test_a_load_has_from_one_to_ten_million_requests(project: Project, count: int | None) -> None:
    with pytest.raises(UsageError):
        planned(project, requests=count)
    for most in (1, 10_000_000):
        assert planned(project, requests=most).repeats == most


def test_an_open_loop_has_no_limit_of_its_own(project: Project) -> None:
    request = planned(project, requests=9, rate_rps=3.0)
    assert request.concurrency is None
    assert request.arrivals is not None
    assert request.arrivals.kind == "poisson"
    constant = planned(project, requests=9, rate_rps=3.0, arrival="constant", concurrency=2)
    assert constant.arrivals is not None
    assert (constant.arrivals.kind, constant.concurrency) == ("constant", 2)


def test_recorded_moments_say_how_many(project: Project, tmp_path: Path) -> None:
    moments = tmp_path / "moments.txt"
    moments.write_text("0\n0.5\n2\n")
    assert planned(project, arrival=str(moments)).repeats == 3
    assert planned(project, arrival=str(moments), requests=2).repeats == 2
    with pytest.raises(UsageError):
        planned(project, arrival=str(moments), requests=4)


@pytest.mark.parametrize(
    ("arrival", "error"),
    [("poisson", UsageError), ("constant", UsageError), ("none.txt", InputInvalid)],
)
def test_moments_of_nothing(project: Project, arrival: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        planned(project, requests=1, arrival=arrival)


def test_only_a_protocol_that_streams_is_streamed(project: Project) -> None:
    assert not planned(project, LIFT, requests=1).endpoint.stream
    with pytest.raises(UsageError):
        planned(project, LIFT, requests=1, stream=True)


@pytest.mark.parametrize(
    ("content", "is_one"),
    [
        (b" \n ", False),
        (b"", False),
        (b"\xff", False),
        (b" x\n", True),
        (b"x" * 4_000_000, True),
        (b"x" * 4_000_001, False),
    ],
)
def test_a_prompt_is_text_of_at_most_four_million_bytes(
    project: Project, tmp_path: Path, content: bytes, is_one: bool
) -> None:
    path = tmp_path / "prompt.txt"
    path.write_bytes(content)
    if is_one:
        request = planned(project, requests=1, prompt_file=path)
        assert request.prompt == content.decode()
    else:
        with pytest.raises(InputInvalid):
            planned(project, requests=1, prompt_file=path)
    path.unlink()
    with pytest.raises(InputInvalid):
        planned(project, requests=1, prompt_file=path)


@pytest.mark.parametrize(
    ("asked", "parts", "fits"),
    [
        ({"requests": 3, "concurrency": 3}, 3, True),
        ({"requests": 3, "concurrency": 9}, 4, False),
        ({"requests": 9, "concurrency": 3}, 4, False),
        ({"requests": 9, "rate_rps": 1.0}, 9, True),
        ({"requests": 9, "rate_rps": 1.0}, 10, False),
    ],
)
def test_each_segment_has_a_request_and_a_lane(
    project: Project, asked: dict[str, Any], parts: int, fits: bool
) -> None:
    request, part = planned(project, **asked), Segment(index=1, of=parts, start_at=4e9)
    if fits:
        assert loading.cut(request, part).segment == part
    else:
        with pytest.raises(UsageError):
            loading.cut(request, part)


def test_an_endpoint_of_one_run_alone_is_not_cut(project: Project) -> None:
    served = project.settings.chosen_endpoint(None).model_copy(update={"serve": "local"})
    request = planned(project, served, requests=4, concurrency=4)
    with pytest.raises(UsageError):
        loading.cut(request, Segment(index=1, of=2, start_at=4e9))
