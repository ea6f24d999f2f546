"""A record is the same once it has been through JSON."""

from __future__ import annotations

import json
from dataclasses import asdict

from liftlab.sessions.record import Exchange, Record

ONE = Exchange(at="1", call="read", method="GET", path="/x", user="a", status=200)


def test_a_record_comes_back() -> None:
    record = Record(
        exchanges=[ONE, Exchange(at="2", call="b", method="PUT", path="", user="b", judged=False)],
        overs=["1"],
        untested="why",
        down=True,
        lost_kept=True,
    )
    assert Record.from_json(json.loads(json.dumps(asdict(record)))) == record


def test_a_record_begins_with_nothing_amiss() -> None:
    record = Record()
    assert (record.exchanges, record.overs) == ([], [])
    assert (record.fault, record.untested, record.down, record.lost_kept) == (
        None,
        None,
        False,
        False,
    )
    assert ONE.judged
    assert (ONE.reply_sha256, ONE.error_class, ONE.elapsed_s) == (None, None, None)
