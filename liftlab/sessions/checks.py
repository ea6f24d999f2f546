"""Load a file of session checks, and say where it goes wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from liftlab import tomlfile
from liftlab.errors import InputInvalid, SuiteInvalid, UnknownName
from liftlab.records import SESSIONS
from liftlab.sessions.model import ApiModel, CheckModel, ChecksModel, RawUser, StepModel
from liftlab.sessions.template import fault_of, fill, places
from liftlab.store import RunFolder
from liftlab.suite import Case, Suite

BUILT_IN = frozenset({"n", "each", "run", "user"})  # lane, item, run, and the step's user
Said = tuple[tuple[tomlfile.Key, ...], Any]  # something in a file, and where
Fault = tuple[tuple[tomlfile.Key, ...], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """The checks of one file, or those of them that were selected; `source` is the whole file."""

    api: ApiModel
    values: dict[str, Any]
    schemas: dict[str, Any]
    checks: tuple[CheckModel, ...]
    path: Path
    source: bytes = field(repr=False)

    def __getitem__(self, check_id: str) -> CheckModel:
        """Return the check of that id; raise UnknownName if there is none."""
        for check in self.checks:
            if check.id == check_id:
                return check
        raise UnknownName("check", check_id, [check.id for check in self.checks])

    def only(self, ids: Sequence[str], user_header: str | None = None) -> Checks:
        """Return the checks named, all where none is; with another header that says who calls.

        Raises UnknownName.
        """
        wanted = {self[check_id].id for check_id in ids}
        kept = tuple(check for check in self.checks if not wanted or check.id in wanted)
        told = {"user_header": user_header} if user_header else {}
        return replace(self, checks=kept, api=self.api.model_copy(update=told))

    def as_suite(self) -> Suite:
        """Return the checks as the cases of a suite: each is a trial of a run."""
        cases = tuple(
            Case(check.id, check.id, category=check.group, difficulty=check.severity)  # type: ignore[arg-type]
            for check in self.checks
        )
        digest = sha256(self.source).hexdigest()
        return Suite(
            name=SESSIONS, description="", cases=cases, sha256=digest,
            path=self.path, source=self.source,
        )  # fmt: skip


def load(path: Path) -> Checks:
    """Read a file of checks. Raises SuiteInvalid: says the line and the field."""
    return parse(tomlfile.read_bytes(path, SuiteInvalid, limit=tomlfile.MAX_BYTES), path)


def checks_of(folder: RunFolder) -> Checks:
    """Return the checks that a run makes: of its file as it was, those that were asked for.

    Raises InputInvalid if it is no run of session checks.
    """
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
        model = ChecksModel.model_validate(file.data)
    except ValidationError as error:
        raise tomlfile.invalid(file, error, SuiteInvalid) from None
    for keys, message in _faults(model):
        where = tomlfile.field_name(keys)
        raise SuiteInvalid(path, f"{where}: {message}", file.line(*keys))
    values: dict[str, Any] = {}
    for name, template in model.values.items():
        values[name] = fill(template, values)
    return Checks(
        api=model.api, values=values, schemas=model.schemas, checks=tuple(model.check),
        path=path, source=source,
    )  # fmt: skip


def calls_of(step: StepModel) -> list[str]:
    """Return the names of the calls that a step makes."""
    return [step.call] if step.call else list(step.calls)


def steps_of(steps: Sequence[StepModel]) -> Iterator[StepModel]:
    """Return steps and all steps in them."""
    for step in steps:
        yield step
        for inner in (step.steps, *step.lanes):
            yield from steps_of(inner)


def _faults(model: ChecksModel) -> Iterator[Fault]:
    """Return what is wrong across the file: names that nothing has, ids taken twice."""
    earlier: set[str] = set()
    for name, value in model.values.items():
        for other in sorted(set(places(value)) - earlier):
            yield ("values", name), f"{other!r} is not a value above this one"
        earlier.add(name)
    templates: list[Said] = [(("values", name), value) for name, value in model.values.items()]
    schemas: list[Said] = [(("api", "error"), model.api.error)]
    schemas += [(("schemas", name), schema) for name, schema in model.schemas.items()]
    for name, call in model.api.calls.items():
        schemas.append((("api", "calls", name, "reply"), call.reply))
        templates.append((("api", "calls", name), call.body))
    yield from ((keys, fault) for keys, value in templates if (fault := fault_of(value)))
    for keys, schema in schemas:
        yield from _schema_faults(model, schema, keys)
    yield from _clean_up_faults(model)
    seen: set[str] = set()
    for number, check in enumerate(model.check):
        if check.id in seen:
            yield ("check", number, "id"), f"{check.id!r} is taken by another check"
        seen.add(check.id)
        known = set(model.values) | BUILT_IN
        yield from _step_faults(model, check.step, ("check", number, "step"), known)


def _step_faults(
    model: ChecksModel, steps: Sequence[StepModel], keys: tuple[tomlfile.Key, ...], known: set[str]
) -> Iterator[Fault]:
    """Return the faults of steps; `known` has the variables so far, and gets those that they save.

    Steps of several lanes may use each other's: they run at the same time.
    """
    for number, step in enumerate(steps):
        at = (*keys, number)
        known |= set(step.variables)
        for name in calls_of(step):
            if name not in model.api.calls:
                yield at, f"there is no call {name!r} in [api.calls]"
                return
        for schema in (step.expect.reply, *(that.fits for that in step.expect.that)):
            yield from _schema_faults(model, schema, (*at, "expect"))
        if step.expect.error and model.api.error is None:
            yield (*at, "expect"), "error needs [api] error: what an error's reply looks like"
        if fault := fault_of([step.query, step.body, step.change, step.raw, step.variables]):
            yield at, fault
        for name in sorted(_needed(model, step) - known):
            yield at, f"nothing gives the variable {name!r} a value before this step"
        if step.each is not None and not list(places(step.each)):
            yield (*at, "each"), 'names a variable that holds a list, such as "{holes}"'
        yield from _step_faults(model, step.steps, (*at, "steps"), known)
        for lane, inner in enumerate(step.lanes):
            yield from _step_faults(model, inner, (*at, "lanes", lane), known)
        known |= set(step.save)


def _needed(model: ChecksModel, step: StepModel) -> set[str]:
    user = step.user.raw if isinstance(step.user, RawUser) else step.user
    templates = [step.query, step.raw, step.variables, step.each, step.change, user]
    for name in calls_of(step):
        call = model.api.calls[name]
        own = {"body", "raw", "hex"} & step.model_fields_set
        templates += [call.path if step.path is None else step.path]
        templates += [step.body if own else call.body]
    return set(places(templates)) | needed_by_expectations(step)


def needed_by_expectations(step: StepModel) -> set[str]:
    """Return the variables that what is expected of a step's reply names."""
    expected = [one.model_dump(exclude={"fits"}) for one in step.expect.that]
    return set(places([*expected, *(one.model_dump() for one in step.expect.code)]))


def _schema_faults(
    model: ChecksModel, schema: Any, keys: tuple[tomlfile.Key, ...]
) -> Iterator[Fault]:
    """Return the names in a schema that nothing has: `$ref` is the name of another of the file."""
    if isinstance(schema, str) and schema not in model.schemas:
        yield keys, f"there is no schema {schema[:60]!r} in [schemas]"
    if isinstance(schema, dict):
        inner = [schema["$ref"]] if isinstance(schema.get("$ref"), str) else []
        inner += [value for value in schema.values() if not isinstance(value, str)]
        for value in inner:
            yield from _schema_faults(model, value, keys)
    elif isinstance(schema, list):
        for value in schema:
            yield from _schema_faults(model, value if isinstance(value, dict) else None, keys)


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
