"""Every state of a row, from literals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_cli.domain.cluster.comparison import (
    Agreement,
    Comparison,
    Row,
    State,
    agreement,
    compare,
    target_of,
)
from gitops_cli.domain.cluster.workload import (
    Container,
    Counts,
    Observed,
    Pod,
    PodContainer,
    Workload,
)
from gitops_cli.domain.errors import Denied, ExitCode, InvalidState
from gitops_cli.domain.image import ImageRef, parse_image
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment, Kind
from gitops_cli.domain.recorded.files import RawFile
from gitops_cli.domain.recorded.reading import parse_environment_files
from gitops_cli.domain.recorded.team import ServiceRules

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SPACE = EnvironmentName("shop-production")
OLD, NEW = "36a03b3f4c8ba4fc0bdcc529450e557ae08c12f2", "8f14e45fceea167a5a36dedd4bea2543ceea167a"
DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64


WEB = ServiceName("web")


def environment(**files: str) -> Environment:
    """Return an environment of `web_deployment="hash"` files."""
    raw = [RawFile(f"{SPACE}/images_path", b"r/\n")]
    for name, content in files.items():
        raw.append(RawFile(f"{SPACE}/{name.replace('_', '.')}", content.encode()))
    return parse_environment_files(SPACE, raw)


def workload(image: str, *, counts: Counts | None = None, kind: Kind = Kind.DEPLOYMENT) -> Workload:
    return Workload(
        kind,
        SPACE,
        ServiceName("web"),
        (Container("web", image, "/0"),),
        generation=1,
        observed_generation=1,
        counts=counts or Counts(1, 1, 1, 1, 1),
    )


def pod(image: str, digest: str | None = DIGEST, *, waiting: str | None = None) -> Pod:
    container = PodContainer(
        "web", image, digest, running=waiting is None, waiting=waiting, message="not found"
    )
    return Pod("web-5-x", "ReplicaSet", "web-5", "5", NOW, "Running", (container,))


def only_row(recorded: str, *pods: Pod, wanted: str = NEW, counts: Counts | None = None) -> Row:
    observed = Observed(SPACE, (workload(recorded, counts=counts),), pods)
    [row] = compare(environment(web_deployment=wanted), observed, now=NOW).rows
    return row


def test_in_sync_needs_git_workload_and_pods_to_agree() -> None:
    row = only_row(f"r/web:{NEW}", pod(f"r/web:{NEW}"))
    assert row.state is State.IN_SYNC
    assert row.running is not None
    assert [(str(r.image), r.digest, r.pods) for r in row.running] == [(f"r/web:{NEW}", DIGEST, 1)]
    assert not row.needs_patch


def test_another_image_in_the_workload_differs() -> None:
    row = only_row(f"r/web:{OLD}", pod(f"r/web:{OLD}"))
    assert (row.state, row.needs_patch) == (State.DIFFERS, True)


def test_another_repository_differs_and_says_so() -> None:
    row = only_row(f"mirror/web:{NEW}", pod(f"mirror/web:{NEW}"))
    assert row.state is State.DIFFERS
    assert row.reason == "recorded from another repository: mirror/web"


@pytest.mark.parametrize(
    ("images_path", "live"),
    [
        ("docker.io/acme/", "acme/web"),
        ("acme/", "index.docker.io/acme/web"),
        ("docker.io/library/", "web"),
    ],
)
def test_a_short_name_is_the_same_repository(images_path: str, live: str) -> None:
    raw = [
        RawFile(f"{SPACE}/images_path", images_path.encode()),
        RawFile(f"{SPACE}/web.deployment", NEW.encode()),
    ]
    observed = Observed(SPACE, (workload(f"{live}:{NEW}"),), (pod(f"{live}:{NEW}"),))
    [row] = compare(parse_environment_files(SPACE, raw), observed, now=NOW).rows
    assert (row.state, row.reason, row.needs_patch) == (State.IN_SYNC, None, False)


def test_in_sync_with_nothing_running_is_said() -> None:
    row = only_row(f"r/web:{NEW}", counts=Counts())
    assert (row.state, row.reason) == (State.IN_SYNC, "scaled to 0: nothing of it runs")


def test_an_evicted_pod_does_not_run() -> None:
    evicted = pod(f"r/web:{OLD}")._replace(phase="Failed", reason="Evicted")
    row = only_row(f"r/web:{NEW}", pod(f"r/web:{NEW}"), evicted)
    assert row.state is State.IN_SYNC
    assert row.running is not None
    assert [r.pods for r in row.running] == [1]


def test_pods_that_run_something_else_behind_their_workloads_back_differ() -> None:
    row = only_row(f"r/web:{NEW}", pod(f"r/web:{OLD}"))
    assert (row.state, row.reason, row.needs_patch) == (State.DIFFERS, f"pods run {OLD}", False)


def test_rolling() -> None:
    row = only_row(f"r/web:{NEW}", pod(f"r/web:{OLD}"), counts=Counts(1, 2, 1, 1, 1))
    assert (row.state, row.reason) == (State.ROLLING, "1 old pod is ending")


def test_a_broken_rollout_is_never_in_sync() -> None:
    row = only_row(
        f"r/web:{NEW}",
        pod(f"r/web:{OLD}"),
        pod(f"r/web:{NEW}", None, waiting="ErrImagePull"),
        counts=Counts(1, 2, 1, 1, 1),
    )
    assert row.state is State.FAILED
    assert row.reason == "ErrImagePull: not found"


def test_a_broken_pod_of_an_image_that_git_does_not_want_is_a_difference_first() -> None:
    row = only_row(f"r/web:{OLD}", pod(f"r/web:{OLD}", None, waiting="ErrImagePull"))
    assert row.state is State.DIFFERS


def test_missing() -> None:
    [row] = compare(environment(web_deployment=NEW), Observed(SPACE), now=NOW).rows
    assert (row.state, row.container, row.recorded) == (State.MISSING, None, None)
    assert row.reason == f"no Deployment `web` in namespace {SPACE}"


def test_a_workload_of_another_kind_is_missing() -> None:
    observed = Observed(SPACE, (workload(f"r/web:{NEW}", kind=Kind.STATEFULSET),))
    rows = compare(environment(web_deployment=NEW), observed, now=NOW).rows
    assert [(r.kind, r.state) for r in rows] == [
        (Kind.DEPLOYMENT, State.MISSING),
        (Kind.STATEFULSET, State.UNTRACKED),
    ]


def test_untracked_is_told_but_is_no_difference() -> None:
    found = compare(environment(), Observed(SPACE, (workload("redis:7"),), ()), now=NOW)
    [row] = found.rows
    assert (row.state, row.wanted, str(row.recorded)) == (State.UNTRACKED, None, "redis:7")
    assert found.exit_code is ExitCode.OK


def test_unclear_could_not_be_told() -> None:
    two = (Container("app", "a:1", "/0"), Container("proxy", "b:1", "/1"))
    observed = Observed(SPACE, (workload("x")._replace(containers=two),))
    found = compare(environment(web_deployment=NEW), observed, now=NOW)
    [row] = found.rows
    assert row.state is State.UNCLEAR
    assert row.reason == "containers: app, proxy; set [service.web] container in gitops.toml"
    assert found.exit_code is ExitCode.USAGE
    settled = compare(
        environment(web_deployment=NEW),
        observed,
        now=NOW,
        rules={WEB: ServiceRules(WEB, containers=("app",))},
    )
    assert [(r.container, r.state) for r in settled.rows] == [("app", State.DIFFERS)]


def test_a_workload_of_another_name_is_the_services() -> None:
    rules = {WEB: ServiceRules(WEB, workload="rel-web")}
    released = workload(f"r/web:{OLD}")._replace(name=ServiceName("rel-web"))
    [row] = compare(
        environment(web_deployment=NEW), Observed(SPACE, (released,)), now=NOW, rules=rules
    ).rows
    assert (row.service, row.workload_name, row.state) == ("web", "rel-web", State.DIFFERS)
    [missing] = compare(environment(web_deployment=NEW), Observed(SPACE), now=NOW, rules=rules).rows
    assert missing.reason == f"no Deployment `rel-web` in namespace {SPACE}"


RESOLVED = f"index.docker.io/r/web@{DIGEST}"


def resolved(version: str = NEW, *, ours: bool = True) -> Workload:
    """Return a workload whose tag an admission policy has resolved to a digest alone."""
    return workload(RESOLVED)._replace(
        annotations={"gitops-cli/version": version},
        ours=frozenset({"web"} if ours else ()),
    )


def test_a_digest_alone_stands_for_the_tag_that_our_patch_wrote() -> None:
    raw = [
        RawFile(f"{SPACE}/images_path", b"docker.io/r/"),
        RawFile(f"{SPACE}/web.deployment", NEW.encode()),
    ]
    there = parse_environment_files(SPACE, raw)

    def seen(found: Workload) -> Row:
        [row] = compare(there, Observed(SPACE, (found,), (pod(RESOLVED),)), now=NOW).rows
        return row

    assert (seen(resolved()).state, seen(resolved()).needs_patch) == (State.DIGEST, False)
    assert seen(resolved(OLD)).needs_patch, "the patch was of another version"
    assert seen(resolved(ours=False)).needs_patch, "somebody else wrote the image since"


def test_pods_that_admission_gave_a_digest_alone_are_no_strangers() -> None:
    assert only_row(f"r/web:{NEW}", pod(f"mirror/web@{DIGEST}")).state is State.IN_SYNC


@pytest.mark.parametrize(
    ("kind", "paused", "said"),
    [
        (Kind.CRONJOB, True, "suspended: no job is started"),
        (Kind.CRONJOB, False, None),
        (Kind.DAEMONSET, False, "no node fits: nothing of it runs"),
        (Kind.STATEFULSET, False, "scaled to 0: nothing of it runs"),
    ],
)
def test_why_nothing_runs_is_said_of_each_kind(kind: Kind, paused: bool, said: str | None) -> None:
    found = workload(f"r/web:{NEW}", counts=Counts(), kind=kind)._replace(paused=paused)
    files = {f"web_{kind.value.lower()}": NEW}
    [row] = compare(environment(**files), Observed(SPACE, (found,), (), ()), now=NOW).rows
    assert (row.state, row.reason) == (State.IN_SYNC, said)


def test_an_owner_that_may_put_its_image_back_is_named() -> None:
    owned = workload(f"r/web:{OLD}")._replace(owner="Kafka shop")
    [row] = compare(environment(web_deployment=NEW), Observed(SPACE, (owned,)), now=NOW).rows
    assert row.reason == "owned by Kafka shop, which may put it back"


@pytest.mark.parametrize(
    ("wanted", "recorded", "state", "code"),
    [
        (NEW, f"r/web:{NEW}@{DIGEST}", State.DIGEST, ExitCode.OK),
        (f"{NEW}@{DIGEST}", f"r/web:{NEW}", State.DIGEST, ExitCode.OK),
        (f"{NEW}@{DIGEST}", f"r/web:{NEW}@{DIGEST}", State.IN_SYNC, ExitCode.OK),
        (f"{NEW}@{DIGEST}", f"r/web:{NEW}@{OTHER}", State.DIFFERS, ExitCode.NO),
    ],
)
def test_digests(wanted: str, recorded: str, state: State, code: ExitCode) -> None:
    row = only_row(recorded, pod(recorded), wanted=wanted)
    assert (row.state, row.state.exit_code) == (state, code)


def test_a_pin_that_the_pods_do_not_keep_is_said() -> None:
    row = only_row(f"r/web:{NEW}", pod(f"r/web:{NEW}", OTHER), wanted=f"{NEW}@{DIGEST}")
    assert (row.state, row.reason) == (State.DIGEST, f"pods run {OTHER}")
    both = (pod(f"r/web:{NEW}", OTHER), pod(f"r/web:{NEW}"))
    row = only_row(f"r/web:{NEW}", *both, wanted=f"{NEW}@{DIGEST}")
    assert (row.state, row.reason) == (State.DIGEST, f"pods run {DIGEST}, {OTHER}")


@pytest.mark.parametrize(
    ("wanted", "recorded", "reason"),
    [
        (f"{NEW}@{DIGEST}", f"r/web:{NEW}", "git pins a digest"),
        (NEW, f"r/web:{NEW}@{DIGEST}", "the workload pins a digest"),
    ],
)
def test_a_digest_that_one_side_has_is_said(wanted: str, recorded: str, reason: str) -> None:
    row = only_row(recorded, pod(recorded), wanted=wanted)
    assert (row.state, row.reason) == (State.DIGEST, reason)


def test_held_is_a_flag_beside_the_state_and_ends() -> None:
    lock = f'by = "ada"\nuntil = {(NOW + timedelta(hours=1)).isoformat()}\n'
    held = environment(web_deployment=NEW, web_lock=lock)
    observed = Observed(SPACE, (workload(f"r/web:{NEW}"),))
    [row] = compare(held, observed, now=NOW).rows
    assert row.lock is not None
    assert (row.state, row.lock.by) == (State.IN_SYNC, "ada")
    [later] = compare(held, observed, now=NOW + timedelta(hours=2)).rows
    assert later.lock is None


def test_a_lock_on_the_environment_holds_all_of_it() -> None:
    held = environment(web_deployment=NEW, _lock="")
    assert held.locks
    [row] = compare(held, Observed(SPACE, (workload(f"r/web:{NEW}"),)), now=NOW).rows
    assert row.lock is not None


def test_a_spoilt_file_does_not_hide_the_others_nor_turn_its_workload_untracked() -> None:
    spoilt = environment(web_deployment="not a hash", api_deployment=NEW)
    found = compare(spoilt, Observed(SPACE, (workload(f"r/web:{OLD}"),)), now=NOW)
    assert [(r.service, r.state) for r in found.rows] == [("api", State.MISSING)]
    assert [p.exit_code for p in found.problems] == [ExitCode.USAGE]
    assert f"{SPACE}/web.deployment:1" in found.problems[0].message


def test_a_kind_that_may_not_be_listed_is_a_problem_not_a_difference() -> None:
    denied = Denied("not permitted to list statefulsets.apps")
    observed = Observed(SPACE, (workload(f"r/web:{NEW}"),), errors={Kind.STATEFULSET: denied})
    found = compare(environment(web_deployment=NEW, db_statefulset=NEW), observed, now=NOW)
    assert [r.service for r in found.rows] == ["web"]
    assert found.problems == (denied,)
    assert found.exit_code is ExitCode.DENIED


def test_without_pods_running_is_not_known() -> None:
    observed = Observed(SPACE, (workload(f"r/web:{NEW}"),))
    [row] = compare(environment(web_deployment=NEW), observed, now=NOW).rows
    assert (row.state, row.running) == (State.IN_SYNC, None)


def test_only_kinds_with_files_are_read_and_deployments_for_what_has_none() -> None:
    target = target_of(environment(db_statefulset=NEW), pods=True)
    assert target.kinds == {Kind.STATEFULSET, Kind.DEPLOYMENT}


def test_rows_of_unlike_states_are_ordered_by_service_untracked_last() -> None:
    other = workload("x:1")._replace(name=ServiceName("aaa"))
    observed = Observed(SPACE, (workload(f"r/web:{NEW}"), other))
    found = compare(environment(web_deployment=NEW, api_deployment=NEW), observed, now=NOW)
    assert [r.service for r in found.rows] == ["api", "web", "aaa"]
    assert isinstance(found, Comparison)


images = st.builds(
    ImageRef,
    st.sampled_from(["r/web", "mirror/web"]),
    st.sampled_from([OLD, NEW, None]),
    st.sampled_from([DIGEST, OTHER, None]),
)


@given(images, images)
def test_agreement_is_symmetric_and_same_only_for_equals(one: ImageRef, other: ImageRef) -> None:
    assert agreement(one, other) is agreement(other, one)
    assert (agreement(one, other) is Agreement.SAME) == (one == other)
    if agreement(one, other) is Agreement.DIGEST:
        assert parse_image(str(one)).tag == parse_image(str(other)).tag


def test_pods_that_run_something_else_are_told_by_tag_or_name() -> None:
    others = (pod(f"r/web:{OLD}"), pod("r/web:v2"), pod("r/web", None))
    row = only_row(f"r/web:{NEW}", *others)
    assert (row.state, row.reason) == (State.DIFFERS, f"pods run {OLD}, r/web, v2")


def test_what_cannot_be_compared_is_the_error_that_says_so() -> None:
    raw = [RawFile(f"{SPACE}/web.deployment", NEW.encode())]
    found = compare(parse_environment_files(SPACE, raw), Observed(SPACE), now=NOW)
    assert found.rows == ()
    assert [(type(error), error.message) for error in found.problems] == [
        (
            InvalidState,
            f"{SPACE}/images_path:1: missing: nothing says where the images are",
        )
    ]


def test_a_workload_whose_container_is_unclear_says_its_commit_and_how_to_settle_it() -> None:
    several = workload("r/a:1")._replace(
        containers=(Container("a", "r/a:1", "/0"), Container("b", "r/b:1", "/1")),
        annotations={"gitops-cli/commit": "c" * 40},
    )
    [row] = compare(environment(web_deployment=NEW), Observed(SPACE, (several,)), now=NOW).rows
    assert (row.state, row.commit) == (State.UNCLEAR, "c" * 40)
    assert (row.reason or "").endswith("; set [service.web] container in gitops.toml")
