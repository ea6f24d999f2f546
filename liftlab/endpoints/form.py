"""What requests to one endpoint look like, and what its refusals change about that."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from liftlab.endpoints.base import Sampling
from liftlab.endpoints.replies import SAID_BYTES, ReplyError, number_or_none, parse_json, start_of

# `told`: sent as `json_schema`, and in the prompt, too, for a server that takes no notice of it.
Format = Literal["json_schema", "told", "json_object", "none"]
_REMOVED = (None, "null", "omit")  # TOML has no null


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How an endpoint wants to be asked.

    Parameters
    ----------
    left_out
        Parameters that are not sent. Of the formats of a reply `json_schema` is replaced by
        `json_object`, and `response_format` by words in the prompt.
    told
        Whether a JSON Schema goes into the prompt, too.
    body
        Keys over all of ours; `null` removes one.
    """

    left_out: frozenset[str] = frozenset()
    told: bool = False
    max_tokens_field: str = "max_tokens"
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def format(self) -> Format:
        """How JSON is asked for where a request has a schema."""
        if "response_format" in self.left_out:
            return "none"
        if "json_schema" in self.left_out:
            return "json_object"
        return "told" if self.told else "json_schema"

    def sampling(self, sampling: Sampling) -> dict[str, Any]:
        """Return the keys that say how the answer is drawn.

        Examples
        --------
        >>> Form(left_out=frozenset({"top_p", "seed"})).sampling(Sampling(seed=1))
        {'max_tokens': 2048, 'temperature': 0.3}
        """
        asked = {
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed,
        }
        return {
            self.max_tokens_field if name == "max_tokens" else name: value
            for name, value in asked.items()
            if value is not None and name not in self.left_out
        }

    def over(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return a request's JSON with this endpoint's own keys over it.

        Examples
        --------
        >>> Form(body={"seed": None, "n": 1}).over({"prompt": "p", "seed": 3})
        {'prompt': 'p', 'n': 1}
        """
        merged = {**body, **self.body}
        return {k: v for k, v in merged.items() if k not in self.body or v not in _REMOVED}

    def sent(self, sampling: Sampling) -> dict[str, Any]:
        """Return the sampling as requests have it, under our own names; None is not sent."""
        sent = self.over(self.sampling(sampling))
        limit = number_or_none(sent.get(self.max_tokens_field))
        return {
            "temperature": number_or_none(sent.get("temperature")),
            "top_p": number_or_none(sent.get("top_p")),
            "max_tokens": None if limit is None else int(limit),
        }

    def words(self) -> str:
        """Say what differs from what a request has by default; empty if nothing does."""
        parts = [f"leave out {', '.join(sorted(self.left_out))}"] if self.left_out else []
        if self.max_tokens_field != "max_tokens" and "max_tokens" not in self.left_out:
            parts.append(f"send max_tokens as {self.max_tokens_field}")
        return "; ".join(parts)


REFUSED = frozenset({400, 422})
_PARAMETERS = ("temperature", "top_p", "seed", "stream_options", "response_format")
_LIMITS = (
    "max_completion_tokens",
    "max_output_tokens",
    "max_new_tokens",
    "max_tokens_to_sample",
    "max_tokens",
    "num_predict",
    "n_predict",
)
_NAMING_KEYS = frozenset({"param", "loc", "field", "path", "parameter", "parameters"})
# What servers send back of the request itself: all of its names are in there.
_ECHOES = frozenset({"input", "ctx", "url", "doc_url", "body", "request", "documentation_url"})
_PRINTED_PLACE = re.compile(r"""['"]loc['"]:\s*[(\[]([^)\]]*)[)\]]""")
_CLAUSE = re.compile(r"(?<=[.;!?])\s+|\n+")
_REFUSES = re.compile(
    r"\b(un(supported|known|recogni[sz]ed|expected)|not|n't|cannot|can't|invalid|forbidden|extra"
    r"|deprecated|no longer|remove|omit|only the default|illegal|unable)\b",
    re.IGNORECASE,
)
_EXCLUDE_EACH_OTHER = re.compile(
    r"\b(both|only (use )?one|either|exclusive|together|at the same time|simultaneously)\b",
    re.IGNORECASE,
)
_FORMAT = re.compile(
    r"json[_ ]?(schema|object)|\bschema\b|grammar|guided|structured", re.IGNORECASE
)
_CUT_OFF = re.compile(r"output limit was reached|could not finish the message", re.IGNORECASE)
_MOST_VALUES = 1000


def adapted(form: Form, sent: Mapping[str, Any], body: bytes) -> Form | None:
    """Return the form that answers a refusal (400 or 422); None if it names nothing to change."""
    told = _Told.of(body)
    if _CUT_OFF.search(told.text):
        return None
    ours = [name for name in (form.max_tokens_field, *_PARAMETERS) if name in sent]
    ours = [name for name in ours if name not in form.body]
    refused = _refused(told, ours)
    if not refused:
        return None
    left_out, field = set(form.left_out), form.max_tokens_field
    for name in refused:
        if name == "response_format":
            left_out |= {
                "json_schema" if form.format in ("json_schema", "told") else "response_format"
            }
        elif name != field:
            left_out.add(name)
        elif other := _other_name(told.text, field):
            field = other
        else:
            left_out.add("max_tokens")
    if "response_format" in left_out:
        left_out.discard("json_schema")
    return dataclasses.replace(form, left_out=frozenset(left_out), max_tokens_field=field)


def was_cut_off(body: bytes) -> bool:
    """Whether a refusal says that the model answered, and came to the limit of tokens."""
    return bool(_CUT_OFF.search(start_of(body)))


@dataclasses.dataclass(frozen=True, slots=True)
class _Told:
    """What an error body says: the places that it names, and its words."""

    places: tuple[str, ...]
    text: str

    @classmethod
    def of(cls, body: bytes) -> _Told:
        try:
            pairs = list(_strings(parse_json(body[:SAID_BYTES])))
        except ReplyError:
            return cls((), start_of(body))
        text = "\n".join(text for naming, text in pairs if not naming)
        printed = _PRINTED_PLACE.findall(text)
        return cls((*(text for naming, text in pairs if naming), *printed), text)


def _strings(value: Any) -> Iterator[tuple[bool, str]]:
    """Yield the texts of an error body, and whether each names a place in the request."""
    waiting, seen = [(False, value)], 0
    while waiting and seen < _MOST_VALUES:
        naming, item = waiting.pop(0)
        seen += 1
        if isinstance(item, str):
            yield naming, item
        elif isinstance(item, list):
            waiting += [(naming, inner) for inner in item]
        elif isinstance(item, dict):
            waiting += [
                (naming or key in _NAMING_KEYS, inner)
                for key, inner in item.items()
                if key not in _ECHOES
            ]


def _refused(told: _Told, ours: list[str]) -> list[str]:
    """Return which of our parameters a server does not take."""
    both = [name for name in ("temperature", "top_p") if _first_at(told.text, name) is not None]
    if len(both) == 2 and "top_p" in ours and _EXCLUDE_EACH_OTHER.search(told.text):
        return ["top_p"]
    placed = [name for name in ours if any(_first_at(p, name) is not None for p in told.places)]
    if placed:
        return placed
    clauses = _CLAUSE.split(told.text)
    for among in ([c for c in clauses if _REFUSES.search(c)], clauses):
        if first := _first_named(among, ours):
            return [first]
    return ["response_format"] if "response_format" in ours and _FORMAT.search(told.text) else []


def _first_named(clauses: Iterable[str], ours: list[str]) -> str | None:
    for clause in clauses:
        at = {name: place for name in ours if (place := _first_at(clause, name)) is not None}
        if at:
            return min(at, key=at.__getitem__)
    return None


def _first_at(text: str, name: str) -> int | None:
    """Return where a text names a parameter, as `top_p`, `topP` or `top-p`."""
    spelt = name.replace("_", "[_ -]?")
    found = re.search(rf"(?<![A-Za-z0-9_]){spelt}(?![A-Za-z0-9_])", text, re.IGNORECASE)
    return None if found is None else found.start()


def _other_name(text: str, field: str) -> str | None:
    return next((name for name in _LIMITS if name != field and name in _words(text)), None)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))
