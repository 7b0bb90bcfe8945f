"""What the emulated API takes, refuses and counts: every test runs on the real one too."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.apis import (
    APPLY,
    IMAGE,
    JSON_PATCH,
    STRATEGIC,
    A,
    Api,
    B,
    deployment,
    op,
    rolled_out,
    statefulset,
)

pytestmark = pytest.mark.sweep

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
