"""`gitops sync` while others write and servers fail: nothing lost, no false success."""

from __future__ import annotations

import json
import time

import pytest

from tests.cli.live import ABSENT, CRASHING, NEW, OLD, UNREADY, Live, image
from tests.cli.synced import services
from tests.testbed.faults import Answer, ApiProxy, Cut, Hang, Meanwhile
from tests.testbed.git import git
from tests.testbed.kube import Kube
from tests.testbed.patience import HANGING, PATIENCE, eventually


def test_a_kubectl_set_image_in_the_middle_is_seen_and_the_recorded_version_wins(
    behind: Live, kube: Kube, api_proxy: ApiProxy
) -> None:
    def somebody() -> None:
        kube.set_image("Deployment", behind.namespace, "web", "web", image("web", ABSENT))

    api_proxy.on(Meanwhile(somebody), "PATCH")
    through = behind.gitops.using(KUBECONFIG=api_proxy.kubeconfig)
    done = through("sync", behind.namespace, "-o", "json").ok()
    assert behind.image_of("web") == image("web", NEW)
    assert (
        services(done.json())["web"]["reason"] == f"replaced {image('web', ABSENT)}, set meanwhile"
    )
    assert len(api_proxy.seen("PATCH")) == 2
    assert len(api_proxy.seen("GET", "deployments/web")) == 1, "one GET decides"


def test_somebody_who_does_it_meanwhile_is_thanked(
    behind: Live, kube: Kube, api_proxy: ApiProxy
) -> None:
    def somebody() -> None:
        kube.set_image("Deployment", behind.namespace, "web", "web", image("web", NEW))

    api_proxy.on(Meanwhile(somebody), "PATCH")
    done = behind.gitops.using(KUBECONFIG=api_proxy.kubeconfig)("sync", behind.namespace).ok()
    assert "somebody else did it meanwhile" in done.stdout
    assert len(api_proxy.seen("PATCH")) == 1


def test_a_sync_of_a_newer_commit_in_the_middle_is_not_undone(
    behind: Live, api_proxy: ApiProxy
) -> None:
    """A pushed commit that another sync brought to the cluster while ours was on its way."""

    def another_sync() -> None:
        behind.record({"web.deployment": CRASHING})
        behind.sync().ok()

    api_proxy.on(Meanwhile(another_sync), "PATCH")
    done = behind.gitops.using(KUBECONFIG=api_proxy.kubeconfig)("sync", behind.namespace)
    assert done.code == 1
    assert "which is newer than" in done.stdout
    assert behind.image_of("web") == image("web", CRASHING)


def test_a_commit_that_is_pushed_and_synced_while_we_look_is_not_undone(
    behind: Live, api_proxy: ApiProxy
) -> None:
    """Our tip was the remote's when we read it, but no longer when we read the cluster."""
    behind.record({"web.deployment": OLD, "api.deployment": NEW})
    behind.run("Deployment", "api", OLD, replicas=0)
    behind.sync().ok()

    def another_sync() -> None:
        behind.record({"web.deployment": CRASHING, "api.deployment": OLD})
        behind.sync().ok()

    api_proxy.on(Meanwhile(another_sync), "GET", "deployments")
    done = behind.gitops.using(KUBECONFIG=api_proxy.kubeconfig)("sync", behind.namespace)
    assert done.code == 1
    assert "which is newer than" in done.stdout
    assert not api_proxy.seen("PATCH")
    assert behind.image_of("web") == image("web", CRASHING)


def test_two_syncs_at_once(behind: Live) -> None:
    names = [f"s{index}" for index in range(8)]
    behind.record({f"{name}.deployment": NEW for name in names})
    for name in names:
        behind.run("Deployment", name, OLD, replicas=0)
    with (
        behind.gitops.start("sync", behind.namespace, "-o", "json") as one,
        behind.gitops.start("sync", behind.namespace, "-o", "json") as other,
    ):
        outputs = [process.communicate(timeout=PATIENCE) for process in (one, other)]
    assert (one.returncode, other.returncode) == (0, 0), outputs
    actions = [services(json.loads(out)) for out, _ in outputs]
    for name in (*names, "web"):
        assert behind.image_of(name) == image(name, NEW)
        assert behind.kube.get("Deployment", behind.namespace, name)["metadata"]["generation"] == 2
        both = {found[name]["action"] for found in actions}
        assert both <= {"patched", "unchanged"}
        assert "patched" in both


@pytest.mark.parametrize(
    "fault",
    [Cut(forward=True), Cut(forward=False), Answer(503), Answer(500, forward=True), Answer(429, 1)],
)
def test_a_patch_that_meets_a_fault_is_done_once(
    behind: Live, api_proxy: ApiProxy, fault: Cut | Answer
) -> None:
    api_proxy.on(fault, "PATCH")
    done = behind.gitops.using(KUBECONFIG=api_proxy.kubeconfig)("sync", behind.namespace).ok()
    assert "patched" in done.stdout
    assert behind.image_of("web") == image("web", NEW)
    assert behind.kube.get("Deployment", behind.namespace, "web")["metadata"]["generation"] == 2


def test_a_patch_that_cannot_arrive_is_no_success_and_stops_no_other(
    behind: Live, api_proxy: ApiProxy
) -> None:
    behind.record({"api.deployment": NEW})
    behind.running("api", OLD)
    api_proxy.on(Cut(forward=False), "PATCH", "deployments/web", times=100)
    through = behind.gitops.using(KUBECONFIG=api_proxy.kubeconfig)
    done = through("sync", behind.namespace)
    assert done.code == 5
    assert f"cannot patch deployments.apps web in {behind.namespace}" in done.stderr
    assert behind.image_of("api") == image("api", NEW), "one failing does not stop the others"
    behind.sync().ok()
    assert behind.image_of("web") == image("web", NEW)


def test_a_server_that_dies_between_list_and_patch(behind: Live, api_proxy: ApiProxy) -> None:
    behind.record({"api.deployment": NEW})
    behind.running("api", OLD)
    api_proxy.on(Cut(forward=False), "PATCH|POST", times=1000)
    api_proxy.on(Cut(forward=False), "GET", skip=1, times=1000)
    through = behind.gitops.using(KUBECONFIG=api_proxy.kubeconfig)
    done = through("sync", behind.namespace, "--wait", "--timeout", "20s", "-o", "json")
    assert done.code == 5
    assert {one["action"] for one in services(done.json()).values()} == {"error"}
    assert {behind.image_of(name) for name in ("api", "web")} == {
        image("api", OLD),
        image("web", OLD),
    }
    behind.sync().ok()
    assert behind.image_of("web") == image("web", NEW)


@pytest.mark.parametrize("fault", [Hang(1), Cut(after=100)])
def test_an_answer_that_is_late_or_cut_off_is_read_once_more(
    behind: Live, api_proxy: ApiProxy, fault: Hang | Cut
) -> None:
    api_proxy.on(fault, "GET", "deployments")
    api_proxy.on(fault, "PATCH")
    behind.gitops.using(KUBECONFIG=api_proxy.kubeconfig)("sync", behind.namespace).ok()
    assert behind.image_of("web") == image("web", NEW)
    assert behind.kube.get("Deployment", behind.namespace, "web")["metadata"]["generation"] == 2


def test_a_token_that_expires_before_the_patch(behind: Live, api_proxy: ApiProxy) -> None:
    api_proxy.on(Answer(401), "PATCH", times=100)
    through = behind.gitops.using(KUBECONFIG=api_proxy.kubeconfig)
    done = through("sync", behind.namespace)
    assert done.code == 4
    assert "a token may have expired" in done.stderr
    assert behind.image_of("web") == image("web", OLD)


def test_a_token_that_expires_while_we_wait(live: Live, api_proxy: ApiProxy) -> None:
    live.record({"web.deployment": UNREADY})
    live.running("web", OLD)
    api_proxy.on(Answer(401), "GET", skip=1, times=1000)
    through = live.gitops.using(KUBECONFIG=api_proxy.kubeconfig)
    done = through("sync", live.namespace, "--wait", "--timeout", "5s")
    assert done.code in (4, 8), str(done)
    assert "a token may have expired" in done.stdout + done.stderr


def test_a_sync_of_an_older_commit_in_the_middle_does_not_last(
    behind: Live, api_proxy: ApiProxy
) -> None:
    older = git(behind.remote, "rev-parse", "main")
    behind.record({"web.deployment": ABSENT})
    api_proxy.on(Meanwhile(lambda: behind.sync("--rev", older).ok()), "PATCH")
    through = behind.gitops.using(KUBECONFIG=api_proxy.kubeconfig)
    done = through("sync", behind.namespace, "-o", "json").ok()
    assert behind.image_of("web") == image("web", ABSENT)
    assert services(done.json())["web"]["reason"] == f"replaced {image('web', NEW)}, set meanwhile"


def test_fail_fast_begins_nothing_more(behind: Live, api_proxy: ApiProxy) -> None:
    names = [f"s{index:02}" for index in range(40)]
    behind.record({f"{name}.deployment": NEW for name in names})
    for name in names:
        behind.run("Deployment", name, OLD, replicas=0)
    api_proxy.on(Answer(400), "PATCH", times=1)
    api_proxy.on(Hang(2), "PATCH", times=1000)  # the others are on their way when one fails
    through = behind.gitops.using(KUBECONFIG=api_proxy.kubeconfig)
    done = through("sync", behind.namespace, "--fail-fast", "-o", "json")
    assert done.code == 5
    actions = [one["action"] for one in services(done.json()).values()]
    assert actions.count("error") == 1
    assert actions.count("not-tried") > 5


def test_fail_fast_begins_nothing_where_an_environment_cannot_be_read(behind: Live) -> None:
    broken = f"{behind.namespace}-b"
    behind.record({"images_path": "r/", "web.deployment": "not a version"}, environment=broken)
    done = behind.gitops("sync", broken, behind.namespace, "--fail-fast")
    assert done.code == 2
    assert "not tried" in done.stdout
    assert behind.image_of("web") == image("web", OLD)
    behind.gitops("sync", broken, behind.namespace)
    assert behind.image_of("web") == image("web", NEW), "otherwise one does not stop the others"


def test_a_server_that_hangs_while_we_wait_ends_in_time(behind: Live, api_proxy: ApiProxy) -> None:
    api_proxy.on(Hang(), "GET", "deployments", skip=1, times=100)
    api_proxy.on(Hang(), "GET", "pods", times=100)
    through = behind.gitops.using(KUBECONFIG=api_proxy.kubeconfig)
    begin = time.monotonic()
    done = through("sync", behind.namespace, "--wait", "--timeout", "8s")
    assert done.code in (5, 8), str(done)
    assert time.monotonic() - begin < HANGING
    assert behind.image_of("web") == image("web", NEW)


def test_rights_that_cannot_be_asked_are_not_taken_for_granted(
    behind: Live, api_proxy: ApiProxy
) -> None:
    behind.record({"db.statefulset": NEW})
    behind.run("StatefulSet", "db", OLD)
    api_proxy.on(Answer(500), "POST", "selfsubjectaccessreviews", times=100)
    done = behind.gitops.using(KUBECONFIG=api_proxy.kubeconfig)("sync", behind.namespace)
    assert done.code == 5
    assert not api_proxy.seen("PATCH")
    assert behind.image_of("web") == image("web", OLD)


def test_logs_that_never_come_do_not_hold_up_what_is_known(
    behind: Live, api_proxy: ApiProxy
) -> None:
    behind.record({"web.deployment": CRASHING})
    behind.sync().ok()
    eventually(lambda: "CrashLoopBackOff" in behind.gitops("diff", behind.namespace).stdout)
    api_proxy.on(Hang(), "GET", "/log", times=100)
    through = behind.gitops.using(KUBECONFIG=api_proxy.kubeconfig)
    done = through("diff", behind.namespace, timeout=25)  # a request may usually take 30 s
    assert "CrashLoopBackOff" in done.stdout
    assert api_proxy.seen("GET", "/log")
