"""A Sigstore of the tests' own: Fulcio, its certificate log, Rekor and a clock, in their forms.

Made with `cryptography` by the specifications (RFC 6962 for certificate logs and trees, Sigstore's
client specification for entries, promises, checkpoints and bundles), not with the library that is
under test. `tests/node/test_keyless.py` has the real cosign judge the same bundles.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.registry.signing import BUNDLE, COSIGN_SIGN, encoded, envelope, new_key, sign

WORKFLOW = "https://github.com/acme/web/.github/workflows/release.yml@refs/heads/main"
ISSUER = "https://token.actions.githubusercontent.com"
SIGNED_AT = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
ROOT_TYPE = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
_SCTS = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_ISSUER_RAW = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_ISSUER_DER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_YEAR = timedelta(days=365)
_BEGAN = SIGNED_AT - _YEAR
Key = ec.EllipticCurvePrivateKey


def der_of(key: Key) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def id_of(key: Key) -> bytes:
    """Return what logs call a key."""
    return hashlib.sha256(der_of(key)).digest()


def canonical(content: Any) -> bytes:
    """Return JSON as RFC 8785 has it; for texts and whole numbers that is this."""
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


@dataclass(frozen=True)
class Issued:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


@dataclass(frozen=True)
class Sigstore:
    """One instance: its authorities and its logs."""

    root: Key = field(default_factory=new_key)
    between: Key = field(default_factory=new_key)
    certificates: Key = field(default_factory=new_key)
    rekor: Key = field(default_factory=new_key)

    @property
    def chain(self) -> tuple[Issued, Issued]:
        """Return the intermediate authority and the root."""
        root = _authority("root", self.root, "root", self.root)
        return _authority("between", self.between, "root", self.root), root

    def trusted_root(self, *clock: Issued) -> str:
        """Return what a client is told of it; `clock`: the certificates of who stamps times."""
        return json.dumps(
            {
                "mediaType": ROOT_TYPE,
                "tlogs": [_log("https://rekor.example.com", self.rekor)],
                "certificateAuthorities": [_trusted("fulcio", self.chain)],
                "ctlogs": [_log("https://ctfe.example.com", self.certificates)],
                "timestampAuthorities": [_trusted("clock", clock)] if clock else [],
            }
        )

    def issue(
        self,
        name: str = WORKFLOW,
        issuer: str = ISSUER,
        at: datetime = SIGNED_AT,
        *,
        logged_by: Key | None = None,
        usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CODE_SIGNING,
    ) -> Issued:
        """Return a certificate for ten minutes, with the promise of the certificate log in it."""
        key = new_key()
        san = x509.RFC822Name(name) if "/" not in name else x509.UniformResourceIdentifier(name)
        text = issuer.encode()
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(_named("between"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(at - timedelta(seconds=1))
            .not_valid_after(at + timedelta(minutes=10))
            .add_extension(_key_usage(signs=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.between.public_key()),
                critical=False,
            )
            .add_extension(x509.SubjectAlternativeName([san]), critical=True)
            .add_extension(x509.UnrecognizedExtension(_ISSUER_RAW, text), critical=False)
            .add_extension(
                x509.UnrecognizedExtension(_ISSUER_DER, b"\x0c" + bytes([len(text)]) + text),
                critical=False,
            )
        )
        before = builder.sign(self.between, hashes.SHA256()).tbs_certificate_bytes
        promised = self._promise(before, at, logged_by or self.certificates)
        whole = builder.add_extension(
            x509.UnrecognizedExtension(_SCTS, promised), critical=False
        ).sign(self.between, hashes.SHA256())
        return Issued(whole, key)

    def _promise(self, before: bytes, at: datetime, log: Key) -> bytes:
        """Return the SCT list of a certificate that has none yet (RFC 6962, 3.2 and 3.3)."""
        when = struct.pack("!Q", int(at.timestamp() * 1000))
        length = struct.pack("!I", len(before))[1:]
        entry = hashlib.sha256(der_of(self.between)).digest() + length + before
        signed = b"\0\0" + when + b"\0\x01" + entry + b"\0\0"
        signature = sign(log, signed)
        sct = b"\0" + id_of(log) + when + b"\0\0" + b"\x04\x03" + _sized(signature)
        listed = _sized(_sized(sct))
        size = bytes([len(listed)])
        return b"\x04" + (size if len(listed) < 128 else b"\x81" + size) + listed  # DER

    def bundle(
        self,
        digest: str,
        predicate: str = COSIGN_SIGN,
        *,
        by: Issued | None = None,
        at: datetime = SIGNED_AT + timedelta(seconds=5),
        key: Key | None = None,
    ) -> dict[str, Any]:
        """Return what `cosign sign` or `attest` attach; `key` signs in the certificate's stead."""
        issued = by or self.issue()
        content = envelope(key or issued.key, digest, predicate)
        return {
            "mediaType": BUNDLE,
            "verificationMaterial": {
                "certificate": {"rawBytes": encoded(issued.der)},
                "tlogEntries": [self.entry(content, issued, at)],
            },
            "dsseEnvelope": content,
        }

    def entry(self, content: dict[str, Any], issued: Issued, at: datetime) -> dict[str, Any]:
        """Return Rekor's entry of an envelope, with promise, proof and checkpoint."""
        body = canonical(_rekord(content, issued))
        log_id = id_of(self.rekor)
        seconds, index = int(at.timestamp()), 1
        promise = canonical(
            {
                "body": encoded(body),
                "integratedTime": seconds,
                "logID": log_id.hex(),
                "logIndex": index,
            }
        )
        # A tree of three leaves, of which it is the second.
        first, leaf, third = (_leaf(each) for each in (b"first", body, b"third"))
        root = _node(_node(first, leaf), third)
        return {
            "logIndex": str(index),
            "logId": {"keyId": encoded(log_id)},
            "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "integratedTime": str(seconds),
            "inclusionPromise": {"signedEntryTimestamp": encoded(sign(self.rekor, promise))},
            "inclusionProof": {
                "logIndex": str(index),
                "rootHash": encoded(root),
                "treeSize": "3",
                "hashes": [encoded(first), encoded(third)],
                "checkpoint": {"envelope": self._checkpoint(3, root)},
            },
            "canonicalizedBody": encoded(body),
        }

    def _checkpoint(self, size: int, root: bytes) -> str:
        text = f"rekor.example.com - 1\n{size}\n{encoded(root)}\n"
        signed = id_of(self.rekor)[:4] + sign(self.rekor, text.encode())
        return f"{text}\n\u2014 rekor.example.com {encoded(signed)}\n"


@dataclass(frozen=True)
class Clock:
    """Who stamps times (RFC 3161): openssl, which knows the present only."""

    directory: Path
    chain: tuple[Issued, Issued]

    @classmethod
    def made(cls, directory: Path) -> Clock:
        key, root_key = new_key(), new_key()
        root = _authority("clock root", root_key, "clock root", root_key)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_named("clock"))
            .issuer_name(_named("clock root"))
            .public_key(key.public_key())
            .serial_number(7)
            .not_valid_before(_BEGAN)
            .not_valid_after(_BEGAN + 10 * _YEAR)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs=True), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True
            )
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()),
                critical=False,
            )
            .sign(root_key, hashes.SHA256())
        )
        clock = cls(directory, (Issued(certificate, key), root))
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (directory / "clock.key").write_bytes(pem)
        (directory / "clock.crt").write_bytes(clock.chain[0].pem)
        (directory / "serial").write_text("01")
        (directory / "clock.cnf").write_text(
            "[tsa]\nserial = serial\nsigner_digest = sha256\ndefault_policy = 1.2.3.4.1\n"
            "digests = sha256\ness_cert_id_alg = sha256\n"
        )
        return clock

    def stamp(self, bundle: dict[str, Any]) -> dict[str, Any]:
        """Return a bundle whose time is stamped now, and that has no other."""
        signature = bundle["dsseEnvelope"]["signatures"][0]["sig"]
        (self.directory / "signature").write_bytes(base64.b64decode(signature))
        self._ts("-query", "-data", "signature", "-sha256", "-cert", "-out", "query")
        self._ts(
            *("-reply", "-queryfile", "query", "-signer", "clock.crt", "-inkey", "clock.key"),
            *("-config", "clock.cnf", "-section", "tsa", "-out", "reply"),
        )
        material = bundle["verificationMaterial"]
        del material["tlogEntries"][0]["inclusionPromise"]
        stamp = {"signedTimestamp": encoded((self.directory / "reply").read_bytes())}
        material["timestampVerificationData"] = {"rfc3161Timestamps": [stamp]}
        return bundle

    def _ts(self, *words: str) -> None:
        command = ["openssl", "ts", *words]
        subprocess.run(command, cwd=self.directory, check=True, capture_output=True)


def _rekord(content: dict[str, Any], issued: Issued) -> dict[str, Any]:
    """Return the body of a dsse entry, version 0.0.1."""
    payload = base64.b64decode(content["payload"])
    return {
        "apiVersion": "0.0.1",
        "kind": "dsse",
        "spec": {
            "envelopeHash": {"algorithm": "sha256", "value": _hex(json.dumps(content).encode())},
            "payloadHash": {"algorithm": "sha256", "value": _hex(payload)},
            "signatures": [
                {"signature": one["sig"], "verifier": encoded(issued.pem)}
                for one in content["signatures"]
            ],
        },
    }


def _authority(name: str, key: Key, by: str, signer: Key) -> Issued:
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(by))
        .public_key(key.public_key())
        .serial_number(1 + (name == "between"))
        .not_valid_before(_BEGAN)
        .not_valid_after(_BEGAN + 10 * _YEAR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_key_usage(signs=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
            critical=False,
        )
        .sign(signer, hashes.SHA256())
    )
    return Issued(certificate, key)


def _named(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "tests"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not signs,
        crl_sign=not signs,
        encipher_only=False,
        decipher_only=False,
    )


def _trusted(name: str, chain: tuple[Issued, ...]) -> dict[str, Any]:
    return {
        "subject": {"organization": "tests", "commonName": name},
        "uri": f"https://{name}.example.com",
        "certChain": {"certificates": [{"rawBytes": encoded(issued.der)} for issued in chain]},
        "validFor": {"start": _stamp(_BEGAN)},
    }


def _log(url: str, key: Key) -> dict[str, Any]:
    return {
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": encoded(der_of(key)),
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            "validFor": {"start": _stamp(_BEGAN)},
        },
        "logId": {"keyId": encoded(id_of(key))},
    }


def _stamp(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _sized(data: bytes) -> bytes:
    return struct.pack("!H", len(data)) + data


def _hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\0" + data).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
