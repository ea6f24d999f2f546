from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from liftlab.endpoints.sse import _by_line, arrival_ns, events, itl_s
from liftlab.timing.clock import Stamps


def data(body: bytes) -> list[bytes]:
    return [event.data for event in events(body)]


def test_line_ends_comments_and_other_fields():
    first = b"\xef\xbb\xbfevent: x\ndata: one\r\n\r\n: note\n\n"
    body = first + b"id: 3\ndata:two\rdata:  three\r\rretry: 1\n\n"
    assert data(body) == [b"one", b"two\n three"]


def test_a_name_holds_for_its_own_event_alone():
    body = b"event: error\r\ndata: one\r\n\r\ndata: two\r\n\r\nevent: x\r\n\r\ndata: three\r\n\r\n"
    assert [(event.name, event.data) for event in events(body)] == [
        (b"error", b"one"),
        (b"", b"two"),
        (b"", b"three"),
    ]


def test_an_event_without_its_blank_line_counts():
    assert data(b"data: one\n\ndata: two\n") == [b"one", b"two"]
    assert data(b"data: one\n\ndata: two") == [b"one", b"two"]
    assert data(b"") == []


@given(st.lists(st.binary(max_size=20).map(lambda b: b.replace(b"\n", b"").replace(b"\r", b""))))
def test_what_is_written_is_read(parts):
    body = b"".join(b"data: " + part + b"\n\n" for part in parts)
    found = list(events(body))
    assert [event.data for event in found] == parts
    assert all(body[: event.end].endswith(event.data) for event in found)


@given(st.lists(st.sampled_from([b"data:", b"data: x", b"\n", b"\n\n", b":", b"y"]), max_size=12))
def test_the_quick_way_reads_what_the_thorough_one_reads(pieces):
    body = b"".join(pieces)
    assert list(events(body)) == list(_by_line(body, 0))


@given(st.binary(max_size=300))
def test_any_bytes_can_be_read(body):
    assert all(0 <= event.end <= len(body) for event in events(body))


def test_an_event_arrives_with_the_read_that_holds_its_end():
    stamps = Stamps(called_ns=0, chunk_ns=(10, 20), chunk_end=(5, 9), last_byte_ns=30)
    assert [arrival_ns(stamps, end) for end in (1, 5, 6, 9, 10)] == [10, 10, 20, 20, 30]


def test_the_median_gap_is_between_reads_that_brought_tokens():
    stamps = Stamps(called_ns=0, chunk_ns=(10, 20, 40, 80, 300), chunk_end=(5, 10, 15, 20, 25))
    assert itl_s(stamps, [5, 10, 15, 20]) == 20e-9  # gaps 10, 20, 40
    assert itl_s(stamps, [4, 5, 20]) == 70e-9  # two in one read, two reads with none
    assert itl_s(stamps, [5]) is itl_s(stamps, []) is itl_s(stamps, [1, 2]) is None


def test_of_an_even_number_of_gaps_the_middle_two_are_taken():
    stamps = Stamps(called_ns=0, chunk_ns=(0, 1, 3, 7, 107), chunk_end=(1, 2, 3, 4, 5))
    assert itl_s(stamps, [1, 2, 3, 4, 5]) == 3e-9  # of 1, 2, 4 and 100 ns
    assert itl_s(stamps, [1, 2, 3, 4]) == 2e-9
    assert itl_s(stamps, [1, 2]) == 1e-9
    assert itl_s(stamps, [1]) is itl_s(stamps, [1, 1]) is itl_s(stamps, []) is None
    assert itl_s(stamps, [4, 5, 6]) == 100e-9  # of the last read no stamp was kept
