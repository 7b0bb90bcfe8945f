"""What is noted on an object of the repository that is applied."""

from __future__ import annotations

from typing import Any

import pytest

from gitops_cli.domain.cluster.imagepatch import Stamp
from gitops_cli.domain.errors import InvalidState
from gitops_cli.domain.image import ImageRef
from gitops_cli.domain.manifests.images import OwnedWorkload
from gitops_cli.domain.manifests.objects import Manifest, ObjectId
from gitops_cli.domain.manifests.stamping import annotations_for, is_note, stamped
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Kind

SHOP = EnvironmentName("shop-qa")
SET = "applyset-tohYmW7lReIJLPGASGwuprthzqGaBsGvs43rbUTxc7E-v1"
STAMP = Stamp("c" * 40, "2026-11-23T12:00:00Z", "ada")
IMAGE = ImageRef("r/web", "5")


@pytest.mark.parametrize(
    ("labels", "annotations"), [({}, {}), (None, None), ({"a": "b"}, {"note": "old", "x": "y"})]
)
def test_an_object_gets_the_label_of_its_set_and_the_digest(
    labels: dict[str, str] | None, annotations: dict[str, str] | None
) -> None:
    given = {"labels": labels, "annotations": annotations} if labels != {} else {}
    content = {"kind": "Service", "metadata": {"name": "web", **given}, "spec": 1}

    assert stamped(content, SHOP, "sha256:1", {"note": "new"}) == {
        "kind": "Service",
        "metadata": {
            "name": "web",
            "labels": {**(labels or {}), "applyset.kubernetes.io/part-of": SET},
            "annotations": {
                **(annotations or {}),
                "note": "new",
                "gitops-cli/applied": "sha256:1",
            },
        },
        "spec": 1,
    }
    assert content["metadata"] == {"name": "web", **given}, "nothing of the old is changed"


def workload(kind: Kind, *images: str) -> dict[str, Any]:
    pod = {"containers": [{"name": f"c{n}", "image": image} for n, image in enumerate(images)]}
    spec: dict[str, Any] = {"template": {"spec": pod}}
    return {"spec": {"jobTemplate": {"spec": spec}} if kind is Kind.CRONJOB else spec}


def owned(kind: Kind, image: ImageRef | None = IMAGE) -> OwnedWorkload:
    manifest = Manifest(ObjectId(kind.group, kind.value, SHOP, "web"), "v1", {}, "a.yaml", 1)
    error = None if image else InvalidState("no image")
    return OwnedWorkload(ServiceName("web"), manifest, image, frozenset({"c0", "c1"}), error)


@pytest.mark.parametrize("kind", [Kind.DEPLOYMENT, Kind.CRONJOB])
@pytest.mark.parametrize(
    ("before", "change"),
    [
        (None, "5"),
        (("r/web:4", "r/web:4", "r/proxy:1"), "4 → 5"),
        (("r/web:4",), "4 → 5"),
        (("r/web",), "r/web → 5"),
    ],
)
def test_a_services_workload_says_what_became_of_its_containers(
    kind: Kind, before: tuple[str, ...] | None, change: str
) -> None:
    live = None if before is None else workload(kind, *before)

    assert annotations_for(owned(kind), live, STAMP) == {
        "kubernetes.io/change-cause": f"gitops: web {change}, state ccccccc by ada",
        "gitops-cli/commit": "c" * 40,
        "gitops-cli/commit-time": "2026-11-23T12:00:00Z",
        "gitops-cli/actor": "ada",
        "gitops-cli/version": "5",
    }


@pytest.mark.parametrize("of", [None, owned(Kind.DEPLOYMENT, None)])
def test_any_other_object_says_only_of_which_commit_it_is(of: OwnedWorkload | None) -> None:
    assert annotations_for(of, workload(Kind.DEPLOYMENT, "r/web:4"), STAMP) == {
        "gitops-cli/commit": "c" * 40
    }
    assert annotations_for(of, None, Stamp(actor="ada")) == {}


@pytest.mark.parametrize(
    ("field", "ours"),
    [
        (".metadata.annotations.gitops-cli/applied", True),
        (".metadata.annotations.gitops-cli/commit", True),
        (".metadata.labels.applyset.kubernetes.io/part-of", True),
        (".metadata.annotations.note", False),
        (".metadata.labels.gitops-cli/applied", False),
    ],
)
def test_a_conflict_about_our_own_notes_is_known(field: str, ours: bool) -> None:
    assert is_note(field) is ours
