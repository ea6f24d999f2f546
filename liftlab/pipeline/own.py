"""Code of the user's own, named in `liftlab.toml` as `module:name` and imported to be measured.

It is located without being imported, so that settings can be shown, planned and compared by
anybody; only the load process of a run calls `load`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module, invalidate_caches
from importlib.machinery import PathFinder
from pathlib import Path
from traceback import walk_tb
from typing import Any

from liftlab.endpoints.replies import clean
from liftlab.errors import SettingsInvalid
from liftlab.settings import SETTINGS_FILE


@dataclass(frozen=True, slots=True)
class Answer:
    """What a pipeline of the user's own may return in place of the code alone.

    Parameters
    ----------
    code
        The source that is graded.
    ir
        The intermediate representation that it was made from, as JSON data; kept beside it.
    function
        The function that the code is meant to define, where that is known.
    tokens
        Output tokens of the answer, where no attempt says how many it had.

    Examples
    --------
    >>> Answer("def double(x): return 2 * x", function="double").function
    'double'
    """

    code: str
    ir: Any = None
    function: str | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class OwnCode:
    """A function or class named in `liftlab.toml`: `where` is the key, `target` is `module:name`.

    `root` is the project's folder, where its module is looked for before anywhere else.
    """

    where: str
    target: str
    root: Path

    def source(self) -> Path:
        """Return the module's file, without importing it, or raise SettingsInvalid."""
        module = self.target.partition(":")[0]
        places = [str(self.root), *sys.path]
        origin: str | None = None
        invalidate_caches()
        for part in module.split("."):
            spec = PathFinder.find_spec(part, places)
            if spec is None:
                raise self._fault(f"there is no module {module!r} in {self.root} or installed")
            places, origin = list(spec.submodule_search_locations or ()), spec.origin
        if origin is None or not origin.endswith(".py"):
            raise self._fault(f"module {module!r} is not a Python file")
        return Path(origin)

    def tree(self) -> ast.Module:
        """Return the module's syntax tree; raise SettingsInvalid if it cannot be parsed."""
        path = self.source()
        try:
            return ast.parse(path.read_bytes(), str(path))
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None)
            raise SettingsInvalid(path, f"not valid Python: {clean(error)}", line) from None

    def constant(self, name: str) -> Any:
        """Return the literal that the class sets `name` to; None if it sets none."""
        wanted = self.target.partition(":")[2]
        classes = (node for node in self.tree().body if isinstance(node, ast.ClassDef))
        for inner in (inner for each in classes if each.name == wanted for inner in each.body):
            if isinstance(inner, ast.Assign) and name in map(ast.unparse, inner.targets):
                return inner.value.value if isinstance(inner.value, ast.Constant) else None
        return None

    def fingerprint(self) -> str:
        """Return text that changes with the module's source."""
        self.tree()
        path = self.source()
        files = sorted(path.parent.glob("*.py")) if path.name == "__init__.py" else [path]
        digests = [sha256(file.read_bytes()).hexdigest() for file in files]
        return "\0".join((self.target, *digests))

    def load(self) -> Any:
        """Import the module and return what is named; raise SettingsInvalid, which says where."""
        module, _, name = self.target.partition(":")
        if str(self.root) not in sys.path:
            sys.path.insert(0, str(self.root))
        try:
            return getattr(import_module(module), name)
        except Exception as error:  # foreign code: whatever it raises is a fault of the module
            reason = told(error, self.root)
            raise self._fault(f"{self.target} cannot be imported: {reason}") from error

    def make(self) -> Any:
        """Return an instance of the class that is named, or raise SettingsInvalid."""
        named = self.load()
        try:
            return named()
        except Exception as error:  # foreign code
            raise self._fault(f"{self.target}() raised {told(error, self.root)}") from error

    def _fault(self, message: str) -> SettingsInvalid:
        return SettingsInvalid(SETTINGS_FILE, f"{self.where}: {message}")


@dataclass(frozen=True, slots=True)
class OwnFunction:
    """The function of a pipeline of the user's own; `stage` names a trial that has no stages."""

    call: Callable[..., Any]
    code: OwnCode
    stage: str


def told(error: BaseException, root: Path) -> str:
    """Return an exception in one line, with the innermost place in `root`, else of all."""
    try:
        message = str(error)
    except Exception:  # foreign code, too
        message = ""
    said = clean(f"{type(error).__name__}: {message}".removesuffix(": "))
    last = inside = None
    for frame, line in walk_tb(error.__traceback__):
        path = Path(frame.f_code.co_filename)
        last = f"{path.name}:{line}"
        if path.is_relative_to(root):
            shown = path.relative_to(root)
            if not {"site-packages", ".venv"} & set(shown.parts):
                inside = f"{shown}:{line}"
    place = inside or last
    return f"{said} ({place})" if place else said


def entry(own: OwnCode) -> Callable[..., Any]:
    """Return what a pipeline's `call` names as a function: of a class, its method `generate`.

    Raises SettingsInvalid if there is none.
    """
    named = own.load()
    if isinstance(named, type):
        made = own.make()
        named = getattr(made, "generate", made)
    if not callable(named):
        raise own._fault(f"{own.target} is no function, and no class with a method `generate`")
    function: Callable[..., Any] = named
    return function
