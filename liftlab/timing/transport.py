"""An HTTP transport whose clock sits beside the socket.

The wire is an aiohttp session, because its stamps are an order of magnitude nearer to the
truth under load. The body is read to its end before anything is parsed, so that parsing
never delays a stamp and the connection can be used again. `exchange` is what liftlab calls;
`handle_async_request` is the same for httpx, whose objects cost as much as the exchange.
"""

from __future__ import annotations

import io
import ssl
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import aiohttp
import httpx
from yarl import URL

from liftlab.records import ErrorClass
from liftlab.timing.failures import TransportFailure, error_class_of
from liftlab.timing.recorder import Recorder
from liftlab.timing.waits import Waits
from liftlab.timing.wire import StampedConnector, recording

MAX_BODY_BYTES = 10_000_000
_ONE_WRITE_BYTES = 2**15  # up to here aiohttp writes head and body at once


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response: its status, its headers as they came, and its body."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    content: bytes


class StampedTransport(httpx.AsyncBaseTransport):
    """Send httpx requests over aiohttp, and stamp them.

    A response carries its `Stamps` in ``response.extensions["stamps"]``; a failure is a
    `TransportFailure`. Redirects are not followed, nothing is decompressed, no cookie is
    kept, and there is no limit on connections. One transport serves one event loop.

    Parameters
    ----------
    ca_file
        The only certificate authorities to trust, in PEM; the system's if None.
    connect_s
        How long DNS, TCP and TLS may take, in seconds.
    first_byte_s
        How long the first byte of a reply's body may take from sending, in seconds.
    between_reads_s
        How long each further read of the body may take, in seconds.
    use_proxy
        Whether to take proxies from the environment (`HTTPS_PROXY`, `NO_PROXY`, …).
    max_body_bytes
        The longest body to read; a longer one is a failure of class `too_large`.

    Raises
    ------
    OSError
        If `ca_file` cannot be read; `ssl.SSLError` if it holds no certificate.
    """

    def __init__(
        self,
        *,
        ca_file: str | None = None,
        connect_s: float = 10.0,
        first_byte_s: float | None = None,
        between_reads_s: float | None = None,
        use_proxy: bool = False,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self._tls = _StampedTls.verifying(ca_file)
        self._connect_s = connect_s
        self._first_byte_s = first_byte_s
        self._between_reads_s = between_reads_s
        self._proxies = urllib.request.getproxies() if use_proxy else {}
        self._max_body_bytes = max_body_bytes
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request of httpx and read its whole response.

        Raises
        ------
        TransportFailure
            If no whole response came.
        """
        recorder = request.extensions.get("recorder") or Recorder()
        headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in request.headers.raw]
        body = await request.aread()
        answer = await self.exchange(request.method, str(request.url), headers, body, recorder)
        return httpx.Response(
            answer.status,
            headers=list(answer.headers),
            content=answer.content,
            request=request,
            extensions={"stamps": recorder.stamps()},
        )

    async def exchange(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        recorder: Recorder,
    ) -> Answer:
        """Send one request and read its whole response; the recorder has the stamps.

        Raises
        ------
        TransportFailure
            If no whole response came.
        """
        if recorder.hops == 0:
            recorder.body_bytes = len(body)
        if self._session is None:
            self._session = self._open()
        token = recording.set(recorder)
        try:
            while True:
                sent = _Body(body, recorder) if body else None
                try:
                    return await self._in_time(self._session, method, url, headers, sent, recorder)
                except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
                    # Servers close idle connections unannounced. A request of which no
                    # byte was written may go to the next one: it is not sent twice.
                    if sent is None or sent.touched or not recorder.on_used_connection:
                        raise
                    recorder.unsent()
        except (aiohttp.ClientError, OSError, ssl.SSLError, EOFError) as error:
            error_class = error_class_of(error)
            if recorder.tls_started and error_class == "connect":
                error_class = "tls"
            recorder.ended()
            raise TransportFailure(_words(error), error_class, recorder.stamps()) from error
        finally:
            recording.reset(token)

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=StampedConnector(limit=0, limit_per_host=0, ssl=self._tls),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,  # would also read passwords from ~/.netrc
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_s),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )

    async def _in_time(
        self,
        session: aiohttp.ClientSession,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]],
        body: _Body | None,
        recorder: Recorder,
    ) -> Answer:
        """Make one exchange within the time-outs of its phases, where there are any."""
        if self._first_byte_s is None and self._between_reads_s is None:
            return await self._once(session, method, url, headers, body, recorder)
        recorder.waits = waits = Waits(self._first_byte_s, self._between_reads_s)
        try:
            async with waits.timer:
                return await self._once(session, method, url, headers, body, recorder)
        except TimeoutError:
            if not waits.timer.expired():
                raise
            raise self._failure("deadline", waits.words(), recorder) from None
        finally:
            recorder.waits = None

    async def _once(
        self,
        session: aiohttp.ClientSession,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]],
        body: _Body | None,
        recorder: Recorder,
    ) -> Answer:
        target = _parsed(url)
        response = await session.request(
            method,
            target,
            data=body,
            headers=headers,
            allow_redirects=False,
            proxy=self._proxy(target) if self._proxies else None,
        )
        recorder.got_headers()
        try:
            content = await self._read(response, recorder)
        finally:
            response.close()  # of no effect after a whole body: the connection went back
        return Answer(response.status, response.raw_headers, content)

    async def _read(self, response: aiohttp.ClientResponse, recorder: Recorder) -> bytes:
        encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            raise self._failure("protocol", "the reply is compressed, unasked", recorder)
        parts = []
        size = 0
        try:
            while part := await response.content.readany():
                size += len(part)
                if size > self._max_body_bytes:
                    text = f"the reply is longer than {self._max_body_bytes} bytes"
                    raise self._failure("too_large", text, recorder)
                parts.append(part)
        except aiohttp.ClientPayloadError as error:
            # A body cut short in good order is `truncated`. That the connection broke,
            # aiohttp tells only by the broken connection's error at the message's end.
            if "Error(" in str(error):
                raise self._failure(
                    "reset", "the connection broke in the body", recorder
                ) from error
            raise
        recorder.completed()
        recorder.ended()
        return b"".join(parts)

    @staticmethod
    def _failure(error_class: ErrorClass, message: str, recorder: Recorder) -> TransportFailure:
        recorder.ended()
        return TransportFailure(message, error_class, recorder.stamps())

    def _proxy(self, url: URL) -> str | None:
        proxy = self._proxies.get(url.scheme) or self._proxies.get("all")
        if not proxy or urllib.request.proxy_bypass(url.host or ""):
            return None
        return proxy if "://" in proxy else f"http://{proxy}"


class _Body(aiohttp.BytesIOPayload):
    """A request body that stamps its sending, and knows whether a byte of it may have left.

    aiohttp's own signal comes before the task that writes is even scheduled: with 64
    requests at once that was measured to be 9 ms too early.
    """

    def __init__(self, content: bytes, recorder: Recorder) -> None:
        super().__init__(io.BytesIO(content))
        self._recorder = recorder
        self._one_write = len(content) <= _ONE_WRITE_BYTES
        self.touched = False

    async def write_with_length(self, writer: Any, content_length: int | None) -> None:
        self.touched = not self._one_write
        self._recorder.sending()
        await super().write_with_length(writer, content_length)
        self.touched = True


class _StampedTls(ssl.SSLContext):
    """A verifying client context that tells when a handshake begins."""

    @classmethod
    def verifying(cls, ca_file: str | None) -> _StampedTls:
        context = cls(ssl.PROTOCOL_TLS_CLIENT)
        if ca_file is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(cafile=ca_file)
        context.set_alpn_protocols(["http/1.1"])
        return context

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        recorder = recording.get()
        if recorder is not None:
            recorder.handshaking()
        return super().wrap_bio(*args, **kwargs)


@lru_cache(maxsize=64)
def _parsed(url: str) -> URL:
    return URL(url, encoded=True)


def _words(error: BaseException) -> str:
    said = str(error)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
