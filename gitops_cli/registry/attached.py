"""What is attached to an image in its registry: signatures and attestations, as cosign writes them.

cosign 3 attaches a Sigstore bundle as a referrer (OCI 1.1); where a registry has no referrers, the
tag `sha256-DIGEST` lists them. Older ones are tags by themselves: `sha256-DIGEST.sig` and `.att`.
Nothing here is believed: it is what a signature is then looked for in.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from gitops_cli.domain.errors import RegistryError
from gitops_cli.registry.document import read_object

INDEX = "application/vnd.oci.image.index.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle"
SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
DSSE = "application/vnd.dsse.envelope.v1+json"
_SIGNATURE = "dev.cosignproject.cosign/signature"
_MOST = 30  # manifests and layers that are looked at of one image


class Reads(Protocol):
    """A registry, as far as it is read here."""

    def read(self, repository: str, what: str, *, accept: str = ...) -> bytes | None:
        """Return what is there; None: nothing is."""
        ...


class Plain(NamedTuple):
    """A signature of a text, which names the image: cosign's older form."""

    payload: bytes
    signature: bytes


class Envelope(NamedTuple):
    """A DSSE envelope: a typed text with its signatures; `bundle`: all that it came in."""

    kind: str
    payload: bytes
    signatures: tuple[bytes, ...]
    bundle: bytes = b""


def attached_to(registry: Reads, repository: str, digest: str) -> Iterator[Plain | Envelope]:
    """Yield what may be a signature or an attestation of an image, newest forms first."""
    seen: set[str] = set()
    for manifest in _manifests(registry, repository, digest):
        for layer in _list(manifest.get("layers")):
            kind, blob = str(layer.get("mediaType", "")), str(layer.get("digest", ""))
            if blob in seen or not kind.startswith((BUNDLE, SIMPLE_SIGNING, DSSE)):
                continue
            if len(seen) >= _MOST:
                return
            seen.add(blob)
            data = _blob(registry, repository, blob)
            if data is not None and (found := _material(kind, layer, data)) is not None:
                yield found


def _manifests(registry: Reads, repository: str, digest: str) -> Iterator[Mapping[str, Any]]:
    named = digest.replace(":", "-")
    index = None
    with suppress(RegistryError):  # one that knows no referrers may answer anything
        index = registry.read(repository, f"referrers/{digest}", accept=INDEX)
    if index is None or (read_object(index) or {}).get("schemaVersion") != 2:
        index = registry.read(repository, f"manifests/{named}")
    listed = _list((read_object(index or b"") or {}).get("manifests"))
    for entry in listed[-_MOST:][::-1]:  # what was attached last comes last
        found = _manifest(registry, repository, str(entry.get("digest", "")))
        if found is not None:
            yield found
    for suffix in (".sig", ".att"):
        body = registry.read(repository, f"manifests/{named}{suffix}")
        if body is not None and (found := read_object(body)) is not None:
            yield found


def _manifest(registry: Reads, repository: str, digest: str) -> Mapping[str, Any] | None:
    if not digest.startswith("sha256:"):
        return None
    body = registry.read(repository, f"manifests/{digest}")
    return None if body is None else read_object(body)


def _blob(registry: Reads, repository: str, digest: str) -> bytes | None:
    """Return a layer whose digest is its own."""
    if not digest.startswith("sha256:"):
        return None
    data = registry.read(repository, f"blobs/{digest}", accept="*/*")
    return data if data is not None and _digest(data) == digest else None


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _material(kind: str, layer: Mapping[str, Any], data: bytes) -> Plain | Envelope | None:
    if kind.startswith(SIMPLE_SIGNING):
        annotations = layer.get("annotations")
        signed = annotations.get(_SIGNATURE) if isinstance(annotations, dict) else None
        signature = _decoded(signed)
        return None if signature is None else Plain(data, signature)
    content = read_object(data) or {}
    if not kind.startswith(BUNDLE):
        return _envelope(content)
    envelope = _envelope(content.get("dsseEnvelope"))
    return None if envelope is None else envelope._replace(bundle=data)


def _envelope(content: Any) -> Envelope | None:
    if not isinstance(content, dict):
        return None
    payload, kind = _decoded(content.get("payload")), content.get("payloadType")
    signatures = [_decoded(one.get("sig")) for one in _list(content.get("signatures"))]
    if payload is None or not isinstance(kind, str):
        return None
    return Envelope(kind, payload, tuple(one for one in signatures if one is not None))


def _list(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _decoded(text: Any) -> bytes | None:
    if not isinstance(text, str):
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
