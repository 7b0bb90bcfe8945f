"""What is known of documents that SOPS encrypted, without a key."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest

from gitops_cli.domain.manifests.sealing import (
    Sealed,
    SealedFile,
    holds_sealed,
    is_encrypted,
    keys_of,
    sealed,
    tells_what_it_is,
    without_note,
)

ENC = "ENC[AES256_GCM,data:x]"


def a_file(**keys: tuple[str, ...]) -> SealedFile:
    return SealedFile("a.yaml", b"x", False, True, keys)


def names(count: int) -> tuple[str, ...]:
    return tuple(f"n{number}" for number in range(count))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, "nobody"),
        ({"age": ()}, "nobody"),
        ({"age": ("age1a", "age1b")}, "age1a, age1b"),
        (
            {"age": ("age1a",), "pgp": ("F1", "F2"), "kms": ("arn",)},
            "age1a, pgp F1, pgp F2, kms arn",
        ),
        ({"age": names(20)}, ", ".join(names(20))),
        ({"age": names(21)}, ", ".join(names(20)) + " and 1 more"),
        ({"age": names(19), "pgp": ("a", "b", "c")}, ", ".join(names(19)) + ", pgp a and 2 more"),
    ],
)
def test_recipients_in_words(keys: dict[str, tuple[str, ...]], said: str) -> None:
    assert a_file(**keys).recipients == said


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        ({"sops": {"mac": "x"}}, True),
        ({"sops": {"mac": None}, "a": 1}, True),
        ({"sops": {}}, False),
        ({"sops": {"MAC": "x"}}, False),
        ({"sops": "mac"}, False),
        ({"sops": ["mac"]}, False),
        ({"mac": "x"}, False),
        ({}, False),
        (["sops"], False),
        (None, False),
    ],
)
def test_whether_sops_wrote_it(value: Any, is_one: bool) -> None:
    assert is_encrypted(value) is is_one


def test_a_document_without_its_note() -> None:
    value = {"sops": 1, "a": {"sops": 2}}
    assert without_note(value) == {"a": {"sops": 2}}
    assert value == {"sops": 1, "a": {"sops": 2}}


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        (ENC, True),
        ("ENC[AES256_GCM,", True),
        ("ENC[AES256_GCM", False),
        (f" {ENC}", False),
        ({"a": "b", "c": {"d": ENC}}, True),
        ({ENC: "a"}, False),
        (["a", [ENC]], True),
        (["a", 1, None], False),
        ([], False),
        ({}, False),
        (1, False),
        (None, False),
    ],
)
def test_whether_any_value_is_encrypted(value: Any, holds: bool) -> None:
    assert holds_sealed(value) is holds


@pytest.mark.parametrize(
    ("more", "tells"),
    [
        ({}, True),
        ({"data": {"a": ENC}, "stringData": {"b": ENC}}, True),
        ({"sops": {"mac": ENC}}, True),
        ({"metadata": {"name": ENC}}, False),
        ({"type": ENC}, False),
        ({"type": "Opaque"}, True),
        ({"kind": "ConfigMap"}, False),
        ({"kind": ENC}, False),
        ({"apiVersion": "v2"}, False),
        ({"apiVersion": None}, False),
    ],
)
def test_whether_a_secret_tells_what_it_is(more: dict[str, Any], tells: bool) -> None:
    assert tells_what_it_is({"apiVersion": "v1", "kind": "Secret", **more}) is tells


def digest(value: dict[str, Any], mac: str) -> str:
    text = json.dumps([value, mac], sort_keys=True, separators=(",", ":"))
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def test_what_is_known_of_an_encrypted_document() -> None:
    plain = {
        "kind": "Secret",
        "data": {"a": ENC, "b": "bare", "c": "", "d": None, "e": 0, "7": "x", "f": [ENC]},
        "stringData": {"g": "bare", "h": ENC},
        "more": {"i": "bare"},
    }
    note = {"mac": "m", "lastmodified": "now"}
    given = {**plain, "sops": note}
    assert sealed(given, a_file(), 3) == Sealed(
        a_file(), 3, digest(plain, "m"), ("b", "e", "7", "g")
    )
    assert Sealed(a_file(), 0, "d") == (a_file(), 0, "d", ())
    later = {**plain, "sops": {"mac": "m", "lastmodified": "later"}}
    assert sealed(later, a_file(), 3) == sealed(given, a_file(), 3)
    turned = dict(reversed(given.items()))
    assert sealed(turned, a_file(), 3).digest == digest(plain, "m")
    other = {**plain, "sops": {"mac": "n"}}
    assert sealed(other, a_file(), 3).digest == digest(plain, "n") != digest(plain, "m")


def test_what_no_table_is_has_nothing_bare() -> None:
    half = {"data": ["x"], "stringData": "x", "a": "\ud800", "sops": {"mac": "m"}}
    assert sealed(half, a_file(), 0) == Sealed(a_file(), 0, digest(without_note(half), "m"))


def test_a_key_that_is_no_text_is_said_as_one() -> None:
    assert sealed({"data": {7: "x"}, "sops": {"mac": "m"}}, a_file(), 0).bare == ("7",)


def test_for_whom_a_document_is_encrypted() -> None:
    note = {
        "mac": "m",
        "age": [{"recipient": "age1a"}, {"recipient": "age1b"}, {"recipient": "age1a"}, 7, {}],
        "pgp": [{"fp": "F1"}],
        "kms": [{"arn": "arn:1"}],
        "gcp_kms": [{"resource_id": "projects/x"}],
        "azure_kv": [{"vault_url": "https://v"}],
        "hc_vault": [{"vault_address": "https://h"}],
        "hckms": [{"key_id": "k"}],
        "other": [{"recipient": "o"}],
        "key_groups": [{"pgp": [{"fp": "F2"}, {"fp": "F1"}]}, "x", {"age": "x"}],
    }
    assert keys_of({"sops": note}) == {
        "age": ("age1a", "age1b", "None"),
        "pgp": ("F1", "F2"),
        "kms": ("arn:1",),
        "gcp_kms": ("projects/x",),
        "azure_kv": ("https://v",),
        "hc_vault": ("https://h",),
        "hckms": ("k",),
    }
    assert keys_of({"sops": {"key_groups": "x", "age": []}}) == {}
    groups = {"key_groups": [{"age": [{"recipient": "a"}]}, {"age": [{"recipient": "b"}]}]}
    assert keys_of({"sops": groups}) == {"age": ("a", "b")}


def test_the_name_of_a_key_is_made_safe_and_short() -> None:
    entries = [{"recipient": "x" * 201}, {"recipient": "a\nb"}]
    assert keys_of({"sops": {"age": entries}}) == {"age": ("x" * 200, "a b")}
