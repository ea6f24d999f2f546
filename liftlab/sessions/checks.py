"""Load a file of session checks, and say where it goes wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import PrivateAttr, ValidationError

from liftlab import tomlfile
from liftlab.errors import InputInvalid, SuiteInvalid, UnknownName, UsageError
from liftlab.records import SESSIONS
from liftlab.sessions.model import (
    ApiModel,
    CheckModel,
    ChecksModel,
    CleanUpModel,
    StepModel,
    header_name,
)
from liftlab.sessions.template import fault_of, fill, places
from liftlab.store import RunFolder
from liftlab.suite import Case, Suite

BUILT_IN = frozenset({"n", "each", "run", "user"})  # lane, item, run, and the step's user
Keys = tuple[tomlfile.Key, ...]
Fault = tuple[Keys, str]


class Checks(ChecksModel):
    """The checks of one file, or those of them that were selected."""

    _source: bytes = PrivateAttr(b"")  # of the whole file

    def __getitem__(self, check_id: str) -> CheckModel:
        """Return the check of that id; raise UnknownName if there is none."""
        for check in self.check:
            if check.id == check_id:
                return check
        raise UnknownName("check", check_id, [check.id for check in self.check])

    def only(self, ids: Sequence[str], user_header: str | None = None) -> Checks:
        """Return the checks named, all where none is, with another user header.

        Raises UnknownName, or UsageError if that cannot be a header.
        """
        try:
            told = {"user_header": header_name(user_header)} if user_header else {}
        except ValueError as error:
            raise UsageError(str(error)) from None
        kept = [check for check in self.check if check.id in ids or not ids]
        _ = [self[check_id] for check_id in ids]
        return self.model_copy(update={"check": kept, "api": self.api.model_copy(update=told)})

    def as_suite(self) -> Suite:
        """Return the checks as the cases of a suite: each is a trial of a run."""
        cases = tuple(
            Case(one.id, one.id, category=one.group, difficulty=one.severity)  # type: ignore[arg-type]
            for one in self.check
        )
        told: Any = {"sha256": sha256(self._source).hexdigest(), "source": self._source}
        return Suite(name=SESSIONS, description="", cases=cases, path=Path("checks.toml"), **told)


def load(path: Path) -> Checks:
    """Read a file of checks. Raises SuiteInvalid: says the line and the field."""
    return parse(tomlfile.read_bytes(path, SuiteInvalid, limit=tomlfile.MAX_BYTES), path)


def checks_of(folder: RunFolder) -> Checks:
    """Return the checks that a run makes; raise InputInvalid if it is of something else."""
    manifest = folder.manifest()
    if manifest.get("suite") != SESSIONS:
        raise InputInvalid(f"{folder.run_id} is no run of session checks")
    source, suffix = folder.suite_source()
    asked = manifest["request"]
    checks = parse(source, folder.path / f"suite{suffix}")
    return checks.only(asked["cases"], asked["sessions"]["user_header"])


def parse(source: bytes, path: Path) -> Checks:
    """Make checks of a file's bytes. Raises SuiteInvalid: says the line and the field."""
    file = tomlfile.parse(source, path, SuiteInvalid)
    try:
        checks = Checks.model_validate(file.data)
    except ValidationError as error:
        raise tomlfile.invalid(file, error, SuiteInvalid) from None
    for keys, message in _faults(checks):
        where = tomlfile.field_name(keys)
        raise SuiteInvalid(path, f"{where}: {message}", file.line(*keys))
    values: dict[str, Any] = {}
    for name, template in checks.values.items():
        values[name] = fill(template, values)
    checks = checks.model_copy(update={"values": values})
    checks._source = source
    return checks


def steps_of(steps: Sequence[StepModel]) -> Iterator[StepModel]:
    """Return steps and all steps in them."""
    for step in steps:
        yield step
        for inner in (step.steps, *step.lanes):
            yield from steps_of(inner)


def _faults(model: ChecksModel) -> Iterator[Fault]:
    """Return what is wrong across the file: names that nothing has, ids taken twice."""
    api, known = model.api, set[str]()
    for name, value in model.values.items():
        for other in sorted(set(places(value)) - known):
            yield ("values", name), f"{other!r} is not a value above this one"
        known.add(name)
    said: list[tuple[Keys, Any, Any]] = [(("api", "error"), api.error, None)]
    said += [(("values", name), None, value) for name, value in model.values.items()]
    said += [(("schemas", name), schema, None) for name, schema in model.schemas.items()]
    said += [(("api", "calls", name), call.reply, call.body) for name, call in api.calls.items()]
    for keys, schema, template in said:
        yield from _names_faults(model, keys, [schema], template)
    made = [name for name, call in api.calls.items() if call.makes]
    if made and api.clean_up is None:
        yield ("api",), f"call {made[0]!r} makes something: say in [api.clean_up] how it goes"
    if api.clean_up:
        yield from _clean_up_faults(api, api.clean_up, known)
    ids = [check.id for check in model.check]
    for number, check in enumerate(model.check):
        if check.id in ids[:number]:
            yield ("check", number, "id"), f"{check.id!r} is taken by another check"
        yield from _step_faults(model, check.step, ("check", number, "step"), known | BUILT_IN)


def _clean_up_faults(api: ApiModel, clean_up: CleanUpModel, known: set[str]) -> Iterator[Fault]:
    """Return what is wrong with the calls that clean up: they have nothing of a check's replies."""
    for name, given in ((clean_up.call, {clean_up.variable}), (clean_up.listing, set[str]())):
        if name is not None and name not in api.calls:
            yield ("api", "clean_up"), f"there is no call {name!r} in [api.calls]"
        elif name is not None:
            for needed in sorted({*places(api.calls[name].path)} - known - given):
                yield ("api", "clean_up"), f"{name!r} needs {needed!r}, which [values] has not"


def _step_faults(
    model: ChecksModel, steps: Sequence[StepModel], keys: Keys, known: set[str]
) -> Iterator[Fault]:
    """Return the faults of steps; `known` has the variables so far, and gets those they save."""
    for number, step in enumerate(steps):
        at = (*keys, number)
        known |= set(step.variables)
        for name in step.call:
            if name not in model.api.calls:
                yield at, f"there is no call {name!r} in [api.calls]"
                return
        schemas = [step.expect.reply, *(that.fits for that in step.expect.that)]
        templates = [step.query, step.body, step.change, step.raw, step.variables]
        yield from _names_faults(model, at, schemas, templates)
        if step.expect.error and model.api.error is None:
            yield at, "error needs [api] error: what an error's reply looks like"
        for name in sorted(_needed(model, step) - known):
            yield at, f"nothing gives the variable {name!r} a value before this step"
        if step.each is not None and not list(places(step.each)):
            yield at, 'each names a variable that holds a list, such as "{holes}"'
        yield from _step_faults(model, step.steps, (*at, "steps"), known)
        for lane, inner in enumerate(step.lanes):
            yield from _step_faults(model, inner, (*at, "lanes", lane), known)
        known |= set(step.save)


def _needed(model: ChecksModel, step: StepModel) -> set[str]:
    templates: list[Any] = [step.query, step.raw, step.variables, step.each, step.change]
    templates.append(step.user)
    for call in (model.api.calls[name] for name in step.call):
        own = {"body", "raw", "hex"} & step.model_fields_set
        templates += [call.path if step.path is None else step.path]
        templates += [step.body if own else call.body]
    return set(places(templates)) | needed_by_expectations(step)


def needed_by_expectations(step: StepModel) -> set[str]:
    """Return the variables that what is expected of a step's reply names."""
    expected = [one.model_dump(exclude={"fits"}) for one in step.expect.that]
    return set(places([*expected, *step.expect.code]))


def _names_faults(
    model: ChecksModel, keys: Keys, schemas: Sequence[Any], template: Any
) -> Iterator[Fault]:
    for name in (name for schema in schemas for name in _named(schema)):
        if name not in model.schemas:
            yield keys, f"there is no schema {name[:60]!r} in [schemas]"
    if fault := fault_of(template):
        yield keys, fault


def _named(schema: Any) -> Iterator[str]:
    """Return the names that a schema refers to: `$ref` is the name of another one of the file."""
    if isinstance(schema, str):
        yield schema
    parts = schema.items() if isinstance(schema, dict) else ()
    for key, value in parts:
        inner = value if isinstance(value, list) else [value]
        for one in inner if key == "$ref" else (one for one in inner if not isinstance(one, str)):
            yield from _named(one)
