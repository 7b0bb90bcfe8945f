"""The state repository as values: what reading gives, and what commands work on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from gitops_cli.domain.errors import (
    InvalidState,
    UnknownEnvironment,
    UnknownService,
)
from gitops_cli.domain.image import ImageRef, image_for
from gitops_cli.domain.names import (
    EnvironmentName,
    ServiceName,
    is_service_name,
)
from gitops_cli.domain.near import did_you_mean
from gitops_cli.domain.recorded.files import APPROVAL_SUFFIX, LOCK_SUFFIX, RawFile
from gitops_cli.domain.recorded.findings import Finding, Severity
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.text import one_line
from gitops_cli.domain.values import NamedTuple
from gitops_cli.domain.version import Version

if TYPE_CHECKING:
    from gitops_cli.domain.recorded.approvals import Approval
    from gitops_cli.domain.recorded.locks import Lock

IMAGES_PATH = "images_path"
NO_ENVIRONMENTS = (
    "no environments yet; `gitops env add NAME` makes one "
    "(if this is not your state repository: -C PATH, -R URL or GITOPS_REPO name it)"
)


class Kind(StrEnum):
    """A kind of workload; the value is Kubernetes' word."""

    DEPLOYMENT = "Deployment"
    STATEFULSET = "StatefulSet"
    DAEMONSET = "DaemonSet"
    CRONJOB = "CronJob"
    ROLLOUT = "Rollout"

    @property
    def suffix(self) -> str:
        """Return the ending of its version files, with the dot."""
        return f".{self.value.lower()}"

    @property
    def plural(self) -> str:
        """Return the resource's name in URLs and Roles."""
        return f"{self.value.lower()}s"

    @property
    def group(self) -> str:
        return _GROUPS.get(self.value, "apps")


_GROUPS = {"CronJob": "batch", "Rollout": "argoproj.io"}

KIND_OF_SUFFIX: Mapping[str, Kind] = {kind.suffix: kind for kind in Kind}


class VersionFile(NamedTuple):
    """One `<service>.<kind>` file."""

    path: str
    service: ServiceName
    kind: Kind
    version: Version


class Environment(NamedTuple):
    """One directory: what should run in the namespace of its name.

    `findings` are about its files; what they spoil is missing from the other fields.
    """

    name: EnvironmentName
    images_path: str | None
    files: Mapping[ServiceName, VersionFile]
    locks: Mapping[ServiceName | None, Lock] = MappingProxyType({})
    has_manifests: bool = False
    findings: tuple[Finding, ...] = ()
    approvals: Mapping[ServiceName, Approval] = MappingProxyType({})

    @property
    def versions(self) -> dict[ServiceName, Version]:
        """Return the recorded version of each service."""
        return {service: file.version for service, file in self.files.items()}

    def hold(self, service: ServiceName, now: datetime) -> Lock | None:
        """Return the lock that holds a service at `now`: its own before its environment's."""
        locks = (self.locks.get(service), self.locks.get(None))
        return next((lock for lock in locks if lock is not None and lock.holds(now)), None)

    def file(self, service: ServiceName) -> VersionFile:
        """Return the service's version file; raises InvalidState or UnknownService."""
        found = self.files.get(service)
        if found is not None:
            return found
        self._raise_first(lambda f: f.path.rpartition(".")[0] == f"{self.name}/{service}")
        known = ", ".join(sorted(self.files)) or "none"
        raise UnknownService(
            f"{self.name} has no service `{one_line(service)}`",
            hint=did_you_mean(service, self.files) or f"services there: {known}",
        )

    def image(self, service: ServiceName) -> ImageRef:
        """Return the image the service should run; raises InvalidState or UnknownService."""
        return self.image_of(service, self.file(service).version)

    def image_of(self, service: ServiceName, version: Version) -> ImageRef:
        """Return the image that `version` of the service has in this environment."""
        return image_for(self.checked_images_path(), service, version)

    def checked_images_path(self) -> str:
        """Return what stands before a service's name in an image; raises InvalidState."""
        if self.images_path is None:
            self._raise_first(lambda f: f.path == f"{self.name}/{IMAGES_PATH}")
            raise InvalidState(f"{self.name}/{IMAGES_PATH}:1: missing")
        return self.images_path

    def checked(self) -> Environment:
        """Return this environment if all of it can be deployed; raises InvalidState."""
        self._raise_first(lambda f: not f.path.endswith((LOCK_SUFFIX, APPROVAL_SUFFIX)))
        return self

    def _raise_first(self, concerns: Callable[[Finding], bool]) -> None:
        errors = [f for f in self.findings if f.severity is Severity.ERROR and concerns(f)]
        if errors:
            raise invalid(errors)


def invalid(errors: Sequence[Finding]) -> InvalidState:
    """Return the one error that speaks for findings of severity error."""
    first, *rest = errors
    more = f" (and {len(rest)} more; `gitops validate` lists them)" if rest else ""
    return InvalidState(
        f"{first.where}: {first.message}{more}",
        hint=first.hint or "mend the file, or see `gitops history` for its last good content",
    )


class Snapshot(NamedTuple):
    """The whole repository at one commit (None: not a commit, such as the working tree).

    `team` is what gitops.toml says.
    """

    commit: str | None
    environments: Mapping[EnvironmentName, Environment]
    settings: RawFile | None = None
    findings: tuple[Finding, ...] = ()
    team: TeamSettings = TeamSettings()

    def environment(self, name: EnvironmentName) -> Environment:
        """Return the environment of exactly that name; raises UnknownEnvironment."""
        found = self.environments.get(name)
        if found is not None:
            return found
        raise UnknownEnvironment(
            f"there is no environment `{one_line(name)}`",
            hint=did_you_mean(name, self.environments) or "`gitops env list` shows them",
        )

    @property
    def holds_state(self) -> bool:
        """Tell whether this is a state repository at all: an environment or a gitops.toml says so.

        A directory that would be an environment but for its name counts: it has a finding.
        """
        return bool(self.environments) or self.settings is not None or bool(self.findings)

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """Return the findings of the repository and of all environments, by place."""
        of_environments = (f for e in self.environments.values() for f in e.findings)
        return tuple(sorted((*self.findings, *of_environments)))


def suffix_of(leaf: str) -> str:
    """Return the ending of a file's name, with the dot."""
    _, dot, last = leaf.rpartition(".")
    return dot + last


@lru_cache(1 << 14)  # a history asks it for the same paths again and again
def service_at(path: str) -> ServiceName | None:
    """Return the service whose version file has this path; None for any other file."""
    leaf = path.rpartition("/")[2]
    stem = leaf.rpartition(".")[0]
    return (
        ServiceName(stem) if suffix_of(leaf) in KIND_OF_SUFFIX and is_service_name(stem) else None
    )
