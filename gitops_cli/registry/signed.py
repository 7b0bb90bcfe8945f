"""Whether an image is vouched for as a team wants it; each is asked for once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gitops_cli.domain.image import ImageRef
from gitops_cli.domain.recorded.signed import Signed
from gitops_cli.registry.attached import Envelope, Plain, attached_to
from gitops_cli.registry.verifying import is_attested, is_signed, parse_key

if TYPE_CHECKING:
    from gitops_cli.registry.client import Registries


class Vouched:
    """Looks for signatures and attestations of images, by their digests, which never change."""

    def __init__(self, registries: Callable[[], Registries]) -> None:
        self._registries = registries
        self._found: dict[tuple[str, str], list[Plain | Envelope]] = {}

    def __call__(self, image: ImageRef, wanted: Signed, pem: bytes) -> bool:
        """Tell whether an image with a digest is; raises ValueError for a key that is none.

        Raises RegistryError, Denied and ConfigurationError too.
        """
        key = parse_key(pem)
        digest = str(image.digest)
        found = self._attached(image.repository, digest)
        if wanted.predicate is None:
            return is_signed(found, key, digest)
        return is_attested(found, key, digest, wanted.predicate)

    def _attached(self, repository: str, digest: str) -> list[Plain | Envelope]:
        if (repository, digest) not in self._found:
            found = list(attached_to(self._registries(), repository, digest))
            self._found[repository, digest] = found
        return self._found[repository, digest]
