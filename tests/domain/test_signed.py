"""`[stage.X.signature]` and `[stage.X.attestation]`: what is read, and each defect's place."""

from __future__ import annotations

import pytest

from gitops_cli.domain.recorded.signed import (
    KeyFile,
    Signed,
    Signer,
    read_attestation,
    read_signature,
)
from gitops_cli.domain.settings import Defect, Settings

MISSING = (
    "is missing: the file of a public key, such as `keys/cosign.pub`; or say `identity`, `issuer`"
)
NO_TYPE = "says no `type`: the predicate's, such as an SLSA provenance's"
NOT_A_TYPE = "is not the address of a predicate's type"
KNOWN = "known: key, identity, issuer, trusted_root"
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
    assert Signed(KeyFile("k")) == (("k",), None)


@pytest.mark.parametrize(
    "key", ["k", "keys/cosign.pub", "...", ".github/k", ".gitk", "a b", "k/.git", "é"]
)
def test_a_key_is_a_file_of_the_repository(key: str) -> None:
    assert signature(f'key = "{key}"') == (Signed(KeyFile(key)), [])
    assert attestation(f'key = "{key}"\ntype = "t"') == (Signed(KeyFile(key), "t"), [])


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
        Signed(KeyFile("keys/cosign.pub")),
        [defect(3, "signature.type", "unknown key", KNOWN)],
    )
    reader = stage("[stage.x]\nsignature = 5\n")
    assert read_signature(reader) is None
    assert reader.found == [
        defect(2, "signature", "must be a table"),
        defect(2, "signature.key", MISSING),
    ]


def test_an_attestation_has_a_key_and_a_type() -> None:
    assert attestation(f'{KEY}\ntype = "https://slsa.dev/provenance/v1"') == (
        Signed(KeyFile("keys/cosign.pub"), "https://slsa.dev/provenance/v1"),
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
        Signed(KeyFile("keys/cosign.pub"), "t"),
        [defect(4, "attestation.zzz", "unknown key", f"{KNOWN}, type")],
    )


def test_a_type_has_five_hundred_characters_and_is_one_word() -> None:
    assert attestation(f'{KEY}\ntype = "{"t" * 500}"') == (
        Signed(KeyFile("keys/cosign.pub"), "t" * 500),
        [],
    )
    for text in ("t" * 501, "a b", "a\\nb", "a\\u202eb"):
        assert attestation(f'{KEY}\ntype = "{text}"') == (
            None,
            [defect(3, "attestation.type", NOT_A_TYPE)],
        )


NAME, ISSUER = 'identity = "carol@example.com"', 'issuer = "https://oidc"'
CAROL = Signer("carol@example.com", "https://oidc")


def test_an_identity_has_an_issuer_and_may_have_a_root_of_its_own() -> None:
    assert signature(f"{NAME}\n{ISSUER}") == (Signed(CAROL), [])
    assert attestation(f'{NAME}\n{ISSUER}\ntype = "t"') == (Signed(CAROL, "t"), [])
    rooted = CAROL._replace(trusted_root="keys/root.json")
    assert signature(f'{NAME}\n{ISSUER}\ntrusted_root = "keys/root.json"') == (Signed(rooted), [])
    assert (CAROL.file, rooted.file, KeyFile("k").file) == (None, "keys/root.json", "k")
    assert (str(CAROL), str(KeyFile("k"))) == ("carol@example.com (https://oidc)", "k")


NO_NAME, NO_ISSUER = "is missing: who signs", "is missing: who knows whom that is"
TWO_WAYS = "is one way, `identity` with `issuer` another: say one of them"
ONE_WORD = "is one word, as it stands in the certificate"
NO_FILE = "`../r` is no file of this repository, such as `keys/cosign.pub`"


@pytest.mark.parametrize(
    ("body", "line", "key", "message"),
    [
        (NAME, 1, "issuer", NO_ISSUER),
        (ISSUER, 1, "identity", NO_NAME),
        (f"{NAME}\n{KEY}", 3, "key", TWO_WAYS),
        (f"{ISSUER}\n{KEY}", 3, "key", TWO_WAYS),
        (f'trusted_root = "r"\n{KEY}', 3, "key", TWO_WAYS),
        (f'identity = "a b"\n{ISSUER}', 2, "identity", ONE_WORD),
        (f'{NAME}\nissuer = "{"i" * 501}"', 3, "issuer", ONE_WORD),
        (f"identity = 5\n{ISSUER}", 2, "identity", "must be a text"),
        (f'{NAME}\n{ISSUER}\ntrusted_root = "../r"', 4, "trusted_root", NO_FILE),
        (f"{NAME}\n{ISSUER}\ntrusted_root = 5", 4, "trusted_root", "must be a text"),
    ],
)
def test_an_identity_that_cannot_be_read_is_none(
    body: str, line: int, key: str, message: str
) -> None:
    assert signature(body) == (None, [defect(line, f"signature.{key}", message)])


def test_a_root_alone_says_what_is_missing() -> None:
    assert signature('trusted_root = "r"') == (
        None,
        [defect(1, "signature.identity", NO_NAME), defect(1, "signature.issuer", NO_ISSUER)],
    )


@pytest.mark.parametrize(
    ("wanted", "name", "fits"),
    [
        ("carol@example.com", "carol@example.com", True),
        ("carol@example.com", "carol@example.com.evil", False),
        ("carol@example.com", "xcarol@example.com", False),
        ("carol@example.com", "carol@exampleXcom", False),
        ("*@example.com", "carol@example.com", True),
        ("*@example.com", "carol@evil@example.com", False),
        ("g/acme/*/r.yml@refs/heads/main", "g/acme/web/r.yml@refs/heads/main", True),
        (
            "g/acme/*/r.yml@refs/heads/main",
            "g/acme/w/x.yml@refs/heads/x/r.yml@refs/heads/main",
            False,
        ),
        ("g/w/r.yml@refs/tags/v*", "g/w/r.yml@refs/tags/v1.2", True),
        ("g/w/r.yml@refs/tags/v*", "g/w/r.yml@refs/tags/v1/x", False),
        ("a*b*c", "a1b2c", True),
    ],
)
def test_a_star_is_a_part_of_a_name_and_no_more(wanted: str, name: str, fits: bool) -> None:
    assert Signer(wanted, "i").is_named(name) is fits
