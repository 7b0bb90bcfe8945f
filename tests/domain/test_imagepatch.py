"""The JSON patch of a sync, operation by operation."""

from __future__ import annotations

from gitops_cli.domain.cluster.imagepatch import ImagePatch, Stamp
from gitops_cli.domain.cluster.workload import Container, Workload
from gitops_cli.domain.image import parse_image
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Kind

OLD, NEW, COMMIT = "36a03b3" + "0" * 33, "8f14e45" + "0" * 33, "c" * 40
CONTAINERS = (
    Container("migrate", f"r/web:{OLD}", "/spec/template/spec/initContainers/0", init=True),
    Container("web", f"r/web:{OLD}", "/spec/template/spec/containers/1"),
)


def patch(annotations: dict[str, str] | None) -> ImagePatch:
    workload = Workload(
        Kind.DEPLOYMENT,
        EnvironmentName("shop"),
        ServiceName("web"),
        CONTAINERS,
        annotations=annotations,
    )
    stamp = Stamp(COMMIT, "2026-11-23T00:00:00Z", "ada")
    return ImagePatch(workload, CONTAINERS, parse_image(f"r/web:{NEW}"), stamp)


def test_names_images_and_the_recorded_commit_are_tested_as_they_were_read() -> None:
    operations = patch({"gitops-cli/commit": "b" * 40}).operations()
    tests = {o["path"]: o["value"] for o in operations if o["op"] == "test"}
    assert tests == {
        "/metadata/annotations/gitops-cli~1commit": "b" * 40,
        "/spec/template/spec/initContainers/0/name": "migrate",
        "/spec/template/spec/initContainers/0/image": f"r/web:{OLD}",
        "/spec/template/spec/containers/1/name": "web",
        "/spec/template/spec/containers/1/image": f"r/web:{OLD}",
    }
    replaced = [o["path"] for o in operations if o["op"] == "replace"]
    assert replaced == [
        "/spec/template/spec/initContainers/0/image",
        "/spec/template/spec/containers/1/image",
    ]


def test_annotations_that_are_absent_are_added_whole() -> None:
    test, add, *_ = patch(None).operations()
    assert test == {"op": "test", "path": "/metadata/annotations", "value": None}
    assert add["op"] == "add"
    assert add["path"] == "/metadata/annotations"
    assert add["value"] == {
        "kubernetes.io/change-cause": "gitops: web 36a03b3 → 8f14e45, state ccccccc by ada",
        "gitops-cli/commit": COMMIT,
        "gitops-cli/commit-time": "2026-11-23T00:00:00Z",
        "gitops-cli/actor": "ada",
        "gitops-cli/version": NEW,
    }


def test_containers_of_several_versions_are_each_named_in_the_cause() -> None:
    found = patch({})
    other = CONTAINERS[0]._replace(image="r/web:" + "1" * 40)
    changed = found._replace(containers=(other, CONTAINERS[1]))
    cause = changed.annotations["kubernetes.io/change-cause"]
    assert cause.startswith("gitops: web migrate 1111111, web 36a03b3 → 8f14e45")


def test_without_our_annotation_its_absence_is_tested() -> None:
    first = patch({}).operations()[0]
    assert first == {
        "op": "test",
        "path": "/metadata/annotations/gitops-cli~1commit",
        "value": None,
    }


def test_a_patch_is_applied_where_all_its_containers_have_the_image() -> None:
    asked = patch({})

    def applied(*images: str, wanted: ImagePatch = asked) -> bool:
        pairs = zip(CONTAINERS, images, strict=False)
        now = tuple(container._replace(image=image) for container, image in pairs)
        return wanted.is_applied_to(wanted.workload._replace(containers=now))

    new = f"r/web:{NEW}"
    assert applied(new, new)
    assert applied(new, f"{new}@sha256:{'0' * 64}"), "admission has added a digest"
    assert not applied(new, f"r/web:{OLD}")
    assert not applied(new, f"q/web:{NEW}")
    assert not applied(new), "a container is gone"
    pinned = asked._replace(image=parse_image(f"{new}@sha256:{'0' * 64}"))
    assert not applied(new, new, wanted=pinned)
    assert applied(*[f"{new}@sha256:{'0' * 64}"] * 2, wanted=pinned)
