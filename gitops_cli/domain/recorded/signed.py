"""`[stage.X.signature]` and `[stage.X.attestation]`: by whom an image must be vouched for."""

from __future__ import annotations

import posixpath
from typing import NamedTuple

from gitops_cli.domain.settings import Settings

SIGNATURE_KEYS = ("key",)
ATTESTATION_KEYS = ("key", "type")
_LONGEST = 500  # characters of a type


class Signed(NamedTuple):
    """A public key, which is a file of this repository; `predicate` is an attestation's type."""

    key: str
    predicate: str | None = None


def read_signature(stage: Settings) -> Signed | None:
    """Return what a stage wants of signatures; None: nothing, or nothing that can be read."""
    if "signature" not in stage.content:
        return None
    key = _key(stage.table("signature", SIGNATURE_KEYS))
    return None if key is None else Signed(key)


def read_attestation(stage: Settings) -> Signed | None:
    """Return what a stage wants of attestations, likewise."""
    if "attestation" not in stage.content:
        return None
    reader = stage.table("attestation", ATTESTATION_KEYS)
    key, predicate = _key(reader), reader.text("type", check=_type)
    if "type" not in reader.content:
        stage.wrong("attestation", "says no `type`: the predicate's, such as an SLSA provenance's")
    return None if key is None or predicate is None else Signed(key, predicate)


def _key(reader: Settings) -> str | None:
    key: str | None = reader.word("key", _file, None)
    if "key" not in reader.content:
        reader.wrong("key", "is missing: the file of a public key, such as `keys/cosign.pub`")
    return key


def _file(text: str) -> str:
    path = posixpath.normpath(text)
    wrong = text.startswith("/") or "\\" in text or any(ord(character) < 32 for character in text)
    if wrong or path != text or path.split("/")[0] in {"..", ".", ".git"}:
        raise ValueError(f"`{text}` is no file of this repository, such as `keys/cosign.pub`")
    return text


def _type(text: str) -> str:
    if len(text) > _LONGEST or not text.isprintable() or " " in text:
        raise ValueError("is not the address of a predicate's type")
    return text
