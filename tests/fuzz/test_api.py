"""The API's JSON: what is read is what stands there, or one error for one namespace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_cli.cluster.connection import KubernetesCluster, connect
from gitops_cli.domain.cluster.comparison import Diff, compare
from gitops_cli.domain.cluster.imagepatch import Moved, Patched
from gitops_cli.domain.cluster.rights import Right
from gitops_cli.domain.cluster.workload import Observed, Target
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Environment, Kind
from gitops_cli.domain.recorded.files import RawFile
from gitops_cli.domain.recorded.reading import parse_environment_files
from gitops_cli.render.diff import diff_view
from gitops_cli.render.document import as_json, document
from gitops_cli.render.markdown import markdown
from gitops_cli.render.plain import plain_view
from tests.cluster.asking import patch_of, sent
from tests.fuzz.broken import jsons
from tests.testbed.foreign_api import FAILURE, ForeignApi, a_workload, foreign_api, listed

pytestmark = pytest.mark.sweep

SPACE, OTHER = EnvironmentName("shop-dev"), EnvironmentName("shop-prod")
HASH = "a" * 40
IMAGE = f"r.example.com/shop/web:{HASH}"
NOW = datetime(2026, 11, 30, tzinfo=UTC)
KINDS = frozenset({Kind.DEPLOYMENT, Kind.CRONJOB})
TIME = "2026-11-29T10:00:00Z"
OWNED: dict[str, Any] = {
    "f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"web"}': {"f:image": {}}}}}}
}
MANAGED = [
    {"manager": "gitops", "time": TIME, "fieldsV1": OWNED},
    {"manager": "kubectl", "time": TIME, "fieldsV1": OWNED, "subresource": "status"},
]
LATE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
POD_SPEC = {"containers": [{"name": "web", "image": IMAGE}], "initContainers": None}


def owned_by(kind: str, name: str) -> dict[str, Any]:
    return {"ownerReferences": [{"kind": kind, "name": name, "controller": True}]}


def workload(space: str = SPACE) -> dict[str, Any]:
    item = a_workload(space, "web", IMAGE)
    item["metadata"] |= {"managedFields": MANAGED, "annotations": {"gitops-cli/commit": HASH}}
    item["spec"] |= {"progressDeadlineSeconds": 600}
    item["status"] |= {"conditions": [LATE | {"lastUpdateTime": TIME, "message": "late"}]}
    return item


POD = {
    "metadata": {
        "name": "web-1-x",
        "creationTimestamp": TIME,
        "labels": {"pod-template-hash": "1"},
        **owned_by("ReplicaSet", "web-1"),
    },
    "spec": POD_SPEC,
    "status": {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [
            {
                "name": "web",
                "imageID": f"r.example.com/shop/web@sha256:{'c' * 64}",
                "restartCount": 3,
                "ready": False,
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
                "lastState": {"terminated": {"exitCode": 1, "startedAt": TIME, "finishedAt": TIME}},
            }
        ],
    },
}
CRONJOB = {
    "metadata": {"name": "night", "namespace": SPACE, "managedFields": MANAGED},
    "spec": {"jobTemplate": {"spec": {"template": {"spec": POD_SPEC}}}},
}
JOB = {
    "metadata": {"name": "night-1", "creationTimestamp": TIME, **owned_by("CronJob", "night")},
    "spec": {"template": {"spec": POD_SPEC}},
    "status": {"conditions": [{"type": "Failed", "status": "True", "reason": "x"}]},
}
EVENT = {
    "metadata": {"creationTimestamp": TIME},
    "reason": "FailedCreate",
    "message": "exceeded quota",
    "lastTimestamp": TIME,
}
LISTS = {
    "deployments": listed("Deployment", workload(), resourceVersion="7"),
    "pods": listed("Pod", POD),
    "cronjobs": listed("CronJob", CRONJOB),
    "jobs": listed("Job", JOB),
    "events": listed("Event", EVENT),
}
RECORDED = [
    RawFile(f"{SPACE}/images_path", b"r.example.com/shop/\n"),
    RawFile(f"{SPACE}/web.deployment", f"{HASH}\n".encode()),
    RawFile(f"{SPACE}/night.cronjob", f"{HASH}\n".encode()),
]


class Api(NamedTuple):
    """The server that is none, and the adapter before it."""

    foreign: ForeignApi
    cluster: KubernetesCluster

    def __repr__(self) -> str:
        return "Api(…)"

    def answers(self, changed: dict[str, bytes]) -> None:
        """Answer rightly but for these plurals of SPACE."""
        self.foreign.answers.clear()
        for plural, right in LISTS.items():
            self.foreign.on(f"{SPACE}/{plural}", changed.get(plural, json.dumps(right).encode()))
        self.foreign.on(f"{OTHER}/deployments", listed("Deployment", workload(OTHER)))


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    kubeconfig: Path = tmp_path_factory.mktemp("api") / "kubeconfig"
    with foreign_api(kubeconfig) as foreign:
        cluster = connect(kubeconfig=kubeconfig)
        yield Api(foreign, cluster)
        cluster.close()


def look(api: Api) -> Observed:
    """Return what is seen of SPACE; nothing of it may cost OTHER."""
    targets = [Target(SPACE, KINDS), Target(OTHER, frozenset({Kind.DEPLOYMENT}), pods=False)]
    found = api.cluster.observe(targets)
    assert not found[OTHER].errors
    assert [w.containers[0].image for w in found[OTHER].workloads] == [IMAGE]
    return found[SPACE]


def told(observed: Observed, api: Api) -> None:
    """Compare, explain and show it, as `diff` does."""
    environment: Environment = parse_environment_files(SPACE, RECORDED)
    compared = compare(environment, observed, now=NOW)
    troubles = [(SPACE, row.question) for row in compared.rows if row.question is not None]
    api.cluster.explain(troubles)
    view = diff_view(Diff(None, (compared,), {SPACE: "foreign"}))
    for text in (as_json(document(view)), *plain_view(view, wide=True), markdown(view)):
        assert text.encode() is not None


def images(body: bytes) -> list[list[str]]:
    """Return the images of a LIST of Deployments, read in the most naive way.

    What is not read at all may hold what no string and no number should.
    """
    text = body.decode(errors="replace")
    items = json.loads(text, strict=False, parse_int=float)["items"] or []
    last = {item["metadata"]["name"]: item for item in items}
    return [
        [c.get("image", "") for c in item["spec"]["template"]["spec"].get("containers") or ()]
        for item in last.values()
    ]


@given(st.sampled_from(sorted(LISTS)).flatmap(lambda p: st.tuples(st.just(p), jsons(LISTS[p]))))
def test_a_list_is_read_as_it_stands_or_is_an_error(api: Api, changed: tuple[str, bytes]) -> None:
    plural, body = changed
    api.answers({plural: body})

    seen = look(api)
    told(seen, api)

    if plural == "deployments" and Kind.DEPLOYMENT not in seen.errors:
        mine = [w for w in seen.workloads if w.kind is Kind.DEPLOYMENT]
        assert [[c.image for c in w.containers if not c.init] for w in mine] == images(body)


@given(jsons(workload()), jsons(workload()))
def test_a_patch_has_happened_or_is_an_error(api: Api, answer: bytes, later: bytes) -> None:
    api.answers({})
    [was] = [w for w in look(api).workloads if w.kind is Kind.DEPLOYMENT]
    api.foreign.on(f"{SPACE}/deployments/web", answer, method="PATCH")
    api.foreign.on(f"{SPACE}/deployments/web", later)

    result = sent(api.cluster, patch_of(was, "r.example.com/shop/web:2"))

    assert isinstance(result, Patched | Moved | GitOpsError)


@given(jsons({"status": {"allowed": True}}) | jsons(FAILURE))
def test_a_right_is_had_only_where_the_server_says_so(api: Api, body: bytes) -> None:
    api.foreign.on("selfsubjectaccessreviews", body, method="POST")

    [answer] = api.cluster.review([Right("patch", Kind.DEPLOYMENT, SPACE)])

    if answer is True:
        assert json.loads(body.decode())["status"]["allowed"] is True
    elif answer is not False:
        assert isinstance(answer, GitOpsError)


@given(
    st.sampled_from(["services", "configmaps", "ingresses"]),
    jsons(
        listed(
            "X",
            {
                "metadata": {"name": "x", "annotations": {"a": "b"}, **owned_by("X", "y")},
                "spec": {"ports": [{"port": 80, "nodePort": 1}], "clusterIP": "1.2.3.4"},
                "data": {"a": "b"},
            },
        )
    ),
)
def test_what_is_captured_is_files_or_an_error(api: Api, plural: str, body: bytes) -> None:
    api.foreign.answers.clear()
    api.foreign.on("(services|configmaps|ingresses)", listed("X"))
    api.foreign.on(f"{SPACE}/{plural}", body)

    with suppress(GitOpsError):
        found = api.cluster.export(SPACE, [])
        assert all("/" not in name for name in found.files)
