"""How the tests of the adapter read and patch one workload, `web`."""

from __future__ import annotations

from gitops_cli.cluster.connection import KubernetesCluster
from gitops_cli.domain.cluster.imagepatch import ImagePatch, Moved, Patched, Stamp
from gitops_cli.domain.cluster.workload import Observed, Target, Workload
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.image import parse_image
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Kind

COMMIT = "c" * 40


def observed(
    cluster: KubernetesCluster, namespace: str, *kinds: Kind, pods: bool = False
) -> Observed:
    target = Target(EnvironmentName(namespace), frozenset(kinds or {Kind.DEPLOYMENT}), pods)
    [found] = cluster.observe([target]).values()
    return found


def read(cluster: KubernetesCluster, namespace: str, kind: Kind = Kind.DEPLOYMENT) -> Workload:
    seen = observed(cluster, namespace, kind)
    for error in seen.errors.values():
        raise error
    found = seen.workload(kind, ServiceName("web"))
    assert found is not None
    return found


def patch_of(was: Workload, image: str = "r/web:2") -> ImagePatch:
    stamp = Stamp(COMMIT, "2026-11-23T00:00:00Z", "ada")
    return ImagePatch(was, was.containers, parse_image(image), stamp)


def sent(
    cluster: KubernetesCluster, patch: ImagePatch, *, dry_run: bool = False
) -> Patched | Moved | GitOpsError:
    heard: list[Patched | Moved | GitOpsError] = []
    cluster.patch([patch], dry_run=dry_run, done=lambda _, result: heard.append(result))
    [result] = heard
    return result
