"""A JSON service with a form of its own, as `liftlab.toml` describes it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from string import Template
from typing import Any

from liftlab.endpoints.base import Reply, Request
from liftlab.endpoints.http import HttpClient
from liftlab.endpoints.lift import LiftEndpoint, value_of
from liftlab.endpoints.paths import at, gap
from liftlab.endpoints.replies import NoAnswerError, ReplyError, count_or_none, parse_json, said_in
from liftlab.endpoints.server_facts import told_by_body
from liftlab.settings import EndpointSettings


class JsonEndpoint(LiftEndpoint):
    """An endpoint whose requests are a template and whose replies have paths."""

    def __init__(
        self, *, client: HttpClient, settings: EndpointSettings, urls: Mapping[str, str]
    ) -> None:
        super().__init__(
            client=client,
            generate_url=urls["generate"],
            health_url=urls.get("health"),
            warmup_url=urls.get("warmup"),
        )
        self._settings = settings

    def payload(self, request: Request) -> dict[str, Any]:
        """Return the template with what is asked in it."""
        sampling, template = request.sampling, self._settings.request
        system = request.system if "$system" in str(template) else None
        before = f"{request.system}\n\n" if request.system and system is None else ""
        known = {
            "prompt": before + request.prompt,
            "system": system,
            "schema": request.schema,
            "model": self._settings.model,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "seed": sampling.seed,
            "request_id": request.request_id,
        }
        filled: dict[str, Any] = _filled(template, known)
        return filled

    def read(self, reply: Reply, request: Request) -> Reply:
        """Read the body of a whole 2xx reply by the paths of the settings."""
        told = self._settings
        try:
            data = parse_json(reply.raw, lenient=True)
            facts = data if isinstance(data, dict) else {}
            tokens = _at(data, told.tokens_path)
            reply = dataclasses.replace(
                reply, output_tokens=count_or_none(tokens), **told_by_body(facts)
            )
            if error := _at(data, told.error_path):
                raise ReplyError("reported_error", f"the server says: {said_in(error)}")
            value = _at(data, told.reply_path)
            if value is None:
                where = gap(data, told.reply_path or "")
                raise NoAnswerError(f"reply_path {told.reply_path}: {where}", "schema_mismatch")
            return dataclasses.replace(reply, **value_of(value, request))
        except ReplyError as fault:
            return dataclasses.replace(reply, **fault.columns())


def _at(data: Any, path: str | None) -> Any:
    try:
        return None if path is None else at(data, path)
    except KeyError:
        return None


def _filled(template: Any, known: Mapping[str, Any]) -> Any:
    """Fill a template in; a key whose whole value is not known is left out.

    Examples
    --------
    >>> _filled({"q": "Do: $prompt", "n": "$max_tokens", "s": "$seed"},
    ...         {"prompt": "it", "max_tokens": 5, "seed": None})
    {'q': 'Do: it', 'n': 5}
    """
    if isinstance(template, dict):
        filled = {key: _filled(value, known) for key, value in template.items()}
        return {key: value for key, value in filled.items() if value is not None}
    if isinstance(template, list):
        return [_filled(value, known) for value in template]
    if not isinstance(template, str):
        return template
    if template.startswith("$") and template[1:] in known:
        return known[template[1:]]
    return Template(template).safe_substitute(known)
