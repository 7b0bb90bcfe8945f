"""Recorded versions that cannot be pulled."""

from __future__ import annotations

from typing import NamedTuple

from gitops_cli.domain.errors import Denied, RegistryError
from gitops_cli.domain.image import ImageRef
from gitops_cli.domain.names import EnvironmentName, ServiceName


class MissingImage(NamedTuple):
    """A version whose image is gone; `problem` is set if the registry could not tell."""

    environment: EnvironmentName
    service: ServiceName
    path: str
    image: ImageRef
    problem: RegistryError | Denied | None = None
