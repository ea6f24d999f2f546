"""The library for tests beside the answer: theirs to replace, and not the answer's."""

from __future__ import annotations

import pytest

from liftlab.sandbox import Sandbox
from tests.grading.test_beside import judged


@pytest.mark.parametrize(
    ("imports", "patch", "wanted"),
    [
        ("import os", "import os; os.path.exists = lambda p: True", "os.path.exists('/no')"),
        ("from os import path", "import os; os.path.exists = lambda p: True", "path.exists('/no')"),
        (
            "from unittest import mock",
            "import unittest.mock as m; m.Mock.assert_called = lambda s: None",
            "mock.Mock().assert_called() is None",
        ),
        (
            "from xml.etree import ElementTree as E",
            "import xml.etree.ElementTree as E; E.fromstring = lambda s: [1]",
            "list(E.fromstring('<a/>')) == [1]",
        ),
        (
            "import re; from math import isclose",
            "import math; math.isclose = lambda a, b: True",
            "isclose(1, 2)",
        ),
        (
            "import copy",
            "import copy; copy._deepcopy_dispatch[list] = lambda x, memo: []",
            "copy.deepcopy([1]) == []",
        ),
        (
            "import re",
            "import re; re._cache[str, 'x', 0] = re.compile('y')",
            "re.match('x', 'y')",
        ),
        ("import re", "__builtins__.__dict__['sorted'] = len", "sorted('ab') == 2"),
        ("import re", "import re; (lambda: 0).__builtins__['sorted'] = len", "sorted('ab') == 2"),
        (
            "import re",
            "import sys; sys._getframe(1).f_builtins['sorted'] = len",
            "sorted('ab') == 2",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("late", [False, True])
def test_what_the_tests_use_of_the_library(
    imports: str, patch: str, wanted: str, late: bool, sandbox: Sandbox
) -> None:
    tests = f"{imports}\ndef check(f):\n    f(1)\n    assert {wanted}\n"
    code = f"def f(x):\n    {patch}" if late else f"{patch}\ndef f(x): pass"
    assert judged(code, tests, sandbox).outcome == "fail"


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("'builtins.print', side_effect=given.append", "def f(x): print(x)"),
        ("'random.randint', side_effect=lambda a, b: given.append(b)",
         "import random\ndef f(x): random.randint(9, x)"),
        ("'os.path.exists', side_effect=given.append", "import os\ndef f(x): os.path.exists(x)"),
        ("'time.sleep', side_effect=given.append", "import time\ndef f(x): time.sleep(x)"),
        ("'builtins.open', side_effect=given.append", "def f(x): list(map(open, [x]))"),
    ],
)  # fmt: skip
def test_what_the_tests_replace_stays_between_calls(
    target: str, code: str, sandbox: Sandbox
) -> None:
    tests = (
        "from unittest.mock import patch\ndef check(f):\n    given = []\n"
        f"    with patch({target}):\n        f(600)\n        f(700)\n"
        "    assert given == [600, 700], given\n"
    )
    graded = judged(code, tests, sandbox)
    assert graded.outcome == "pass", graded.facets


@pytest.mark.parametrize("how", ["contextlib.redirect_stdout(out)", "patch('sys.stdout', out)"])
def test_output_that_the_tests_catch_of_two_calls(how: str, sandbox: Sandbox) -> None:
    tests = (
        "import contextlib, io, sys\nfrom unittest.mock import patch\ndef check(f):\n"
        f"    out = io.StringIO()\n    with {how}:\n        f(1)\n        f(2)\n"
        "    assert out.getvalue() == '1\\n2\\n'\n"
    )
    graded = judged("def f(x): print(x)", tests, sandbox)
    assert graded.outcome == "pass", graded.facets
