"""When the model is loaded, and when it has gone: by a clock that the test sets."""

from __future__ import annotations

import pytest

from liftlab.serving.simulation import container
from liftlab.serving.simulation.container import Container, Pauses
from liftlab.serving.simulation.profile import Cold, Stall


def asleep(**cold: object) -> Container:
    return Container(Cold.model_validate({"load_s": 5.0, "idle_s": 60.0} | cold), 1.0, seed=1)


def served(one: Container, at_s: float, until_s: float, monkeypatch: pytest.MonkeyPatch) -> float:
    """Ask for a request that lasts until a moment, and return when the model was ready for it."""
    ready_s = one.ask(at_s)
    with one:
        monkeypatch.setattr(container.time, "perf_counter", lambda: until_s)
    return ready_s


def test_a_model_is_loaded_once_and_stays_while_it_is_asked() -> None:
    one = asleep()
    assert [one.ask(100.0), one.ask(101.0), one.ask(165.0)] == [105.0, 105.0, 105.0]


def test_it_goes_after_the_idle_time_since_the_last_request_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = asleep()
    assert served(one, 100.0, 130.0, monkeypatch) == 105.0
    assert served(one, 190.0, 191.0, monkeypatch) == 105.0  # 85 s after it was loaded, 60 s idle
    assert one.ask(251.5) == 256.5


def test_it_does_not_go_within_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    one = asleep()
    one.ask(100.0)
    with one:
        assert one.ask(500.0) == 105.0
        monkeypatch.setattr(container.time, "perf_counter", lambda: 500.0)
    assert one.ask(561.0) == 566.0


def test_without_an_idle_time_it_stays() -> None:
    one = asleep(idle_s=None)
    assert one.ask(100.0) == one.ask(1e9) == 105.0


def test_a_sped_up_container_loads_and_goes_sooner() -> None:
    one = Container(Cold(load_s=5.0, idle_s=60.0), 10.0, seed=1)
    assert [one.ask(100.0), one.ask(106.5), one.ask(106.6)] == [100.5, 100.5, 107.1]


def test_a_storm_goes_through_its_statuses_again_and_again() -> None:
    one = asleep(storm=(503, 429))
    assert [one.storm() for _ in range(3)] == [503, 429, 503]
    assert asleep().storm() is None


def test_pauses_begin_with_the_first_request_and_end_each_period() -> None:
    pauses = Pauses(Stall(every_s=10.0, length_s=2.0), time_scale=1.0)
    assert [pauses.resumes_s(s) for s in (100.0, 107.9, 108.0, 109.5, 110.0)] == pytest.approx(
        [100.0, 107.9, 110.0, 110.0, 110.0]
    )
    assert Pauses(Stall(), time_scale=1.0).resumes_s(5.0) == 5.0
