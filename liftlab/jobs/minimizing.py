"""Delta debugging: the smallest part of an input that still shows what the whole shows."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
Path = tuple[str | int, ...]
_WORD = re.compile(r"\s*\S+")


class SpentError(Exception):
    """No more tries are left."""


def ddmin(units: Sequence[T], shows: Callable[[Sequence[T]], bool]) -> list[T]:
    """Return a part of the units that still shows it and of which no single one can go.

    Zeller and Hildebrandt's ddmin (2002). Where the tries are spent before that, which `shows`
    tells by raising `SpentError`, what was reached by then.

    Examples
    --------
    >>> ddmin("return it if it is larger".split(), lambda part: "if" in part)
    ['if']
    """
    kept, parts = list(units), 2
    try:
        while len(kept) > 1:
            size = -(-len(kept) // parts)
            chunks = [kept[start : start + size] for start in range(0, len(kept), size)]
            smaller = _smaller(chunks, shows)
            if smaller is not None:
                kept, parts = smaller
            elif parts < len(kept):
                parts = min(2 * parts, len(kept))
            else:
                break
    except SpentError:
        pass
    return kept


def _smaller(
    chunks: list[list[T]], shows: Callable[[Sequence[T]], bool]
) -> tuple[list[T], int] | None:
    """Return a chunk that shows it, else all but one chunk, and how many parts to try next."""
    for chunk in chunks:
        if shows(chunk):
            return chunk, 2
    if len(chunks) > 2:  # of two, the other one was tried
        for place in range(len(chunks)):
            rest = [unit for other, chunk in enumerate(chunks) if other != place for unit in chunk]
            if shows(rest):
                return rest, max(len(chunks) - 1, 2)
    return None


def words_of(text: str) -> list[str]:
    """Return a text's words, each with the space before it: joined, they are the text."""
    return _WORD.findall(text)


def leaves_of(value: Any, at: Path = ()) -> Iterator[Path]:
    """Yield the places of a JSON value's leaves; of text, of its words."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from leaves_of(inner, (*at, key))
    elif isinstance(value, str) and len(words_of(value)) > 1:
        yield from ((*at, place) for place in range(len(words_of(value))))
    else:
        yield at


def only(value: Any, wanted: Sequence[Path], at: Path = ()) -> Any:
    """Return a JSON value with no other leaves than those; emptied lists and objects go.

    Examples
    --------
    >>> only({"a": [1, {"b": "x y"}], "c": 2}, [("a", 1, "b", 0)])
    {'a': [{'b': 'x'}]}
    """
    return _pruned(copy.deepcopy(value), frozenset(wanted), at)


_GONE = object()


def _pruned(value: Any, wanted: frozenset[Path], at: Path) -> Any:
    if isinstance(value, dict):
        kept = {key: _pruned(inner, wanted, (*at, key)) for key, inner in value.items()}
        some = {key: inner for key, inner in kept.items() if inner is not _GONE}
        return some if some or not at else _GONE
    if isinstance(value, list):
        items = [_pruned(inner, wanted, (*at, place)) for place, inner in enumerate(value)]
        left = [inner for inner in items if inner is not _GONE]
        return left if left or not at else _GONE
    if isinstance(value, str) and len(words_of(value)) > 1:
        words = [w for place, w in enumerate(words_of(value)) if (*at, place) in wanted]
        return "".join(words).strip() if words else _GONE
    return value if at in wanted else _GONE
