"""One patch: what is written, what moved meanwhile, and what is tried again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gitops_cli.cluster.connection import KubernetesCluster
from gitops_cli.domain.cluster.imagepatch import Moved, Patched
from gitops_cli.domain.errors import (
    ClusterError,
)
from gitops_cli.domain.recorded.environment import Kind
from tests.cluster.asking import COMMIT, patch_of, read, sent
from tests.testbed.faults import Answer, ApiProxy, Cut, Meanwhile
from tests.testbed.kube import Kube
from tests.testbed.manifests import workload
from tests.testbed.rollouts import install_rollouts


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_is_patched_with_and_without_annotations(
    kube: Kube, cluster: KubernetesCluster, namespace: str, kind: Kind
) -> None:
    install_rollouts(kube)
    made = workload(kind.value, "web", "r/web:1")
    made["metadata"].pop("annotations", None)
    kube.create(made, namespace)
    for image in ("r/web:2", "r/web:3"):
        while True:  # a controller may note a revision meanwhile, now and then
            result = sent(cluster, patch_of(read(cluster, namespace, kind), image))
            if not isinstance(result, Moved):
                break
        assert isinstance(result, Patched)
        assert result.workload.containers[0].image == image
    found = kube.get(kind.value, namespace, "web")
    annotations = found["metadata"]["annotations"]
    assert annotations["gitops-cli/commit"] == COMMIT
    assert annotations["gitops-cli/commit-time"] == "2026-11-23T00:00:00Z"
    assert annotations["gitops-cli/actor"] == "ada"
    assert annotations["kubernetes.io/change-cause"] == "gitops: web 2 → 3, state ccccccc by ada"
    assert "gitops" in {entry["manager"] for entry in found["metadata"]["managedFields"]}


def test_the_answer_has_the_generation_to_wait_for(cluster: KubernetesCluster, web: str) -> None:
    was = read(cluster, web)
    result = sent(cluster, patch_of(was))
    assert isinstance(result, Patched)
    assert result.workload.generation == was.generation + 1


def test_a_dry_run_changes_nothing(kube: Kube, cluster: KubernetesCluster, web: str) -> None:
    before = kube.get("Deployment", web, "web")["metadata"]["generation"]
    result = sent(cluster, patch_of(read(cluster, web)), dry_run=True)
    assert isinstance(result, Patched)
    assert kube.get("Deployment", web, "web")["metadata"]["generation"] == before


def somebody_set_the_image(kube: Kube, namespace: str) -> None:
    kube.set_image("Deployment", namespace, "web", "web", "r/web:other")


def somebody_synced(kube: Kube, namespace: str) -> None:
    kube.annotate("Deployment", namespace, "web", **{"gitops-cli/commit": "d" * 40})


def somebody_reordered(kube: Kube, namespace: str) -> None:
    containers = [{"name": "new", "image": "r/new:1"}, {"name": "web", "image": "r/web:1"}]
    operation = {"op": "replace", "path": "/spec/template/spec/containers", "value": containers}
    kube.patch("Deployment", namespace, "web", [operation])


@pytest.mark.parametrize("somebody", [somebody_set_the_image, somebody_synced, somebody_reordered])
def test_whatever_moved_makes_the_patch_fail_as_a_whole(
    kube: Kube, cluster: KubernetesCluster, web: str, somebody: Callable[[Kube, str], None]
) -> None:
    was = read(cluster, web)
    somebody(kube, web)
    before = kube.get("Deployment", web, "web")
    result = sent(cluster, patch_of(was))
    assert isinstance(result, Moved)
    assert result.workload is not None
    assert result.workload.containers == read(cluster, web).containers
    after = kube.get("Deployment", web, "web")
    assert after["spec"] == before["spec"]
    assert "gitops" not in {entry["manager"] for entry in after["metadata"]["managedFields"]}


def test_one_that_was_deleted_is_gone(kube: Kube, cluster: KubernetesCluster, web: str) -> None:
    was = read(cluster, web)
    kube.delete("Deployment", web, "web")
    assert sent(cluster, patch_of(was)) == Moved(None)


@pytest.mark.parametrize("fault", [Cut(forward=True), Answer(500, forward=True)])
def test_a_patch_whose_answer_was_lost_is_recognised_as_ours(
    kube: Kube, proxied: KubernetesCluster, api_proxy: ApiProxy, web: str, fault: Cut | Answer
) -> None:
    was = read(proxied, web)
    api_proxy.on(fault, "PATCH")
    result = sent(proxied, patch_of(was))
    assert isinstance(result, Patched)
    assert kube.get("Deployment", web, "web")["metadata"]["generation"] == was.generation + 1


def test_a_patch_that_never_arrived_is_sent_again(
    kube: Kube, proxied: KubernetesCluster, api_proxy: ApiProxy, web: str
) -> None:
    was = read(proxied, web)
    api_proxy.on(Cut(forward=False), "PATCH")
    assert isinstance(sent(proxied, patch_of(was)), Patched)


def test_somebody_between_two_tries_is_noticed(
    kube: Kube, proxied: KubernetesCluster, api_proxy: ApiProxy, web: str
) -> None:
    was = read(proxied, web)
    api_proxy.on(Cut(forward=False), "PATCH")
    api_proxy.on(Meanwhile(lambda: somebody_set_the_image(kube, web)), "PATCH", skip=1)
    assert isinstance(sent(proxied, patch_of(was)), Moved)


def test_a_real_fault_of_the_object_is_no_race(
    kube: Kube, cluster: KubernetesCluster, web: str
) -> None:
    result = sent(cluster, patch_of(read(cluster, web), ""))
    assert isinstance(result, ClusterError)
    assert f"cannot patch deployments.apps web in {web}" in result.message
    assert "422" in result.message


def test_our_own_images_are_told_from_others(
    kube: Kube, cluster: KubernetesCluster, web: str
) -> None:
    assert read(cluster, web).ours == frozenset()
    patched = sent(cluster, patch_of(read(cluster, web)))
    assert isinstance(patched, Patched)
    assert patched.workload.ours == read(cluster, web).ours == {"web"}
    somebody_set_the_image(kube, web)
    assert read(cluster, web).ours == frozenset()
