"""`[stage.X.signature]` and `[stage.X.attestation]`: by whom an image must be vouched for."""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple

from gitops_cli.domain.settings import Settings

BY_KEYS = ("key", "identity", "issuer", "trusted_root")
SIGNATURE_KEYS = BY_KEYS
ATTESTATION_KEYS = (*BY_KEYS, "type")
_LONGEST = 500  # characters of a type, an identity or an issuer


class KeyFile(NamedTuple):
    """A public key, which is a file of this repository."""

    path: str

    @property
    def file(self) -> str:
        """Return the file that judges."""
        return self.path

    def __str__(self) -> str:
        return self.path


class Signer(NamedTuple):
    """Who a certificate names, and who says so: an OIDC issuer, to Fulcio.

    `trusted_root` is a file of this repository: whose certificates and logs count; None: those of
    Sigstore's public instance.
    """

    name: str
    issuer: str
    trusted_root: str | None = None

    @property
    def file(self) -> str | None:
        """Return the file that judges, if one is named."""
        return self.trusted_root

    def __str__(self) -> str:
        return f"{self.name} ({self.issuer})"

    def is_named(self, name: str) -> bool:
        """Tell whether this is the name in a certificate.

        `*` stands for what has neither `/` nor `@`: a workflow's identity is REPOSITORY/FILE@REF,
        and a branch may have any name, also one that looks like the rest of an identity.
        """
        pattern = "[^/@]*".join(map(re.escape, self.name.split("*")))
        return re.fullmatch(pattern, name) is not None


class Signed(NamedTuple):
    """By whom an image must be vouched for; `predicate` is an attestation's type."""

    by: KeyFile | Signer
    predicate: str | None = None


class Vouching(NamedTuple):
    """Whether an image is vouched for; `why` not, where more can be said than that nothing is."""

    good: bool
    why: str = ""

    def __bool__(self) -> bool:
        return self.good


def read_signature(stage: Settings) -> Signed | None:
    """Return what a stage wants of signatures; None: nothing, or nothing that can be read."""
    if "signature" not in stage.content:
        return None
    by = _by(stage.table("signature", SIGNATURE_KEYS))
    return None if by is None else Signed(by)


def read_attestation(stage: Settings) -> Signed | None:
    """Return what a stage wants of attestations, likewise."""
    if "attestation" not in stage.content:
        return None
    reader = stage.table("attestation", ATTESTATION_KEYS)
    by, predicate = _by(reader), reader.text("type", check=_type)
    if "type" not in reader.content:
        stage.wrong("attestation", "says no `type`: the predicate's, such as an SLSA provenance's")
    return None if by is None or predicate is None else Signed(by, predicate)


def _by(reader: Settings) -> KeyFile | Signer | None:
    if not any(key in reader.content for key in BY_KEYS[1:]):
        return _key(reader)
    if "key" in reader.content:
        reader.wrong("key", "is one way, `identity` with `issuer` another: say one of them")
        return None
    return _identity(reader)


def _key(reader: Settings) -> KeyFile | None:
    key: str | None = reader.word("key", _file, None)
    if "key" not in reader.content:
        means = "the file of a public key, such as `keys/cosign.pub`; or say `identity`, `issuer`"
        reader.wrong("key", f"is missing: {means}")
    return None if key is None else KeyFile(key)


def _identity(reader: Settings) -> Signer | None:
    name, issuer = reader.text("identity", check=_name), reader.text("issuer", check=_name)
    root: str | None = reader.word("trusted_root", _file, None)
    for key, means in (("identity", "who signs"), ("issuer", "who knows whom that is")):
        if key not in reader.content:
            reader.wrong(key, f"is missing: {means}")
    if name is None or issuer is None or (root is None and "trusted_root" in reader.content):
        return None
    return Signer(name, issuer, root)


def _file(text: str) -> str:
    path = posixpath.normpath(text)
    wrong = text.startswith("/") or "\\" in text or any(ord(character) < 32 for character in text)
    if wrong or path != text or path.split("/")[0] in {"..", ".", ".git"}:
        raise ValueError(f"`{text}` is no file of this repository, such as `keys/cosign.pub`")
    return text


def _name(text: str) -> str:
    if not _is_word(text):
        raise ValueError("is one word, as it stands in the certificate")
    return text


def _type(text: str) -> str:
    if not _is_word(text):
        raise ValueError("is not the address of a predicate's type")
    return text


def _is_word(text: str) -> bool:
    return len(text) <= _LONGEST and text.isprintable() and " " not in text
