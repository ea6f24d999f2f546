"""What requests to one endpoint look like, and what its refusals change about that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from liftlab.endpoints.base import Sampling
from liftlab.endpoints.replies import SAID_BYTES, ReplyError, number_or_none, parse_json, start_of

# `told`: sent as `json_schema`, and in the prompt, too, for a server that takes no notice of it.
Format = Literal["json_schema", "told", "json_object", "none"]
_REMOVED = (None, "null", "omit")  # TOML has no null


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How an endpoint wants to be asked.

    The parameters `left_out` are not sent; of the formats of a reply `json_schema` is replaced by
    `json_object`, and `response_format` by words in the prompt. If `told`, a JSON Schema goes into
    the prompt, too. The keys of `body` are over all of ours; `null` removes one.
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
        """Return the keys that say how the answer is drawn."""
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
        """Return a request's JSON with this endpoint's own keys over it."""
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
    places, text = _told(body)
    ours = [name for name in (form.max_tokens_field, *_PARAMETERS) if name in sent]
    refused = _refused(places, text, [name for name in ours if name not in form.body])
    if not refused or _CUT_OFF.search(text):
        return None
    left_out, field = set(form.left_out), form.max_tokens_field
    for name in refused:
        if name == "response_format":
            as_schema = form.format in ("json_schema", "told")
            left_out.add("json_schema" if as_schema else name)
        elif name != field:
            left_out.add(name)
        else:
            words = set(re.findall(r"\w+", text))
            other = next((limit for limit in _LIMITS if limit != field and limit in words), None)
            field = other or field
            if other is None:
                left_out.add("max_tokens")
    if "response_format" in left_out:
        left_out.discard("json_schema")
    return replace(form, left_out=frozenset(left_out), max_tokens_field=field)


def was_cut_off(body: bytes) -> bool:
    """Whether a refusal says that the model answered, and came to the limit of tokens."""
    return bool(_CUT_OFF.search(start_of(body)))


def _told(body: bytes) -> tuple[list[str], str]:
    """Return what an error body says: the places that it names, and its words."""
    try:
        pairs = list(_strings(parse_json(body[:SAID_BYTES])))
    except ReplyError:
        return [], start_of(body)
    text = "\n".join(text for naming, text in pairs if not naming)
    return [text for naming, text in pairs if naming] + _PRINTED_PLACE.findall(text), text


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


def _refused(places: list[str], text: str, ours: list[str]) -> list[str]:
    """Return which of our parameters a server does not take."""
    both = all(_first_at(text, name) is not None for name in ("temperature", "top_p"))
    if both and "top_p" in ours and _EXCLUDE_EACH_OTHER.search(text):
        return ["top_p"]
    placed = [name for name in ours if any(_first_at(p, name) is not None for p in places)]
    if placed:
        return placed
    clauses = _CLAUSE.split(text)
    for among in ([c for c in clauses if _REFUSES.search(c)], clauses):
        if first := _first_named(among, ours):
            return [first]
    return ["response_format"] if "response_format" in ours and _FORMAT.search(text) else []


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
