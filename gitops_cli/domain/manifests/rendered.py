"""An environment's objects, as rendering its directory gave them."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from gitops_cli.domain.errors import InvalidState
from gitops_cli.domain.manifests.objects import Manifest
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import invalid
from gitops_cli.domain.recorded.findings import Finding, Severity


class Form(StrEnum):
    """What a directory of manifests is."""

    PLAIN = "plain"
    KUSTOMIZE = "kustomize"
    HELM = "helm"


class Rendered(NamedTuple):
    """The objects of one environment; `directory` is where they come from.

    What `findings` of severity error are about is missing among them. `only_namespaced`: nothing of
    the whole cluster is meant, also not of kinds of which only the cluster knows that they are its
    own. `hidden`: some files are encrypted, and were not decrypted.
    """

    environment: EnvironmentName
    directory: str
    form: Form
    objects: tuple[Manifest, ...]
    findings: tuple[Finding, ...] = ()
    only_namespaced: bool = False
    hidden: bool = False

    @property
    def errors(self) -> tuple[InvalidState, ...]:
        """Return what kept objects from being read, each as an error."""
        wrong = [f for f in self.findings if f.severity is Severity.ERROR]
        return tuple(invalid([finding]) for finding in wrong)
