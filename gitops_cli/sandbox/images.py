"""The emulated registry: it has an image of each commit in the services' repositories, but one."""

from __future__ import annotations

from dataclasses import dataclass, field

from gitops_cli.domain.image import parse_image
from gitops_cli.domain.version import is_commit
from gitops_cli.sandbox.place import SandboxPlace
from gitops_cli.sandbox.repositories import sandbox_git
from gitops_cli.sandbox.samples import NEVER_PUSHED, REGISTRY, SOURCES


@dataclass(slots=True)
class PullableImages:
    """What can be pulled. Images of other registries always can."""

    place: SandboxPlace
    _known: set[tuple[str, str]] = field(default_factory=set)

    def pull_problem(self, image: str) -> str | None:
        """Return why a node cannot pull the image, as containerd ends it; None if it can."""
        reference = parse_image(image)
        registry, _, path = reference.repository.partition("/")
        service = path.rpartition("/")[2]
        if registry != REGISTRY or self._exists(service, reference.tag or "latest"):
            return None
        return f"{image}: not found"

    def _exists(self, service: str, tag: str) -> bool:
        if service not in SOURCES or not is_commit(tag) or tag.startswith(NEVER_PUSHED):
            return False
        if (service, tag) not in self._known:
            git = sandbox_git(self.place.source(service))
            if git.run("cat-file", "-e", "--end-of-options", f"{tag}^{{commit}}").code != 0:
                return False
            self._known.add((service, tag))
        return True
