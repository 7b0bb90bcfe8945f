"""What a namespace runs, read as an environment, and an object for another cluster."""

from __future__ import annotations

import pytest

from gitops_cli.domain.cluster.capturing import Capture, Found, Skipped, captured
from gitops_cli.domain.cluster.manifest import portable
from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.domain.version import Version
from tests.domain.cluster_values import WEB, A, B, workload

# --- what a namespace runs, read as an environment


def test_the_images_path_is_what_most_images_share() -> None:
    found = captured(
        [
            workload(f"r/shop/web:{A}"),
            workload(f"r/shop/db:{A}", name="db", kind=Kind.STATEFULSET),
            workload(f"other/log:{A}", name="log"),
        ]
    )

    assert found == Capture(
        "r/shop/",
        (
            Found(ServiceName("db"), Kind.STATEFULSET, Version(A)),
            Found(WEB, Kind.DEPLOYMENT, Version(A)),
        ),
        (Skipped("log", Kind.DEPLOYMENT, f"its image is not r/shop/log: other/log:{A}"),),
    )


def test_nothing_tells_the_images_path() -> None:
    assert captured([workload(f"nginx:{A}")]) is None
    assert captured([workload(f"r/A/web:{A}")]) is None, "no registry has it"
    assert captured([]) is None
    given = captured([workload(f"nginx:{A}")], images_path="r/")
    assert given is not None
    assert given.images_path == "r/"


def test_of_two_workloads_of_one_name_the_first_kind_is_recorded() -> None:
    both = [workload(f"r/web:{B}", kind=Kind.CRONJOB), workload(f"r/web:{A}")]

    found = captured(both, images_path="r/")

    assert found is not None
    assert found.found == (Found(WEB, Kind.DEPLOYMENT, Version(A)),)
    assert found.skipped == (
        Skipped("web", Kind.CRONJOB, "another kind of workload has the same name"),
    )


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        (("r/web",), "its image has no tag"),
        ((f"r/web@sha256:{'0' * 64}",), "its image has no tag"),
        ((f"r/web:{A}", f"r/web:{B}"), "its containers do not agree"),
        (("r/web:-x",), "`-x` is no tag"),
        (("nginx:1", "redis:2"), "its image is not r/web: nginx:1, redis:2"),
    ],
)
def test_what_cannot_be_recorded(images: tuple[str, ...], reason: str) -> None:
    found = captured([workload(*images)], images_path="r/")

    assert found is not None
    assert found == Capture("r/", (), (Skipped("web", Kind.DEPLOYMENT, reason),))


def test_a_name_that_is_no_service() -> None:
    found = captured([workload(f"r/a..b:{A}", name="a..b")], images_path="r/")

    assert found is not None
    assert [s.reason for s in found.skipped] == ["its name cannot be that of a service"]


def test_a_sidecar_of_another_repository_does_not_matter() -> None:
    found = captured([workload(f"r/web:{A}", "envoy:1", f"r/web:{A}")], images_path="r/")

    assert found is not None
    assert found.found == (Found(WEB, Kind.DEPLOYMENT, Version(A)),)


def test_only_what_was_chosen_is_captured() -> None:
    all_ = [workload(f"r/web:{A}"), workload(f"q/db:{A}", name="db")]

    found = captured(all_, chosen=[ServiceName("db")])

    assert found is not None
    assert (found.images_path, [f.service for f in found.found]) == ("q/", ["db"])


# --- an object for another cluster


def test_a_manifest_is_without_what_only_one_cluster_knows() -> None:
    own = dict.fromkeys(
        (
            *("uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp"),
            *("deletionGracePeriodSeconds", "managedFields", "selfLink", "namespace"),
            *("ownerReferences", "generateName", "finalizers"),
        ),
        "x",
    )
    noted = dict.fromkeys(
        (
            "deployment.kubernetes.io/revision",
            "deprecated.daemonset.template.generation",
            "kubectl.kubernetes.io/last-applied-configuration",
            "kubernetes.io/change-cause",
            "gitops-cli/commit",
        ),
        "x",
    )
    item = {
        "apiVersion": "old/v1",
        "kind": "Old",
        "metadata": {"name": "web", "labels": {"a": "b"}, "annotations": noted | {"k": "v"}} | own,
        "spec": {
            "template": {"metadata": {"creationTimestamp": None, "labels": {}}},
            "volumeClaimTemplates": [{"metadata": {"creationTimestamp": None, "name": "d"}}],
            "at": {"creationTimestamp": "kept"},
            "clusterIP": "10.0.0.1",
        },
        "status": {"x": 1},
        "data": None,
    }

    assert portable("apps/v1", "StatefulSet", item) == {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "web", "labels": {"a": "b"}, "annotations": {"k": "v"}},
        "spec": {
            "template": {"metadata": {"labels": {}}},
            "volumeClaimTemplates": [{"metadata": {"name": "d"}}],
            "at": {"creationTimestamp": "kept"},
            "clusterIP": "10.0.0.1",
        },
        "data": None,
    }


def test_annotations_that_are_all_the_clusters_go_altogether() -> None:
    item = {"metadata": {"name": "x", "annotations": {"gitops-cli/commit": "a"}}}

    assert portable("v1", "ConfigMap", item)["metadata"] == {"name": "x"}
    assert portable("v1", "ConfigMap", {"metadata": {"name": "x", "annotations": None}}) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "x"},
    }


@pytest.mark.parametrize("field", ["secrets", "imagePullSecrets"])
def test_a_service_account_keeps_the_secrets_that_somebody_wrote(field: str) -> None:
    given = [{"name": "default-dockercfg-a1b2c"}, {"name": "default-token-a1b2c"}]
    account = {"metadata": {"name": "default"}, field: [*given, {"name": "registry"}]}

    assert portable("v1", "ServiceAccount", account)[field] == [{"name": "registry"}]
    assert field not in portable("v1", "ServiceAccount", {**account, field: given})


def test_a_service_gets_its_addresses_anew() -> None:
    spec = {
        "clusterIP": "10.0.0.1",
        "clusterIPs": ["10.0.0.1"],
        "healthCheckNodePort": 1,
        "ports": [{"port": 80, "nodePort": 30000}, {"port": 81}],
        "type": "NodePort",
    }

    made = portable("v1", "Service", {"metadata": {"name": "x"}, "spec": spec})

    assert made["spec"] == {"ports": [{"port": 80}, {"port": 81}], "type": "NodePort"}
    bare = portable("v1", "Service", {"metadata": {"name": "x"}, "spec": {"type": "ExternalName"}})
    assert bare["spec"] == {"type": "ExternalName", "ports": []}
    headless = {"clusterIP": "None", "clusterIPs": ["None"], "ports": [{"nodePort": 1}]}
    kept = portable("v1", "Service", {"metadata": {"name": "x"}, "spec": headless})
    assert kept["spec"] == {"clusterIP": "None", "ports": [{"nodePort": 1}]}
