"""What an answer looks like before it is taken for Python: an error, a page, JSON, other languages.

Runs in the sandboxed child only; all but JSON is looked for near the beginning. Standard library
only.
"""

from __future__ import annotations

import json
import re
from typing import Any

_MOST_CHARS = 20_000
_PYTHON_LINE = re.compile(
    r"^\s*(def\s+\w+|class\s+\w+|import\s+\w|from\s+[\w.]+\s+import\b|return\b|@\w|print\s*\("
    r"|(if|elif|while|for|with|try|else|except)\b.*:\s*(#.*)?$|\w+\s*[-+*/]?=[^=]"
    r"|(def|class|import|from\s+[\w.]+)\s*$)"
)
_PYTHON_HEADER = re.compile(r"^[ \t]*(async\s+)?def\s+\w+\s*\(.*\)[^:{=]*:\s*(#.*)?$", re.MULTILINE)
_C_TYPE = r"(unsigned\s+)?(int|double|float|bool|void|char|long|auto|string|std::\w+)"
_OTHER_LANGUAGE = re.compile(
    # JavaScript and TypeScript
    r"^[ \t]*(export\s+(default\s+)?(async\s+)?(function|const|let|class|interface|type)\b"
    r"|(async\s+)?function\s*\w*\s*\(|\(function\s*\(|(const|let|var)\s+\w+\s*="
    r"|interface\s+\w+\s*\{|class\s+\w+[\w\s]*\{"
    # C, C++, Java, Go, Rust, Kotlin, C#
    rf"|(public|private|static)\s+\w+|#include\s*[<\"]|{_C_TYPE}\s+\*?\w+\s*\(|package\s+\w+"
    r"|func\s+\w+\s*\(|fn\s+\w+\s*\(|fun\s+\w+\s*\(|using\s+\w+"
    # shells, Perl, R, MATLAB, PowerShell, Haskell
    r"|#!\s*/\S*(sh|perl|node|ruby)\b|\w+\s*\(\)\s*\{|(if|while)\s+\[\[?\s|(fi|done|esac)\s*$"
    r"|expr\s+\$|echo\s+[\"'$]|sub\s+\w+\s*\{|\w+\s*<-\s*function\s*\(|function\s+\w+\s*="
    r"|function\s+[\w-]+\s*\{|\w+\s*::\s*\w"
    # markup, style, queries
    r"|<\?|<!doctype|</?(html|head|body|div|form|table|script|style|p|h\d)\b"
    r"|[.#]?[\w-]+\s*\{\s*[\w-]+\s*:\s*[^;{}]+;|SELECT\s.*\sFROM\s|INSERT\s+INTO\s"
    r"|CREATE\s+(OR\s+REPLACE\s+)?(FUNCTION|TABLE|VIEW|PROCEDURE)\b)",
    re.IGNORECASE | re.MULTILINE,
)
_GATEWAY_PAGE = re.compile(
    r"\b(50[0234]\b|52\d\b|429\b|bad gateway|service (temporarily )?unavailable|gateway time-?out"
    r"|internal server error|too many requests|access ?denied)|<error>\s*<code>",
    re.IGNORECASE,
)
_GATEWAY_LINE = re.compile(
    r"\s*((http/[\d.]+|error|http)?\W{0,2}[45]\d\d\W{1,3})?(bad gateway"
    r"|service (temporarily )?unavailable|gateway time-?out|internal server error"
    r"|too many requests|rate limit exceeded|no healthy upstream|upstream connect error"
    r"|upstream request timeout|error code:? \d{3,4})[^\n]{0,200}\s*"
    r"|\s*(http/[\d.]+\s+)?[45]\d\d\W{1,3}(forbidden|unauthori[sz]ed|(page )?not found|bad request"
    r"|request time-?out|payload too large|conflict|method not allowed)[^\n]{0,100}\s*",
    re.IGNORECASE,
)
_TRACEBACK = "Traceback (most recent call last):"
_SERVER_EVENT = re.compile(r"\s*(event:[^\n]*\n)?data:\s*(?=\{)")
_JSON_BEGINS = re.compile(r"\s*[\[{]\s*([\[{]\s*)?\"[^\"\n]*\"\s*:")
_SAYS_ERROR = (
    "error", "errors", "json_error", "error_message", "errormessage", "error_msg", "error_code",
)  # fmt: skip
# What a server puts around an error, and what a model's answer is made of.
_ENVELOPE = {
    *_SAYS_ERROR, "message", "msg", "detail", "title", "status", "statuscode", "status_code",
    "code", "type", "__type", "param", "success", "object", "reason", "request_id", "requestid",
    "timestamp", "path", "instance", "trace_id", "raw_output",
}  # fmt: skip
_ANSWER = {
    "function", "returns", "result", "answer", "intent", "signature", "body", "parameters", "name",
    "value", "summary",
}  # fmt: skip
_TROUBLE = re.compile(
    r"error|fail|denied|forbidden|unauthori|not found|too many|limit|time-?out|timed out"
    r"|unavailable|overload|retry|loading|exceeded|invalid|exception|throttl|out of memory",
    re.IGNORECASE,
)


def text_facts(text: str) -> dict[str, Any]:
    """Return `json`, `pythonic`, `foreign`, `gateway_page` and `empty` of an answer."""
    head = text[:_MOST_CHARS]
    begins = head.lstrip()
    return {
        "json": _json_kind(text),
        "pythonic": any(_PYTHON_LINE.match(line[:500]) for line in head.splitlines()),
        "foreign": bool(_OTHER_LANGUAGE.search(head)) and not _PYTHON_HEADER.search(head),
        "gateway_page": (begins[:1] == "<" and bool(_GATEWAY_PAGE.search(head)))
        or bool(_GATEWAY_LINE.fullmatch(head))
        or begins.startswith(_TRACEBACK),
        "empty": not text.strip(),
    }


def _json_kind(text: str) -> str | None:
    """Tell an error body from other JSON; both are valid Python expressions, so ask first."""
    event = _SERVER_EVENT.match(text)
    if event:
        return "error" if _json_kind(text[event.end() :]) == "error" else None
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return "value" if _JSON_BEGINS.match(text) and not _PYTHON_HEADER.search(text) else None
    return "error" if _is_error(value) else "value"


def _is_error(value: Any) -> bool:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        return False
    fields = {key.lower(): item for key, item in value.items()}
    if fields.get("object") == "error" or fields.keys() == {"detail"}:
        return True
    if any(fields.get(key) for key in _SAYS_ERROR):
        return not fields.keys() & _ANSWER
    told = [item for item in fields.values() if isinstance(item, str)]
    return fields.keys() <= _ENVELOPE and any(map(_TROUBLE.search, told))
