"""Whether an image is vouched for as a team wants it; each is asked for once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.domain.image import ImageRef
from gitops_cli.domain.recorded.signed import Signed, Signer, Vouching
from gitops_cli.registry.attached import Envelope, Plain, attached_to
from gitops_cli.registry.verifying import (
    is_attested,
    is_signed,
    parse_key,
    predicate_about,
    wanted_predicate,
)

if TYPE_CHECKING:
    from gitops_cli.registry.client import Registries
    from gitops_cli.registry.keyless import Keyless

INSTALL = "pip install 'gitops-cli[keyless]'"


def knows_identities() -> bool:
    """Tell whether signatures of identities can be judged here: Sigstore's library is an extra."""
    return find_spec("sigstore") is not None


class Vouched:
    """Looks for signatures and attestations of images, by their digests, which never change."""

    def __init__(self, registries: Callable[[], Registries]) -> None:
        self._registries = registries
        self._found: dict[tuple[str, str], list[Plain | Envelope]] = {}
        self._keyless: dict[bytes | None, Keyless] = {}

    def __call__(self, image: ImageRef, wanted: Signed, content: bytes | None) -> Vouching:
        """Judge an image with a digest; `content` is that of the file that `wanted` names.

        Raises ValueError for a key or a trusted root that is none; RegistryError, Denied and
        ConfigurationError too.
        """
        digest = str(image.digest)
        if isinstance(wanted.by, Signer):
            judge = self._judge(content)
            found = self._attached(image.repository, digest)
            return _by_identity(judge, found, wanted.by, digest, wanted_predicate(wanted))
        key = parse_key(content or b"")
        found = self._attached(image.repository, digest)
        if wanted.predicate is None:
            return Vouching(is_signed(found, key, digest))
        return Vouching(is_attested(found, key, digest, wanted.predicate))

    def _judge(self, trusted_root: bytes | None) -> Keyless:
        if trusted_root not in self._keyless:
            if not knows_identities():
                raise ConfigurationError(
                    "signatures of identities need Sigstore's library", hint=INSTALL
                )
            from gitops_cli.registry.keyless import Keyless  # a second, and an extra

            self._keyless[trusted_root] = Keyless(trusted_root)
        return self._keyless[trusted_root]

    def _attached(self, repository: str, digest: str) -> list[Plain | Envelope]:
        if (repository, digest) not in self._found:
            found = list(attached_to(self._registries(), repository, digest))
            self._found[repository, digest] = found
        return self._found[repository, digest]


def _by_identity(
    judge: Keyless,
    found: Iterable[Plain | Envelope],
    identity: Signer,
    digest: str,
    predicate: str,
) -> Vouching:
    """Judge the bundles; where none is good, say why not of the newest that says what is wanted."""
    from gitops_cli.registry.keyless import NotGood

    why = ""
    for one in found:
        if not isinstance(one, Envelope) or not one.bundle:
            continue
        if predicate_about(one.kind, one.payload, digest) != predicate:
            continue  # nobody's word for it yet: it only says what it is of no use to look at
        try:
            said = judge.statement(one.bundle, identity)
        except NotGood as error:
            why = why or str(error)
            continue
        if predicate_about(said.kind, said.payload, digest) == predicate:
            return Vouching(True)
    return Vouching(False, why)
