"""Run an answer and, beside it, the tests that name its functions.

This file is sent to the sandbox as source, with the answer and the tests as arguments: the answer
keeps its line numbers, and can't swallow the tests by ending in the middle of something.
Standard library only.
"""

from __future__ import annotations

import builtins
import itertools
import random
import re
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from importlib import import_module
from types import BuiltinFunctionType, CoroutineType, FunctionType, MethodType, ModuleType
from typing import Any

# A copy for what stands below and for the tests: an answer can replace the interpreter's own.
_USUAL = dict(vars(builtins))
globals()["__builtins__"] = _USUAL

_ANSWER = "<candidate>"
_MESSAGE_CHARS = 300
_DEEPEST = 50
_MADE_AT_RUN_TIME = 1 << 9  # CPython's flag for classes that are no part of the interpreter
_IMPORTED = re.compile(
    r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import\b|import[ \t]+(.+))", re.MULTILINE
)
_USED = re.compile(r"\b([A-Za-z_]\w*)\s*\.")
_AS_GIVEN = (
    *(type(None), bool, int, float, complex, str, bytes, bytearray, memoryview, range, object),
    *(type(...), type(NotImplemented)),
)
# Whose values an answer may give, too; others, such as a mock's, could claim to equal anything.
_VALUE_CLASSES = {
    "datetime": ("date", "datetime", "time", "timedelta", "timezone"),
    "decimal": ("Decimal",),
    "fractions": ("Fraction",),
    "pathlib": ("Path", "PosixPath", "PurePath", "PurePosixPath"),
    "uuid": ("UUID",),
    "zoneinfo": ("ZoneInfo",),
}
_NOT_COMPARED = ("__weakref__", "is_safe", "_info")
_FUNCTIONS = (FunctionType, MethodType, BuiltinFunctionType)
_DICTIONARIES = (dict, defaultdict, OrderedDict, Counter)
_KEYS: tuple[type, ...] = (type({}.keys()), type(OrderedDict().keys()))
_VALUES: tuple[type, ...] = (type({}.values()), type(OrderedDict().values()))
_ITEMS: tuple[type, ...] = (type({}.items()), type(OrderedDict().items()))
_ITERATORS = [item for item in vars(itertools).values() if type(item) is type]
_untrace = (sys.settrace, sys.setprofile)
_missing = object()


class _OwnClassError(BaseException):
    """The answer gave a value of a class of its own, which could claim to equal anything."""


def run_tests(
    answer: bytes, tests: str, name: str | None, *, token: Callable[[], str]
) -> dict[str, Any] | str:
    """Return the token if the answer loads and its tests raise nothing, else what was raised.

    Parameters
    ----------
    answer
        The source of the answer.
    tests
        Asserts that call it.
    name
        The function under test; values of classes of the answer's own are refused from it.
    token
        Gives, once, what was made for this run alone, so that no answer can print the verdict.
    """
    run, make, describe, module = exec, compile, _described, ModuleType("candidate")
    sys.modules["candidate"] = module
    random.seed(0)  # the same verdict every time
    text = answer.decode("latin-1") + tests
    named = _modules(_names(tests))
    compared = {"collections"} | {module for module in _VALUE_CLASSES if module in text}
    kept = _Kept(named | _modules(compared) | _parts(named))
    guard = _Guard(text, kept.restore)

    def passes(_: None) -> bool:
        run(make(answer, _ANSWER, "exec"), module.__dict__)
        kept.restore()
        # The tests call the built-in functions as they were, whatever the answer made of them.
        taken = _USUAL.keys() - {"__name__", "__doc__"}
        space = {key: item for key, item in module.__dict__.items() if key not in taken}
        space |= {key: item for key, item in named.items() if key in space and key != name}
        space["__builtins__"] = _USUAL
        function = _function(module.__dict__, name)
        kept.restore()  # making a `Solution` runs the answer's code
        if callable(function):
            space[name or ""] = guard.guarded(function)
        run(make(tests, "<tests>", "exec"), space)
        if guard.refused:
            raise _OwnClassError(guard.refused)
        return True

    # While `passes` runs, a variable of `compress` has the token: no frame does, and no object.
    verdict = itertools.compress(iter(token, None), map(passes, [None]))
    try:
        return next(verdict)
    except BaseException as error:
        return {"not_plain": guard.refused} if guard.refused else describe(error)


def _names(tests: str) -> set[str]:
    """Return the names in tests that may be a module's."""
    names = set(_USED.findall(tests))
    for found in _IMPORTED.finditer(tests):
        names |= {part.split()[0] for part in (found[1] or found[2]).split(",") if part.split()}
    return names - {"antigravity", "this"}  # which do something when they are imported


def _function(space: dict[str, Any], name: str | None) -> Any:
    """Return the function under test; a method of the class `Solution` counts."""
    function, owner = space.get(name or ""), space.get("Solution")
    if name is None or callable(function) or not isinstance(owner, type):
        return function
    return getattr(owner(), name, None)


def _packages() -> set[str]:
    """Return the packages that the worker has imported for answers."""
    loaded = {name.partition(".")[0] for name in sys.modules}
    return loaded - sys.stdlib_module_names - {"candidate"}


def _parts(named: Iterable[str]) -> dict[str, ModuleType]:
    """Return the modules right in the packages that tests name, such as `numpy.testing`."""
    packages = _packages().intersection(named)
    parts = {name: name.rpartition(".")[0] for name in sys.modules}
    return {name: sys.modules[name] for name, package in parts.items() if package in packages}


def _modules(names: Iterable[str]) -> dict[str, ModuleType]:
    """Import those names that are modules of the library's, or of packages for answers."""
    found = {}
    library = sys.stdlib_module_names | _packages()
    for name in sorted(names):
        if name.partition(".")[0] in library:
            try:
                found[name] = import_module(name)
            except ImportError:
                continue
    return found


class _Kept:
    """Modules as they were before the answer, which can replace what is in them."""

    def __init__(self, modules: dict[str, ModuleType]) -> None:
        self._modules = modules
        # An owner, what it had, and whether it may have more.
        self._owners: list[tuple[Any, dict[str, Any], bool]] = []
        self._functions: list[tuple[FunctionType, Any, Any, Any]] = []
        for module in modules.values():
            self._keep(module, more=module is sys)
            for item in vars(module).values():
                if isinstance(item, type):
                    if _is_made(item) and _package(item.__module__) == _package(module.__name__):
                        self._keep(item)
                elif type(item) is not ModuleType and type(getattr(item, "__dict__", 0)) is dict:
                    self._keep(item)

    def _keep(self, owner: Any, *, more: bool = False) -> None:
        before = dict(vars(owner))
        self._owners.append((owner, before, more))
        self._functions += [
            (item, item.__code__, item.__defaults__, item.__kwdefaults__)
            for item in before.values()
            if type(item) is FunctionType
        ]

    def restore(self) -> None:
        """Undo what was replaced, added or taken away, and end any tracing."""
        for untrace in _untrace:
            untrace(None)
        sys.modules.update(self._modules)
        for owner, before, more in self._owners:
            now = _space_of(owner)
            for key, item in before.items():
                if now.get(key, _missing) is not item:
                    _put(owner, key, item)
            if len(now) != len(before) and not more:
                for key in [key for key in now if key not in before]:
                    if type(now[key]) is not ModuleType:  # one that was imported since
                        _put(owner, key, _missing)
        for function, code, defaults, named in self._functions:
            if function.__code__ is not code:
                function.__code__ = code
            if function.__defaults__ is not defaults or function.__kwdefaults__ is not named:
                function.__defaults__, function.__kwdefaults__ = defaults, named


def _space_of(owner: Any) -> Any:
    """Return what an owner has, past a metaclass."""
    return type.__dict__["__dict__"].__get__(owner) if isinstance(owner, type) else vars(owner)


def _put(owner: Any, key: str, item: Any) -> None:
    if isinstance(owner, type):
        type.__delattr__(owner, key) if item is _missing else type.__setattr__(owner, key, item)
    elif item is _missing:
        del vars(owner)[key]
    else:
        vars(owner)[key] = item


class _Guard:
    """Makes plain what the answer gives, before a test sees it.

    `refused`: the name of a class of the answer's own that it gave a value of.
    """

    def __init__(self, text: str, restore: Callable[[], None]) -> None:
        self.refused: str | None = None
        self._restore = restore
        self._wrapped = 0
        # Taken before the answer can replace them.
        known = [
            getattr(import_module(module), name)
            for module, names in _VALUE_CLASSES.items()
            if module in text
            for name in names
        ]
        self._known = [(kind, _parts_of(kind)) for kind in known]
        packages = _packages()
        self._of_packages = {
            id(kind): kind for kind in _classes(packages) if _package(kind.__module__) in packages
        }

    def guarded(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the answer's function, giving plain values and leaving such in its arguments."""

        def call(*arguments: Any, **named: Any) -> Any:
            given = [(item, self._lazy_parts(item)) for item in (*arguments, *named.values())]
            try:
                value = function(*arguments, **named)
            finally:
                self._restore()
            for item, lazy_parts in given:
                if lazy_parts is None:
                    continue  # it held values of the tests' own classes before
                self._told(item, most=lazy_parts)
            told = self._told(value)
            return value if any(value is item for item, _ in given) else told

        return call

    def _lazy_parts(self, value: Any) -> int | None:
        """Count iterators and functions in a value; None if it is not plain."""
        before = self._wrapped
        try:
            self._plain(value, 0)
        except _OwnClassError:
            return None
        return self._wrapped - before

    def _told(self, value: Any, most: float = float("inf")) -> Any:
        """Return a value made plain, of which `most` parts make others only when asked."""
        before = self._wrapped
        try:
            plain = self._plain(value, 0)
            if self._wrapped - before > most:
                raise _OwnClassError("iterator")
        except _OwnClassError as error:
            self.refused = self.refused or str(error)
            raise
        return plain

    def _each(self, iterator: Iterator[Any]) -> Generator[Any]:
        while True:
            try:
                item = next(iterator)
            except StopIteration:
                return
            finally:
                self._restore()
            yield self._told(item)

    async def _awaited(self, coroutine: CoroutineType[Any, Any, Any]) -> Any:
        try:
            value = await coroutine
        finally:
            self._restore()
        return self._told(value)

    def _plain(self, value: Any, depth: int) -> Any:
        """Return a copy without parts of the answer's own making, or raise."""
        kind = type(value)
        # By identity: a class may lie about itself and about equality.
        if _is_one_of(kind, _AS_GIVEN):
            return value
        if kind is type and (_is_one_of(value, _DICTIONARIES) or not _is_made(value)):
            return value
        for known, parts in self._known:
            if kind is known:
                for name in parts:
                    self._plain(getattr(value, name, None), depth + 1)
                return value
        if depth < _DEEPEST:
            if _is_one_of(kind, (list, tuple, set, frozenset)):
                return kind(self._plain(part, depth + 1) for part in value)
            if _is_one_of(kind, (*_DICTIONARIES, deque, *_KEYS, *_VALUES, *_ITEMS)):
                return self._collection(value, kind, depth + 1)
        return self._lazy(value, kind)

    def _lazy(self, value: Any, kind: type) -> Any:
        """Return what makes its values plain when it is asked for them."""
        self._wrapped += 1
        if _is_one_of(kind, _FUNCTIONS):
            return self.guarded(value)
        if kind is CoroutineType:
            return self._awaited(value)
        if id(kind) in self._of_packages:
            if str(getattr(value, "dtype", "")) == "object":
                self._plain(value.tolist(), 0)
            return getattr(value, "copy", lambda: value)()
        gives_items = "__next__" in _space_of(kind) and not _is_made(kind)
        if gives_items or _is_one_of(kind, _ITERATORS):
            return self._each(value)
        raise _OwnClassError(str(type.__dict__["__name__"].__get__(kind))[:100])

    def _collection(self, value: Any, kind: type, depth: int) -> Any:
        if _is_one_of(kind, _DICTIONARIES):
            value_items = OrderedDict.items if kind is OrderedDict else dict.items
            return self._dictionary(value, kind, value_items(value), depth)
        parts = [self._plain(part, depth) for part in value]
        if kind is deque:
            return deque(parts, value.maxlen)
        if _is_one_of(kind, _KEYS):
            return dict.fromkeys(parts).keys()
        return dict(enumerate(parts)).values() if _is_one_of(kind, _VALUES) else dict(parts).items()

    def _dictionary(self, value: Any, kind: type, items: Iterable[Any], depth: int) -> Any:
        made = kind()
        if kind is defaultdict and value.default_factory is not None:
            made.default_factory = self._plain(value.default_factory, depth)
        put = OrderedDict.__setitem__ if kind is OrderedDict else dict.__setitem__
        for key, item in items:
            put(made, self._plain(key, depth), self._plain(item, depth))
        return made


def _package(module: Any) -> str:
    return str(module).partition(".")[0]  # a class may have a property there


def _classes(packages: Iterable[str]) -> Iterator[type]:
    """Yield all classes that there are before the answer; none where no package needs them."""
    pending, seen = [object] if packages else [], set[int]()
    while pending:
        kind = pending.pop()
        if id(kind) not in seen:
            seen.add(id(kind))
            yield kind
            pending += type.__subclasses__(kind)


def _parts_of(kind: type) -> list[str]:
    """Return the names of what values of a class are compared by."""
    slots = [vars(base).get("__slots__", ()) for base in kind.__mro__]
    names = [name for slot in slots for name in ([slot] if isinstance(slot, str) else slot)]
    return ["tzinfo", *(name for name in names if name not in _NOT_COMPARED)]


def _is_made(kind: type) -> bool:
    """Say whether a class is no part of the interpreter, past its metaclass, which may lie."""
    return bool(type.__dict__["__flags__"].__get__(kind) & _MADE_AT_RUN_TIME)


def _is_one_of(kind: type, classes: Iterable[type]) -> bool:
    return any(kind is item for item in classes)


def _described(error: BaseException) -> dict[str, Any]:
    try:
        message = str(error)
    except BaseException:
        message = "(its message could not be made)"
    line, trace = None, error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename == _ANSWER and trace.tb_frame.f_globals is not globals():
            line = trace.tb_lineno
        trace = trace.tb_next
    bases = [base.__name__ for base in type.mro(type(error)) if base.__module__ == "builtins"]
    name = type(error).__name__
    return {"name": name, "message": message[:_MESSAGE_CHARS], "bases": bases, "line": line}
