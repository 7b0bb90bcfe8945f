"""Is a signature good, of this key, and about this image?

By the key alone: no transparency log is asked, as cosign does with `--insecure-ignore-tlog`. Who
has the key decides; when it was used, nobody proves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from gitops_cli.domain.recorded.signed import Signed
from gitops_cli.registry.attached import Envelope, Plain
from gitops_cli.registry.document import read_object

COSIGN_SIGN = "https://sigstore.dev/cosign/sign/v1"
"""The predicate of a statement that only says: signed."""
_IN_TOTO = "application/vnd.in-toto+json"
_COSIGN = "cosign container image signature"
Key = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey


def parse_key(pem: bytes) -> Key:
    """Return a public key; raises ValueError, which shows nothing of it."""
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("is no public key in PEM, such as cosign.pub") from None
    if not isinstance(key, Key):
        raise ValueError("is a key of a kind that cosign does not make")
    return key


def is_signed(found: Iterable[Plain | Envelope], key: Key, digest: str) -> bool:
    """Tell whether one of them is a good signature of the image."""
    return any(_signs(one, key, digest) for one in found)


def is_attested(found: Iterable[Plain | Envelope], key: Key, digest: str, predicate: str) -> bool:
    """Tell whether one of them is a good in-toto statement of that type about the image."""
    return any(
        isinstance(one, Envelope) and _predicate(one, key, digest) == predicate for one in found
    )


def _signs(one: Plain | Envelope, key: Key, digest: str) -> bool:
    if isinstance(one, Envelope):
        return _predicate(one, key, digest) == COSIGN_SIGN
    if not _is_good(key, one.signature, one.payload):
        return False
    critical = _table((read_object(one.payload) or {}).get("critical"))
    image = _table(critical.get("image"))
    return critical.get("type") == _COSIGN and image.get("docker-manifest-digest") == digest


def wanted_predicate(wanted: Signed) -> str:
    """Return the type of the statement that a team wants; a signature is one, too."""
    return COSIGN_SIGN if wanted.predicate is None else wanted.predicate


def predicate_about(kind: str, payload: bytes, digest: str) -> str | None:
    """Return the type of an in-toto statement, if it is one and about the image."""
    if kind != _IN_TOTO:
        return None
    statement = read_object(payload) or {}
    subjects = statement.get("subject")
    digests = [
        _table(_table(subject).get("digest")).get("sha256")
        for subject in (subjects if isinstance(subjects, list) else ())
    ]
    if digest.removeprefix("sha256:") not in digests:
        return None
    predicate = statement.get("predicateType")
    return predicate if isinstance(predicate, str) else None


def _predicate(envelope: Envelope, key: Key, digest: str) -> str | None:
    """Return the type of a statement about the image; None for what is not signed or another's."""
    signed = b"DSSEv1 %d %s %d %s" % (
        len(envelope.kind.encode()),
        envelope.kind.encode(),
        len(envelope.payload),
        envelope.payload,
    )
    if not any(_is_good(key, one, signed) for one in envelope.signatures):
        return None
    return predicate_about(envelope.kind, envelope.payload, digest)


def _is_good(key: Key, signature: bytes, data: bytes) -> bool:
    try:
        match key:
            case ec.EllipticCurvePublicKey():
                key.verify(signature, data, ec.ECDSA(_hash_for(key)))
            case ed25519.Ed25519PublicKey():
                key.verify(signature, data)
            case rsa.RSAPublicKey():
                key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def _hash_for(key: ec.EllipticCurvePublicKey) -> hashes.HashAlgorithm:
    """Return the hash that goes with a curve, as Go's sigstore has it."""
    if key.curve.key_size <= 256:
        return hashes.SHA256()
    return hashes.SHA384() if key.curve.key_size <= 384 else hashes.SHA512()


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
