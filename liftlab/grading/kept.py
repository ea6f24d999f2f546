"""The library as it was before the answer, for the tests beside it.

It goes to the sandbox after `beside.py`, in one text with it. Standard library only.
"""

import os
import re
import sys
from collections.abc import Iterable
from importlib import import_module
from operator import is_
from types import FunctionType, ModuleType
from typing import Any

_MADE_AT_RUN_TIME = 1 << 9  # CPython's flag for classes that are no part of the interpreter
_IMPORTED = re.compile(
    r"(?:^|[;:])[ \t]*(?:from[ \t]+([\w.]+)[ \t]+)?import[ \t]+(\([^)]*\)|[^;#\n]+)", re.MULTILINE
)
_USED = re.compile(r"\b([A-Za-z_]\w*)\s*\.")
_PART = re.compile(r"\.\s*([A-Za-z_]\w*)")
_REPLACES = re.compile(r"unittest|mock|patch|redirect|warnings|setattr|\.\w+\s*=[^=]")
_untrace = (sys.settrace, sys.setprofile)
_missing = object()


def modules_in(tests: str) -> dict[str, ModuleType]:
    """Import the modules that tests name, such as `os.path`, of the library and of packages."""
    names, words = set(_USED.findall(tests)), set(_PART.findall(tests))
    for whole, listed in _IMPORTED.findall(tests):
        parts = [part.split()[0] for part in listed.strip("()").split(",") if part.split()]
        names |= {whole} if whole else set(parts)
        words |= set(parts)
    found = imported(names - {"antigravity", "this"})  # which do something when imported
    pending = list(found.items())
    while pending:
        name, module = pending.pop()
        there = _there(module)
        for word in sorted(words):
            part = vars(module).get(word)
            if part is None and word in there:
                part = imported([f"{name}.{word}"]).get(f"{name}.{word}")
            if type(part) is ModuleType and not any(part is item for item in found.values()):
                found[f"{name}.{word}"] = part
                pending.append((f"{name}.{word}", part))
    near = packages().intersection(found)  # and all that is right in a package
    owners = {name: name.rpartition(".")[0] for name in sys.modules}
    return found | {name: sys.modules[name] for name, owner in owners.items() if owner in near}


def _there(module: ModuleType) -> set[str]:
    """Return the names of the files and folders in a package; none for a module."""
    folders = filter(os.path.isdir, getattr(module, "__path__", ()))
    return {entry.partition(".")[0] for folder in folders for entry in os.listdir(folder)}


def packages() -> set[str]:
    """Return the packages that the worker has imported for answers."""
    loaded = {name.partition(".")[0] for name in sys.modules}
    return loaded - sys.stdlib_module_names - {"candidate"}


def imported(names: Iterable[str]) -> dict[str, ModuleType]:
    """Import those names that are modules of the library's, or of packages for answers."""
    found = {}
    library = sys.stdlib_module_names | packages()
    for name in sorted(names):
        if name.partition(".")[0] in library:
            try:
                found[name] = import_module(name)
            except ImportError:
                continue
    return found


class Kept:
    """Modules, and names for the tests, as they were before the answer could replace them."""

    def __init__(
        self, modules: Iterable[ModuleType], spaces: Iterable[dict[str, Any]], tests: str
    ) -> None:
        # Where no test can have replaced anything there is nothing to look for at every call.
        self._is_replaced = _REPLACES.search(tests) is not None
        self._spaces = [(space, dict(space)) for space in spaces]
        # An owner, what it had, and whether it may have more.
        self._owners: list[tuple[Any, dict[str, Any], bool]] = []
        self._functions: list[tuple[FunctionType, Any, Any, Any]] = []
        own = {id(module): module for module in modules}
        # Under all their names, such as `os.path` for `posixpath`.
        self._listed = {name: item for name, item in sys.modules.items() if id(item) in own}
        for module in own.values():
            self._keep(module, more=module.__name__ in ("builtins", "sys"))
            for name, item in vars(module).items():
                if isinstance(item, type):
                    if is_made(item) and package_of(item.__module__) == package_of(module.__name__):
                        self._keep(item)
                elif type(item) is dict:
                    self._keep(item, more="cache" not in name)
                elif type(item) is not ModuleType and type(getattr(item, "__dict__", 0)) is dict:
                    self._keep(item)

    def _keep(self, owner: Any, *, more: bool = False) -> None:
        before = dict(_space_of(owner))
        if owner is sys.modules or any(owner is kept for kept, _, _ in self._owners):
            return
        self._owners.append((owner, before, more))
        self._functions += [
            (item, item.__code__, item.__defaults__, item.__kwdefaults__)
            for item in before.values()
            if type(item) is FunctionType
        ]

    def adopt(self) -> None:
        """Take it as it is now: what tests have replaced, as mocks do, is to stay."""
        for number, (owner, before, more) in enumerate(self._owners if self._is_replaced else ()):
            now = _space_of(owner)
            if not _is_same(now, before):
                self._owners[number] = (owner, dict(now), more)

    def restore(self) -> None:
        """Undo what was replaced, added or taken away, and end any tracing."""
        for untrace in _untrace:
            untrace(None)
        sys.modules.update(self._listed)
        for space, names in self._spaces:
            space.update(names)
        for owner, before, more in self._owners:
            now = _space_of(owner)
            if _is_same(now, before):
                continue
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


def _is_same(now: Any, before: dict[str, Any]) -> bool:
    """Say whether nothing changed; where only the order did, it says no."""
    return (
        len(now) == len(before)
        and all(map(is_, now, before))
        and all(map(is_, now.values(), before.values()))
    )


def _space_of(owner: Any) -> Any:
    """Return what an owner has, past a metaclass."""
    if type(owner) is dict:
        return owner
    return type.__dict__["__dict__"].__get__(owner) if isinstance(owner, type) else vars(owner)


def _put(owner: Any, key: str, item: Any) -> None:
    if isinstance(owner, type):
        type.__delattr__(owner, key) if item is _missing else type.__setattr__(owner, key, item)
    elif item is _missing:
        del _space_of(owner)[key]
    else:
        _space_of(owner)[key] = item


def package_of(module: Any) -> str:
    """Return the first part of a module's name."""
    return str(module).partition(".")[0]  # a class may have a property there


def is_made(kind: type) -> bool:
    """Say whether a class is no part of the interpreter, past its metaclass, which may lie."""
    return bool(type.__dict__["__flags__"].__get__(kind) & _MADE_AT_RUN_TIME)
