"""Versions of the hash files, put into the workloads of the repository."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from gitops_cli.domain.errors import ConfigurationError, InvalidState
from gitops_cli.domain.image import ImageRef
from gitops_cli.domain.manifests.images import OwnedWorkload, images_in, service_images
from gitops_cli.domain.manifests.objects import Manifest, ObjectId
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment, Kind, VersionFile
from gitops_cli.domain.recorded.team import ServiceRules
from gitops_cli.domain.version import Version

SHOP, WEB, API = EnvironmentName("shop"), ServiceName("web"), ServiceName("api")
IMAGE = ImageRef("r/web", "5")


def environment(
    kind: Kind = Kind.DEPLOYMENT, path: str | None = "r/", *services: ServiceName
) -> Environment:
    files = {
        service: VersionFile(f"shop/{service}{kind.suffix}", service, kind, Version("5"))
        for service in services or (WEB,)
    }
    return Environment(SHOP, path, files)


def box(name: Any, image: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "image": image, **more}


def content(pod: Any, kind: Kind = Kind.DEPLOYMENT) -> dict[str, Any]:
    made: dict[str, Any] = {"template": {"spec": pod, "metadata": 1}, "replicas": 2}
    if kind is Kind.CRONJOB:
        made = {"jobTemplate": {"spec": made}, "schedule": "x"}
    return {"kind": kind.value, "spec": made}


def workload(
    pod: Any, kind: Kind = Kind.DEPLOYMENT, name: str = "web", group: str | None = None
) -> Manifest:
    of = ObjectId(kind.group if group is None else group, kind.value, "shop", name)
    return Manifest(of, "x/v1", content(pod, kind), "shop/a.yaml", 7)


def put(one: Manifest, pod: Any) -> Manifest:
    return one._replace(content=content(pod, Kind(one.id.kind)))


@pytest.mark.parametrize("kind", list(Kind))
def test_the_image_is_put_into_each_kind_of_workload(kind: Kind) -> None:
    one = workload({"containers": [box("app", "old", ports=[1])], "x": 1}, kind)
    given = copy.deepcopy(one)

    found = service_images(environment(kind), [one], {})

    changed = put(one, {"containers": [box("app", "r/web:5", ports=[1])], "x": 1})
    assert found == {0: OwnedWorkload(WEB, changed, IMAGE, frozenset({"app"}), None)}
    assert one == given, "nothing of the old is changed"


def test_what_has_no_version_file_is_nobodys() -> None:
    pod = {"containers": [box("app", "old")]}
    web = workload(pod)
    others = [
        workload(pod, name="other"),
        workload(pod, Kind.STATEFULSET),
        workload(pod, group="example.com"),
    ]

    found = service_images(environment(), iter([*others, web]), {})

    changed = put(web, {"containers": [box("app", "r/web:5")]})
    assert found == {3: OwnedWorkload(WEB, changed, IMAGE, frozenset({"app"}))}


def test_rules_name_the_workload_and_its_containers() -> None:
    pod = {
        "containers": [box("web", "old"), box("b", "old"), 7],
        "initContainers": [box("c", "old"), {"name": "b"}],
    }
    web, api = workload(pod, name="release-web"), workload(pod, name="api")
    rules = {
        WEB: ServiceRules(WEB, containers=("b",), workload="release-web"),
        ServiceName("x"): ServiceRules(ServiceName("x"), containers=("c",)),
    }

    found = service_images(
        environment(Kind.DEPLOYMENT, "r/", WEB, API), [api, workload(pod), web], rules
    )

    changed = put(
        web,
        {
            "containers": [box("web", "old"), box("b", "r/web:5"), 7],
            "initContainers": [box("c", "old"), box("b", "r/web:5")],
        },
    )
    unclear = found[0].error
    assert found == {
        0: OwnedWorkload(API, api, None, frozenset(), unclear),
        2: OwnedWorkload(WEB, changed, IMAGE, frozenset({"b"})),
    }
    assert isinstance(unclear, ConfigurationError)
    assert str(unclear) == (
        "shop/a.yaml:7: which container of deployment/api gets the image of api? "
        "containers: c, b, web, b"
    )
    assert unclear.hint == 'gitops.toml settles it: [service.api] container = "…"'


def test_a_container_of_the_services_name_or_image_gets_it() -> None:
    named = workload({"containers": [box("web", "old"), box("b", "old")]}, name="x")
    same = workload({"containers": [box("a", "old"), box("b", "r/web:4")]}, name="x")
    own = workload({"containers": [box("x", "old"), box("b", "old")]}, name="x")
    rules = {WEB: ServiceRules(WEB, workload="x")}

    found = service_images(environment(), [named, same, own], rules)

    assert found[0].manifest == put(named, {"containers": [box("web", "r/web:5"), box("b", "old")]})
    assert found[1].manifest == put(same, {"containers": [box("a", "old"), box("b", "r/web:5")]})
    assert found[2].manifest == own
    assert str(found[2].error) == (
        "shop/a.yaml:7: which container of deployment/x gets the image of web? containers: x, b"
    )


@pytest.mark.parametrize(
    "pod", [None, "x", {}, {"containers": {"name": "web"}}, {"containers": ["web", box(7, "x")]}]
)
def test_a_workload_without_containers_is_unclear(pod: Any) -> None:
    one = workload(pod)
    [owned] = service_images(environment(), [one], {}).values()
    assert owned == OwnedWorkload(WEB, one, None, frozenset(), owned.error)
    assert str(owned.error) == (
        "shop/a.yaml:7: which container of deployment/web gets the image of web? containers: "
    )


def test_only_an_init_container_is_no_only_container() -> None:
    one = workload({"initContainers": [box("init", "old")]})
    [owned] = service_images(environment(), [one], {}).values()
    assert str(owned.error) == (
        "shop/a.yaml:7: which container of deployment/web gets the image of web? containers: init"
    )
    both = workload({"initContainers": [box("init", "old")], "containers": [box("app", None)]})
    [owned] = service_images(environment(), [both], {}).values()
    assert owned.containers == {"app"}


def test_where_the_environment_says_no_image_that_is_the_error() -> None:
    one = workload({"containers": [box("web", "old")]})
    found = service_images(environment(Kind.DEPLOYMENT, None), [one, one], {})
    error = found[0].error
    assert found == {
        0: OwnedWorkload(WEB, one, error=error),
        1: OwnedWorkload(WEB, one, error=found[1].error),
    }
    assert isinstance(error, InvalidState)
    assert str(error) == "shop/images_path:1: missing"


@pytest.mark.parametrize("kind", list(Kind))
def test_the_images_of_a_workload_by_container(kind: Kind) -> None:
    pod = {
        "containers": [box("a", "x:1"), box("b", None), {"name": "c"}, box("d", 5), box(7, "y"), 7],
        "initContainers": [box("i", "z")],
        "ephemeralContainers": [box("e", "z")],
    }
    assert images_in(content(pod, kind), kind) == {"i": "z", "a": "x:1", "b": "", "c": "", "d": "5"}
    other = Kind.CRONJOB if kind is Kind.DEPLOYMENT else Kind.DEPLOYMENT
    if Kind.CRONJOB in (kind, other):
        assert images_in(content(pod, kind), other) == {}
    assert images_in({"spec": "x"}, kind) == images_in({}, kind) == {}
