"""Load a file of session checks, and say where it goes wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from liftlab import tomlfile
from liftlab.errors import SuiteInvalid, UnknownName
from liftlab.sessions.model import ApiModel, CheckModel, ChecksModel, StepModel
from liftlab.sessions.template import fault_of, fill, places

BUILT_IN = frozenset({"n", "each", "run", "user"})  # lane, item, run, and the step's user


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """The checks of one file, or those of them that were selected; `source` is the whole file."""

    api: ApiModel
    values: dict[str, Any]
    schemas: dict[str, Any]
    checks: tuple[CheckModel, ...]
    path: Path
    source: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """The digest of the file."""
        return sha256(self.source).hexdigest()

    def __getitem__(self, check_id: str) -> CheckModel:
        """Return the check of that id; raise UnknownName if there is none."""
        for check in self.checks:
            if check.id == check_id:
                return check
        raise UnknownName("check", check_id, [check.id for check in self.checks])

    def only(self, ids: Sequence[str]) -> Checks:
        """Return the checks named; all where none is. Raises UnknownName."""
        wanted = {self[check_id].id for check_id in ids}
        kept = tuple(check for check in self.checks if not wanted or check.id in wanted)
        return replace(self, checks=kept)

    def for_user_header(self, name: str | None) -> Checks:
        """Return the checks with the header that says who calls; as it is if None."""
        return (
            self
            if name is None
            else replace(self, api=self.api.model_copy(update={"user_header": name}))
        )


def load(path: Path) -> Checks:
    """Read a file of checks. Raises SuiteInvalid: says the line and the field."""
    return parse(tomlfile.read_bytes(path, SuiteInvalid, limit=tomlfile.MAX_BYTES), path)


def parse(source: bytes, path: Path) -> Checks:
    """Make checks of a file's bytes. Raises SuiteInvalid: says the line and the field."""
    file = tomlfile.parse(source, path, SuiteInvalid)
    try:
        model = ChecksModel.model_validate(file.data)
    except ValidationError as error:
        raise tomlfile.invalid(file, error, SuiteInvalid) from None
    for keys, message in _faults(model):
        where = tomlfile.field_name(keys)
        raise SuiteInvalid(path, f"{where}: {message}", file.line(*keys))
    return Checks(
        api=model.api,
        values=_filled(model.values),
        schemas=model.schemas,
        checks=tuple(model.check),
        path=path,
        source=source,
    )


def steps_of(check: CheckModel) -> Iterator[StepModel]:
    """Return all steps of a check, groups and what is in them."""
    for step in check.step:
        yield from with_inner(step)


def calls_of(step: StepModel) -> list[str]:
    """Return the names of the calls that a step makes."""
    return [step.call] if step.call else list(step.calls)


def with_inner(step: StepModel) -> Iterator[StepModel]:
    """Return a step and all steps in it."""
    yield step
    for inner in (*step.steps, *(one for lane in step.lanes for one in lane)):
        yield from with_inner(inner)


def _filled(values: dict[str, Any]) -> dict[str, Any]:
    filled: dict[str, Any] = {}
    for name, template in values.items():
        filled[name] = fill(template, filled)
    return filled


Fault = tuple[tuple[tomlfile.Key, ...], str]


def _faults(model: ChecksModel) -> Iterator[Fault]:
    """Return what is wrong across the file: names that nothing has, ids taken twice."""
    earlier: set[str] = set()
    for name, value in model.values.items():
        if fault := fault_of(value):
            yield ("values", name), fault
        for other in sorted(set(places(value)) - earlier):
            yield ("values", name), f"{other!r} is not a value above this one"
        earlier.add(name)
    for name, call in model.api.calls.items():
        keys = ("api", "calls", name)
        yield from _schema_faults(model, call.reply, (*keys, "reply"))
        if fault := fault_of(call.body):
            yield (*keys, "body"), fault
    yield from _schema_faults(model, model.api.error, ("api", "error"))
    for name, schema in model.schemas.items():
        yield from _schema_faults(model, schema, ("schemas", name))
    yield from _clean_up_faults(model)
    seen: set[str] = set()
    for number, check in enumerate(model.check):
        if check.id in seen:
            yield ("check", number, "id"), f"{check.id!r} is taken by another check"
        seen.add(check.id)
        known = set(model.values) | BUILT_IN
        for place, step in enumerate(check.step):
            yield from _step_faults(model, step, ("check", number, "step", place), known)


def _step_faults(
    model: ChecksModel, step: StepModel, keys: tuple[tomlfile.Key, ...], known: set[str]
) -> Iterator[Fault]:
    """Return the faults of a step; `known` has the variables so far, and gets those that it saves.

    Steps of several lanes may use each other's: they run at the same time.
    """
    known |= set(step.variables)
    for name in calls_of(step):
        if name not in model.api.calls:
            yield keys, f"there is no call {name!r} in [api.calls]"
            return
    yield from _schema_faults(model, step.expect.reply, (*keys, "expect", "reply"))
    if step.expect.error is not None and model.api.error is None:
        yield (*keys, "expect"), "error needs [api] error: what an error's reply looks like"
    templates = [step.query, step.headers, step.body, step.change, step.raw, step.variables]
    for fault in filter(None, map(fault_of, templates)):
        yield keys, fault
    for name in sorted(_needed(model, step) - known):
        yield keys, f"nothing gives the variable {name!r} a value before this step"
    if step.each is not None and set(places(step.each)) == set():
        yield (*keys, "each"), 'names a variable that holds a list, such as "{holes}"'
    for place, inner in enumerate(step.steps):
        yield from _step_faults(model, inner, (*keys, "steps", place), known)
    for number, lane in enumerate(step.lanes):
        for place, inner in enumerate(lane):
            yield from _step_faults(model, inner, (*keys, "lanes", number, place), known)
    known |= set(step.save)


def _needed(model: ChecksModel, step: StepModel) -> set[str]:
    needed = set(places([step.query, step.headers, step.raw, step.variables, step.each]))
    needed |= set(places([one.model_dump() for one in step.expect.that]))
    needed |= set(places([one.returns for one in step.expect.code]))
    for name in calls_of(step):
        call = model.api.calls[name]
        path = call.path if step.path is None else step.path
        own = {"body", "raw", "hex"} & step.model_fields_set
        needed |= set(places([path, step.body if own else call.body, step.change]))
    return needed


def _schema_faults(
    model: ChecksModel, schema: Any, keys: tuple[tomlfile.Key, ...]
) -> Iterator[Fault]:
    if isinstance(schema, str):
        if schema not in model.schemas:
            yield keys, f"there is no schema {schema[:60]!r} in [schemas]"
        return
    for name in _references(schema):
        if name not in model.schemas:
            yield keys, f"$ref: there is no schema {name[:60]!r} in [schemas]"


def _references(schema: Any) -> Iterator[str]:
    """Return the names that a schema refers to: `$ref` is the name of another one of the file."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _clean_up_faults(model: ChecksModel) -> Iterator[Fault]:
    made = [name for name, call in model.api.calls.items() if call.makes]
    clean_up = model.api.clean_up
    if clean_up is None:
        if made:
            yield ("api",), f"call {made[0]!r} makes something: say in [api.clean_up] how it goes"
        return
    for name in filter(None, (clean_up.call, clean_up.listing)):
        if name not in model.api.calls:
            yield ("api", "clean_up"), f"there is no call {name!r} in [api.calls]"
    if bool(clean_up.listing) != bool(clean_up.ids):
        yield ("api", "clean_up"), "listing and ids go together"
