"""Check a run against two witnesses that share nothing with it: a plain run, and the server's log.

Every answer is taken out of its reply and run again in a bare interpreter, by the name that was
asked for, without liftlab's extraction, sandbox, grader or comparison, and its verdict compared;
every attempt is looked up in the log that the server kept by request id. Answers that are right but
for the function's name are listed.

    python benchmarks/verdicts.py [RUN]      # run it where the answers may do no harm
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import liftlab
from liftlab.reporting.text.reasons import answer_notes
from liftlab.store import RunData

PLAIN = """
import json, sys
told = json.load(sys.stdin)
space = {}
exec(compile(told["code"], "answer", "exec"), space)
answers = []
for arguments in told["arguments"]:
    value = space[told["function"]](*arguments)
    answers.append([type(value).__name__, json.dumps(value)])
sys.stdout.write("\\n" + json.dumps(answers))
"""


def main() -> int:
    """Print what was compared and every disagreement; return 1 if there is one."""
    run = liftlab.open_run(sys.argv[1] if len(sys.argv) > 1 else "latest")
    wrong = disagreements(run) + strangers(run)
    for line in [*wrong, *answer_notes(run.grades)]:
        print(line)
    print(f"{run.run.run_id}: {len(run.grades)} verdicts, {len(wrong)} disagreements")
    return 1 if wrong else 0


def disagreements(run: RunData) -> list[str]:
    """Return the trials that a plain run judges otherwise."""
    suite = run.folder.suite()
    cases = {case.case_id: case for case in suite.cases} if suite else {}
    asked = run.trials.set_index(["case_id", "repeat"])["asked_function"].dropna().to_dict()
    wrong = []
    for grade in run.grades.to_dict("records"):
        case = cases[grade["case_id"]]
        reply, own_name = answer_of(run, grade)
        code = None if reply is None else plain_code(reply)
        expected = [check.expected_value() for check in case.checks]
        told = {
            "code": code,
            "function": own_name
            or asked.get((grade["case_id"], grade["repeat"]))
            or case.entry_point,
            "arguments": [check.fresh_args() for check in case.checks],
        }
        passed = code is not None and agrees(plain_answers(told), expected)
        if passed != (grade["outcome"] == "pass"):
            wrong.append(
                f"{grade['case_id']} {grade['repeat']}: {grade['outcome']}, plain: {passed}"
            )
    return wrong


def plain_answers(told: dict[str, Any]) -> list[Any] | None:
    """Return the type and value of each answer, or None where one raised or took too long."""
    command = [sys.executable, "-I", "-c", PLAIN]
    try:
        done = subprocess.run(
            command, input=json.dumps(told), capture_output=True, text=True, timeout=20, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None


def agrees(answers: list[Any] | None, expected: list[Any]) -> bool:
    """Compare by type and JSON text; a float may differ in its last digits."""
    if answers is None:
        return False
    return all(
        (
            isinstance(want, float)
            and kind in ("int", "float")
            and abs(json.loads(got) - want) < 1e-6
        )
        or (kind == type(want).__name__ and json.loads(got) == want)
        for (kind, got), want in zip(answers, expected, strict=True)
    )


def plain_code(reply: str) -> str:
    """Return the last piece between lines with a fence that has a function in it."""
    pieces = re.split(r"^```.*$", reply, flags=re.MULTILINE)
    return next((piece for piece in reversed(pieces) if "def " in piece), reply)


def answer_of(run: RunData, grade: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return what the last stage that wrote code gave, and the name it meant to define."""
    stages = run.stages
    mine = stages[
        (stages["case_id"] == grade["case_id"]) & (stages["repeat"] == grade["repeat"])
    ].sort_values("position")
    for digest in reversed(mine["value_sha256"].dropna().tolist()):
        value = json.loads(run.folder.artifacts.get(digest))
        if "code" in value:
            return value["code"], value["function"]
    return None, None


def strangers(run: RunData) -> list[str]:
    """Return the request ids that only one of the two sides knows."""
    log = run.folder.path / "server.jsonl"
    if not log.exists() or not log.stat().st_size:
        print("the server left no log by request id: attempts are not compared")
        return []
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    served = {entry["request_id"] for entry in entries if entry["request_id"]}
    sent = set(run.attempts["request_id"].dropna())
    print(f"{len(sent)} attempts sent, {len(served)} requests served")
    return [f"{name}: on one side only" for name in sorted(served ^ sent)]


if __name__ == "__main__":
    sys.exit(main())
