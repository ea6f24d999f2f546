"""A file of checks is read whole, or its fault is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from liftlab.errors import SuiteInvalid, UnknownName, UsageError
from liftlab.sessions.checks import parse

API = """
[api.calls.create]
method = "POST"
makes = "id"
[api.calls.read]
method = "GET"
path = "/{id}"
[api.clean_up]
call = "read"
"""
CHECK = '[[check]]\nid = "one"\ngroup = "g"\nwhy = "w"\nseverity = "minor"\n'


def read(text: str) -> object:
    return parse(text.encode(), Path("checks.toml"))


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ('call = "reat"', "no call 'reat'"),
        ('call = "read"', "variable 'id'"),
        ('call = "create"\nwait = 1', "one of call"),
        ('call = "create"\nexpect = { status = "6xx" }', "[1-5]"),
        ('call = "create"\nexpect = { that = { at = "a..b", equals = 1 } }', "no path"),
        ('call = "create"\nexpect = { that = { at = "a" } }', "one comparison"),
        (
            'call = "create"\nexpect = { that = { at = "a", fits = { type = "texts" } } }',
            "not a JSON Schema",
        ),
        ('call = "create"\nexpect = { code = "f(x) -> 1" }', "not an example"),
        ('call = "create"\nexpect = { reply = "note" }', "no schema 'note'"),
        ('call = "create"\nexpect = { error = true }', "needs [api] error"),
        ('call = "create"\nbody = { "$repat" = ["x", 2] }', "neither $repeat"),
        ('call = "create"\nbody = { "$repeat" = ["x", 99999999] }', "too large"),
        ('call = "create"\nparallel = 2\nrepeat = 2', "one of repeat, parallel, each"),
        ("wait = 1\nuser = 'b'", "goes with call"),
        ('call = "create"\nbody = 1\nraw = "x"', "one of body"),
        ('call = "create"\nunknown = 1', "unknown key"),
    ],
)
def test_faults_are_told(step: str, said: str) -> None:
    with pytest.raises(SuiteInvalid) as raised:
        read(f"{API}{CHECK}[[check.step]]\n{step}\n")
    assert said in str(raised.value)
    assert raised.value.line is not None


def test_an_id_is_taken_once() -> None:
    step = '[[check.step]]\ncall = "create"\n'
    with pytest.raises(SuiteInvalid, match="taken by another"):
        read(f"{API}{CHECK}{step}{CHECK}{step}")


def test_what_is_made_must_go() -> None:
    api = API.partition("[api.clean_up]")[0]
    with pytest.raises(SuiteInvalid, match="clean_up"):
        read(f'{api}{CHECK}[[check.step]]\ncall = "create"\n')


@pytest.mark.parametrize(
    ("api", "said"),
    [
        ('[api]\nuser_header = "x\\ny"\n', "cannot be set as a header"),
        ('[api]\nheaders = { accept = "a\\nb" }\n', "HTTP cannot carry"),
        ('[api.calls.list]\nmethod = "GET"\npath = "/{team}"\n', "'list' needs 'team'"),
    ],
)
def test_what_no_call_could_send_is_told(api: str, said: str) -> None:
    listing = 'listing = "list"\n' if "list" in api else ""
    with pytest.raises(SuiteInvalid, match=said):
        read(f'{api}{API}{listing}{CHECK}[[check.step]]\ncall = "create"\n')


def test_checks_are_chosen_by_their_ids() -> None:
    checks = parse(f'{API}{CHECK}[[check.step]]\ncall = "create"\n'.encode(), Path("checks.toml"))
    assert [check.id for check in checks.only(["one"]).check] == ["one"]
    with pytest.raises(UnknownName, match="did you mean 'one'"):
        checks.only(["onee"])
    with pytest.raises(UsageError, match="cannot be set as a header"):
        checks.only([], "x-größe")
