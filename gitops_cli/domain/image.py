"""Image references: `registry/path/service:tag@digest`."""

from __future__ import annotations

import re

from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.values import NamedTuple
from gitops_cli.domain.version import Version

# The parts of distribution/reference's grammar that a registry enforces.
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*\Z")
_DEFAULT_HOST = "docker.io"


class ImageRef(NamedTuple):
    """An image as a workload names it; `repository` is written as it stands there."""

    repository: str
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        """Return the reference as a container's `image` has it."""
        tag = f":{self.tag}" if self.tag is not None else ""
        digest = f"@{self.digest}" if self.digest is not None else ""
        return f"{self.repository}{tag}{digest}"

    @property
    def version(self) -> Version | None:
        """Return tag and digest as a version; None for an image without a tag."""
        return None if self.tag is None else Version(self.tag, self.digest)


def parse_image(text: str) -> ImageRef:
    """Split `text` into repository, tag and digest. Never fails: a workload may hold anything."""
    rest, _, digest = text.partition("@")
    head, slash, last = rest.rpartition("/")
    name, colon, tag = last.partition(":")
    return ImageRef(f"{head}{slash}{name}", tag if colon else None, digest or None)


def image_for(images_path: str, service: ServiceName, version: Version) -> ImageRef:
    """Return images_path + service + `:` + version, as the oldest shell script concatenates it."""
    return parse_image(f"{images_path}{service}:{version}")


def is_repository(text: str) -> bool:
    """Tell whether a registry could hold a repository of that name."""
    return len(text) <= 255 and _REPOSITORY.match(text) is not None


def same_repository(one: str, other: str) -> bool:
    """Tell whether two repository names mean the same: `nginx` is `docker.io/library/nginx`."""
    return one == other or _canonical(one) == _canonical(other)


def split_repository(repository: str) -> tuple[str, str]:
    """Return the registry's host (with its port) and the path there: `nginx` is on docker.io."""
    host, _, path = _canonical(repository).partition("/")
    return host, path


def _canonical(repository: str) -> str:
    first, slash, rest = repository.partition("/")
    if not slash:
        return f"{_DEFAULT_HOST}/library/{repository}"
    if not ({".", ":"} & set(first) or first == "localhost"):
        return f"{_DEFAULT_HOST}/{repository}"
    if first in {_DEFAULT_HOST, "index.docker.io"}:
        return f"{_DEFAULT_HOST}/{rest if '/' in rest else 'library/' + rest}"
    return repository
