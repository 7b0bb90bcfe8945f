"""Signs images as cosign does, and keeps them where a registry would: for tests without either.

tests/node/test_cosign.py holds the same against the real programs.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.registry.scripted import Reply, Request, Scripted, scripted

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
DSSE = "application/vnd.dsse.envelope.v1+json"
IN_TOTO = "application/vnd.in-toto+json"
COSIGN_SIGN = "https://sigstore.dev/cosign/sign/v1"
Private = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def new_key() -> ec.EllipticCurvePrivateKey:
    """Return a key as `cosign generate-key-pair` makes it."""
    return ec.generate_private_key(ec.SECP256R1())


def public(key: Private) -> str:
    """Return what stands in cosign.pub."""
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


def sign(key: Private, data: bytes) -> bytes:
    match key:
        case ec.EllipticCurvePrivateKey():
            return key.sign(data, ec.ECDSA(hashes.SHA256()))
        case ed25519.Ed25519PrivateKey():
            return key.sign(data)
        case rsa.RSAPrivateKey():
            return key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def envelope(
    key: Private, digest: str, predicate: str = COSIGN_SIGN, kind: str = IN_TOTO
) -> dict[str, Any]:
    """Return a DSSE envelope of an in-toto statement about an image."""
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": digest.removeprefix("sha256:")}}],
        "predicateType": predicate,
        "predicate": {},
    }
    payload = json.dumps(statement).encode()
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    return {
        "payload": encoded(payload),
        "payloadType": kind,
        "signatures": [{"sig": encoded(sign(key, signed))}],
    }


def simple(digest: str, kind: str = "cosign container image signature") -> bytes:
    """Return the text that cosign signed before it had bundles."""
    critical = {
        "identity": {"docker-reference": "registry.example.com/shop/billing"},
        "image": {"docker-manifest-digest": digest},
        "type": kind,
    }
    return json.dumps({"critical": critical, "optional": None}).encode()


@dataclass
class Shelf:
    """A registry's content: `tags` and blobs; `has_referrers`: it knows the API of OCI 1.1."""

    tags: dict[str, str] = field(default_factory=dict)
    blobs: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    referrers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    has_referrers: bool = False
    broken: bool = False

    def keep(self, kind: str, data: bytes, *tags: str) -> str:
        digest = digest_of(data)
        self.blobs[digest] = (kind, data)
        self.tags |= dict.fromkeys(tags, digest)
        return digest

    def image(self, tag: str, salt: str = "") -> str:
        """Keep an image under a tag, and return its digest."""
        content = {"schemaVersion": 2, "mediaType": MANIFEST, "annotations": {"salt": tag + salt}}
        return self.keep(MANIFEST, json.dumps(content).encode(), tag)

    def attach(self, digest: str, content: dict[str, Any]) -> None:
        """Attach a bundle of an envelope, as cosign 3 does."""
        self.attach_bundle(digest, {"mediaType": BUNDLE, "dsseEnvelope": content})

    def attach_bundle(self, digest: str, content: dict[str, Any]) -> None:
        """Attach a whole bundle."""
        body = json.dumps(content).encode()
        layer = {"mediaType": BUNDLE, "digest": self.keep(BUNDLE, body), "size": len(body)}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "layers": [layer]}
        named = self.keep(MANIFEST, json.dumps(manifest).encode())
        listed = self.referrers.setdefault(digest, [])
        listed.append({"mediaType": MANIFEST, "digest": named, "artifactType": BUNDLE})
        if not self.has_referrers:
            index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}
            self.keep(INDEX, json.dumps(index).encode(), digest.replace(":", "-"))

    def attach_old(
        self, digest: str, kind: str, body: bytes, signature: bytes | None = None
    ) -> None:
        """Attach as cosign 2 does: a tag of its own."""
        layer: dict[str, Any] = {"mediaType": kind, "digest": self.keep(kind, body)}
        if signature is not None:
            layer["annotations"] = {"dev.cosignproject.cosign/signature": encoded(signature)}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "layers": [layer]}
        suffix = ".sig" if kind == SIMPLE else ".att"
        self.keep(MANIFEST, json.dumps(manifest).encode(), digest.replace(":", "-") + suffix)

    def __call__(self, request: Request) -> Reply:
        if self.broken:
            return Reply(500)
        _, _, rest = request.path.partition("/v2/")
        *_, what, name = rest.partition("?")[0].split("/")
        if what == "referrers" and self.has_referrers:
            index = {"schemaVersion": 2, "manifests": self.referrers.get(name, [])}
            return Reply(200, {"Content-Type": INDEX}, json.dumps(index).encode())
        found = self.blobs.get(self.tags.get(name, name))
        if found is None or what == "referrers":
            return Reply(404)
        kind, body = found
        return Reply(200, {"Content-Type": kind, "Docker-Content-Digest": digest_of(body)}, body)


@contextmanager
def shelved(shelf: Shelf) -> Iterator[Scripted]:
    """Serve it."""
    with scripted(shelf) as server:
        yield server
