"""Keyless signatures, judged by Sigstore's own library, an extra: `gitops-cli[keyless]`.

A bundle has the certificate that Fulcio made out for an identity, and what proves when it was used:
a transparency log's entry, or a time stamp. The library checks the certificate's chain, its time
and its entry in the certificate log, the log's proof, and the signature. Whom the certificate
names, and what the signed statement is about, is asked here.
"""

from __future__ import annotations

import logging
from tempfile import NamedTemporaryFile
from typing import NamedTuple

from cryptography.x509 import (
    Certificate,
    RFC822Name,
    SubjectAlternativeName,
    UniformResourceIdentifier,
)
from sigstore.errors import Error, VerificationError
from sigstore.models import Bundle, ClientTrustConfig, TrustedRoot
from sigstore.verify import Verifier
from sigstore.verify.policy import AnyOf, OIDCIssuer, OIDCIssuerV2

from gitops_cli.domain.errors import RegistryError
from gitops_cli.domain.recorded.signed import Signer
from gitops_cli.domain.text import one_line

_LONGEST = 200  # characters of what a bundle says of itself

# It warns of odd bundles by lines of its own; what matters is in its errors.
logging.getLogger("sigstore").addHandler(logging.NullHandler())
logging.getLogger("sigstore").propagate = False


class NotGood(Exception):
    """A bundle is no good signature of an identity; says why."""


class Statement(NamedTuple):
    """What a good bundle has signed: a text and its type."""

    kind: str
    payload: bytes


class Keyless:
    """Judges bundles by a trusted root, as `cosign trusted-root create` writes it.

    None: by that of Sigstore's public instance, which is kept up to date from there. Raises
    ValueError for what is no trusted root, RegistryError where the public one is not to be had.
    """

    def __init__(self, trusted_root: bytes | None) -> None:
        root = _public() if trusted_root is None else _read(trusted_root)
        try:
            self._verifier = Verifier(trusted_root=root)
        except (Error, ValueError):
            raise ValueError("names no authority and no log whose word would count") from None

    def statement(self, bundle: bytes, identity: Signer) -> Statement:
        """Return what an identity has signed; raises NotGood."""
        try:
            kind, payload = self._verifier.verify_dsse(Bundle.from_json(bundle), _Named(identity))
        except Exception as error:  # noqa: BLE001 - foreign bytes: whatever it fails with
            [why, *_] = str(error).splitlines() or [type(error).__name__]  # then come pydantic's
            raise NotGood(one_line(why)[:_LONGEST]) from None
        return Statement(kind, payload)


def _public() -> TrustedRoot:
    try:
        return ClientTrustConfig.production().trusted_root
    except (Error, OSError, ValueError) as error:
        raise RegistryError(
            f"the trusted root of Sigstore's public instance could not be asked for: {error}",
            hint="`trusted_root` may name a file of the repository, which needs no network",
        ) from error


def _read(content: bytes) -> TrustedRoot:
    try:
        with NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            root = TrustedRoot.from_file(file.name)
    except (Error, ValueError):
        message = "is no trusted root of Sigstore's, as `cosign trusted-root create` writes it"
        raise ValueError(message) from None
    return root


class _Named(NamedTuple):
    """Asks of a certificate that it is made out for an identity, on the word of its issuer."""

    identity: Signer

    def verify(self, cert: Certificate) -> None:
        """Raise VerificationError if it is not."""
        wanted = self.identity
        names = _names(cert)
        if not any(wanted.is_named(name) for name in names):
            raise VerificationError(f"that of {', '.join(names) or 'nobody'} does not count")
        issuers = AnyOf([OIDCIssuerV2(wanted.issuer), OIDCIssuer(wanted.issuer)])
        try:
            issuers.verify(cert)
        except VerificationError:
            raise VerificationError("another issuer says whom the certificate names") from None


def _names(cert: Certificate) -> list[str]:
    names = cert.extensions.get_extension_for_class(SubjectAlternativeName).value
    return [
        *names.get_values_for_type(RFC822Name),
        *names.get_values_for_type(UniformResourceIdentifier),
    ]
