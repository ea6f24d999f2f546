"""What a profile may say, and how chance is drawn."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from liftlab.errors import FileInvalid, UnknownName
from liftlab.serving.simulation.profile import (
    Chance,
    Cold,
    Container,
    Pauses,
    Profile,
    Stall,
    load_profile,
)


def test_a_silent_profile_takes_no_time_and_makes_no_mistake() -> None:
    profile = Profile()
    assert set(profile.service.model_dump().values()) == {0}
    assert set(profile.tokens.model_dump().values()) == {(16, 16)}
    assert (profile.cold.load_s, profile.cold.idle_s, profile.cold.storm) == (0, None, ())
    assert (profile.stall.every_s, profile.stall.length_s) == (0, 0)
    assert set(profile.answers.plain.model_dump().values()) == {0}
    assert (profile.slots, profile.seed, profile.faults) == (1, 1, ())


@pytest.mark.parametrize(
    ("table", "field", "allowed", "refused"),
    [
        (None, "slots", [1, 100_000], [0, 100_001]),
        ("service", "base_s", [0, 86_400], [-1, 86_401, float("inf")]),
        ("service", "base_spread", [0, 1], [-0.1, 1.1]),
        ("tokens", "ir", [[1, 100_000], [5, 5]], [[0, 1], [1, 100_001], [6, 5]]),
        ("cold", "storm", [[400, 599], []], [[399], [600]]),
        ("cold", "idle_s", [0, None], [-1]),
        ("stall", "every_s", [0, 5], [-1]),
    ],
)
def test_values_at_their_ends(
    table: str | None, field: str, allowed: list[Any], refused: list[Any]
) -> None:
    def made(value: Any) -> Profile:
        return Profile.model_validate({table: {field: value}} if table else {field: value})

    for value in allowed:
        assert made(value)
    for value in refused:
        with pytest.raises(ValidationError, match=field):
            made(value)


def test_a_pause_fits_into_its_period() -> None:
    assert Profile.model_validate({"stall": {"every_s": 5, "length_s": 5}})
    with pytest.raises(ValidationError, match="length_s is longer than every_s"):
        Profile.model_validate({"stall": {"every_s": 5, "length_s": 6}})


def test_a_rule_s_fault_is_one_that_there_is() -> None:
    assert Profile.model_validate({"faults": [{"fault": "status code=500", "share": 1}]})
    with pytest.raises(ValidationError, match="no fault 'sulk'"):
        Profile.model_validate({"faults": [{"fault": "sulk"}]})


def test_a_profile_is_found_by_its_name_or_its_file(tmp_path: Path) -> None:
    place = tmp_path / "mine.toml"
    place.write_text("slots = 3\n")
    assert (load_profile(place).name, load_profile(str(place)).slots) == ("mine", 3)
    place.write_text('name = "ours"\n')
    assert load_profile(place).name == "ours"
    with pytest.raises(UnknownName, match="fsat"):
        load_profile("fsat")
    place.write_text("\nslots = 0\n")
    with pytest.raises(FileInvalid, match=r"mine\.toml:2"):
        load_profile(place)


def test_draws_are_the_name_s() -> None:
    names = [("a", 1), ("a", 2), ("b", 1)]
    draws = [Chance(*name).around_one(0.5) for name in names]
    assert len(set(draws)) == 3
    assert draws == [Chance(*name).around_one(0.5) for name in names]


def test_what_is_certain_draws_nothing() -> None:
    chance = Chance("x")
    assert not chance.happens(0)
    assert chance.around_one(0) == 1
    assert chance.count(7, 7) == 7
    assert chance.around_one(0.5) == Chance("x").around_one(0.5)
    assert Chance("y").happens(1)


def test_draws_lie_within_their_bounds_and_reach_both_ends() -> None:
    chance = Chance("z")
    factors = [chance.around_one(0.5) for _ in range(500)]
    assert 0.5 <= min(factors) < 0.52
    assert 1.48 < max(factors) <= 1.5
    assert {chance.count(1, 3) for _ in range(100)} == {1, 2, 3}
    assert 130 < sum(chance.happens(0.3) for _ in range(500)) < 170


def asleep(**cold: object) -> Container:
    return Container(Cold.model_validate({"load_s": 5.0, "idle_s": 60.0} | cold), 1.0, seed=1)


def served(one: Container, at_s: float, until_s: float, monkeypatch: pytest.MonkeyPatch) -> float:
    """Ask for a request that lasts until a moment, and return when the model was ready for it."""
    ready_s = one.ask(at_s)
    with one:
        monkeypatch.setattr(time, "perf_counter", lambda: until_s)
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
        monkeypatch.setattr(time, "perf_counter", lambda: 500.0)
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
