"""Signatures of identities: good by certificate, log and time, and refused if one thing is not."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp

from gitops_cli.domain.errors import ConfigurationError, RegistryError
from gitops_cli.domain.image import ImageRef
from gitops_cli.domain.recorded.signed import Signed, Signer, Vouching
from gitops_cli.registry.client import Registries
from gitops_cli.registry.signed import Vouched
from tests.registry.scripted import Reply, Request, scripted
from tests.registry.signing import Shelf, encoded, envelope, new_key, shelved
from tests.registry.sigstore import ISSUER, SIGNED_AT, WORKFLOW, Clock, Sigstore

OURS, THEIRS = Sigstore(), Sigstore()
SLSA = "https://slsa.dev/provenance/v1"
WANTED = Signer(WORKFLOW, ISSUER, "keys/root.json")
SIGNING = '{"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json"}'
Bundle = dict[str, Any]
Make = Callable[[str], Bundle]


def judged(
    registries: Registries,
    *makes: Make,
    wanted: Signed | Signer = WANTED,
    root: str | None = None,
    has_referrers: bool = True,
) -> Vouching:
    shelf = Shelf(has_referrers=has_referrers)
    digest = shelf.image("a" * 40)
    for make in makes:
        shelf.attach_bundle(digest, make(digest))
    signed = Signed(wanted) if isinstance(wanted, Signer) else wanted
    with shelved(shelf) as server:
        image = ImageRef(f"{server.address}/shop/web", "a" * 40, digest)
        content = (OURS.trusted_root() if root is None else root).encode()
        return Vouched(lambda: registries)(image, signed, content)


def altered(bundle: Bundle, *path: str | int, to: object) -> Bundle:
    """Return a bundle with another value at a place."""
    copy = json.loads(json.dumps(bundle))
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return copy


def entry_of(bundle: Bundle) -> Bundle:
    entry: Bundle = bundle["verificationMaterial"]["tlogEntries"][0]
    return entry


def in_the_log(bundle: Bundle, *path: str | int, to: object) -> Bundle:
    return altered(bundle, "verificationMaterial", "tlogEntries", 0, *path, to=to)


@pytest.mark.parametrize("has_referrers", [True, False])
def test_what_the_identity_signed_is_good(registries: Registries, has_referrers: bool) -> None:
    assert judged(registries, OURS.bundle, has_referrers=has_referrers) == Vouching(True)
    tagged = WANTED._replace(name=WORKFLOW.replace("heads/main", "heads/*"))
    assert judged(registries, OURS.bundle, wanted=tagged) == Vouching(True)


def test_a_person_is_known_by_a_mail_address(registries: Registries) -> None:
    google = "https://accounts.google.com"
    carol = OURS.issue("carol@example.com", google)
    assert judged(
        registries,
        lambda digest: OURS.bundle(digest, by=carol),
        wanted=Signer("carol@example.com", google, "keys/root.json"),
    )


def test_an_attestation_is_of_its_type_and_no_signature(registries: Registries) -> None:
    def attested(digest: str) -> Bundle:
        return OURS.bundle(digest, SLSA)

    assert judged(registries, attested, wanted=Signed(WANTED, SLSA)) == Vouching(True)
    assert judged(registries, attested) == Vouching(False)
    assert judged(registries, OURS.bundle, wanted=Signed(WANTED, SLSA)) == Vouching(False)


def by_somebody_else(digest: str) -> Bundle:
    return OURS.bundle(digest, by=OURS.issue(WORKFLOW.replace("acme/web", "evil/web")))


def by_another_issuer(digest: str) -> Bundle:
    return OURS.bundle(digest, by=OURS.issue(issuer="https://evil.example.com"))


def too_late(digest: str) -> Bundle:
    return OURS.bundle(digest, at=SIGNED_AT + timedelta(minutes=11))


def too_early(digest: str) -> Bundle:
    return OURS.bundle(digest, at=SIGNED_AT - timedelta(minutes=1))


def in_no_certificate_log(digest: str) -> Bundle:
    return OURS.bundle(digest, by=OURS.issue(logged_by=new_key()))


def for_servers(digest: str) -> Bundle:
    return OURS.bundle(digest, by=OURS.issue(usage=ExtendedKeyUsageOID.SERVER_AUTH))


def signed_by_another_key(digest: str) -> Bundle:
    return OURS.bundle(digest, key=new_key())


def in_another_log(digest: str) -> Bundle:
    issued = OURS.issue()
    bundle = OURS.bundle(digest, by=issued)
    entry = THEIRS.entry(bundle["dsseEnvelope"], issued, SIGNED_AT)
    return altered(bundle, "verificationMaterial", "tlogEntries", to=[entry])


def in_no_log(digest: str) -> Bundle:
    return altered(OURS.bundle(digest), "verificationMaterial", "tlogEntries", to=[])


def without_a_time(digest: str) -> Bundle:
    bundle = OURS.bundle(digest)
    del entry_of(bundle)["inclusionPromise"]
    return bundle


def with_another_time(digest: str) -> Bundle:
    moment = str(int((SIGNED_AT + timedelta(seconds=30)).timestamp()))
    return in_the_log(OURS.bundle(digest), "integratedTime", to=moment)


def with_another_proof(digest: str) -> Bundle:
    hashes = [encoded(b"0" * 32), encoded(b"1" * 32)]
    return in_the_log(OURS.bundle(digest), "inclusionProof", "hashes", to=hashes)


def with_another_checkpoint(digest: str) -> Bundle:
    bundle = OURS.bundle(digest)
    text = entry_of(bundle)["inclusionProof"]["checkpoint"]["envelope"]
    other = text.replace("\n3\n", "\n4\n")
    return in_the_log(bundle, "inclusionProof", "checkpoint", "envelope", to=other)


def with_the_entry_of_another(digest: str) -> Bundle:
    other = OURS.bundle("sha256:" + "0" * 64)
    entries = other["verificationMaterial"]["tlogEntries"]
    return altered(OURS.bundle(digest), "verificationMaterial", "tlogEntries", to=entries)


def with_the_certificate_of_another(digest: str) -> Bundle:
    certificate = {"rawBytes": encoded(OURS.issue().der)}
    return altered(OURS.bundle(digest), "verificationMaterial", "certificate", to=certificate)


def about_another(digest: str) -> Bundle:
    """Return a bundle whose statement was changed to be about this image after it was signed."""
    other = OURS.bundle("sha256:" + "0" * 64)
    payload = envelope(new_key(), digest)["payload"]
    return altered(other, "dsseEnvelope", "payload", to=payload)


def by_a_key(digest: str) -> Bundle:
    bundle = OURS.bundle(digest)
    return altered(bundle, "verificationMaterial", to={"publicKey": {"hint": "x"}})


def of_another_form(digest: str) -> Bundle:
    return altered(OURS.bundle(digest), "mediaType", to="application/vnd.dev.sigstore.bundle.v9")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (by_somebody_else, f"that of {WORKFLOW.replace('acme/web', 'evil/web')} does not count"),
        (by_another_issuer, "another issuer says whom the certificate names"),
        (too_late, "cert is not valid at validation time"),
        (too_early, "cert is not valid at validation time"),
        (in_no_certificate_log, "SCT verify failed"),
        (for_servers, "does not contain `code signing`"),
        (signed_by_another_key, "invalid signature"),
        (in_another_log, "invalid log entry: checkpoint: invalid signature"),
        (in_no_log, "expected exactly one log entry"),
        (without_a_time, "must contain an inclusion promise or signed timestamp"),
        (with_another_time, "invalid inclusion promise"),
        (with_another_proof, "invalid root hash"),
        (with_another_checkpoint, "invalid signature"),
        (with_the_entry_of_another, "payload hash does not match"),
        (with_the_certificate_of_another, "invalid signature"),
        (about_another, "invalid signature"),
        (by_a_key, "failed to load bundle"),
        (of_another_form, "failed to load bundle"),
    ],
)
def test_one_thing_that_is_not_right_makes_it_no_signature(
    registries: Registries, make: Make, why: str
) -> None:
    found = judged(registries, make)
    assert not found
    assert why in found.why


def test_another_instances_word_does_not_count(registries: Registries) -> None:
    found = judged(registries, OURS.bundle, root=THEIRS.trusted_root())
    assert not found
    assert "certificate chain" in found.why


@pytest.mark.parametrize(
    ("late", "why"),
    [(timedelta(), ""), (timedelta(minutes=11), "cert is not valid at validation time")],
)
def test_a_stamp_proves_the_time_as_well(
    registries: Registries, tmp_path: Path, late: timedelta, why: str
) -> None:
    clock = Clock.made(tmp_path)
    at = datetime.now(UTC) - late
    issued = OURS.issue(at=at)

    def stamped(digest: str) -> Bundle:
        return clock.stamp(OURS.bundle(digest, by=issued, at=at))

    found = judged(registries, stamped, root=OURS.trusted_root(*clock.chain))
    assert (found.good, why in found.why) == (not why, True)
    unknown = judged(registries, stamped)
    assert "no Timestamp Authorities" in unknown.why


def test_a_signature_of_another_image_is_none(registries: Registries) -> None:
    def elsewhere(_digest: str) -> Bundle:
        return OURS.bundle("sha256:" + "0" * 64)

    assert judged(registries, elsewhere) == Vouching(False)


def test_a_good_one_among_bad_ones_counts(registries: Registries) -> None:
    assert judged(registries, by_somebody_else, OURS.bundle, too_late) == Vouching(True)


@pytest.mark.parametrize(
    "content",
    [
        {"verificationMaterial": 5},
        {"verificationMaterial": {"certificate": {"rawBytes": "AAAA"}, "tlogEntries": [{}]}},
        {"verificationMaterial": {"certificate": {"rawBytes": "%"}}},
        {"mediaType": ["x"]},
    ],
)
def test_what_makes_no_sense_is_no_signature(
    registries: Registries, content: dict[str, object]
) -> None:
    def nonsense(digest: str) -> Bundle:
        return {**OURS.bundle(digest), **content}

    found = judged(registries, nonsense)
    assert not found
    assert "\n" not in found.why
    assert len(found.why) <= 200


@pytest.mark.parametrize(
    "root",
    ["", "[]", "{}", '{"mediaType": "x"}', "[" * 100_000, '{"mediaType": "x", "tlogs": []}'],
)
def test_what_is_no_trusted_root_is_told(registries: Registries, root: str) -> None:
    with pytest.raises(ValueError, match="is no trusted root of Sigstore's"):
        judged(registries, OURS.bundle, root=root)


def test_a_root_that_names_nobody_is_told(registries: Registries) -> None:
    nobody = json.loads(OURS.trusted_root()) | {"certificateAuthorities": []}
    with pytest.raises(ValueError, match="names no authority and no log"):
        judged(registries, OURS.bundle, root=json.dumps(nobody))


def test_without_sigstores_library_it_says_what_to_install(
    registries: Registries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sigstore", None)
    with pytest.raises(ConfigurationError) as failed:
        judged(registries, OURS.bundle)
    assert failed.value.hint == "pip install 'gitops-cli[keyless]'"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where Sigstore's library keeps what it was told."""
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return tmp_path / "XDG_DATA_HOME" / "sigstore-python" / "tuf"


def told_of(root: str) -> dict[str, bytes]:
    """Return a TUF repository of one key that has a trusted root, by paths."""
    files = {"trusted_root.json": root.encode(), "signing_config.v0.2.json": SIGNING.encode()}
    signer = CryptoSigner.generate_ecdsa()
    root_of = Root(consistent_snapshot=False)
    targets = Targets()
    for role in ("root", "timestamp", "snapshot", "targets"):
        root_of.add_key(signer.public_key, role)
    for name, content in files.items():
        targets.targets[name] = TargetFile.from_data(name, content, ["sha256"])
    made = {"root": root_of, "timestamp": Timestamp(), "snapshot": Snapshot(), "targets": targets}
    paths = {f"targets/{name}": content for name, content in files.items()}
    for name, signed in made.items():
        signed.expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
        metadata = Metadata(signed)
        metadata.sign(signer)
        paths[f"{name}.json"] = metadata.to_bytes()
    return paths


def test_the_public_roots_are_asked_for_by_tuf(
    registries: Registries, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = told_of(OURS.trusted_root())

    def answer(request: Request) -> Reply:
        found = files.get(request.path.lstrip("/"))
        return Reply(404) if found is None else Reply(200, {}, found)

    with scripted(answer) as server:
        url = f"http://{server.address}"
        monkeypatch.setattr("sigstore.models.DEFAULT_TUF_URL", url)
        known = home / quote(url, safe="")
        known.mkdir(parents=True)
        (known / "root.json").write_bytes(files["root.json"])
        public = WANTED._replace(trusted_root=None)
        shelf = Shelf(has_referrers=True)
        digest = shelf.image("a" * 40)
        shelf.attach_bundle(digest, OURS.bundle(digest))
        with shelved(shelf) as shop:
            image = ImageRef(f"{shop.address}/shop/web", "a" * 40, digest)
            assert Vouched(lambda: registries)(image, Signed(public), None) == Vouching(True)
        asked = {request.path for request in server.requests}
    assert {"/timestamp.json", "/targets/trusted_root.json"} <= asked

    with pytest.raises(RegistryError) as failed:
        Vouched(lambda: registries)(image, Signed(public), None)
    assert "could not be asked for" in failed.value.message
    assert "trusted_root" in (failed.value.hint or "")
