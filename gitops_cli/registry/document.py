"""What registries send, judged: only a manifest is an image, and only if its digest is its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from gitops_cli.domain.errors import RegistryError
from gitops_cli.domain.image import ImageRef
from gitops_cli.domain.text import one_line
from gitops_cli.domain.version import is_digest
from gitops_cli.registry.connection import RegistryAnswer

MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
# What a server says of a manifest whose type it does not know: a file server, an old registry.
_NOTHING_SAID = ("", "application/json", "application/octet-stream", "text/plain")


def told_digest(answer: RegistryAnswer, image: ImageRef) -> str | None:
    """Return the digest that a HEAD's headers tell; None where they do not tell it surely."""
    digest = answer.headers.get("docker-content-digest", "")
    if _media_type(answer) not in MANIFESTS or not is_digest(digest):
        return None
    return _wanted(digest, answer, image)


def computed_digest(answer: RegistryAnswer, image: ImageRef) -> str:
    """Return the digest of a manifest that was read; raises RegistryError for anything else."""
    said = _media_type(answer)
    own = read_object(answer.body) or {}
    if (
        said not in (*MANIFESTS, *_NOTHING_SAID)
        or own.get("mediaType", MANIFESTS[0]) not in MANIFESTS
        or own.get("schemaVersion") != 2
    ):
        raise RegistryError(
            f"{answer.address.netloc}: answers with what is no image manifest"
            f"{f' ({one_line(said)[:60]})' if said else ''}",
            hint="does something else answer for the registry, such as a proxy's login page?",
        )
    digest = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
    told = answer.headers.get("docker-content-digest", digest)
    if is_digest(told) and told != digest:
        raise RegistryError(f"{answer.address.netloc}: sends another manifest than {told}")
    return _wanted(digest, answer, image)


def _wanted(digest: str, answer: RegistryAnswer, image: ImageRef) -> str:
    if image.digest is not None and is_digest(image.digest) and digest != image.digest:
        raise RegistryError(f"{answer.address.netloc}: sends another image than {image}")
    return digest


def _media_type(answer: RegistryAnswer) -> str:
    return answer.headers.get("content-type", "").partition(";")[0].strip().lower()


def read_object(body: bytes) -> Mapping[str, Any] | None:
    """Return a JSON object; None for anything else."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def token_of(body: bytes) -> str | None:
    """Return the token that a token server sends; None where it sends none that can be used."""
    content = read_object(body) or {}
    token = content.get("token") or content.get("access_token")
    usable = isinstance(token, str) and token.isascii() and token.isprintable() and " " not in token
    return token if usable else None


def explanation(body: bytes) -> str:
    """Return the registry's own words, from the `errors` that the specification defines."""
    errors = (read_object(body) or {}).get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    if not isinstance(first, dict) or "code" not in first:
        return ""
    words = f"{first['code']} {first.get('message') or ''}"
    return f": {one_line(words)[:200]}"
