"""Tests beside the answer: what lies about itself, or about the library, wins nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from liftlab import suite
from liftlab.grading import Graded, grade
from liftlab.sandbox import Sandbox

LIAR = """
class A:
    def __eq__(self, other): return True
    __lt__ = __gt__ = __ne__ = __contains__ = __eq__
    def __hash__(self): return 0
"""
SORTED = """
def check(f):
    for given in ([3, 1, 2], [5, 4]):
        assert {how}(f(list(given))) == {how}(sorted(given))
"""
KEPT = "[f(l), f(l)][0] == [9, 9, 9]"
DRAWN = "''.join(random.choice('abc') for _ in range(9))"
COUNTED = "''.join(collections.Counter('ab'))"
CHOSEN = """
def check(f):
    import collections, copy, itertools, math, string
    from random import choice, randint, sample
    letters = string.ascii_lowercase
    for _ in range(50):
        text = ''.join(choice(letters) for _ in range(randint(10, 20)))
        assert f(copy.copy(text)) == text[::-1]
        number = randint(2, 9) + 0.5
        assert f(str(math.floor(number))) == str(math.floor(number))
        pair = ''.join(itertools.chain(*sample([['a'], ['b']], 2)))
        assert f(pair) == pair[::-1]
        assert f('ab' * 3).count('b') == collections.Counter('ab' * 3)['a']
"""
RIGHT = "def f(s): return s[::-1]"


def judged(code: str, tests: str, sandbox: Sandbox) -> Graded:
    row = {
        "task_id": "T/1",
        "prompt": "def f(x):\n",
        "entry_point": "f",
        "canonical_solution": "    return x\n",
        "test": tests,
    }
    [case] = suite.parse(json.dumps(row).encode(), Path("x.jsonl")).cases
    graded = grade(code, case, sandbox=sandbox)
    assert graded.verdict_integrity == "in-process"
    return graded


@pytest.mark.parametrize("how", ["tuple", "list", "sorted"])
@pytest.mark.parametrize(
    "made",
    [
        *("iter({})", "map(lambda x: x, {})", "(x for x in {})", "filter(None, {})"),
        *("reversed({})", "dict(enumerate({})).values()", "itertools.islice({}, 9)"),
        *("itertools.chain({})", "collections.OrderedDict(enumerate({})).values()"),
    ],
)
def test_what_a_liar_is_wrapped_in(made: str, how: str, sandbox: Sandbox) -> None:
    code = f"import collections, itertools\n{LIAR}\nkeep = [A(), A(), A()]\n"
    tests = SORTED.format(how=how)
    graded = judged(f"{code}def f(l): return {made.format('keep[:len(l)]')}", tests, sandbox)
    assert graded.outcome == "fail"


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("def f(l): l[:] = [A() for _ in l]", "l == [1, 9, 9]"),
        ("def f(l): l[1] = iter([A()])", "list(l[1]) == [9]"),
        ("def f(l): l[1] = lambda: A()", "l[1]() == 9"),
        # looked at when it is given, and changed thereafter
        ("k = []\ndef f(l):\n  if k: k[0][:] = [A()] * 3\n  k.append([]); return k[-1]", KEPT),
        ("def f(l): return lambda: [A() for _ in l]", "f([1])() == [9]"),
        ("def f(l): return zip([A()])", "list(f(l)) == [(9,)]"),
        ("def f(l): return {1: A()}.items()", "list(f(l)) == [(1, 9)]"),
        ("class I(A):\n  def __next__(s): return A()\ndef f(l): return I()", "f(l) == 9"),
        ("class I(A):\n  def __next__(s): return A()\ndef f(l): return I()", "next(f(l)) == 9"),
        ("class I(A):\n  def __call__(s): return s\ndef f(l): return I()", "f(l)() == 9"),
        ("from functools import partial\ndef f(l): return partial(A)", "f(l)() == 9"),
        ("def f(l): return [iter([A()])]", "[list(x) for x in f(l)] == [[9]]"),
        ("def f(l): return slice(A())", "f(l) == slice(9)"),
        ("def f(l): return list[A()]", "f(l) == list[9]"),
        ("import types\ndef f(l): return types.SimpleNamespace(x=A())",
         "f(l) == __import__('types').SimpleNamespace(x=9)"),
        ("from collections import deque\ndef f(l): return deque([A()])",
         "f(l) == __import__('collections').deque([9])"),
        ("from collections import defaultdict\ndef f(l): return defaultdict(A)", "f(l)[0] == 9"),
        ("from fractions import Fraction\ndef f(l):\n  x = Fraction(1, 2)\n"
         "  x._numerator = x._denominator = A()\n  return x",
         "f(l) == __import__('fractions').Fraction(9)"),
        ("from pathlib import Path\ndef f(l):\n  x = Path('a')\n"
         "  for name in ('_cached_cparts', '_parts_normcase_cached', '_str_normcase_cached'):\n"
         "    if hasattr(Path, name): setattr(x, name, A())\n  return x",
         "f(l) == __import__('pathlib').Path('b')"),
        ("from collections import Counter\nCounter.__eq__ = lambda a, b: True\n"
         "def f(l): return Counter()", "f(l) == 9"),
        ("from fractions import Fraction\nFraction.__eq__ = lambda a, b: True\n"
         "def f(l): return Fraction(1)", "f(l) == 9"),
        ("from fractions import Fraction\ndef f(l):\n  Fraction.__eq__ = lambda a, b: True\n"
         "  return Fraction(1)", "f(l) == 9"),
        ("import datetime as d\nclass Z(d.tzinfo):\n  utcoffset = lambda s, t: d.timedelta()\n"
         "def f(l): return d.datetime(2000, 1, 1, tzinfo=Z())",
         "f(l) == __import__('datetime').datetime.fromisoformat('2000-01-01T00:00+00:00')"),
        ("import sys\ndef f(l):\n  def skip(frame, event, _):\n"
         "    if frame.f_code.co_name == 'check': frame.f_lineno = 5\n    return skip\n"
         "  sys.settrace(skip); sys._getframe(2).f_trace = skip", "l == 9"),
    ],
)  # fmt: skip
def test_other_liars(code: str, wanted: str, sandbox: Sandbox) -> None:
    called = "" if "f(" in wanted else "f(l)"
    tests = f"def check(f):\n for l in [[1, 1, 1]]:\n  {called}\n  assert {wanted}\n  l = []"
    assert judged(LIAR + code, tests, sandbox).outcome == "fail"


def test_a_liar_is_not_caught_by_the_tests(sandbox: Sandbox) -> None:
    tests = "def check(f):\n    for x in range(3):\n        try: f(x)\n        except: pass\n"
    assert judged("def f(x): return x", tests, sandbox).outcome == "pass"
    graded = judged(f"{LIAR}def f(x): return A()", tests, sandbox)
    assert graded.facets["message"] == "A"


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    ("patch", "text"),
    [
        ("import random; random.choice = lambda s: 'a'", "''.join(choice('bc') for _ in range(9))"),
        ("import random; random.choice = lambda s: 'a'", "random.choice('bc') + 'a'"),
        (
            "import random; random.Random.choice = lambda *a: 'a'",
            "random.Random(1).choice('bc') + 'a'",
        ),
        ("import random; random.Random.choice.__code__ = (lambda s, seq: 'a').__code__", DRAWN),
        ("import random; random._inst._randbelow = lambda n: 0", DRAWN),
        ("import random; random.len = lambda s: 1", DRAWN),
        ("import random; random.choices = lambda s, k: ['a']", "''.join(choices('abc', k=9))"),
        ("import string; string.ascii_lowercase = 'a'", "string.ascii_lowercase"),
        ("import sys, types; sys.modules['string'] = types.SimpleNamespace(x='a')", "string.x"),
        (
            "import sys, types; sys.modules['math'] = types.SimpleNamespace(floor=len)",
            "str(math.floor([1] * 11))",
        ),
        ("import math; math.floor = lambda x: 1", "str(math.floor(12.5))"),
        ("import itertools; itertools.chain = lambda *a: 'aa'", "''.join(itertools.chain('ab'))"),
        ("import copy; copy.copy = lambda x: 'a'", "copy.copy('ab')"),
        ("import collections; collections.Counter = lambda x: 'a'", "''.join(Counter('ab'))"),
        ("import collections as c; c.Counter.__iter__ = lambda s: iter('a')", COUNTED),
    ],
)
def test_a_patched_library_helps_nobody(
    patch: str, text: str, late: bool, sandbox: Sandbox
) -> None:
    tests = (
        "def check(f):\n    import collections, copy, itertools, math, random, string\n"
        "    f('')\n    from collections import Counter\n"
        "    from random import Random, choice, choices\n"
        f"    for _ in range(9):\n        text = {text}\n        assert f(text) == text[::-1]\n"
    )
    where = f"def f(s):\n    {patch}\n    return s" if late else f"{patch}\ndef f(s): return s"
    assert judged(where, tests, sandbox).outcome == "fail"


def test_a_module_of_the_answers_own_making_helps_nobody(sandbox: Sandbox) -> None:
    tests = "def check(f):\n    for x in range(1, 4):\n        assert math.fabs(f(x) - x) < 0.1\n"
    fake = "class math:\n    fabs = lambda x: 0\ndef f(x): return 9"
    assert judged(fake, tests, sandbox).outcome == "fail"
    assert judged("import math\ndef f(x): return x", tests, sandbox).outcome == "pass"
    assert judged("def f(x): return x", tests, sandbox).failure_class == "name_error"


@pytest.mark.parametrize(
    "code",
    [
        RIGHT,
        "import random, string, math, itertools, copy, collections\n"
        "random.seed(7)\ndef f(s):\n    n = random.randint(0, 9) + math.floor(1.5)\n"
        "    return ''.join(itertools.chain(*copy.deepcopy(collections.deque(s[::-1]))))",
        "import string\nstring.mine = 'x'\ndef f(s): return s[::-1]",
        "import sys\nsys.setrecursionlimit(5000)\ndef f(s): return f(s[1:]) + s[0] if s else ''",
    ],
)
def test_honest_answers_pass(code: str, sandbox: Sandbox) -> None:
    assert judged(code, CHOSEN, sandbox).outcome == "pass"


@pytest.mark.parametrize(
    ("code", "tests"),
    [
        ("def f(x): return map(str, range(x))", "list(f(x)) == [str(n) for n in range(x)]"),
        ("def f(x):\n    while True: yield x", "next(f(x)) == x"),
        ("def f(x): return {n: 1 for n in range(x)}.keys()", "f(x) == set(range(x))"),
        ("def f(x): return {x: 1}.items()", "list(f(x)) == [(x, 1)]"),
        ("import itertools\ndef f(x): return itertools.count(x)", "next(f(x)) == x"),
        ("def f(x): return lambda y: x + y", "f(x)(2) == x + 2"),
        ("async def f(x): return x", "__import__('asyncio').run(f(x)) == x"),
        (
            "from collections import *\ndef f(x):\n    d = OrderedDict(a=1, b=2)\n"
            "    d.move_to_end('a')\n    return [d, d.keys(), Counter('aa'), deque([1], 1)]",
            "[*f(x)[0]] == [*f(x)[1]] == ['b', 'a'] and f(x)[2:] == [{'a': 2}, __import__"
            "('collections').deque([1])]",
        ),
        (
            "from collections import defaultdict\ndef f(x):\n    d = defaultdict(list)\n"
            "    d[x].append(1)\n    return d",
            "f(x) == {x: [1]} and f(x)['new'] == []",
        ),
        (
            "import datetime as d\ndef f(x): return d.datetime(2000, 1, 1, tzinfo=d.timezone.utc)",
            "f(x).year == 2000",
        ),
        (
            "from fractions import Fraction\nimport pathlib, uuid\n"
            "def f(x): return Fraction(x, 2), pathlib.Path('a') / 'b', uuid.UUID(int=x)",
            "f(x)[0] * 2 == x and str(f(x)[1]) == 'a/b' and f(x)[2].int == x",
        ),
        (
            "class f:\n    def __init__(self, x): self.x = x\n    def __iter__(self): return self\n"
            "    def __next__(self):\n        self.x -= 1\n        if self.x < 0:\n"
            "            raise StopIteration\n        return self.x",
            "list(f(x)) == list(reversed(range(x)))",
        ),
        ("class f:\n    def __init__(s, x): s.x = x\n    def __call__(s, y): return y - s.x",
         "f(x)(x) == 0"),
        ("import functools\ndef f(x): return functools.partial(max, x)", "f(x)(9) == 9"),
        ("def f(x): return x.__add__", "f(x)(1) == x + 1"),
        ("def f(x): return x", "(lambda l: f(l) is l)([x])"),
        ("def f(x): x.append(1)", "(lambda l: [f(l), l][1])([x]) == [x, 1]"),
    ],
)  # fmt: skip
def test_what_honest_answers_give(code: str, tests: str, sandbox: Sandbox) -> None:
    tests = f"def check(f):\n    for x in range(1, 4):\n        assert {tests}\n"
    graded = judged(code, tests, sandbox)
    assert graded.outcome == "pass", graded.facets


SEARCH = """
import gc, re, sys
def tokens():
    seen, frame = {}, sys._getframe(0)
    pending = gc.get_objects()
    while frame:
        pending += [frame, frame.f_locals, frame.f_globals, frame.f_builtins]
        frame = frame.f_back
    while pending:
        item = pending.pop()
        if id(item) in seen:
            continue
        seen[id(item)] = item
        pending += gc.get_referents(item)
        if isinstance(item, (str, bytes, bytearray)):
            text = item if isinstance(item, str) else item.decode("latin-1")
            words = re.findall("(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])", text)
            yield from (word for word in words if len(set(word)) > 4)
"""


@pytest.mark.parametrize("found", ["FOUND = [*tokens()]\ndef f(x): return FOUND",
                                   "def f(x): return [*tokens()]"])  # fmt: skip
def test_the_token_is_in_no_frame_and_no_object(found: str, sandbox: Sandbox) -> None:
    tests = "def check(f):\n    assert f(1) == []\n"
    graded = judged(SEARCH + found, tests, sandbox)
    assert graded.outcome == "pass", graded.facets


TEXT = """
class S(str):
    def __eq__(self, other): return True
    __hash__, __contains__ = str.__hash__, __eq__
class V(ValueError):
    def __str__(self): return S('x')
    args = S('x')
    code = S('x')
"""


@pytest.mark.parametrize(
    "code",
    [
        "def f(x): raise V(x)",
        "def f(x): raise ValueError(S('x'))",
        "def f(x):\n    yield\n    raise V(x)",
        "def f(x):\n    error = ValueError('x')\n    error.code = S('x')\n    raise error",
        "def f(x): raise ValueError('x') from V(x)",
        "async def f(x): raise V(x)",
    ],
)
@pytest.mark.parametrize(
    "wanted", ["str(error) == 'no'", "'no' in str(error)", "error.args[0] == 'no'",
               "error.code == 'no'", "str(error.__cause__) == 'no'"]
)  # fmt: skip
def test_an_error_with_parts_that_lie(code: str, wanted: str, sandbox: Sandbox) -> None:
    called = "__import__('asyncio').run(f(1))" if "async" in code else "list(f(1))"
    tests = (
        f"def check(f):\n    try:\n        {called}\n    except ValueError as e:\n"
        f"        error = e\n    assert {wanted}\n"
    )
    assert judged(TEXT + code, tests, sandbox).outcome == "fail"


@pytest.mark.parametrize(
    ("raised", "wanted", "told"),
    [
        ("ValueError('a', x)", "ValueError", "error.args == ('a', 3)"),
        ("E('a', x)", "ValueError", "str(error) == 'a' and error.n == 3"),
        ("E('a', x)", "E", "type(error).__name__ == 'E' and error.n == 3"),
        ("T(x)", "(KeyError)", "isinstance(error, ValueError) and str(error) == 'told 3'"),
        ("OSError(2, 'a', 'b')", "FileNotFoundError", "(error.errno, error.filename) == (2, 'b')"),
        ("O(2, 'a', 'b')", "OSError", "(error.errno, error.filename) == (2, 'b')"),
        ("SystemExit(x)", "SystemExit", "error.code == 3"),
        ("UnicodeDecodeError('utf-8', b'a', 0, 1, 'c')", "UnicodeError", "error.reason == 'c'"),
        ("__import__('json').JSONDecodeError('a', 'b', 0)", "ValueError", "error.colno == 1"),
        ("StopIteration(x)", "StopIteration", "error.value == 3"),
        ("ValueError(object)", "ValueError", "error.args[0] is object"),
        ("E('a', lambda: x)", "ValueError", "error.n() == 3"),
    ],
)
def test_what_honest_errors_say(raised: str, wanted: str, told: str, sandbox: Sandbox) -> None:
    code = (
        "class E(ValueError):\n    def __init__(self, a, n):\n        super().__init__(a)\n"
        "        self.n = n\nclass T(KeyError, ValueError):\n"
        "    def __str__(self): return f'told {self.args[0]}'\nclass O(OSError): pass\n"
        f"def f(x): raise {raised}"
    )
    tests = (
        "def check(f):\n    class Own(Exception): pass\n    try:\n        f(3)\n"
        f"    except {wanted} as e:\n        error = e\n    assert {told}\n"
    )
    graded = judged(code, tests, sandbox)
    assert graded.outcome == "pass", graded.facets


def test_an_error_of_the_tests_own_comes_back(sandbox: Sandbox) -> None:
    tests = (
        "def check(f):\n    class Own(Exception): pass\n    def call(): raise Own('a')\n"
        "    try:\n        f(call)\n    except Own as error:\n        assert error.args == ('a',)\n"
        "    else:\n        assert False\n"
    )
    graded = judged("def f(x): x()", tests, sandbox)
    assert graded.outcome == "pass", graded.facets


@pytest.fixture(scope="module")
def with_numpy() -> Iterator[Sandbox]:
    with Sandbox(packages=["numpy"]) as box:
        yield box


@pytest.mark.parametrize(
    ("given", "wanted", "outcome"),
    [
        ("np.arange(x)", "np.array_equal(f(3), [0, 1, 2])", "pass"),
        ("np.arange(x)", "numpy.testing.assert_array_equal(f(3), [0, 1, 2]) is None", "pass"),
        ("np.float64(x)", "f(3) == 3", "pass"),
        ("np.array(['a', None], dtype=object)", "list(f(3)) == ['a', None]", "pass"),
        ("np.array([A()])", "f(3)[0] == 3", "fail"),
        ("[np.array([A()])]", "f(3)[0][0] == 3", "fail"),
        ("type('B', (np.ndarray,), {'__eq__': lambda a, b: True})(3)", "f(3) == 3", "fail"),
        ("type('B', (np.float64,), {'__eq__': lambda a, b: True})(4)", "f(3) == 3", "fail"),
        ("setattr(np, 'allclose', lambda *a: 1) or 4", "numpy.allclose(f(3), 3)", "fail"),
        (
            "setattr(np.testing.assert_allclose, '__defaults__', (9, 0, True, '', 1)) or 4",
            "np.testing.assert_allclose(f(3), 3) is None",
            "fail",
        ),
        (
            "setattr(np.testing, 'assert_allclose', lambda *a: 1) or 4",
            "numpy.testing.assert_allclose(f(3), 3) is None",
            "fail",
        ),
    ],
)
def test_arrays_beside_tests(given: str, wanted: str, outcome: str, with_numpy: Sandbox) -> None:
    code = f"import numpy as np\n{LIAR}\ndef f(x): return {given}"
    tests = f"import numpy, numpy as np\ndef check(f):\n    assert {wanted}\n"
    graded = judged(code, tests, with_numpy)
    assert graded.outcome == outcome, graded.facets
    assert graded.outcome == "pass" or graded.failure_class == "wrong_answer"
