"""Forty strings that nobody should trust, and a run that is full of them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from liftlab.store import RunData
from liftlab.suite import Case
from liftlab.summary.trials import Exchange, TrialDetails

# Each holds a mark of its own, h01 to h40, by which it is found again wherever it went.
STRINGS = (
    "h01 <script>alert(1)</script>",
    "h02 <img src=x onerror=alert(1)>",
    "h03 </td></table></details>",
    "h04 </style><script>alert(1)",
    "h05 </title><svg/onload=alert(1)>",
    'h06 " onmouseover="alert(1)',
    "h07 ' autofocus onfocus='alert(1)",
    "h08 javascript:alert(1)",
    "h09 [x](javascript:alert(1))",
    "h10 ![x](http://evil.example/x.png)",
    "h11 <http://evil.example>",
    "h12 @team #1 !1 :+1:",
    "h13 | a | b |",
    "h14 `code` ``` ~~~",
    "h15 $\\frac{a}{b}$ $$x$$",
    "h16 {{ 7 * 7 }} {% raw %}",
    "h17 {0.__class__} %s %(x)s",
    "=cmd|' /C calc'!A0 h18",
    "+1+1 h19",
    "-1+1 h20",
    "@SUM(1) h21",
    "\t=1+1 h22",
    "\r\nBcc: evil@example.org h23",
    "h24 \x1b[31mred\x1b]0;title\x07",
    "h25 \x00\x08\x7f\x9b2J",
    "h26 \u202egnp.exe",
    "h27 \u2066\u2069\u200f\u061c",
    "h28 a\u200bb\u2060c\ufeffd\u00ade",
    "h29 " + "".join(chr(0xE0000 + ord(letter)) for letter in "hidden"),
    "h30 Z" + 60 * "\u0300\u0489",
    "h31 \u0e01" + 40 * "\u0e49",
    "h32 \ufff9\ufffb\uffff\ufffe",
    "h33 \u3164\u115f\uffa0",
    "h34 \u2028\u2029\x85",
    "h35 " + 300 * "x",
    "h36 \U0001f469\u200d\U0001f4bb \ufdfd",
    "../../etc/passwd h37",
    "C:\\con\\nul h38",
    "h39 <!-- --> <![CDATA[ ]]> &lt;b&gt;",
    "h40 <a href=//evil.example target=_blank>",
)


def renamed(run: RunData, strings: Sequence[str]) -> RunData:
    """Return a run in which every text that came from outside is one of the strings."""
    cases = dict(zip(run.trials["case_id"].unique(), itertools.cycle(strings)))
    tables = {
        name: getattr(run, name).assign(case_id=getattr(run, name)["case_id"].map(cases))
        for name in ("trials", "stages", "attempts")
    }
    trials = tables["trials"]
    several = [text for _, text in zip(range(len(trials)), itertools.cycle(strings))]
    failed = trials["outcome"] == "fail"
    tables["trials"] = trials.assign(
        category=several,
        difficulty=several[::-1],
        failure_class=trials["failure_class"].where(~failed, several),
    )
    names = (
        "model", "endpoint", "hardware", "suite", "pipeline", "protocol", "platform", "python",
        "git_commit", "liftlab_version", "left_out",
    )  # fmt: skip
    row = replace(run.run, **dict(zip(names, itertools.cycle(strings[::3]), strict=False)))
    return replace(run, run=row, **tables)


def kept_of(run: RunData, text: str) -> TrialDetails:
    """Return a trial of which a model, an endpoint and a grader wrote nothing but the text."""
    case = str(run.trials["case_id"].iloc[0])
    mine = {name: getattr(run, name) for name in ("stages", "attempts")}
    rows = {name: table[table["case_id"] == case] for name, table in mine.items()}
    rows["attempts"] = rows["attempts"].assign(finish_reason=text)
    check = dict.fromkeys(("call", "expected", "actual", "error"), text)
    exchange = Exchange(
        stage="ir_to_code", attempt=1, prompt=text, system=text, schema=None, reply=text
    )
    return TrialDetails(
        run=run,
        case_id=text,
        repeat=1,
        trial={"outcome": "fail", "failure_class": text, "e2e_s": 1.0, "checks_total": 1}
        | {"checks_passed": 0},
        checks=pd.DataFrame([check | {"passed": False}]),
        exchanges=(exchange,),
        ir=text,
        code=text,
        facets={"exception": text, "message": text, "line": 1},
        case=Case(case_id="x", prompt=text, entry_point="f", checks=()),
        **rows,
    )
