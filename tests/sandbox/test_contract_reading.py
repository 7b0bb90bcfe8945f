"""What the emulated API lists, shows and streams: every test runs on the real one too."""

from __future__ import annotations

import pytest

from tests.sandbox.apis import (
    BROKEN,
    TABLE,
    A,
    Api,
    deployment,
    eventually,
    rolled_out,
    statefulset,
)

pytestmark = pytest.mark.sweep

# --- reading


def test_a_list_names_its_kind_once(api: Api):
    api.create(deployment("web", A))

    code, body = api.ask("GET", api.path("deployments"))

    assert code == 200
    assert (body["kind"], body["apiVersion"]) == ("DeploymentList", "apps/v1")
    assert body["metadata"]["resourceVersion"]
    assert [("kind" in item, item["metadata"]["name"]) for item in body["items"]] == [
        (False, "web")
    ]


def test_selectors_choose(api: Api):
    for name in ("one", "two", "three"):
        api.create(
            deployment(name, A, replicas=0) | {"metadata": {"name": name, "labels": {"n": name}}}
        )

    def names(**query: str) -> set[str]:
        return {body["metadata"]["name"] for body in api.list("deployments", **query)}

    assert names(labelSelector="n=one") == {"one"}
    assert names(labelSelector="n!=one") == {"two", "three"}
    assert names(labelSelector="n in (one, two)") == {"one", "two"}
    assert names(labelSelector="n notin (one),n") == {"two", "three"}
    assert names(labelSelector="!n") == set()
    assert names(fieldSelector="metadata.name=two") == {"two"}


def test_a_table_has_the_columns_of_kubectl(api: Api):
    api.create(deployment("web", A, replicas=2))
    api.wait("deployments", "web", rolled_out)

    code, body = api.ask("GET", api.path("deployments"), accept=TABLE, includeObject="None")

    assert (code, body["kind"]) == (200, "Table")
    columns = [(c["name"], c["priority"]) for c in body["columnDefinitions"]]
    assert columns == [
        ("Name", 0),
        ("Ready", 0),
        ("Up-to-date", 0),
        ("Available", 0),
        ("Age", 0),
        ("Containers", 1),
        ("Images", 1),
        ("Selector", 1),
    ]
    [row] = body["rows"]
    assert row["object"] is None
    assert [*row["cells"][:4], *row["cells"][5:]] == ["web", "2/2", 2, 2, "web", A, "app=web"]


def test_everything_needed_is_discovered(api: Api):
    _, version = api.ask("GET", "/version")
    assert int(version["minor"]) >= 28

    _, groups = api.ask("GET", "/apis")
    assert {"apps", "batch"} <= {group["name"] for group in groups["groups"]}
    _, core = api.ask("GET", "/api/v1")
    _, apps = api.ask("GET", "/apis/apps/v1")
    assert {"namespaces", "pods", "events"} <= {r["name"] for r in core["resources"]}
    assert {"deployments", "replicasets", "statefulsets", "daemonsets"} <= {
        r["name"] for r in apps["resources"]
    }


def test_an_administrator_may_do_everything(api: Api):
    review = {
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "spec": {
            "resourceAttributes": {
                "namespace": api.namespace,
                "verb": "patch",
                "group": "apps",
                "resource": "deployments",
            }
        },
    }

    code, body = api.ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)

    assert (code, body["status"]["allowed"]) == (201, True)
    review = {
        "kind": "SelfSubjectRulesReview",
        "apiVersion": "authorization.k8s.io/v1",
        "spec": {"namespace": api.namespace},
    }
    code, body = api.ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", review)
    assert (code, body["status"]["incomplete"]) == (201, False)
    everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
    assert everything in body["status"]["resourceRules"]


def test_the_log_of_a_pod_that_waits_says_why(api: Api):
    api.create(deployment("web", BROKEN))
    eventually(lambda: api.list("pods"))
    [pod] = api.list("pods")

    code, body = api.ask("GET", api.path("pods", "nope") + "/log")
    assert (code, body["details"]["name"]) == (404, "nope")
    assert pod["status"]["phase"] == "Pending"


# --- watches


def test_a_watch_continues_where_a_list_ended(api: Api):
    api.create(statefulset("db", A))
    _, listed = api.ask("GET", api.path("configmaps"))
    at = listed["metadata"]["resourceVersion"]
    config = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "c"}}
    api.create(config)
    api.patch("configmaps", "c", {"data": {"x": "1"}})
    api.ask("DELETE", api.path("configmaps", "c"))

    code, events = api.ask(
        "GET",
        api.path("configmaps"),
        watch="1",
        resourceVersion=at,
        timeoutSeconds=1,
        fieldSelector="metadata.name=c",
    )

    assert code == 200
    assert [(e["type"], e["object"].get("data")) for e in events] == [
        ("ADDED", None),
        ("MODIFIED", {"x": "1"}),
        ("DELETED", {"x": "1"}),
    ]


def test_a_watch_from_nowhere_begins_with_what_is_there(api: Api):
    api.create(deployment("web", A, replicas=0))
    api.create(deployment("other", A, replicas=0))
    api.wait("deployments", "web", rolled_out)

    _, events = api.ask(
        "GET",
        api.path("deployments"),
        watch="true",
        timeoutSeconds=1,
        fieldSelector="metadata.name=web",
    )

    assert [(e["type"], e["object"]["metadata"]["name"]) for e in events] == [("ADDED", "web")]
    assert events[0]["object"]["kind"] == "Deployment"


def test_a_watch_can_begin_with_a_list_and_end_with_a_bookmark(api: Api):
    api.create({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "c"}})

    _, events = api.ask(
        "GET",
        api.path("configmaps"),
        watch="1",
        timeoutSeconds=1,
        sendInitialEvents="true",
        resourceVersionMatch="NotOlderThan",
        allowWatchBookmarks="true",
        fieldSelector="metadata.name=c",
    )

    kinds = [event["type"] for event in events]
    annotations = events[1]["object"]["metadata"].get("annotations")
    assert kinds[:2] == ["ADDED", "BOOKMARK"]
    assert annotations == {"k8s.io/initial-events-end": "true"}


def test_a_watch_of_pods_sees_them_start(api: Api):
    _, listed = api.ask("GET", api.path("pods"))
    api.create(deployment("web", A))

    _, events = api.ask(
        "GET",
        api.path("pods"),
        watch="1",
        resourceVersion=listed["metadata"]["resourceVersion"],
        timeoutSeconds=3,
    )

    phases = [event["object"]["status"]["phase"] for event in events]
    assert (phases[0], phases[-1]) == ("Pending", "Running")
    revisions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert revisions == sorted(revisions)
