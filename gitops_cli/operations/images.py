"""Ask the registry before a version is recorded, and list recorded versions it lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from gitops_cli.domain.errors import (
    Denied,
    ExitCode,
    ImageMissing,
    RegistryError,
    TimedOut,
    worst,
)
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment, Snapshot, VersionFile
from gitops_cli.domain.recorded.findings import Finding, Severity
from gitops_cli.domain.values import NamedTuple
from gitops_cli.domain.version import Version

if TYPE_CHECKING:
    from gitops_cli.domain.image import ImageRef
    from gitops_cli.registry.client import Registries


class MissingImage(NamedTuple):
    """A version whose image is gone; `problem` is set if the registry could not tell."""

    environment: EnvironmentName
    service: ServiceName
    path: str
    image: ImageRef
    problem: RegistryError | Denied | None = None


_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 10.0


class ImageChecks(NamedTuple):
    """What is asked of the registry before a version is recorded: `wait` in seconds."""

    verify: bool = False
    wait: float | None = None
    pin: bool = False

    @property
    def asked(self) -> bool:
        """Tell whether the registry is needed at all."""
        return self.verify or self.pin or self.wait is not None


def wait_for(registries: Registries, image: ImageRef, timeout: float) -> str:
    """Return the image's digest as soon as it exists.

    Raises TimedOut after `timeout` seconds; the registry's own error if it never answered, or asks
    to be left alone for longer than that.
    """
    end = time.monotonic() + timeout
    pause = _FIRST_PAUSE
    never_answered: RegistryError | None = None
    answered = False
    while True:
        asked_to_wait = 0.0
        try:
            digest = registries.digest(image, deadline=end)
            answered = True
        except RegistryError as error:  # restarts, overload: what waiting is for
            digest, never_answered = None, error
            asked_to_wait = error.wait or 0.0
        if digest is not None:
            return digest
        left = end - time.monotonic()
        if never_answered is not None and asked_to_wait > left > 0:
            raise never_answered
        if left <= 0:
            if never_answered is not None and not answered:
                raise never_answered
            raise TimedOut(
                f"{image}: not in the registry after {timeout:g} s; nothing was recorded",
                hint="look whether the build failed, or wait longer: --wait-image 30m",
            )
        time.sleep(min(max(pause, asked_to_wait), left))
        pause = min(pause * 1.5, _LONGEST_PAUSE)


class Images(Protocol):
    """Lets versions pass to an environment; `pin`: its stage wants their digests, too."""

    def __call__(
        self,
        environment: Environment,
        versions: Mapping[ServiceName, Version],
        /,
        *,
        pin: bool = False,
    ) -> Mapping[ServiceName, Version]:
        """Return the versions to record."""
        ...


def unchecked(
    _environment: Environment, versions: Mapping[ServiceName, Version], /, *, pin: bool = False
) -> Mapping[ServiceName, Version]:
    """Return the versions as they are: nobody asked for more."""
    return versions


def as_recorded(
    environment: Environment, versions: Mapping[ServiceName, Version], /, *, pin: bool = False
) -> Mapping[ServiceName, Version]:
    """Return the versions, with the digest that is recorded already for the same tag.

    For guards that are asked before the registry is: what only gets its digest back is no change.
    """
    recorded = environment.versions

    def same(service: ServiceName, version: Version) -> bool:
        found = recorded.get(service)
        return version.digest is None and found is not None and found.tag == version.tag

    return {s: recorded[s] if same(s, v) else v for s, v in versions.items()}


class ImageGate:
    """Lets versions pass whose images exist, pinned if that is asked.

    Each image is asked for once per run, however often a lost race computes a draft again.
    """

    def __init__(self, registries: Callable[[], Registries], checks: ImageChecks) -> None:
        self.checks = checks
        self._registries = registries
        self._digests: dict[ImageRef, str] = {}

    def __call__(
        self,
        environment: Environment,
        versions: Mapping[ServiceName, Version],
        /,
        *,
        pin: bool = False,
    ) -> Mapping[ServiceName, Version]:
        """Return the versions to record in `environment`.

        Raises ImageMissing for an image that does not exist, TimedOut if it did not appear.
        """
        if not (self.checks.asked or pin):
            return versions
        images = {s: environment.image_of(s, version) for s, version in versions.items()}
        unknown = sorted({i for i in images.values() if i not in self._digests}, key=str)
        if unknown:
            from gitops_cli.web.parallel import ask_all  # where a registry is asked

            registries = self._registries()
            told = ask_all(lambda image: _digest(registries, image, self.checks), unknown)
            self._digests.update(zip(unknown, told, strict=True))
        if not (self.checks.pin or pin):
            return versions
        return {s: Version(v.tag, self._digests[images[s]]) for s, v in versions.items()}


def _digest(registries: Registries, image: ImageRef, checks: ImageChecks) -> str:
    if checks.wait is not None:
        return wait_for(registries, image, checks.wait)
    digest = registries.digest(image)
    if digest is None:
        raise ImageMissing(
            f"{image}: the registry has no such image; nothing was recorded",
            hint="push it first, or wait for the build: --wait-image 10m",
        )
    return digest


def missing_images(
    registries: Registries,
    snapshot: Snapshot,
    *,
    wanted: Callable[[VersionFile], bool] = lambda _file: True,
) -> list[MissingImage]:
    """Return the recorded versions whose image is gone, or whose registry could not tell.

    Every image is asked for once, however many environments record it.
    """
    from gitops_cli.web.parallel import ask_all

    places = [
        (environment.name, file, environment.image(file.service))
        for environment in snapshot.environments.values()
        if environment.images_path is not None
        for file in environment.files.values()
        if wanted(file)
    ]
    images = sorted({image for _, _, image in places}, key=str)
    told = ask_all(lambda image: _gone(registries, image), images)
    answers = dict(zip(images, told, strict=True))
    return [
        MissingImage(name, file.service, file.path, image, answers[image][1])
        for name, file, image in places
        if answers[image][0]
    ]


def _gone(registries: Registries, image: ImageRef) -> tuple[bool, RegistryError | Denied | None]:
    try:
        return registries.digest(image) is None, None
    except (RegistryError, Denied) as error:
        return True, error


def image_findings(missing: Iterable[MissingImage]) -> list[Finding]:
    """Return missing images as findings of `validate`; what could not be told is a warning."""
    return [
        Finding(
            one.path,
            1,
            "image-missing",
            f"{one.image}: the registry has no such image",
            "push it again, or record a version that is there",
        )
        if one.problem is None
        else Finding(
            one.path, 1, "image-unknown", one.problem.message, one.problem.hint, Severity.WARNING
        )
        for one in missing
    ]


def exit_code(missing: Iterable[MissingImage]) -> ExitCode:
    """Return the code that speaks for them: 1 if images are gone, more if that is not known."""
    return worst(ExitCode.NO if m.problem is None else m.problem.exit_code for m in missing)
