"""YAML of others, as kubectl reads it and within limits."""

from __future__ import annotations

import pytest

from gitops_cli.plain_yaml import documents


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0644", 420),
        ("0x1F", 31),
        ("1e3", 1000.0),
        ("1.5E-1", 0.15),
        pytest.param("0" + "7" * 5000, "0" + "7" * 5000, id="larger than any"),
        ("1e999", "1e999"),
        pytest.param("0" * 300_000 + "x", "0" * 300_000 + "x", id="no number"),
    ],
)
def test_numbers_are_those_that_kubectl_reads(text: str, value: object) -> None:
    [found] = documents(f"a: {text}\n".encode())

    assert found.value == {"a": value}
