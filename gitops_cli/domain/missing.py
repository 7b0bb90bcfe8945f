"""Recorded versions that cannot be pulled."""

from __future__ import annotations

from dataclasses import dataclass

from gitops_cli.domain.errors import Denied, RegistryError
from gitops_cli.domain.image import ImageRef
from gitops_cli.domain.names import EnvironmentName, ServiceName


@dataclass(frozen=True, slots=True)
class MissingImage:
    """A version whose image is gone; `problem` is set if the registry could not tell."""

    environment: EnvironmentName
    service: ServiceName
    path: str
    image: ImageRef
    problem: RegistryError | Denied | None = None
