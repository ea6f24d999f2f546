"""What a profile may say, and how chance is drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from liftlab.errors import FileInvalid, UnknownName
from liftlab.serving.simulation.profile import Chance, Profile, load_profile


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
