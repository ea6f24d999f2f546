"""What a case, a check and a suite are, and how a suite is loaded and selected from."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from liftlab import tomlfile, values
from liftlab.errors import SuiteInvalid, UnknownName, UsageError
from liftlab.suite import signature as signatures
from liftlab.suite.file import SUFFIXES, read
from liftlab.suite.formats import Program
from liftlab.suite.models import ONE_KIND, CaseModel, LimitsModel, decode

MAX_JSON_BYTES = 64 * 1024 * 1024
JOINED = " + "  # between the names of suites that are run as one


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One call and what must come of it: a value, or an exception of the class `raises`.

    With `stdout` it is no call: the answer runs as a program that reads `stdin` and prints
    `stdout`. `args`, `kwargs` and `expected` are kept as JSON data with tags; other plain values
    that are given, such as sets and tuples, are written so.

    Examples
    --------
    >>> Check(args=[{1, 2}], expected=3).args
    ({'$set': [1, 2]},)
    """

    name: str = ""
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    expected: Any = None
    raises: str | None = None
    stdin: str = ""
    stdout: str | None = None

    def __post_init__(self) -> None:
        """Write what is given by hand as a suite's file would hold it."""
        if self.stdin and self.stdout is None:
            raise UsageError("a check with stdin has stdout, too: Check(stdin=…, stdout=…)")
        object.__setattr__(self, "args", tuple(map(_data, self.args)))
        object.__setattr__(self, "kwargs", {k: _data(v) for k, v in self.kwargs.items()})
        object.__setattr__(self, "expected", _data(self.expected))

    def fresh_args(self) -> tuple[Any, ...]:
        """Return the positional arguments as new Python values."""
        return tuple(decode(list(self.args)))

    def fresh_kwargs(self) -> dict[str, Any]:
        """Return the named arguments as new Python values."""
        return {name: decode(value) for name, value in self.kwargs.items()}

    def expected_value(self) -> Any:
        """Return the expected result as a new Python value."""
        return decode(self.expected)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the code of one case may take: seconds, MiB of memory, KiB of output."""

    cpu_s: float = 5.0
    wall_s: float = 15.0
    memory_mb: int = 512
    output_kb: int = 64


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to ask for, and how to tell whether the answer is right.

    `entry_point` is the function to call, `signature` how it is called, such as `add(a, b)`.
    Checks without a name are numbered.

    Examples
    --------
    >>> case = Case("double", "Double a number.", checks=[Check(args=[2], expected=4)])
    >>> case.checks[0].name
    '1'
    """

    case_id: str
    prompt: str
    _: KW_ONLY
    category: str = "uncategorised"
    difficulty: Literal["easy", "medium", "hard"] | None = None
    entry_point: str | None = None
    signature: str | None = None
    checks: Sequence[Check] = ()
    limits: Limits = field(default_factory=Limits)
    program: Program | None = None

    def __post_init__(self) -> None:
        """Give a number to each check without a name."""
        given: Sequence[object] = self.checks
        for check in given:
            if not isinstance(check, Check):
                kind = type(check).__name__
                raise UsageError(f"a case's checks are Checks, not {kind}: Check(args=…)")
        if len({check.stdout is None for check in self.checks}) > 1:
            raise UsageError(f"case {self.case_id}: {ONE_KIND}")
        checks = enumerate(self.checks, start=1)
        named = (row if row.name else replace(row, name=f"{n}") for n, row in checks)
        object.__setattr__(self, "checks", tuple(named))

    @property
    def is_checked(self) -> bool:
        """Whether anything tells right answers from wrong ones."""
        return bool(self.checks or self.program)

    @property
    def is_program(self) -> bool:
        """Whether the checks run the answer as a program, in place of calling a function."""
        return any(check.stdout is not None for check in self.checks)

    @property
    def names_function(self) -> bool:
        """Whether the prompt or the signature tells the function's name."""
        return self.signature is not None or signatures.mentions(self.prompt, self.entry_point)

    @property
    def missing_signature(self) -> str:
        """What a prompt for code has to add about the function; empty for nothing."""
        return signatures.signature_of(self.entry_point, self.signature, self.checks, self.prompt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A suite, or the part of it that was selected.

    `sha256` is over `source`, the bytes of the whole file: a copy of the file is the same
    suite, and any change to it makes another. Answers may import `packages`.

    Examples
    --------
    >>> import liftlab
    >>> [case.case_id for case in liftlab.load_suite("mvp")][:2]
    ['add_numbers', 'multiply']
    """

    name: str
    description: str
    cases: tuple[Case, ...]
    sha256: str
    path: Path
    source: bytes = field(repr=False)
    packages: tuple[str, ...] = ()

    @property
    def suffix(self) -> str:
        """The ending that says how `source` is written: `.toml` or `.jsonl`."""
        return self.path.suffix.lower()

    def __len__(self) -> int:
        return len(self.cases)

    def __iter__(self) -> Iterator[Case]:
        return iter(self.cases)

    def __getitem__(self, case_id: str) -> Case:
        """Return the case of that id, or raise UnknownName with the nearest."""
        for case in self.cases:
            if case.case_id == case_id:
                return case
        raise UnknownName("case", str(case_id), [case.case_id for case in self.cases])


def load(path_or_name: Path | str, search: Sequence[Path] = ()) -> Suite:
    """Read a suite by its path, or by its name in one of the folders `search`.

    A path, or text with a suite's ending or a slash in it, is a file; other text is a name: `mvp`
    is `mvp.toml` or `mvp.jsonl` in the first folder that has it. `mvp + broad` is both, joined.
    Raises SuiteInvalid with the line and the field of a fault, UnknownName if no folder has it,
    UsageError if suites to be joined have different cases of one id.
    """
    if isinstance(path_or_name, str) and JOINED in path_or_name:
        return join([load(part, search) for part in path_or_name.split(JOINED)])
    path = _find(path_or_name, search)
    limit = tomlfile.MAX_BYTES if path.suffix.lower() == ".toml" else MAX_JSON_BYTES
    return parse(tomlfile.read_bytes(path, SuiteInvalid, limit=limit), path)


def parse(source: bytes, path: Path, name: str | None = None) -> Suite:
    """Make a suite of a file's bytes, or raise SuiteInvalid with the line and the field.

    The ending of `path` says how it is written, and `name` what the suite is called where the
    file does not say; by default its stem.
    """
    model = read(source, path)
    return Suite(
        name=model.name or name or path.stem,
        description=model.description,
        cases=tuple(_case(case) for case in model.cases),
        sha256=sha256(source).hexdigest(),
        path=path,
        source=source,
        packages=tuple(model.packages),
    )


def select(suite: Suite, cases: Iterable[str] = (), categories: Iterable[str] = ()) -> Suite:
    """Return the suite with only the cases that are in `cases` and in `categories`, in its order.

    An empty one keeps all. Raises UnknownName for a case or category that the suite does not have,
    UsageError if nothing is left.
    """
    wanted, kinds = set(cases), set(categories)
    for kind, names, known in (
        ("case", wanted, [case.case_id for case in suite.cases]),
        ("category", kinds, list(dict.fromkeys(case.category for case in suite.cases))),
    ):
        for name in sorted(names.difference(known)):
            raise UnknownName(kind, name, known)
    kept = tuple(
        case
        for case in suite.cases
        if (not wanted or case.case_id in wanted) and (not kinds or case.category in kinds)
    )
    if not kept:
        raise UsageError(
            f"no case of {suite.name} is both among the cases and the categories named"
        )
    return replace(suite, cases=kept)


def _data(value: Any) -> Any:
    try:
        return value if _is_data(value) else values.encode(value)
    except values.NotPlain as error:
        raise UsageError(f"a check cannot hold this: {error}") from None


def _is_data(value: Any) -> bool:
    """Whether a value is JSON data, as a suite's file holds it."""
    if value is None or type(value) in (bool, int, str):
        return True
    if type(value) is float:
        return math.isfinite(value)
    if type(value) is list:
        return all(map(_is_data, value))
    return type(value) is dict and all(type(k) is str and _is_data(v) for k, v in value.items())


def _find(path_or_name: Path | str, search: Sequence[Path]) -> Path:
    path = Path(path_or_name)
    by_path = isinstance(path_or_name, Path) or path.name != path_or_name
    if by_path or path.suffix.lower() in SUFFIXES:
        return path
    known = [file for folder in search for suffix in SUFFIXES for file in folder.glob(f"*{suffix}")]
    for file in known:
        if file.stem == path_or_name:
            return file
    raise UnknownName("suite", str(path_or_name), sorted({file.stem for file in known}))


def _case(model: CaseModel) -> Case:
    checks = [
        Check(**dict(check) | {"name": name, "stdin": check.stdin or ""})
        for name, check in zip(model.check_names(), model.checks, strict=True)
    ]
    limits = model.limits or LimitsModel()
    longest = max((len((check.stdout or "").encode()) for check in checks), default=0)
    return Case(
        **dict(model)
        | {
            "category": model.category or "uncategorised",
            "entry_point": model.function,
            "checks": checks,
            "limits": Limits(
                cpu_s=limits.cpu_s,
                # Waiting costs no processor time; three times as long is room enough when busy.
                wall_s=limits.wall_s or 3 * limits.cpu_s,
                memory_mb=limits.memory_mb,
                output_kb=max(limits.output_kb, 2 * longest // 1024),  # room for what is asked for
            ),
        }
    )


def to_jsonl(cases: Iterable[Case]) -> bytes:
    """Write cases so that reading them gives the same ones."""
    return b"".join(json.dumps(_as_json(case)).encode() + b"\n" for case in cases)


def join(suites: Sequence[Suite]) -> Suite:
    """Return one suite with the cases and packages of all; a case that two have is taken once.

    Raises UsageError if two suites have different cases of one id.
    """
    found: dict[str, tuple[Suite, Case]] = {}
    for suite in suites:
        for case in suite.cases:
            other, known = found.setdefault(case.case_id, (suite, case))
            if known != case:
                raise UsageError(
                    f"{other.name} and {suite.name} have different cases named {case.case_id!r}: "
                    "rename one, or run the suites one after the other"
                )
    name = JOINED.join(suite.name for suite in suites)
    whole = {
        "name": name[:100].strip(),
        "packages": list(dict.fromkeys(package for suite in suites for package in suite.packages)),
        "cases": [_as_json(case) for _, case in found.values()],
    }
    return parse(json.dumps(whole).encode(), Path(f"{name}.json"))


def _as_json(case: Case) -> dict[str, Any]:
    return {
        "case_id": case.case_id,
        "prompt": case.prompt,
        "category": case.category,
        "difficulty": case.difficulty,
        "entry_point": case.entry_point,
        "checks": [_check_as_json(check) for check in case.checks],
        "limits": asdict(case.limits),
        **({"signature": case.signature} if case.signature else {}),
        **({"program": asdict(case.program)} if case.program else {}),
    }


def _check_as_json(check: Check) -> dict[str, Any]:
    if check.stdout is not None:
        return {"name": check.name, "stdin": check.stdin, "stdout": check.stdout}
    outcome = {"expected": check.expected} if check.raises is None else {"raises": check.raises}
    return {"name": check.name, "args": list(check.args), "kwargs": dict(check.kwargs), **outcome}
