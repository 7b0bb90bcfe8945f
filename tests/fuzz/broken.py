"""Documents with something wrong in them: hypothesis changes one that is right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

Path = tuple[str | int, ...]
Draw = Any

DEEP = 300


def _nested(depth: int, innermost: Any) -> Any:
    for _ in range(depth):
        innermost = [innermost]
    return innermost


# What stands where something else should: by type, by size, by what it may do elsewhere.
WRONG = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 7, 2**31, 2**63, -(2**63) - 1, 10**40]),
    st.sampled_from([0.5, 1e300, -0.0]),
    st.sampled_from(["", " ", "x", "\n", "\0", "\ud800", "\x1b[31m", "../x", "a b", "-x", "é" * 9]),
    st.sampled_from(["2026-02-30", "0001-01-01T00:00:00+14:00", "10000-01-01T00:00:00Z", "now"]),
    st.sampled_from(["True", "Failure", "Status", "http://[", "https://a:b@c/", "ext::touch x"]),
    st.text(max_size=8),
    st.sampled_from([[], {}, [None], [7], [[]], [{}], {"": 1}, {"x": None}, {"a": {"b": []}}]),
    st.just("x" * 5000),
    st.builds(lambda: _nested(DEEP, 1)),
)


def places(document: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of every value of a document, its own included."""
    yield path
    if isinstance(document, dict):
        for key, value in document.items():
            yield from places(value, (*path, key))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from places(value, (*path, index))


def _changed(document: Any, path: Path, value: Any, *, drop: bool) -> Any:
    if not path:
        return value
    *above, last = path
    holder = document
    for key in above:
        holder = holder[key]
    if drop:
        del holder[last]
    else:
        holder[last] = value
    return document


@st.composite
def documents(draw: Draw, right: Any) -> Any:
    """Draw a document in which up to three values are others than in the right one, or missing."""
    document = deepcopy(right)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(document))))
        drop = bool(path) and draw(st.booleans())
        document = _changed(document, path, None if drop else deepcopy(draw(WRONG)), drop=drop)
    return document


@st.composite
def texts(draw: Draw, right: bytes) -> bytes:
    """Draw bytes that are a right text but for a few: cut, changed, doubled, put in."""
    text = right
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        to = min(len(text), at + draw(st.integers(0, 12)))
        new = draw(
            st.binary(max_size=6)
            | st.sampled_from([b"\xef\xbb\xbf", b"\0", b"\xff", b'"', b"'''", b"[" * 400, b"\r\n"])
            | st.sampled_from(
                [b"9" * 5000, b"." * 70, b" " * 500, text[at:to] * 3, b"=", b"{", b"\\"]
            )
        )
        text = text[:at] + new + text[to:]
    return text


def as_json(document: Any) -> bytes:
    """Return a document as JSON, half characters escaped."""
    return json.dumps(document).encode()


def jsons(right: Any) -> st.SearchStrategy[bytes]:
    """Draw what is nearly the JSON of a right document."""
    return documents(right).map(as_json) | texts(as_json(right))


def a_few() -> settings:
    """Return settings for what starts a process per example."""
    current = settings.default
    assert current is not None
    return settings(max_examples=max(15, current.max_examples // 100))
