"""Signatures and attestations of images: found in all forms, believed only if they are good."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from gitops_cli.domain.errors import RegistryError
from gitops_cli.domain.image import ImageRef
from gitops_cli.domain.recorded.signed import KeyFile, Signed
from gitops_cli.registry.client import Registries
from gitops_cli.registry.signed import Vouched
from tests.registry.signing import (
    DSSE,
    SIMPLE,
    Private,
    Shelf,
    envelope,
    new_key,
    public,
    shelved,
    sign,
    simple,
)

SIGNATURE = Signed(KeyFile("keys/cosign.pub"))
SLSA = "https://slsa.dev/provenance/v1"
ATTESTATION = Signed(KeyFile("keys/cosign.pub"), SLSA)
OURS, THEIRS = new_key(), new_key()
Attach = Callable[[Shelf, Private, str], None]


def vouched(
    registries: Registries, shelf: Shelf, digest: str, wanted: Signed, key: Private = OURS
) -> bool:
    with shelved(shelf) as server:
        image = ImageRef(f"{server.address}/shop/billing", "a" * 40, digest)
        return Vouched(lambda: registries)(image, wanted, public(key).encode()).good


def bundled(shelf: Shelf, key: Private, digest: str) -> None:
    shelf.attach(digest, envelope(key, digest))


def tagged(shelf: Shelf, key: Private, digest: str) -> None:
    text = simple(digest)
    shelf.attach_old(digest, SIMPLE, text, sign(key, text))


def of_another_image(shelf: Shelf, key: Private, digest: str) -> None:
    shelf.attach(digest, envelope(key, "sha256:" + "0" * 64))
    text = simple("sha256:" + "0" * 64)
    shelf.attach_old(digest, SIMPLE, text, sign(key, text))


def of_another_kind(shelf: Shelf, key: Private, digest: str) -> None:
    text = simple(digest, kind="atomic container signature")
    shelf.attach_old(digest, SIMPLE, text, sign(key, text))
    shelf.attach(digest, envelope(key, digest, kind="text/plain"))


def only_attested(shelf: Shelf, key: Private, digest: str) -> None:
    shelf.attach(digest, envelope(key, digest, SLSA))


def nonsense(shelf: Shelf, key: Private, digest: str) -> None:
    shelf.attach(digest, {"payload": "%%%", "payloadType": 5, "signatures": "x"})
    shelf.attach(digest, {"payload": "e30=", "payloadType": "x", "signatures": [{"sig": 1}, 2]})
    shelf.attach_old(digest, SIMPLE, b"\xff\xfe[", b"\0")
    shelf.attach_old(digest, DSSE, b"[" * 100_000)


def altered(shelf: Shelf, key: Private, digest: str) -> None:
    bundled(shelf, key, digest)
    for named, (kind, body) in shelf.blobs.items():
        if b"dsseEnvelope" in body:
            shelf.blobs[named] = (kind, body + b" ")


@pytest.mark.parametrize("has_referrers", [False, True])
@pytest.mark.parametrize(
    ("attach", "key", "good"),
    [
        pytest.param(bundled, OURS, True, id="bundle"),
        pytest.param(tagged, OURS, True, id="tag"),
        pytest.param(bundled, THEIRS, False, id="another key's bundle"),
        pytest.param(tagged, THEIRS, False, id="another key's tag"),
        pytest.param(of_another_image, OURS, False, id="another image"),
        pytest.param(of_another_kind, OURS, False, id="another kind"),
        pytest.param(only_attested, OURS, False, id="an attestation is no signature"),
        pytest.param(nonsense, OURS, False, id="nonsense"),
        pytest.param(altered, OURS, False, id="not what its digest says"),
        pytest.param(lambda *_: None, OURS, False, id="nothing"),
    ],
)
def test_a_signature_is_good_or_none(
    registries: Registries, attach: Attach, key: Private, good: bool, has_referrers: bool
) -> None:
    shelf = Shelf(has_referrers=has_referrers)
    digest = shelf.image("a" * 40)
    attach(shelf, key, digest)
    assert vouched(registries, shelf, digest, SIGNATURE) is good


@pytest.mark.parametrize(
    "key", [ed25519.Ed25519PrivateKey.generate(), None], ids=["ed25519", "rsa"]
)
def test_other_kinds_of_keys(registries: Registries, key: Private | None) -> None:
    made = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
    shelf = Shelf()
    digest = shelf.image("a" * 40)
    bundled(shelf, made, digest)
    assert vouched(registries, shelf, digest, SIGNATURE, made)
    assert not vouched(registries, shelf, digest, SIGNATURE)


@pytest.mark.parametrize(
    ("predicate", "key", "good"),
    [(SLSA, OURS, True), (SLSA, THEIRS, False), ("https://spdx.dev/Document", OURS, False)],
)
def test_an_attestation_is_of_its_type(
    registries: Registries, predicate: str, key: Private, good: bool
) -> None:
    for old in (False, True):
        shelf = Shelf()
        digest = shelf.image("a" * 40)
        content = envelope(key, digest, predicate)
        if old:
            shelf.attach_old(digest, DSSE, json.dumps(content).encode())
        else:
            shelf.attach(digest, content)
        assert vouched(registries, shelf, digest, ATTESTATION) is good


def test_the_newest_of_many_is_found_and_the_rest_is_not_read_for_ever(
    registries: Registries,
) -> None:
    shelf = Shelf()
    digest = shelf.image("a" * 40)
    for number in range(60):
        shelf.attach(digest, envelope(THEIRS, digest, f"https://example.com/{number}"))
    bundled(shelf, OURS, digest)
    with shelved(shelf) as server:
        image = ImageRef(f"{server.address}/shop/billing", "a" * 40, digest)
        ask = Vouched(lambda: registries)
        assert ask(image, SIGNATURE, public(OURS).encode())
        asked = len(server.requests)
        assert asked < 100
        assert not ask(image, ATTESTATION, public(OURS).encode())
        assert len(server.requests) == asked, "each image is asked for once"


@pytest.mark.parametrize("pem", ["", "ssh-ed25519 AAAA", "-----BEGIN PUBLIC KEY-----\nx\n"])
def test_what_is_no_key_is_an_error(registries: Registries, pem: str) -> None:
    image = ImageRef("registry.example.com/x", "a", "sha256:" + "0" * 64)
    with pytest.raises(ValueError, match="no public key"):
        Vouched(lambda: registries)(image, SIGNATURE, pem.encode())


def test_a_registry_that_fails_is_no_answer(registries: Registries) -> None:
    with pytest.raises(RegistryError):
        vouched(registries, Shelf(broken=True), "sha256:" + "0" * 64, SIGNATURE)
