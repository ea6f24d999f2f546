"""Words for what is stored as identifiers: failure classes, failed requests, stages, counts."""

from __future__ import annotations

from liftlab import words

# Of a failure class: what answers do, after "n answers"; and the name of the cause.
FAILURES = {
    "empty_output": ("are empty", "empty answers"),
    "markdown_fence": ("hold no usable code block", "unusable code blocks"),
    "not_python": ("are not Python", "answers that are not Python"),
    "truncated": ("are cut off", "answers cut off"),
    "indentation_error": ("are wrongly indented", "indentation errors"),
    "syntax_error": ("are not valid Python", "syntax errors"),
    "import_error": ("import something that is not there", "missing imports"),
    "missing_function": ("define no function", "missing functions"),
    "wrong_function_name": ("name the function wrongly", "wrong function names"),
    "signature_mismatch": ("take the wrong arguments", "wrong arguments"),
    "timeout": ("run too long", "answers that run too long"),
    "memory": ("use too much memory", "answers that use too much memory"),
    "output": ("print too much", "answers that print too much"),
    "crash": ("crash the interpreter", "crashes of the interpreter"),
    "blocked": ("do something forbidden", "forbidden operations"),
    "invalid_ir": ("stop at an unusable IR", "unusable IRs"),
    "invalid_reply": ("stop at an unusable reply", "unusable replies"),
    "name_error": ("use an undefined name", "undefined names"),
    "type_error": ("mix up types", "mixed-up types"),
    "runtime_error": ("raise an exception", "exceptions"),
    "missing_return": ("return nothing", "missing returns"),
    "partially_wrong": ("are right on some inputs only", "answers right on some inputs only"),
    "wrong_answer": ("return a wrong value", "wrong values"),
    "refusal": ("refuse", "refusals"),
    "content_filter": (
        "are blocked by the provider's filter",
        "answers blocked by the provider's filter",
    ),
    "reasoning_unfinished": (
        "ran out of tokens while reasoning",
        "answers that ran out of tokens while reasoning",
    ),
    "endpoint_error": ("the endpoint failed", "endpoint failures"),
}
REQUESTS = {
    "dns": "the host name is unknown",
    "connect": "no connection",
    "tls": "no secure connection",
    "deadline": "timed out",
    "reset": "connection lost",
    "stale_connection": "kept connection had been closed",
    "protocol": "not valid HTTP",
    "http_4xx": "refused",
    "http_429": "rate limited",
    "http_5xx": "server error",
    "too_large": "reply too large",
    "truncated": "reply broke off",
    "invalid_json": "unreadable reply",
    "schema_mismatch": "reply lacks needed fields",
    "reported_error": "server reported an error",
    "length": "hit the token limit",
    "cancelled": "interrupted",
    "pipeline_error": "your pipeline raised an exception",
}
stage, readable = words.stage_words, words.readable


def failure(failure_class: str) -> str:
    """Return what answers of a failure class do, after a count of answers."""
    return FAILURES[failure_class][0] if failure_class in FAILURES else readable(failure_class)


def cause(failure_class: str) -> str:
    """Return a failure class as the name of a cause.

    Examples
    --------
    >>> cause("signature_mismatch"), failure("signature_mismatch")
    ('wrong arguments', 'take the wrong arguments')
    """
    return FAILURES[failure_class][1] if failure_class in FAILURES else readable(failure_class)


def request_error(error_class: str) -> str:
    """Return how a request failed."""
    return REQUESTS.get(error_class, readable(error_class))
