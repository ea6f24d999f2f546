"""Which attempts were cold follows from when the model was ready, in whatever order they end."""

from __future__ import annotations

from typing import Any

import pytest

from liftlab.endpoints.base import Reply
from liftlab.runner.cold_start import ColdWatch, Wait
from liftlab.timing.clock import Stamps

MS = 1_000_000


def reply(sent: int, first: int, last: int | None = None, **fields: Any) -> Reply:
    """A good reply; moments and the server's own time in milliseconds."""
    known = {"server_s": 0.100, "http_status": 200, "transport_ok": True} | fields
    stamps = Stamps(
        called_ns=sent * MS,
        sent_ns=sent * MS,
        first_byte_ns=first * MS,
        last_byte_ns=(last or first) * MS,
        ended_ns=(last or first) * MS,
        round_trip_s=known.pop("round_trip_s", None),
    )
    return Reply(stamps=stamps, **known)


def refusal(sent: int, ended: int, status: int | None, error_class: str = "http_5xx") -> Reply:
    stamps = Stamps(called_ns=sent * MS, sent_ns=sent * MS, ended_ns=ended * MS)
    return Reply(stamps=stamps, http_status=status, error_class=error_class)


def one_by_one(watch: ColdWatch, *replies: Reply) -> list[Wait]:
    waits = []
    for answer in replies:
        awakening = watch.called(answer.stamps.called_ns)
        waits.append(watch.ended(awakening, answer))
    return waits


def test_the_first_attempt_waits_for_the_model_and_the_next_does_not() -> None:
    first, second = one_by_one(ColdWatch(idle_s=60), reply(0, 500), reply(500, 650))
    assert (first.cold, first.cold_s, first.queue_s) == (True, pytest.approx(0.4), 0.0)
    assert (second.cold, second.cold_s, second.queue_s) == (False, None, pytest.approx(0.05))


def test_a_wait_shorter_than_a_cold_start_is_a_queue() -> None:
    (wait,) = one_by_one(ColdWatch(idle_s=60), reply(0, 190))
    assert (wait.cold, wait.queue_s) == (False, pytest.approx(0.09))


def test_a_round_trip_is_no_cold_start() -> None:
    far = reply(0, 300, round_trip_s=0.150)
    (wait,) = one_by_one(ColdWatch(idle_s=60), far)
    assert wait.cold is False
    (cold,) = one_by_one(ColdWatch(idle_s=60), reply(0, 900, round_trip_s=0.150))
    assert (cold.cold, cold.cold_s) == (True, pytest.approx(0.65))


def test_all_that_came_while_it_slept_waited_for_the_same_moment() -> None:
    watch = ColdWatch(idle_s=60)
    awakenings = [watch.called(moment * MS) for moment in (0, 100, 350)]
    first = watch.ended(awakenings[0], reply(0, 500))  # ready at 400
    queued = watch.ended(awakenings[1], reply(100, 600))  # ready at 400, begun at 500
    late = watch.ended(awakenings[2], reply(350, 700))  # 50 ms until ready, then 200 in the queue
    assert first.cold_s == pytest.approx(0.4)
    assert (queued.cold_s, queued.queue_s) == (pytest.approx(0.3), pytest.approx(0.1))
    assert (late.cold, late.queue_s) == (False, pytest.approx(0.25))
    assert watch.called(710 * MS) is None


def test_a_storm_is_cold_until_a_good_answer_and_an_outage_later_is_not() -> None:
    waits = one_by_one(
        ColdWatch(idle_s=60),
        refusal(0, 10, 503),
        refusal(1000, 1030, 408, "http_4xx"),
        reply(3000, 3110),
        refusal(4000, 4010, 503),
    )
    assert [wait.cold for wait in waits] == [True, True, False, False]
    assert waits[1].cold_s == pytest.approx(0.03)


@pytest.mark.parametrize("failure", [429, 500, None])
def test_other_failures_do_not_tell(failure: int | None) -> None:
    (wait,) = one_by_one(ColdWatch(idle_s=60), refusal(0, 10, failure, "reset"))
    assert wait == Wait()


def test_without_the_server_s_own_time_a_first_wait_is_not_known() -> None:
    watch = ColdWatch(idle_s=60)
    first, second = one_by_one(watch, reply(0, 500, server_s=None), reply(600, 700, server_s=None))
    assert first == Wait()
    assert second == Wait(cold=False)


def test_after_an_idle_window_it_may_be_cold_again() -> None:
    watch = ColdWatch(idle_s=2)
    waits = one_by_one(watch, reply(0, 100), reply(1000, 1500), reply(3600, 4200))
    assert [wait.cold for wait in waits] == [False, False, True]
    assert waits[2].cold_s == pytest.approx(0.5)
    busy = ColdWatch(idle_s=2)
    one_by_one(busy, reply(0, 100))
    held = busy.called(150 * MS)
    assert held is None
    assert busy.called(9000 * MS) is None  # one is under way: no container goes meanwhile


def test_a_streamed_reply_was_begun_its_server_time_before_its_end() -> None:
    streamed = reply(0, 310, 400, first_token_ns=310 * MS)
    (wait,) = one_by_one(ColdWatch(idle_s=60), streamed)
    assert wait.cold_s == pytest.approx(0.3)


def test_a_queue_that_the_server_tells_of_is_no_cold_start() -> None:
    watch = ColdWatch(idle_s=60)
    first, warm = one_by_one(watch, reply(0, 400, queue_s=0.3), reply(600, 1000, queue_s=0.25))
    assert (first.cold, first.queue_s) == (False, 0.3)
    assert (warm.cold, warm.queue_s) == (False, 0.25)
    (slow,) = one_by_one(ColdWatch(idle_s=60), reply(0, 5400, queue_s=0.3))
    assert (slow.cold, slow.queue_s) == (True, 0.3)
    assert slow.cold_s == pytest.approx(5.0, abs=0.11)
