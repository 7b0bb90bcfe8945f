"""Environments as they are listed and made."""

from __future__ import annotations

from dataclasses import dataclass

from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.proposal import Proposal
from gitops_cli.domain.repository import (
    Environment,
)
from gitops_cli.domain.stages import Place


@dataclass(frozen=True, slots=True)
class Listed:
    """An environment and where it belongs."""

    place: Place
    environment: Environment
    cluster: str | None


@dataclass(frozen=True, slots=True)
class NewEnvironment:
    """What a new environment is made of. `source` is what it was copied from."""

    name: EnvironmentName
    source: EnvironmentName | None
    images_path: str
    services: tuple[ServiceName, ...]
    proposal: Proposal
