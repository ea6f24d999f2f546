"""Whether source that this Python refuses is written for a newer one.

What a newer Python added is written out of it; if what is left compiles, only that was in the way.
Runs in the sandboxed child only. Standard library only.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable

_GENERIC = re.compile(r"(?<=[^\w.])((?:def|class|type)[ \t]+\w+[ \t]*)\[")
_ALIAS = re.compile(r"^([ \t]*)type[ \t]+(\w+[ \t]*=)", re.MULTILINE)
_EXCEPT = re.compile(
    r"^([ \t]*except\*?[ \t]+)([\w.]+(?:[ \t]*,[ \t]*[\w.]+)+)[ \t]*:", re.MULTILINE
)
_FORMATTED = re.compile(r"""(?<![\w"'])(?:[fF][rR]?|[rR][fF])('''|\"""|'|")""")
_TEMPLATE = re.compile(r"""(?<![\w"'])(?:[tT]([rR]?)|([rR])[tT])(?=['"])""")
_CONVERSION = re.compile(r"\s*=?\s*(![sra]\s*)?")
_PARAMETERS = re.compile(r"\s*\*{0,2}[^\W\d]\w*\s*([:=,].*)?", re.DOTALL)
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_MOST_CHARS = 50_000


def needed(text: str) -> str | None:
    """Return the version of Python that `text` needs, None if no newer one would take it."""
    for version, rewrite in _ADDED if len(text) <= _MOST_CHARS else ():
        if version > sys.version_info[:2]:
            changed = rewrite(text)
            if changed != text and _compiles(changed):
                return ".".join(map(str, version))
            text = changed
    return None


def _compiles(text: str) -> bool:
    try:
        compile(text.encode("utf-8", "replace"), "<newer>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, MemoryError, RecursionError, OverflowError):
        return False
    return True


def _of_3_12(text: str) -> str:
    """Leave out type parameters and `type`, and write f-strings as tuples of what is in them."""
    text = "\n" + text
    for found in reversed(list(_GENERIC.finditer(text))):
        end = _end_of(text, found.end(), "]")
        if end is not None and _PARAMETERS.fullmatch(text, found.end(), end - 1):
            text = text[: found.end() - 1] + text[end:]
    return _without_formatted(_ALIAS.sub(r"\1\2", text))[1:]


def _of_3_14(text: str) -> str:
    """Put brackets around exceptions, and take template strings for f-strings."""
    text = _TEMPLATE.sub(r"f\1\2", _EXCEPT.sub(r"\1(\2):", text))
    return _without_formatted(text)


def _without_formatted(text: str) -> str:
    start = 0
    while found := _FORMATTED.search(text, start):
        written = _formatted(text, found.end(), found[1])
        if written is not None:
            fields, end = written
            text = text[: found.start()] + fields + text[end:]
        start = found.start() + 1
    return text


def _formatted(text: str, at: int, quote: str) -> tuple[str, int] | None:
    """Return what an f-string's fields hold, as a tuple in source, and where it ends.

    It begins at `at`, behind its quote. None if it is not well formed.
    """
    fields = ""
    while not text.startswith(quote, at):
        if text[at : at + 2] in ("{{", "}}"):
            at += 2
        elif text[at : at + 1] == "{":
            field = _field(text, at + 1)
            if field is None:
                return None
            fields, at = fields + field[0], field[1]
        elif text[at : at + 1] in ("", "}") or (text[at] == "\n" and len(quote) == 1):
            return None
        else:
            at += 2 if text[at] == "\\" else 1
    return f"({fields})" if fields else '""', at + len(quote)


def _field(text: str, at: int) -> tuple[str, int] | None:
    """Return a field's expressions, each with a comma behind it, and where the field ends."""
    end = _end_of(text, at, "}", "!:=")
    if end is None or not text[at : end - 1].strip():
        return None
    written = f"({text[at : end - 1]}\n),"
    conversion = _CONVERSION.match(text, end - 1)
    at = conversion.end() if conversion else end - 1
    if text[at : at + 1] != ":":
        return (written, at + 1) if text[at : at + 1] == "}" else None
    form = _formatted(text, at + 1, "}")
    return form and (f"{written}{form[0]},", form[1])


def _end_of(text: str, at: int, closing: str, others: str = "") -> int | None:
    """Return the place behind the bracket that closes, or behind one of `others` right in it."""
    open_until = [closing]
    while at < len(text):
        found = text[at]
        if found in "'\"":
            quote = found * 3 if text.startswith(found * 3, at) else found
            end = _formatted(text.replace("{", " ").replace("}", " "), at + len(quote), quote)
            if end is None:
                return None
            at = end[1]
            continue
        if found in _PAIRS:
            open_until.append(_PAIRS[found])
        elif found == open_until[-1]:
            open_until.pop()
            if not open_until:
                return at + 1
        elif len(open_until) == 1 and found in others:
            before, behind = text[at - 1], text[at + 1 : at + 2]
            if behind != "=" and not (found == "=" and before in "=!<>:"):  # no comparison
                return at + 1
        at += 1
    return None


_Rewrite = Callable[[str], str]
_ADDED: tuple[tuple[tuple[int, int], _Rewrite], ...] = (((3, 12), _of_3_12), ((3, 14), _of_3_14))
