"""Which workload stands for which service, and where images come from, as whole values."""

from __future__ import annotations

import pytest

from gitops_cli.domain.change.draft import Draft, Verb
from gitops_cli.domain.change.proposal import Proposal
from gitops_cli.domain.cluster.capturing import (
    Capture,
    Captured,
    Exported,
    Found,
    Skipped,
    captured,
)
from gitops_cli.domain.cluster.workload import VERSION, Container, Workload
from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.domain.recorded.team import ServiceRules
from gitops_cli.domain.version import Version
from tests.domain.cluster_values import SPACE, WEB, A, B, workload

API, DB = ServiceName("api"), ServiceName("db")
WEB_A = Found(WEB, Kind.DEPLOYMENT, Version(A))


def rules(*given: ServiceRules) -> dict[ServiceName, ServiceRules]:
    return {rule.name: rule for rule in given}


def test_a_rule_names_the_workload_and_its_containers() -> None:
    both = workload(f"r/api:{A}", f"r/api:{B}", name="shop-api")
    apart = rules(ServiceRules(API, workload="shop-api", containers=("sidecar",)))
    assert captured([both], rules=apart) == Capture(
        "r/", (Found(API, Kind.DEPLOYMENT, Version(B)),), ()
    )
    strange = rules(ServiceRules(API, workload="shop-api", containers=("nope",)))
    assert captured([both], rules=strange) == Capture(
        "r/", (), (Skipped("api", Kind.DEPLOYMENT, "its containers do not agree"),)
    )
    assert captured([both]) is None, "no image ends with the workload's own name"


def test_a_rule_of_the_same_name_needs_no_workload() -> None:
    both = workload(f"r/web:{A}", f"r/web:{B}")
    only = rules(ServiceRules(WEB, containers=("web",)), ServiceRules(DB, workload="other"))
    assert captured([both], rules=only) == Capture("r/", (WEB_A,), ())


def test_a_workload_is_chosen_by_the_name_of_its_service() -> None:
    given = [workload(f"r/web:{A}", name="shop-web"), workload(f"r/db:{A}", name="db")]
    named = rules(ServiceRules(WEB, workload="shop-web"))
    assert captured(given, chosen={WEB}, rules=named) == Capture("r/", (WEB_A,), ())
    assert captured(given, chosen=(), rules=named) is None
    assert captured(given, chosen=(), images_path="q/") == Capture("q/", (), ())


def test_the_path_that_most_images_share_wins_and_the_given_one_before_it() -> None:
    given = [
        workload(f"q/db:{A}", name="db"),
        workload(f"r/web:{A}", "r/a-web:1", "r/x:1"),
        workload(f"r/api:{A}", name="api"),
    ]
    api = Found(API, Kind.DEPLOYMENT, Version(A))
    lost = Skipped("db", Kind.DEPLOYMENT, f"its image is not r/db: q/db:{A}")
    assert captured(given) == Capture("r/", (api, WEB_A), (lost,))
    assert captured(given, images_path="q/") == Capture(
        "q/",
        (Found(DB, Kind.DEPLOYMENT, Version(A)),),
        (
            Skipped("api", Kind.DEPLOYMENT, f"its image is not q/api: r/api:{A}"),
            Skipped("web", Kind.DEPLOYMENT, f"its image is not q/web: r/web:{A}, r/a-web:1, r/x:1"),
        ),
    )


def test_a_path_that_no_registry_has_is_passed_over() -> None:
    given = [
        *(workload(f"r/A/{name}:{A}", name=name) for name in ("x", "y")),
        workload(f"r/web:{A}"),
    ]
    found = captured(given)
    assert found is not None
    assert (found.images_path, found.found) == ("r/", (WEB_A,))


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (workload(f"r/-:{A}", name="-"), "its name cannot be that of a service"),
        (
            workload(f"r/web:{A}", pods_from="Deployment web"),
            "its pods are made from Deployment web",
        ),
        (workload("r/web:v1", "r/web"), None),
        (workload(f"r/web:{A}@sha256:{'1' * 64}"), None),
        (workload("r/web:v1", f"r/web:v1@sha256:{'1' * 64}"), "its containers do not agree"),
        (workload("r/webs:1"), "its image is not r/web: r/webs:1"),
    ],
)
def test_why_a_workload_is_or_is_not_recorded(one: Workload, reason: str | None) -> None:
    found = captured([one], images_path="r/")
    assert found is not None
    if reason is not None:
        assert found == Capture("r/", (), (Skipped(one.name, one.kind, reason),))
    else:
        image = one.containers[0].image.removeprefix("r/web:")
        tag, _, digest = image.partition("@")
        assert found == Capture("r/", (Found(WEB, one.kind, Version(tag, digest or None)),), ())


def test_a_tag_that_a_patch_of_ours_wrote_is_the_version() -> None:
    digest = f"sha256:{'1' * 64}"
    resolved = workload(
        f"r/web@{digest}", ours=frozenset({"web"}), annotations={VERSION: f"{A}@{digest}"}
    )
    assert captured([resolved]) == Capture(
        "r/", (Found(WEB, Kind.DEPLOYMENT, Version(A, digest)),), ()
    )


def test_workloads_are_read_by_name_and_then_by_kind() -> None:
    given = [
        workload(f"r/web:{B}", kind=Kind.CRONJOB),
        workload(f"r/web:{A}"),
        workload(f"r/db:{A}", name="db", kind=Kind.CRONJOB),
        workload(f"q/db:{B}", name="db"),
    ]
    assert captured(given) == Capture(
        "r/",
        (Found(DB, Kind.CRONJOB, Version(A)), WEB_A),
        (
            Skipped("db", Kind.DEPLOYMENT, f"its image is not r/db: q/db:{B}"),
            Skipped("web", Kind.CRONJOB, "another kind of workload has the same name"),
        ),
    )


def test_what_was_not_asked_for_is_nothing() -> None:
    assert Exported({}, ()) == Exported({}, (), (), ())
    draft = Draft(Verb.CAPTURE, SPACE, (), (), Proposal((), ""))
    held = Capture("r/", (), ())
    assert Captured(held, draft) == Captured(held, draft, None, None)
    assert Container("a", "b", "/0").init is False
