"""Defaults of the API server leave an object; what somebody meant stays.

tests/cli/test_capture_manifests.py holds them against a real API server.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from gitops_cli.domain.cluster.defaults import without_defaults
from gitops_cli.domain.cluster.manifest import portable

PROBE = {
    "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
    "grpc": {"port": 1, "service": ""},
    "timeoutSeconds": 1,
    "periodSeconds": 10,
    "successThreshold": 1,
    "failureThreshold": 3,
}
PLAIN_PROBE = {"httpGet": {"port": 80}, "grpc": {"port": 1}}
HOOK = {"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}}
FILLED_CONTAINER = {
    "name": "web",
    "image": "r/web:1",
    "imagePullPolicy": "IfNotPresent",
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "ports": [{"containerPort": 80, "protocol": "TCP"}],
    "lifecycle": {"postStart": HOOK, "preStop": HOOK},
    "livenessProbe": PROBE,
    "readinessProbe": PROBE,
    "startupProbe": PROBE,
}
PLAIN_CONTAINER = {
    "name": "web",
    "image": "r/web:1",
    "ports": [{"containerPort": 80}],
    "lifecycle": {"postStart": {"httpGet": {"port": 80}}, "preStop": {"httpGet": {"port": 80}}},
    "livenessProbe": PLAIN_PROBE,
    "readinessProbe": PLAIN_PROBE,
    "startupProbe": PLAIN_PROBE,
}
FILLED_POD = {
    "metadata": {},
    "spec": {
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "terminationGracePeriodSeconds": 30,
        "securityContext": {},
        "serviceAccount": "runner",
        "serviceAccountName": "runner",
        "containers": [FILLED_CONTAINER],
        "initContainers": [FILLED_CONTAINER],
        "volumes": [
            {"name": "a", "configMap": {"name": "a", "defaultMode": 420}},
            {"name": "b", "secret": {"secretName": "b", "defaultMode": 420}},
            {"name": "c", "downwardAPI": {"items": [], "defaultMode": 420}},
            {"name": "d", "projected": {"sources": [], "defaultMode": 420}},
            {"name": "e", "hostPath": {"path": "/e", "type": ""}},
            {"name": "f", "emptyDir": {}},
        ],
    },
}
PLAIN_POD = {
    "spec": {
        "serviceAccountName": "runner",
        "containers": [PLAIN_CONTAINER],
        "initContainers": [PLAIN_CONTAINER],
        "volumes": [
            {"name": "a", "configMap": {"name": "a"}},
            {"name": "b", "secret": {"secretName": "b"}},
            {"name": "c", "downwardAPI": {"items": []}},
            {"name": "d", "projected": {"sources": []}},
            {"name": "e", "hostPath": {"path": "/e"}},
            {"name": "f", "emptyDir": {}},
        ],
    }
}
ROLLING = {"type": "RollingUpdate"}
FILLED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "Deployment": (
        {
            "replicas": 1,
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
            "strategy": {
                **ROLLING,
                "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
            },
            "template": FILLED_POD,
        },
        {"replicas": 1, "template": PLAIN_POD},
    ),
    "StatefulSet": (
        {
            "revisionHistoryLimit": 10,
            "podManagementPolicy": "OrderedReady",
            "updateStrategy": {**ROLLING, "rollingUpdate": {"partition": 0}},
            "persistentVolumeClaimRetentionPolicy": {
                "whenDeleted": "Retain",
                "whenScaled": "Retain",
            },
            "volumeClaimTemplates": [{"apiVersion": "v1", "spec": {"volumeMode": "Filesystem"}}],
            "template": FILLED_POD,
        },
        {
            "volumeClaimTemplates": [{"apiVersion": "v1", "spec": {"volumeMode": "Filesystem"}}],
            "template": PLAIN_POD,
        },
    ),
    "DaemonSet": (
        {
            "revisionHistoryLimit": 10,
            "updateStrategy": {**ROLLING, "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
            "template": FILLED_POD,
        },
        {"template": PLAIN_POD},
    ),
    "CronJob": (
        {
            "schedule": "* * * * *",
            "concurrencyPolicy": "Allow",
            "suspend": False,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 1,
            "jobTemplate": {"metadata": {}, "spec": {"template": FILLED_POD}},
        },
        {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": PLAIN_POD}}},
    ),
    "Service": (
        {
            "type": "ClusterIP",
            "sessionAffinity": "None",
            "internalTrafficPolicy": "Cluster",
            "externalTrafficPolicy": "Cluster",
            "allocateLoadBalancerNodePorts": True,
            "ipFamilyPolicy": "SingleStack",
            "ipFamilies": ["IPv4"],
            "clusterIP": "None",
            "clusterIPs": ["None"],
            "selector": {"app": "a"},
            "ports": [
                {"port": 80, "targetPort": 80, "protocol": "TCP"},
                {"port": 53, "targetPort": 5353, "protocol": "UDP"},
            ],
        },
        {
            "clusterIP": "None",
            "selector": {"app": "a"},
            "ports": [{"port": 80}, {"port": 53, "targetPort": 5353, "protocol": "UDP"}],
        },
    ),
    "PersistentVolumeClaim": (
        {"volumeMode": "Filesystem", "accessModes": ["ReadWriteOnce"]},
        {"accessModes": ["ReadWriteOnce"]},
    ),
    "HorizontalPodAutoscaler": ({"minReplicas": 1, "maxReplicas": 3}, {"maxReplicas": 3}),
}


@pytest.mark.parametrize("kind", FILLED)
def test_what_the_server_fills_in_goes_and_nothing_is_changed_in_place(kind: str) -> None:
    filled, plain = FILLED[kind]
    before = copy.deepcopy(filled)

    assert without_defaults(kind, filled) == plain
    assert filled == before


def leaves(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each value that has nothing below it."""
    below = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in below:
        if isinstance(inner, (dict, list)) and inner:
            yield from leaves(inner, (*at, key))
        else:
            yield (*at, key)


def found(value: Any, at: tuple[Any, ...]) -> Any:
    for key in at:
        value = value[key]
    return value


CASES = [(kind, at) for kind, (filled, _) in FILLED.items() for at in leaves(filled)]


@pytest.mark.parametrize(("kind", "at"), CASES, ids=str)
def test_any_other_value_stays(kind: str, at: tuple[Any, ...]) -> None:
    other = copy.deepcopy(FILLED[kind][0])
    found(other, at[:-1])[at[-1]] = "somebody's"

    assert found(without_defaults(kind, other), at) == "somebody's"


def test_a_word_a_number_and_a_flag_are_not_each_other() -> None:
    spec = {"suspend": 0, "failedJobsHistoryLimit": True, "concurrencyPolicy": None}

    assert without_defaults("CronJob", spec) == spec


def test_what_is_empty_stays_where_that_says_something() -> None:
    spec = {"strategy": {}, "template": {"spec": {"containers": [], "volumes": None}}}

    assert without_defaults("Deployment", spec) == spec


@pytest.mark.parametrize(
    ("image", "usual"),
    [
        ("r/web", "Always"),
        ("r/web:latest", "Always"),
        ("r:5000/web", "Always"),
        ("r:5000/web:1", "IfNotPresent"),
        ("r/web:1", "IfNotPresent"),
        ("r/web@sha256:0", "IfNotPresent"),
        ("r/web:latest@sha256:0", "Always"),
        ("web:latest-1", "IfNotPresent"),
    ],
)
def test_when_an_image_is_pulled_depends_on_its_tag(image: str, usual: str) -> None:
    def policy(said: str) -> str | None:
        container = {"name": "a", "image": image, "imagePullPolicy": said}
        spec = {"template": {"spec": {"containers": [container]}}}
        made = without_defaults("Deployment", spec)
        kept: str | None = made["template"]["spec"]["containers"][0].get("imagePullPolicy")
        return kept

    other = {"Always": "IfNotPresent", "IfNotPresent": "Always"}[usual]
    assert (policy(usual), policy(other), policy("Never")) == (None, other, "Never")


def test_two_families_of_addresses_are_somebodys_choice() -> None:
    for families in (
        {"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv6"]},
        {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv4"]},
        {"ipFamilyPolicy": "SingleStack"},
        {"clusterIPs": ["10.0.0.1"]},
    ):
        assert without_defaults("Service", families) == families


def test_who_is_headless_and_selects_nothing_has_one_family_by_choice_only() -> None:
    one = {"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv4"]}

    assert without_defaults("Service", {"clusterIP": "None", **one}) == {"clusterIP": "None", **one}
    for plain in ({}, {"clusterIP": "None", "selector": {"app": "a"}}):
        assert without_defaults("Service", {**plain, **one}) == plain


def test_a_kind_of_somebody_elses_that_has_a_name_of_kubernetes_is_kept_whole() -> None:
    spec = {"type": "ClusterIP", "template": FILLED_POD, "traffic": [], "clusterIPs": ["None"]}
    item = {"metadata": {"name": "a"}, "spec": spec, "secrets": [{"name": "a-token-x1y2z"}]}

    for kind in ("Service", "Deployment", "ServiceAccount"):
        made = portable("serving.knative.dev/v1", kind, item)
        assert (made["spec"], made["secrets"]) == (item["spec"], item["secrets"])


@pytest.mark.parametrize("kind", ["Rollout", "NetworkPolicy", "Ingress"])
def test_other_kinds_stay_as_they_are(kind: str) -> None:
    spec = {"template": FILLED_POD, "revisionHistoryLimit": 10}

    assert without_defaults(kind, spec) == spec


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"template": None},
        {"template": {"spec": 7}},
        {"template": {"spec": {"containers": ["a", 7], "initContainers": None}}},
        {"ports": [7, None]},
        {"jobTemplate": 7},
    ],
)
def test_what_is_no_object_is_left_to_who_reads_it(spec: dict[str, Any]) -> None:
    for kind in FILLED:
        assert without_defaults(kind, spec) == spec


def test_a_claim_is_without_the_volume_that_a_controller_bound_it_to() -> None:
    spec = {"volumeName": "pv-1", "storageClassName": "fast"}
    notes = {
        "pv.kubernetes.io/bound-by-controller": "yes",
        "pv.kubernetes.io/bind-completed": "yes",
        "volume.kubernetes.io/selected-node": "one",
        "volume.beta.kubernetes.io/storage-provisioner": "x",
        "team": "shop",
    }

    def claim(annotations: dict[str, str]) -> dict[str, Any]:
        metadata = {"name": "a", "annotations": annotations}
        return portable("v1", "PersistentVolumeClaim", {"metadata": metadata, "spec": spec})

    bound = claim(notes)
    assert bound["spec"] == {"storageClassName": "fast"}
    assert bound["metadata"]["annotations"] == {"team": "shop"}
    assert claim({"team": "shop"})["spec"] == spec, "somebody chose that volume"


@pytest.mark.parametrize(
    ("manager", "subresource", "field", "kept"),
    [
        ("kube-controller-manager", "scale", "f:replicas", False),
        ("kubectl", "scale", "f:replicas", True),
        ("kube-controller-manager", "status", "f:replicas", True),
        ("kube-controller-manager", "scale", "f:paused", True),
        ("kube-controller-manager", None, "f:replicas", True),
    ],
)
def test_replicas_that_an_autoscaler_sets_are_not_the_files(
    manager: str, subresource: str | None, field: str, kept: bool
) -> None:
    entry = {"manager": manager, "operation": "Update", "fieldsV1": {"f:spec": {field: {}}}}
    managed = [
        7,
        {"manager": "x", "fieldsV1": 7},
        entry | ({"subresource": subresource} if subresource else {}),
    ]
    item = {"metadata": {"name": "a", "managedFields": managed}, "spec": {"replicas": 4, "b": 1}}

    made = portable("apps/v1", "Deployment", item)

    assert made["spec"] == ({"replicas": 4, "b": 1} if kept else {"b": 1})
    assert made["metadata"] == {"name": "a"}


def test_an_account_is_without_the_tokens_that_old_clusters_gave_it() -> None:
    def account(secrets: list[dict[str, str]]) -> dict[str, Any]:
        pull = {"imagePullSecrets": [{"name": "pull"}]}
        item = {"metadata": {"name": "a"}, "secrets": secrets, **pull}
        return portable("v1", "ServiceAccount", item)

    given = ("a-token-x1y2z", "a-dockercfg-x1y2z", "a-token", "b-token-x1y2z")
    made = account([{"name": name} for name in given])

    assert made["imagePullSecrets"] == [{"name": "pull"}]
    assert made["secrets"] == [{"name": "a-token"}, {"name": "b-token-x1y2z"}], "somebody's"
    assert "secrets" not in account([{"name": "a-token-x1y2z"}])
    other = {"metadata": {"name": "a"}, "secrets": [{"name": "a-token-x1y2z"}]}
    assert portable("v1", "ConfigMap", other)["secrets"] == other["secrets"]
    assert "secrets" not in portable("v1", "ServiceAccount", {"metadata": {"name": "a"}})


def test_a_container_is_looked_at_whatever_stands_before_it() -> None:
    pulled = {"name": "b", "image": "r/web:1", "imagePullPolicy": "IfNotPresent"}
    spec = {"template": {"spec": {"containers": [7, pulled]}}}

    made = without_defaults("Deployment", spec)

    assert made["template"]["spec"]["containers"] == [7, {"name": "b", "image": "r/web:1"}]


def test_an_object_that_was_read_is_as_somebody_would_have_written_it() -> None:
    filled, plain = FILLED["Deployment"]
    metadata = {"name": "a", "labels": {"app": "a"}, "annotations": {"team": "shop"}}
    item = {"apiVersion": "x", "kind": "y", "metadata": metadata, "spec": filled, "status": {}}

    assert portable("apps/v1", "Deployment", item) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": plain,
    }
