"""The emulated API against the real one: every test here runs on both."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.apis import (
    APPLY,
    JSON_PATCH,
    MERGE,
    STRATEGIC,
    TABLE,
    Api,
    daemonset,
    deployment,
    eventually,
    rolled_out,
    statefulset,
)

A, B, BROKEN = "r/web:" + "a" * 40, "r/web:" + "b" * 40, "r/web:dead0" + "0" * 35
REJECTED = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Failure",
    "message": "the server rejected our request due to an error in our request",
    "reason": "Invalid",
    "details": {},
    "code": 422,
}
IMAGE = "/spec/template/spec/containers/0/image"


def op(op_: str, path: str, value: Any) -> dict[str, Any]:
    return {"op": op_, "path": path, "value": value}


# --- refusals


def test_a_missing_object_is_404_with_its_name(api: Api):
    code, body = api.ask("GET", api.path("deployments", "nope"))

    assert (code, body) == (
        404,
        {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": 'deployments.apps "nope" not found',
            "reason": "NotFound",
            "details": {"name": "nope", "group": "apps", "kind": "deployments"},
            "code": 404,
        },
    )


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_writing_to_a_missing_object_is_404(api: Api, method: str):
    patch = [] if method == "PATCH" else None

    code, body = api.ask(method, api.path("pods", "nope"), patch, content_type=JSON_PATCH)

    assert (code, body["details"]) == (404, {"name": "nope", "kind": "pods"})


def test_unknown_resources_and_groups_are_told_apart(api: Api):
    code, body = api.ask("GET", api.path("nonsense"))
    assert (code, body["reason"], body["details"]) == (404, "NotFound", {})

    assert api.ask("GET", "/apis/foo.example.com/v1/bars") == (404, "404 page not found\n")


def test_a_name_that_is_taken_is_409(api: Api):
    api.create(deployment("web", A))

    code, body = api.ask("POST", api.path("deployments"), deployment("web", A))

    assert (code, body["reason"]) == (409, "AlreadyExists")
    assert body["message"] == 'deployments.apps "web" already exists'


def test_a_missing_namespace_is_404_to_create_in_and_empty_to_list(api: Api):
    path = "/apis/apps/v1/namespaces/nowhere/deployments"

    code, body = api.ask("POST", path, deployment("web", A))
    assert (code, body["details"]) == (404, {"name": "nowhere", "kind": "namespaces"})

    code, body = api.ask("GET", path)
    assert (code, body["items"]) == (200, [])


def test_a_container_without_image_is_422_with_causes(api: Api):
    code, body = api.ask("POST", api.path("deployments"), deployment("web", ""))

    assert (code, body["reason"]) == (422, "Invalid")
    assert body["details"]["causes"] == [
        {
            "reason": "FieldValueRequired",
            "message": "Required value",
            "field": "spec.template.spec.containers[0].image",
        }
    ]
    assert body["message"] == (
        'Deployment.apps "web" is invalid: spec.template.spec.containers[0].image: Required value'
    )


def test_a_selector_cannot_change(api: Api):
    api.create(deployment("web", A))

    code, body = api.patch(
        "deployments", "web", {"spec": {"selector": {"matchLabels": {"x": "y"}}}}
    )

    assert code == 422
    fields = {cause["field"] for cause in body["details"]["causes"]}
    assert fields == {"spec.selector", "spec.template.metadata.labels"}


def test_a_body_that_is_no_json_is_400(api: Api):
    code, body = api.ask("POST", api.path("deployments"), b"{nonsense")

    assert (code, body["reason"]) == (400, "BadRequest")


def test_a_patch_of_unknown_form_is_415(api: Api):
    api.create(deployment("web", A))

    code, body = api.ask("PATCH", api.path("deployments", "web"), {})

    assert (code, body["reason"]) == (415, "UnsupportedMediaType")


def test_an_unknown_field_selector_is_400(api: Api):
    code, body = api.ask("GET", api.path("deployments"), fieldSelector="spec.x=1")

    assert code == 400
    assert body["message"] == (
        '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"'
    )


# --- JSON patch


@pytest.mark.parametrize(
    "patch",
    [
        pytest.param([op("test", IMAGE, B)], id="test-failed"),
        pytest.param([op("replace", "/spec/nope/x", 1)], id="path-missing"),
        pytest.param([op("add", "/metadata/annotations/x", "y")], id="add-under-absent"),
        pytest.param([op("test", "/metadata/annotations/x", "y")], id="test-under-absent"),
        pytest.param([op("nonsense", IMAGE, B)], id="unknown-operation"),
        pytest.param([{"op": "remove", "path": "/metadata/nope"}], id="remove-absent"),
    ],
)
def test_a_json_patch_that_does_not_apply_is_422_without_details(api: Api, patch: Any):
    # A StatefulSet: a Deployment's controller soon adds annotations.
    before = api.create(statefulset("db", A))

    assert api.patch("statefulsets", "db", patch) == (422, REJECTED)
    assert api.get("statefulsets", "db")["spec"] == before["spec"]


def test_testing_for_null_guards_the_first_annotation(api: Api):
    api.create(statefulset("db", A))
    patch = [
        op("test", "/metadata/annotations", None),
        op("add", "/metadata/annotations", {"gitops-cli/commit": "c1"}),
    ]

    code, body = api.patch("statefulsets", "db", patch)
    assert (code, body["metadata"]["annotations"]) == (200, {"gitops-cli/commit": "c1"})

    assert api.patch("statefulsets", "db", patch) == (422, REJECTED)


def test_the_adapters_patch_applies_as_a_whole(api: Api):
    api.create(deployment("web", A) | {"metadata": {"name": "web", "annotations": {"a/b": "1"}}})

    code, body = api.patch(
        "deployments",
        "web",
        [
            op("test", "/metadata/annotations/a~1b", "1"),
            op("add", "/metadata/annotations/a~1b", "2"),
            op("test", "/spec/template/spec/containers/0/name", "web"),
            op("test", IMAGE, A),
            op("replace", IMAGE, B),
        ],
        fieldManager="gitops",
    )

    assert code == 200
    assert body["spec"]["template"]["spec"]["containers"][0]["image"] == B
    assert body["metadata"]["annotations"]["a/b"] == "2"


def test_an_older_resource_version_is_409(api: Api):
    api.create(deployment("web", A))

    code, body = api.patch("deployments", "web", [op("replace", "/metadata/resourceVersion", "1")])

    assert (code, body["reason"]) == (409, "Conflict")


def test_the_name_cannot_change(api: Api):
    api.create(deployment("web", A))

    code, body = api.patch("deployments", "web", [op("replace", "/metadata/name", "z")])

    assert (code, body["message"]) == (
        400,
        "the name of the object (z) does not match the name on the URL (web)",
    )


# --- other writes


def test_a_strategic_merge_finds_containers_by_name(api: Api):
    api.create(deployment("web", A))
    containers = [{"name": "web", "image": B}, {"name": "extra", "image": A}]

    code, body = api.ask(
        "PATCH",
        api.path("deployments", "web"),
        {"spec": {"template": {"spec": {"containers": containers}}}},
        content_type=STRATEGIC,
    )

    assert code == 200
    found = {c["name"]: c["image"] for c in body["spec"]["template"]["spec"]["containers"]}
    assert found == {"web": B, "extra": A}


def test_a_merge_patch_with_null_removes(api: Api):
    api.create(deployment("web", A) | {"metadata": {"name": "web", "annotations": {"x": "1"}}})

    api.patch("deployments", "web", {"metadata": {"annotations": {"x": None, "y": "2"}}})

    annotations = api.get("deployments", "web")["metadata"]["annotations"]
    assert ("x" in annotations, annotations["y"]) == (False, "2")


def test_server_side_apply_creates_and_changes(api: Api):
    path = api.path("configmaps", "settings")
    manifest = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "settings"}}

    codes = [
        api.ask(
            "PATCH",
            path,
            {**manifest, "data": {"x": value}},
            content_type=APPLY,
            fieldManager="gitops",
        )[0]
        for value in ("1", "2")
    ]

    assert codes == [201, 200]
    assert api.get("configmaps", "settings")["data"] == {"x": "2"}


def test_the_server_fills_in_defaults(api: Api):
    spec = api.create(deployment("web", A))["spec"]

    assert spec["progressDeadlineSeconds"] == 600
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
    }
    assert spec["template"]["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent"


def test_a_dry_run_answers_and_writes_nothing(api: Api):
    before = api.create(statefulset("db", A))

    code, body = api.patch("statefulsets", "db", [op("replace", IMAGE, B)], dryRun="All")
    assert (code, body["spec"]["template"]["spec"]["containers"][0]["image"]) == (200, B)
    assert api.get("statefulsets", "db")["spec"] == before["spec"]

    assert api.ask("POST", api.path("deployments"), deployment("web", A), dryRun="All")[0] == 201
    assert api.ask("GET", api.path("deployments", "web"))[0] == 404


# --- generation


def test_generation_counts_changes_of_the_spec(api: Api):
    created = api.create(deployment("web", A))
    patched = api.set_image("web", B)

    assert [b["metadata"]["generation"] for b in (created, patched)] == [1, 2]


def test_an_annotation_raises_the_generation_of_a_deployment_only(api: Api):
    api.create(deployment("web", A))
    api.create(statefulset("db", A))
    patch = {"metadata": {"annotations": {"x": "y"}}}

    _, web = api.patch("deployments", "web", patch)
    _, db = api.patch("statefulsets", "db", patch)

    assert [b["metadata"]["generation"] for b in (web, db)] == [2, 1]


def test_a_patch_that_changes_nothing_is_no_write(api: Api):
    api.create(deployment("web", A, replicas=0))
    settled = api.wait("deployments", "web", rolled_out)

    code, body = api.patch("deployments", "web", [op("replace", IMAGE, A)])

    assert code == 200
    assert body["metadata"]["resourceVersion"] == settled["metadata"]["resourceVersion"]


# --- rollouts


def test_a_rollout_ends_with_new_pods_and_a_truthful_status(api: Api):
    api.create(deployment("web", A, replicas=2))
    api.wait("deployments", "web", rolled_out)
    generation = api.set_image("web", B)["metadata"]["generation"]

    done = api.wait("deployments", "web", rolled_out)

    assert done["status"]["observedGeneration"] == generation
    conditions = {c["type"]: (c["status"], c["reason"]) for c in done["status"]["conditions"]}
    assert conditions == {
        "Available": ("True", "MinimumReplicasAvailable"),
        "Progressing": ("True", "NewReplicaSetAvailable"),
    }
    assert "unavailableReplicas" not in done["status"]
    assert done["metadata"]["annotations"] == {"deployment.kubernetes.io/revision": "2"}
    eventually(lambda: len(api.list("pods", labelSelector="app=web")) == 2)
    for pod in api.list("pods", labelSelector="app=web"):
        [status] = pod["status"]["containerStatuses"]
        assert pod["status"]["phase"] == "Running"
        assert (status["name"], status["image"], status["ready"]) == ("web", B, True)
        assert "@sha256:" in status["imageID"]
        assert "running" in status["state"]


def test_pods_belong_to_the_replicaset_of_their_template(api: Api):
    created = api.create(deployment("web", A))
    api.wait("deployments", "web", rolled_out)
    api.set_image("web", B)
    api.wait("deployments", "web", rolled_out)

    sets = {
        r["spec"]["template"]["spec"]["containers"][0]["image"]: r for r in api.list("replicasets")
    }
    eventually(lambda: len(api.list("pods")) == 1)
    [pod] = api.list("pods")

    assert {image: r["spec"]["replicas"] for image, r in sets.items()} == {A: 0, B: 1}
    revision = "deployment.kubernetes.io/revision"
    assert sets[B]["metadata"]["annotations"][revision] == "2"
    assert sets[B]["metadata"]["ownerReferences"][0]["uid"] == created["metadata"]["uid"]
    assert pod["metadata"]["ownerReferences"][0]["name"] == sets[B]["metadata"]["name"]
    assert (
        pod["metadata"]["labels"]["pod-template-hash"]
        == sets[B]["metadata"]["labels"]["pod-template-hash"]
    )


def test_going_back_revives_the_old_replicaset(api: Api):
    api.create(deployment("web", A))
    for image in (B, A):
        api.wait("deployments", "web", rolled_out)
        api.set_image("web", image)

    done = api.wait("deployments", "web", rolled_out)

    assert len(api.list("replicasets")) == 2
    assert done["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"


def test_a_broken_image_leaves_the_old_pods_running(api: Api):
    api.create(deployment("web", A, replicas=2))
    api.wait("deployments", "web", rolled_out)
    api.set_image("web", BROKEN)

    def waiting() -> list[str]:
        return [
            status["state"]["waiting"].get("reason", "")
            for pod in api.list("pods")
            for status in pod["status"].get("containerStatuses", [])
            if "waiting" in status["state"] and pod["status"]["phase"] == "Pending"
        ]

    eventually(lambda: waiting() == ["ImagePullBackOff"], lambda: str(waiting()))
    found = api.get("deployments", "web")["status"]
    assert {key: found.get(key) for key in found if key.endswith("Replicas")} | {
        "terminatingReplicas": 0
    } == {
        "updatedReplicas": 1,
        "readyReplicas": 2,
        "availableReplicas": 2,
        "unavailableReplicas": 1,
        "terminatingReplicas": 0,
    }
    [broken] = [p for p in api.list("pods") if p["status"]["phase"] == "Pending"]
    [status] = broken["status"]["containerStatuses"]
    message = status["state"]["waiting"]["message"]
    assert message.startswith(f'Back-off pulling image "{BROKEN}": ErrImagePull: ')
    assert message.endswith(f"{BROKEN}: not found")
    assert status["imageID"] == ""


def test_a_rollout_that_stands_still_reaches_its_deadline(api: Api):
    api.create(deployment("web", BROKEN, progressDeadlineSeconds=1))

    def progressing(body: dict[str, Any]) -> Any:
        conditions = body["status"].get("conditions", [])
        return next((c for c in conditions if c["type"] == "Progressing"), {})

    done = api.wait("deployments", "web", lambda b: progressing(b).get("status") == "False")

    assert progressing(done)["reason"] == "ProgressDeadlineExceeded"
    assert progressing(done)["message"].endswith("has timed out progressing.")


def test_scaling_follows_the_spec(api: Api):
    api.create(deployment("web", A))
    api.wait("deployments", "web", rolled_out)

    api.patch("deployments", "web", {"spec": {"replicas": 3}})
    api.wait("deployments", "web", lambda b: b["status"].get("availableReplicas") == 3)

    api.patch("deployments", "web", {"spec": {"replicas": 0}})
    api.wait("deployments", "web", lambda b: not b["status"].get("replicas"))
    eventually(lambda: api.list("pods") == [])


def test_scale_is_a_subresource(api: Api):
    api.create(deployment("web", A))
    path = api.path("deployments", "web") + "/scale"

    _, before = api.ask("GET", path)
    code, after = api.ask("PATCH", path, {"spec": {"replicas": 2}}, content_type=MERGE)

    assert (before["kind"], before["spec"]) == ("Scale", {"replicas": 1})
    assert (code, after["spec"]) == (200, {"replicas": 2})
    assert api.get("deployments", "web")["spec"]["replicas"] == 2


def test_recreate_stops_the_old_pods_first(api: Api):
    api.create(deployment("web", A, replicas=2, strategy={"type": "Recreate"}))
    api.wait("deployments", "web", rolled_out)
    _, listed = api.ask("GET", api.path("pods"))
    api.set_image("web", B)
    api.wait("deployments", "web", rolled_out)

    _, events = api.ask(
        "GET",
        api.path("pods"),
        watch="1",
        resourceVersion=listed["metadata"]["resourceVersion"],
        timeoutSeconds=1,
    )

    old = [p["metadata"]["uid"] for p in listed["items"]]
    seen = [(e["type"], e["object"]["metadata"]["uid"] in old) for e in events]
    last_of_old = max(i for i, event in enumerate(seen) if event == ("DELETED", True))
    first_of_new = min(i for i, event in enumerate(seen) if event == ("ADDED", False))
    assert last_of_old < first_of_new


def test_a_paused_deployment_keeps_its_pods(api: Api):
    api.create(deployment("web", A))
    api.wait("deployments", "web", rolled_out)
    api.patch("deployments", "web", {"spec": {"paused": True}})
    generation = api.set_image("web", B)["metadata"]["generation"]

    api.wait("deployments", "web", lambda b: b["status"]["observedGeneration"] == generation)

    assert [p["spec"]["containers"][0]["image"] for p in api.list("pods")] == [A]


def test_deleting_a_deployment_takes_its_pods_along(api: Api):
    api.create(deployment("web", A))
    api.wait("deployments", "web", rolled_out)

    code, _ = api.ask("DELETE", api.path("deployments", "web"), propagationPolicy="Background")

    assert code == 200
    eventually(lambda: not api.list("replicasets") and not api.list("pods"))


def test_a_statefulset_replaces_its_pods(api: Api):
    api.create(statefulset("db", A))
    done = {"readyReplicas": 2, "updatedReplicas": 2}

    def ready(body: dict[str, Any]) -> bool:
        seen = body["status"].get("observedGeneration") == body["metadata"]["generation"]
        return seen and {key: body["status"].get(key) for key in done} == done

    api.wait("statefulsets", "db", ready)
    api.patch("statefulsets", "db", [op("replace", IMAGE, B)])
    api.wait("statefulsets", "db", ready)

    images = {p["metadata"]["name"]: p["spec"]["containers"][0]["image"] for p in api.list("pods")}
    assert images == {"db-0": B, "db-1": B}


def test_a_daemonset_replaces_its_pods(api: Api):
    api.create(daemonset("logs", A))

    def ready(body: dict[str, Any]) -> bool:
        status = body["status"]
        wanted = status.get("desiredNumberScheduled")
        seen = status.get("observedGeneration") == body["metadata"]["generation"]
        return bool(
            seen
            and wanted
            and {status.get("updatedNumberScheduled"), status.get("numberAvailable")} == {wanted}
        )

    api.wait("daemonsets", "logs", ready)
    api.patch("daemonsets", "logs", [op("replace", IMAGE, B)])
    api.wait("daemonsets", "logs", ready)

    eventually(lambda: {p["spec"]["containers"][0]["image"] for p in api.list("pods")} == {B})


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
