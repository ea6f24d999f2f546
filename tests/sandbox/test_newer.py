from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.sandbox.newer import needed

WRITTEN = {
    "def f[T](x: T) -> T:\n    return x\n": (3, 12),
    "async def f[T: (int, str), *Ts, **P](x): pass": (3, 12),
    "class A[T]:\n    def f[U](self, u: U) -> T: pass\n": (3, 12),
    "type X = list[int]\ndef f(x: X): return x": (3, 12),
    "type X[T] = list[T]\n": (3, 12),
    'def f(d): return f"{d["a"]}"\n': (3, 12),
    "def f(d): return f'{d['a']:>{d['w']}} and {d['x']!r}'\n": (3, 12),
    'x = f"{"\\n".join(["a"])}"': (3, 12),
    'x = f"{f"{1 + 2}"}"': (3, 12),
    'x = f"{a["b"]=} {a["b"] != 3}"': (3, 12),
    'def f(d): return f"{d["a"][1:]} {d["b"] and {1: 2}[1]:>4}"': (3, 12),
    'x = f"""{\n a["b"] # c\n}"""': (3, 12),
    "try:\n    pass\nexcept A, B:\n    pass": (3, 14),
    "def f[T](x): return t'{x}'": (3, 14),
}
WRONG = [
    *("x = 1 +", "def f[T](x) return x", 'f"{a b}"', 'f"{}"', 'f"{x!z}"', "f'{x'", "f'}'"),
    *('f"{a["b"]} + ', "type X = ", 'print(f"{x["a"]")', "class A[T:\n pass", 'f"{a["b"]}}"'),
    *("def f[](x): pass", "def f[1](x): pass", "def f[a b](x): pass", "except A, B:", "print 'x'"),
]


@pytest.mark.parametrize("source", WRITTEN)
def test_code_for_a_newer_python(source: str) -> None:
    version = WRITTEN[source]
    if version <= sys.version_info[:2]:
        compile(source, "here", "exec")
    else:
        assert needed(source) == ".".join(map(str, version))


@pytest.mark.parametrize("source", WRONG)
def test_no_python_takes_what_is_wrong(source: str) -> None:
    assert needed(source) is None


@given(st.text(alphabet="f\"'{}[]()!:=\\ \ndefTtype,x1", max_size=60))
def test_any_text_is_told_apart(text: str) -> None:
    assert needed(text) in (None, "3.12", "3.14")
