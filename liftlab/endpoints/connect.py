"""From an endpoint's settings to an endpoint: addresses checked, secrets read, nothing sent."""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import entry_points
from urllib.parse import urlsplit

from liftlab.endpoints.base import Endpoint, Secret
from liftlab.endpoints.form import Form
from liftlab.endpoints.http import HttpClient, Transport
from liftlab.endpoints.lift import LiftEndpoint
from liftlab.endpoints.openai import OpenAIEndpoint
from liftlab.endpoints.replies import clean
from liftlab.endpoints.service import JsonEndpoint
from liftlab.endpoints.urls import added, fault_of, with_query
from liftlab.errors import UsageError
from liftlab.settings import ENDPOINTS, EndpointSettings
from liftlab.timing.transport import StampedTransport


@asynccontextmanager
async def connected(settings: EndpointSettings) -> AsyncIterator[Endpoint]:
    """Connect to an endpoint for the length of a block; raises as `connect`."""
    endpoint = connect(settings)
    try:
        yield endpoint
    finally:
        await endpoint.close()


def connect(
    settings: EndpointSettings,
    transport: Transport | None = None,
    *,
    environ: Mapping[str, str] | None = None,
) -> Endpoint:
    """Return the adapter for an endpoint; call its `close` when done.

    Raises UsageError if an address, a variable or the CA file cannot be used; says which. Without
    a `transport` it has one that is made from the settings.
    """
    environ = os.environ if environ is None else environ
    urls = _urls(settings)
    client = HttpClient(
        token=_token(settings, environ),
        headers={
            header: _secret(settings, variable, environ)
            for header, variable in settings.headers_env.items()
        },
        plain_headers=settings.headers | ({} if settings.keep_alive else {"connection": "close"}),
        transport=transport or transport_of(settings),
    )
    form = Form(
        left_out=settings.left_out(), max_tokens_field=settings.max_tokens_field, body=settings.body
    )
    if settings.protocol == "openai":
        return OpenAIEndpoint(
            client=client,
            base_url=urls.get("base"),
            generate_url=urls.get("generate"),
            model=settings.model,
            health_url=False if settings.health_url is False else urls.get("health"),
            form=form,
        )
    if settings.protocol == "json":
        return JsonEndpoint(client=client, settings=settings, urls=urls)
    if settings.protocol != "lift":
        return _adapter(settings, client)
    return LiftEndpoint(
        client=client,
        generate_url=urls["generate"],
        health_url=urls.get("health"),
        warmup_url=urls.get("warmup"),
        form=form,
    )


def secret_variables(settings: EndpointSettings) -> list[str]:
    """Return the variables that an endpoint's secrets are in."""
    names = [*settings.headers_env.values(), *([settings.token_env] if settings.token_env else [])]
    return list(dict.fromkeys(names))


def secrets_sent(settings: EndpointSettings, environ: Mapping[str, str] | None = None) -> str:
    """Say which variables go to which hosts with requests; empty if none does."""
    environ = os.environ if environ is None else environ
    sent = [f"${name}" for name in secret_variables(settings) if environ.get(name)]
    parts = [urlsplit(url) for url in _urls(settings).values()] if sent else []
    hosts = dict.fromkeys(f"{part.scheme}://{part.netloc.rpartition('@')[2]}" for part in parts)
    return f"sends {' and '.join(sent)} to {' and '.join(hosts)}" if sent else ""


def headers_of(
    settings: EndpointSettings, environ: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the headers that all requests to an endpoint have; they hold its secrets."""
    environ = os.environ if environ is None else environ
    token = _token(settings, environ)
    secret = {
        header: _secret(settings, variable, environ).reveal()
        for header, variable in settings.headers_env.items()
    }
    bearer = {} if token is None else {"authorization": f"Bearer {token.reveal()}"}
    return settings.headers | secret | bearer


def _adapter(settings: EndpointSettings, client: HttpClient) -> Endpoint:
    """Return what an installed package's adapter makes of an endpoint."""
    (entry,) = entry_points(group=ENDPOINTS, name=settings.protocol)
    try:
        adapter: Endpoint = entry.load()(settings, client)
    except Exception as error:  # foreign code: whatever it raises is a fault of the entry point
        raise UsageError(
            f"endpoint {settings.name!r}: protocol {entry.name} ({entry.value}) cannot be loaded: "
            f"{clean(repr(error))}"
        ) from error
    return adapter


def _urls(settings: EndpointSettings) -> dict[str, str]:
    """Return the addresses of an endpoint by what they are for, each with the query."""
    given = {
        "generate": settings.generate_url,
        "health": settings.health_url,
        "warmup": settings.warmup_url,
    }
    urls = {name: _checked(settings, f"{name}_url", url) for name, url in given.items() if url}
    if settings.base_url is not None:
        base = _checked(settings, "base_url", settings.base_url).rstrip("/")
        if settings.protocol not in ("lift", "json"):
            urls["base"] = base
        else:
            urls = {name: added(base, f"/{name}") for name in given} | urls
    if settings.health_url is False:
        urls.pop("health", None)
    if not {"generate", "base"} & set(urls):
        raise UsageError(f"endpoint {settings.name!r}: give base_url or generate_url")
    return {name: with_query(url, settings.query) for name, url in urls.items()}


def _checked(settings: EndpointSettings, field: str, text: str) -> str:
    """Return a usable URL as it is; a fault is told without what may be secret in it."""
    fault = fault_of(text.strip(), base=field == "base_url")
    if fault:
        raise UsageError(f"endpoint {settings.name!r}: {field} {fault}")
    return text.strip()


def _token(settings: EndpointSettings, environ: Mapping[str, str]) -> Secret | None:
    variable = settings.token_env
    if variable is None or not (environ.get(variable) or settings.token_required):
        return None
    return _secret(settings, variable, environ)


def _secret(settings: EndpointSettings, variable: str, environ: Mapping[str, str]) -> Secret:
    value = environ.get(variable, "").strip()
    if not value:
        raise UsageError(
            f"endpoint {settings.name!r} needs the environment variable {variable}, "
            f"which is not set: export {variable}=…"
        )
    if not (value.isascii() and value.isprintable()):
        raise UsageError(f"{variable} holds characters that an HTTP header cannot carry")
    return Secret(value)


def transport_of(settings: EndpointSettings) -> StampedTransport:
    """Return a transport with an endpoint's time-outs, proxies and authorities."""
    ca_file = settings.ca_file
    try:
        return StampedTransport(
            ca_file=None if ca_file is None else str(ca_file),
            connect_s=settings.connect_s,
            first_byte_s=settings.first_byte_s,
            between_reads_s=settings.between_reads_s,
            use_proxy=settings.use_proxy,
            keep_alive=settings.keep_alive,
            unix_socket=None if settings.unix_socket is None else str(settings.unix_socket),
        )
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"endpoint {settings.name!r}: ca_file {ca_file} cannot be used: {error}"
        ) from None
