"""What requests to one endpoint look like: what is left out, renamed, or put over our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from liftlab.endpoints.base import Sampling
from liftlab.endpoints.replies import number_or_none

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
