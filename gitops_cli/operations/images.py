"""Ask the registry before a version is recorded, and list recorded versions it lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitops_cli.domain.errors import ImageMissing, RegistryError, TimedOut
from gitops_cli.domain.image import ImageRef
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.repository import Environment, Snapshot
from gitops_cli.domain.version import Version

if TYPE_CHECKING:
    from gitops_cli.registry.client import Registries

AT_ONCE = 8
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 10.0


@dataclass(frozen=True, slots=True)
class ImageChecks:
    """What is asked of the registry before a version is recorded: `wait` in seconds."""

    verify: bool = False
    wait: float | None = None
    pin: bool = False

    @property
    def asked(self) -> bool:
        """Tell whether the registry is needed at all."""
        return self.verify or self.pin or self.wait is not None


@dataclass(frozen=True, slots=True)
class MissingImage:
    """A recorded version that cannot be pulled; `problem` is set if that could not be told."""

    environment: EnvironmentName
    service: ServiceName
    path: str
    image: ImageRef
    problem: RegistryError | None = None


def exists(registries: Registries, image: ImageRef) -> str | None:
    """Return the image's digest, None if it does not exist."""
    return registries.digest(image)


def wait_for(registries: Registries, image: ImageRef, timeout: float) -> str:
    """Return the image's digest as soon as it exists.

    Raises TimedOut after `timeout` seconds; the registry's own error if it never answered.
    """
    end = time.monotonic() + timeout
    pause = _FIRST_PAUSE
    never_answered: RegistryError | None = None
    answered = False
    while True:
        try:
            digest = registries.digest(image, deadline=end)
            answered = True
        except RegistryError as error:  # restarts, overload: what waiting is for
            digest, never_answered = None, error
        if digest is not None:
            return digest
        left = end - time.monotonic()
        if left <= 0:
            if never_answered is not None and not answered:
                raise never_answered
            raise TimedOut(
                f"{image}: not in the registry after {timeout:g} s; nothing was recorded",
                hint="look whether the build failed, or wait longer: --wait-image 30m",
            )
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE)


Images = Callable[[Environment, Mapping[ServiceName, Version]], Mapping[ServiceName, Version]]


def unchecked(
    _environment: Environment, versions: Mapping[ServiceName, Version]
) -> Mapping[ServiceName, Version]:
    """Return the versions as they are: nobody asked for more."""
    return versions


def as_recorded(
    environment: Environment, versions: Mapping[ServiceName, Version]
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
        self, environment: Environment, versions: Mapping[ServiceName, Version]
    ) -> Mapping[ServiceName, Version]:
        """Return the versions to record in `environment`.

        Raises ImageMissing for an image that does not exist, TimedOut if it did not appear.
        """
        if not self.checks.asked:
            return versions
        images = {s: environment.image_of(s, version) for s, version in versions.items()}
        unknown = sorted({i for i in images.values() if i not in self._digests}, key=str)
        if unknown:
            registries = self._registries()
            with ThreadPoolExecutor(AT_ONCE) as pool:
                told = pool.map(lambda image: _digest(registries, image, self.checks), unknown)
                self._digests.update(zip(unknown, told, strict=True))
        if not self.checks.pin:
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
    registries: Registries, snapshot: Snapshot, *, only: Iterable[EnvironmentName] | None = None
) -> list[MissingImage]:
    """Return the recorded versions whose image is gone, or whose registry could not tell.

    Every image is asked for once, however many environments record it.
    """
    wanted = None if only is None else frozenset(only)
    places = [
        (environment, file)
        for environment in snapshot.environments.values()
        if environment.images_path is not None and (wanted is None or environment.name in wanted)
        for file in environment.files.values()
    ]
    images = {str(image): image for env, file in places for image in [env.image(file.service)]}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        told = pool.map(lambda image: _gone(registries, image), images.values())
        answers = dict(zip(images, told, strict=True))
    found = []
    for environment, file in places:
        image = environment.image(file.service)
        gone, problem = answers[str(image)]
        if gone:
            found.append(MissingImage(environment.name, file.service, file.path, image, problem))
    return found


def _gone(registries: Registries, image: ImageRef) -> tuple[bool, RegistryError | None]:
    try:
        return registries.digest(image) is None, None
    except RegistryError as error:
        return True, error
