"""Words for what is stored as identifiers: failure classes, failed requests, stages, counts."""

from __future__ import annotations

from liftlab import words

# After "n answers": what answers of a class do.
FAILURES = {
    "empty_output": "are empty",
    "markdown_fence": "hold no usable code block",
    "not_python": "are not Python",
    "truncated": "are cut off",
    "indentation_error": "are wrongly indented",
    "syntax_error": "are not valid Python",
    "import_error": "import something that is not there",
    "missing_function": "define no function",
    "wrong_function_name": "name the function wrongly",
    "signature_mismatch": "take the wrong arguments",
    "timeout": "run too long",
    "memory": "use too much memory",
    "output": "print too much",
    "crash": "crash the interpreter",
    "blocked": "do something forbidden",
    "invalid_ir": "stop at an unusable IR",
    "invalid_reply": "stop at an unusable reply",
    "name_error": "use an undefined name",
    "type_error": "mix up types",
    "runtime_error": "raise an exception",
    "missing_return": "return nothing",
    "partially_wrong": "are right on some inputs only",
    "wrong_answer": "return a wrong value",
    "refusal": "refuse",
    "content_filter": "are blocked by the provider's filter",
    "reasoning_unfinished": "ran out of tokens while reasoning",
    "endpoint_error": "the endpoint failed",
}
# The same as the name of a cause: "wrong arguments cause most failures".
CAUSES = {
    "empty_output": "empty answers",
    "markdown_fence": "unusable code blocks",
    "not_python": "answers that are not Python",
    "truncated": "answers cut off",
    "indentation_error": "indentation errors",
    "syntax_error": "syntax errors",
    "import_error": "missing imports",
    "missing_function": "missing functions",
    "wrong_function_name": "wrong function names",
    "signature_mismatch": "wrong arguments",
    "timeout": "answers that run too long",
    "memory": "answers that use too much memory",
    "output": "answers that print too much",
    "crash": "crashes of the interpreter",
    "blocked": "forbidden operations",
    "invalid_ir": "unusable IRs",
    "invalid_reply": "unusable replies",
    "name_error": "undefined names",
    "type_error": "mixed-up types",
    "runtime_error": "exceptions",
    "missing_return": "missing returns",
    "partially_wrong": "answers right on some inputs only",
    "wrong_answer": "wrong values",
    "refusal": "refusals",
    "content_filter": "answers blocked by the provider's filter",
    "reasoning_unfinished": "answers that ran out of tokens while reasoning",
    "endpoint_error": "endpoint failures",
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
    "invalid_json": "reply is not JSON",
    "schema_mismatch": "reply lacks needed fields",
    "reported_error": "server reported an error",
    "length": "hit the token limit",
    "cancelled": "interrupted",
    "pipeline_error": "your pipeline raised an exception",
}
stage, readable = words.stage_words, words.readable


def failure(failure_class: str) -> str:
    """Return what answers of a failure class do, after a count of answers."""
    return FAILURES.get(failure_class, readable(failure_class))


def cause(failure_class: str) -> str:
    """Return a failure class as the name of a cause.

    Examples
    --------
    >>> cause("signature_mismatch"), failure("signature_mismatch")
    ('wrong arguments', 'take the wrong arguments')
    """
    return CAUSES.get(failure_class, readable(failure_class))


def request_error(error_class: str) -> str:
    """Return how a request failed."""
    return REQUESTS.get(error_class, readable(error_class))
