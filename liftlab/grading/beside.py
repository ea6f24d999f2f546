"""Run an answer and, beside it, the tests that name its functions.

This file and then `kept.py` are sent to the sandbox as source, with the answer and the tests as
arguments: the answer keeps its line numbers, and can't swallow the tests by ending in the middle
of something. Standard library only.
"""

from __future__ import annotations

import builtins
import itertools
import random
import re
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from importlib import import_module
from types import (
    BuiltinFunctionType,
    CoroutineType,
    FunctionType,
    MemberDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
)
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from liftlab.grading.kept import Kept, imported, is_made, modules_in, package_of, packages

# A copy for what stands below and for the tests: an answer can replace the interpreter's own.
_USUAL = dict(vars(builtins))
globals()["__builtins__"] = _USUAL

_ANSWER = "<candidate>"
_MESSAGE_CHARS = 300
_DEEPEST = 50
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
_FUNCTIONS = (FunctionType, MethodType, BuiltinFunctionType, MethodWrapperType, partial)
_DICTIONARIES = (dict, defaultdict, OrderedDict, Counter)
_KEYS: tuple[type, ...] = (type({}.keys()), type(OrderedDict().keys()))
_VALUES: tuple[type, ...] = (type({}.values()), type(OrderedDict().values()))
_ITEMS: tuple[type, ...] = (type({}.items()), type(OrderedDict().items()))
_ARGS, _CAUSE, _SPACE = (vars(BaseException)[name] for name in ("args", "__cause__", "__dict__"))
_ITERATORS = [item for item in vars(itertools).values() if type(item) is type]


class _OwnClassError(BaseException):
    """The answer gave a value of a class of its own, which could claim to equal anything."""


def run_tests(
    answer: bytes, tests: str, name: str | None, *, token: Callable[[], str]
) -> dict[str, Any] | str:
    """Return the token if the answer loads and its tests raise nothing, else what was raised.

    Values of classes of the answer's own are refused from the function `name`. `token` gives, once,
    what was made for this run alone, so that no answer can print the verdict.
    """
    run, make, describe, module = exec, compile, _described, ModuleType("candidate")
    sys.modules["candidate"] = module
    module.__dict__["__builtins__"] = builtins  # the usual ones, which tests may patch
    random.seed(0)  # the same verdict every time
    text = answer.decode("latin-1") + tests
    named, words = modules_in(tests), set(re.findall(r"\w+", tests))
    compared = {"builtins", "collections"} | {part for part in _VALUE_CLASSES if part in text}

    def build(*given: Any, **options: Any) -> Any:
        made = _USUAL["__build_class__"](*given, **options)
        guard.know(made)
        return made

    usual = _USUAL | {"__build_class__": build}
    modules = (*named.values(), *imported(compared).values())
    guard = _Guard(text, Kept(modules, (_USUAL, usual), tests))

    def passes(_: None) -> bool:
        with guard:
            run(make(answer, _ANSWER, "exec"), module.__dict__)
        # The tests call the built-in functions as they were, whatever the answer made of them.
        taken = _USUAL.keys() - {"__name__", "__doc__"}
        space = {key: item for key, item in module.__dict__.items() if key not in taken}
        space |= {key: item for key, item in named.items() if key in space and key != name}
        space["__builtins__"] = usual
        with guard:
            function = _function(module.__dict__, name)  # it makes a `Solution`
        guard.named = [item for key, item in space.items() if key in words and type(item) is type]
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


def _function(space: dict[str, Any], name: str | None) -> Any:
    """Return the function under test; a method of the class `Solution` counts."""
    function, owner = space.get(name or ""), space.get("Solution")
    if name is None or callable(function) or not isinstance(owner, type):
        return function
    return getattr(owner(), name, None)


class _Guard:
    """Makes plain what the answer gives, before a test sees it.

    `refused`: the name of a class of the answer's own that it gave a value of. `named`: the
    answer's classes that the tests name, and may want errors to be of.
    """

    def __init__(self, text: str, kept: Kept) -> None:
        self.refused: str | None = None
        self.named: list[type] = []
        self._kept = kept
        self._wrapped = self._running = 0
        # Taken before the answer can replace them.
        known = [
            getattr(import_module(module), name)
            for module, names in _VALUE_CLASSES.items()
            if module in text
            for name in names
        ]
        self._known = [(kind, _parts_of(kind)) for kind in known]
        allowed = packages()
        classes = _classes(object) if allowed else ()
        self._of_packages = {
            id(kind): kind for kind in classes if package_of(kind.__module__) in allowed
        }
        self._errors = {id(kind): kind for kind in _classes(BaseException)}

    def __enter__(self) -> None:
        """Begin to run some of the answer's code."""
        if not self._running:
            self._kept.adopt()
        self._running += 1

    def __exit__(self, kind: object, error: BaseException | None, trace: Any) -> None:
        """Undo what it changed, and have the tests see of an error what is plain."""
        try:
            told = error and self._told_error(error)
        finally:
            self._running -= 1
            self._kept.restore()
        if told is not None and told is not error:
            raise told.with_traceback(trace)

    def know(self, kind: type) -> None:
        """Let errors of a class that the tests made be of it."""
        self._errors[id(kind)] = kind

    def guarded(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the answer's function, giving plain values and leaving such in its arguments."""

        def call(*arguments: Any, **named: Any) -> Any:
            given = [(item, self._lazy_parts(item)) for item in (*arguments, *named.values())]
            with self:
                value = function(*arguments, **named)
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
                with self:
                    item = next(iterator)
            except StopIteration:
                return
            yield self._told(item)

    async def _awaited(self, coroutine: CoroutineType[Any, Any, Any]) -> Any:
        with self:
            value = await coroutine
        return self._told(value)

    def _plain(self, value: Any, depth: int) -> Any:
        """Return a copy without parts of the answer's own making, or raise."""
        kind = type(value)
        # By identity: a class may lie about itself and about equality.
        if _is_one_of(kind, _AS_GIVEN):
            return value
        if kind is type and (_is_one_of(value, _DICTIONARIES) or not is_made(value)):
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
        of_its_own = {key for base in _mro(kind) for key in type.__dict__["__dict__"].__get__(base)}
        if "__next__" in of_its_own or _is_one_of(kind, _ITERATORS):
            return self._each(value)
        if "__call__" in of_its_own and is_made(kind) and type not in _mro(kind):
            return self.guarded(value)
        raise _OwnClassError(_name(kind))

    def _told_error(self, error: BaseException, depth: int = 0) -> BaseException:
        """Return an error with plain parts; for one of the answer's own class, one like it."""
        kind, told = type(error), error
        if kind is _OwnClassError:
            return error
        given = _ARGS.__get__(error)
        if id(kind) not in self._errors:
            bases = [a for a in _mro(kind) if id(a) in self._errors or _is_one_of(a, self.named)]
            nearest = [a for a in bases if not any(a is not b and a in _mro(b) for b in bases)]
            text = _text(error)
            space = {"__str__": lambda _: text, "args": _ARGS, "__eq__": object.__eq__}
            made = type(_name(kind), tuple(nearest), space)
            told = nearest[0].__new__(made, *given)
        _ARGS.__set__(told, tuple(self._part(item) for item in given))
        space = _SPACE.__get__(told)
        space.update({key: self._part(item) for key, item in _SPACE.__get__(error).items()})
        for base in _mro(kind):
            for member in () if is_made(base) else vars(base).values():
                if type(member) is MemberDescriptorType:
                    member.__set__(told, self._part(member.__get__(error)))
        cause = _CAUSE.__get__(error)
        told.__cause__ = self._told_error(cause, depth + 1) if cause and depth < _DEEPEST else None
        return told

    def _part(self, value: Any) -> Any:
        """Return a part of an error made plain, or in its place what equals nothing."""
        try:
            return self._plain(value, 0)
        except _OwnClassError:
            return object()

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


def _classes(root: type) -> Iterator[type]:
    """Yield all classes below one that there are before the answer."""
    pending, seen = [root], set[int]()
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


def _mro(kind: type) -> tuple[type, ...]:
    found: tuple[type, ...] = type.__dict__["__mro__"].__get__(kind)
    return found


def _name(kind: type) -> str:
    return str(type.__dict__["__name__"].__get__(kind))[:100]


def _is_one_of(kind: type, classes: Iterable[type]) -> bool:
    return any(kind is item for item in classes)


def _text(error: BaseException) -> str:
    try:
        return str.__str__(str(error))
    except BaseException:
        return "(its message could not be made)"


def _described(error: BaseException) -> dict[str, Any]:
    message = _text(error)
    line, trace = None, error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename == _ANSWER and trace.tb_frame.f_globals is not globals():
            line = trace.tb_lineno
        trace = trace.tb_next
    bases = [base.__name__ for base in type.mro(type(error)) if base.__module__ == "builtins"]
    name = type(error).__name__
    return {"name": name, "message": message[:_MESSAGE_CHARS], "bases": bases, "line": line}
