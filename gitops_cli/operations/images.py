"""Ask the registry before a version is recorded, and list recorded versions it lost."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
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


def checked_versions(
    registries: Registries,
    environment: Environment,
    versions: Mapping[ServiceName, Version],
    checks: ImageChecks,
) -> dict[ServiceName, Version]:
    """Return the versions to record in `environment`: those given, pinned if that is asked.

    All images are asked for at once. Raises ImageMissing for the first that does not exist,
    TimedOut if it did not appear in time.
    """
    if not checks.asked:
        return dict(versions)
    services = list(versions)
    images = [environment.image_of(service, versions[service]) for service in services]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        digests = pool.map(lambda image: _digest(registries, image, checks), images)
        pairs = list(zip(services, digests, strict=True))
    return {
        service: Version(versions[service].tag, digest) if checks.pin else versions[service]
        for service, digest in pairs
    }


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
