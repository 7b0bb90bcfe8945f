"""YAML of others, as kubectl reads it and within limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_cli.plain_yaml import NotPlain, documents, written


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0644", 420),
        ("0x1F", 31),
        ("1e3", 1000.0),
        ("1.5E-1", 0.15),
        ("08", 8),
        ("-.5", -0.5),
        pytest.param("0" + "7" * 5000, "0" + "7" * 5000, id="larger than any"),
        ("1e999", "1e999"),
        pytest.param("0" * 300_000 + "x", "0" * 300_000 + "x", id="no number"),
    ],
)
def test_numbers_are_those_that_kubectl_reads(text: str, value: object) -> None:
    [found] = documents(f"a: {text}\n".encode())

    assert found.value == {"a": value}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!!str 5", "5"),
        ("! true", "true"),
        ('!!int "5"', 5),
        ("!!int 0644", 420),
        ("!!float 3", 3.0),
        ("!!bool 'yes'", True),
        ("!!null ''", None),
        ("!!binary |\n  aGVs\n  bG8=", "hello"),
        ("!!timestamp 2026-01-01", "2026-01-01"),
        ("!vault 5", "5"),
    ],
)
def test_a_value_is_what_its_tag_says(text: str, value: object) -> None:
    [found] = documents(f"a: {text}\n".encode())

    assert found.value == {"a": value}
    assert type(found.value["a"]) is type(value)


@pytest.mark.parametrize("text", ["!!int x", "!!bool 1", "!!null x", "!!binary gIA=", "!!binary ="])
def test_a_tag_that_does_not_fit_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(NotPlain) as told:
        documents(f"b: 1\na: {text}\n".encode())
    assert told.value.line == 2


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"a: b\nc: '\xe9'\n", "it is no UTF-8 text"),
        (b"a: b\nc: '\x1b[31m'\n", "U+001B may only stand there escaped"),
    ],
)
def test_what_no_text_is_made_of_is_told_with_its_line(data: bytes, why: str) -> None:
    with pytest.raises(NotPlain) as told:
        documents(data)
    assert (str(told.value), told.value.line) == (f"not YAML: {why}", 2)


@pytest.mark.parametrize("key", ["on", "True", "1.5", "null"])
def test_a_key_that_is_no_text_is_told_as_it_is_written(key: str) -> None:
    with pytest.raises(NotPlain, match=f"a key is no text, `{key}`: put it in quotes"):
        documents(f"data:\n  {key}: x\n".encode())


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a: &a " + "x" * 70_000 + "\nb: [" + "*a," * 500 + "]", id="a long text"),
        pytest.param(
            "---\na: &a [" + "1," * 1000 + "]\nb: &b [" + "*a," * 100 + "]\nc: [*b, *b]\n---\n"
            "a: &a [" + "1," * 1000 + "]\nb: &b [" + "*a," * 100 + "]\nc: [*b, *b]\n",
            id="several documents",
        ),
    ],
)
def test_what_aliases_make_large_is_refused_however_it_is_spread(text: str) -> None:
    with pytest.raises(NotPlain, match="too many values"):
        documents(text.encode())


def test_a_merge_yields_to_what_stands_there_and_the_first_of_several_wins() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {x: 2, z: 2}\nc: {y: 3, <<: [*a, *b], z: 4}"

    [found] = documents(text.encode())

    assert found.value["c"] == {"x": 1, "y": 3, "z": 4}


ODD = (
    "yYnN~=<&*!|>'\"%@`{}[],#?:-+._0123456789exXoabtrufalsON \t\r\n\x85\u2028\ufeff\u00e9\U0001f600"
)


@given(st.dictionaries(st.text(ODD, max_size=8), st.text(ODD, max_size=12), min_size=1))
def test_what_is_written_is_read_as_it_was(data: dict[str, str]) -> None:
    [found] = documents(written({"data": data, "list": [data, *data]}).encode())

    assert found.value == {"data": data, "list": [data, *data]}


@pytest.mark.parametrize("text", ["08", "1e3", "-.5", "y", "N", "on", "0x1F", "1_0", "~", "12:30"])
def test_a_text_that_is_something_else_to_kubectl_is_quoted(text: str) -> None:
    assert written({text: text}) == f"'{text}': '{text}'\n"


def test_texts_of_several_lines_are_blocks() -> None:
    assert written({"a": "x: 'y'\n- z\n"}) == "a: |\n  x: 'y'\n  - z\n"
    assert written({"a": " x\ny"}) == "a: |2-\n   x\n  y\n"
