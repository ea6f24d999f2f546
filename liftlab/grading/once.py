"""Judge an answer once: of answers that are the same, the first is run and the others are told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from hashlib import sha256
from typing import Generic, TypeVar

Verdict = TypeVar("Verdict")


class Once(Generic[Verdict]):
    """Verdicts by what they were made from; any thread may ask.

    `most`: how large all verdicts that are kept may be. The oldest go first, and are made again
    when they are asked for. `size`: how large one of them is.

    Examples
    --------
    >>> once = Once[str]()
    >>> once(("double", b"code"), lambda: "pass"), once(("double", b"code"), lambda: "fail")
    ('pass', 'pass')
    """

    def __init__(
        self, most: float = float("inf"), size: Callable[[Verdict], int] = lambda verdict: 1
    ) -> None:
        self._most, self._size = most, size
        self._lock = threading.Lock()
        self._running: dict[bytes, Future[Verdict]] = {}
        self._known: dict[bytes, Verdict] = {}
        self._kept = 0

    def __call__(self, made_from: tuple[object, ...], judge: Callable[[], Verdict]) -> Verdict:
        """Return the verdict on something; `judge` makes it where there is none.

        `made_from`: all that the verdict depends on and that may differ between two calls: text,
        bytes and what else has a `repr` of its own. `judge`: makes the verdict. What it raises is
        not kept.
        """
        key = digest_of(made_from)
        with self._lock:
            if key in self._known:
                return self._known[key]
            running = self._running.get(key)
            if running is None:
                self._running[key] = Future()
        if running is not None:
            return running.result()
        try:
            verdict = judge()
        except BaseException as error:
            self._running.pop(key).set_exception(error)
            raise
        with self._lock:
            self._keep(key, verdict)
        self._running.pop(key).set_result(verdict)
        return verdict

    def _keep(self, key: bytes, verdict: Verdict) -> None:
        self._known[key] = verdict
        self._kept += self._size(verdict)
        while self._kept > self._most:
            self._kept -= self._size(self._known.pop(next(iter(self._known))))


def digest_of(made_from: tuple[object, ...]) -> bytes:
    """Return a digest of text, bytes and what else has a `repr` of its own."""
    return sha256(repr(made_from).encode()).digest()
