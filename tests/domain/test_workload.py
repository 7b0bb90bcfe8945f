"""Which container gets the image, and whose a pod is."""

from __future__ import annotations

import pytest

from gitops_cli.domain.cluster.workload import (
    Container,
    Job,
    Observed,
    Pod,
    Unclear,
    Workload,
    containers_for,
)
from gitops_cli.domain.image import parse_image
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Kind

SPACE = EnvironmentName("shop-production")
IMAGE = parse_image("registry.example.com/shop/web:1")


def workload(
    *containers: str, kind: Kind = Kind.DEPLOYMENT, init: tuple[str, ...] = ()
) -> Workload:
    """Return a workload of `name=image` containers."""
    made = [
        Container(text.partition("=")[0], text.partition("=")[2], f"/{index}", text in init)
        for index, text in enumerate((*init, *containers))
    ]
    return Workload(kind, SPACE, ServiceName("web"), tuple(made))


def chosen(found: Workload, *configured: str, service: str | None = None) -> list[str]:
    containers = containers_for(found, IMAGE, service=service, configured=configured)
    assert not isinstance(containers, Unclear)
    return [c.name for c in containers]


def test_every_container_of_our_repository_gets_it_init_containers_too() -> None:
    found = workload(
        "app=registry.example.com/shop/web:0",
        "proxy=envoy:1",
        init=("migrate=registry.example.com/shop/web:0", "wait=busybox"),
    )
    assert chosen(found) == ["migrate", "app"]


def test_the_repository_counts_more_than_the_name() -> None:
    assert chosen(workload("web=envoy:1", "app=registry.example.com/shop/web:0")) == ["app"]


def test_else_the_container_named_like_the_service() -> None:
    assert chosen(workload("web=old.example.com/web:0", "proxy=envoy:1")) == ["web"]


def test_else_the_only_one_beside_init_containers() -> None:
    assert chosen(workload("app=old.example.com/x:0", init=("wait=busybox",))) == ["app"]


def test_else_nobody_knows() -> None:
    found = containers_for(workload("app=a:1", "proxy=envoy:1"), IMAGE)
    assert found == Unclear("containers: app, proxy")


def test_the_settings_decide() -> None:
    assert chosen(workload("app=a:1", "proxy=envoy:1"), "proxy") == ["proxy"]


def test_the_settings_may_name_several() -> None:
    found = workload("app=a:1", "proxy=envoy:1", "worker=b:1")
    assert chosen(found, "worker", "app") == ["app", "worker"]


def test_of_two_containers_of_our_repository_the_settings_may_leave_one_alone() -> None:
    """Two versions of one repository on purpose, such as a worker that lags behind."""
    ours = "registry.example.com/shop/web"
    found = workload(f"app={ours}:0", f"worker={ours}:1")
    assert chosen(found) == ["app", "worker"]
    assert chosen(found, "app") == ["app"]


def test_a_workload_of_another_name_has_a_container_named_like_the_service() -> None:
    found = workload("shop=a:1", "proxy=envoy:1")
    assert chosen(found, service="shop") == ["shop"]


def test_settings_that_name_no_container_are_unclear() -> None:
    found = containers_for(workload("app=a:1"), IMAGE, configured=("app", "ap"))
    assert found == Unclear("no container `ap`; containers: app")


@pytest.mark.parametrize("name", ["nginx:1", "docker.io/library/nginx:2", "index.docker.io/nginx"])
def test_short_and_long_names_of_docker_hub_are_one_repository(name: str) -> None:
    found = Workload(
        Kind.DEPLOYMENT,
        SPACE,
        ServiceName("nginx"),
        (Container("a", name, "/0"), Container("b", "c:1", "/1")),
    )
    containers = containers_for(found, parse_image("nginx:3"))
    assert not isinstance(containers, Unclear)
    assert [c.name for c in containers] == ["a"]


def pod(name: str, owner_kind: str, owner: str, revision: str = "") -> Pod:
    return Pod(name, owner_kind, owner, revision, None, "Running", ())


def test_pods_are_found_through_their_owners() -> None:
    web, other = workload("web=a:1"), pod("x", "ReplicaSet", "web-admin-77", "77")
    mine = pod("y", "ReplicaSet", "web-55", "55")
    stateful = workload("web=a:1", kind=Kind.STATEFULSET)
    observed = Observed(SPACE, (web, stateful), (other, mine, pod("web-0", "StatefulSet", "web")))
    assert observed.pods_of(web) == (mine,)
    assert [p.name for p in observed.pods_of(stateful) or ()] == ["web-0"]


def test_pods_of_a_cronjob_are_those_of_its_jobs() -> None:
    cron = workload("web=a:1", kind=Kind.CRONJOB)
    jobs = (Job("web-1", "web", None, ()), Job("other-1", "other", None, ()))
    pods = (pod("web-1-x", "Job", "web-1"), pod("other-1-x", "Job", "other-1"))
    observed = Observed(SPACE, (cron,), pods, jobs)
    assert [p.name for p in observed.pods_of(cron) or ()] == ["web-1-x"]


def test_without_the_right_to_list_pods_nothing_is_known_of_them() -> None:
    assert Observed(SPACE, (workload("web=a:1"),)).pods_of(workload("web=a:1")) is None
