"""`[stage.X.signature]` and `[stage.X.attestation]`: what is read, and each defect's place."""

from __future__ import annotations

import pytest

from gitops_cli.domain.recorded.signed import Signed, read_attestation, read_signature
from gitops_cli.domain.settings import Defect, Settings

MISSING = "is missing: the file of a public key, such as `keys/cosign.pub`"
NO_TYPE = "says no `type`: the predicate's, such as an SLSA provenance's"
NOT_A_TYPE = "is not the address of a predicate's type"
KEY = 'key = "keys/cosign.pub"'
MORE = ("a\\u001f", "a\\u0000")


def stage(text: str) -> Settings:
    return Settings.of("gitops.toml", text.encode()).table("stage", None).table("x", None)


def signature(body: str) -> tuple[Signed | None, list[Defect]]:
    reader = stage(f"[stage.x.signature]\n{body}\n")
    return read_signature(reader), reader.found


def attestation(body: str) -> tuple[Signed | None, list[Defect]]:
    reader = stage(f"[stage.x.attestation]\n{body}\n")
    return read_attestation(reader), reader.found


def defect(line: int, key: str, message: str, hint: str | None = None) -> Defect:
    at = ("stage", "x", *key.split("."))
    return Defect("gitops.toml", line, at, f"stage.x.{key}: {message}", hint)


def test_a_stage_without_them_wants_nothing() -> None:
    reader = stage("[stage.x]\n")
    assert (read_signature(reader), read_attestation(reader), reader.found) == (None, None, [])
    assert Signed("k") == ("k", None)


@pytest.mark.parametrize(
    "key", ["k", "keys/cosign.pub", "...", ".github/k", ".gitk", "a b", "k/.git", "é"]
)
def test_a_key_is_a_file_of_the_repository(key: str) -> None:
    assert signature(f'key = "{key}"') == (Signed(key), [])
    assert attestation(f'key = "{key}"\ntype = "t"') == (Signed(key, "t"), [])


@pytest.mark.parametrize(
    "key",
    ["/k", "../k", "..", ".", "./k", "a/../k", "a//b", "k/", ".git", ".git/k", "a\\\\b", *MORE],
)
def test_a_key_is_no_other_file(key: str) -> None:
    shown = key.replace("\\\\", "\\").replace("\\u00", "\\x")
    message = f"`{shown}` is no file of this repository, such as `keys/cosign.pub`"
    assert signature(f'key = "{key}"') == (None, [defect(2, "signature.key", message)])
    assert attestation(f'type = "t"\nkey = "{key}"') == (
        None,
        [defect(3, "attestation.key", message)],
    )


def test_a_signature_has_a_key_and_nothing_else() -> None:
    assert signature("") == (None, [defect(1, "signature.key", MISSING)])
    assert signature("key = 5") == (None, [defect(2, "signature.key", "must be a text")])
    assert signature(f'{KEY}\ntype = "t"') == (
        Signed("keys/cosign.pub"),
        [defect(3, "signature.type", "unknown key", "known: key")],
    )
    reader = stage("[stage.x]\nsignature = 5\n")
    assert read_signature(reader) is None
    assert reader.found == [
        defect(2, "signature", "must be a table"),
        defect(2, "signature.key", MISSING),
    ]


def test_an_attestation_has_a_key_and_a_type() -> None:
    assert attestation(f'{KEY}\ntype = "https://slsa.dev/provenance/v1"') == (
        Signed("keys/cosign.pub", "https://slsa.dev/provenance/v1"),
        [],
    )
    assert attestation(KEY) == (None, [defect(1, "attestation", NO_TYPE)])
    assert attestation('type = "t"') == (None, [defect(1, "attestation.key", MISSING)])
    assert attestation("") == (
        None,
        [defect(1, "attestation.key", MISSING), defect(1, "attestation", NO_TYPE)],
    )
    assert attestation(f"{KEY}\ntype = 5") == (
        None,
        [defect(3, "attestation.type", "must be a text")],
    )
    assert attestation(f'{KEY}\ntype = "t"\nzzz = 1') == (
        Signed("keys/cosign.pub", "t"),
        [defect(4, "attestation.zzz", "unknown key", "known: key, type")],
    )


def test_a_type_has_five_hundred_characters_and_is_one_word() -> None:
    assert attestation(f'{KEY}\ntype = "{"t" * 500}"') == (
        Signed("keys/cosign.pub", "t" * 500),
        [],
    )
    for text in ("t" * 501, "a b", "a\\nb", "a\\u202eb"):
        assert attestation(f'{KEY}\ntype = "{text}"') == (
            None,
            [defect(3, "attestation.type", NOT_A_TYPE)],
        )
