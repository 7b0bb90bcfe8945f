"""`gitops sync` on the real API server: what it changes, what it leaves, and what it says."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.live import ABSENT, CRASHING, NEW, OLD, UNREADY, Live, image, make_live
from tests.testbed.controlplane import ControlPlane
from tests.testbed.faults import Answer, ApiProxy, Cut, Hang, Meanwhile
from tests.testbed.git import git
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube, eventually, write_kubeconfig
from tests.testbed.manifests import deployment

PATCH = [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "patch"]}]
LOOK = [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]}]


@pytest.fixture
def live(
    tmp_path: Path, gitops: Gitops, kube: Kube, namespace: str, control_plane: ControlPlane
) -> Live:
    return make_live(tmp_path, gitops, kube, namespace, control_plane.kubeconfig)


@pytest.fixture
def behind(live: Live) -> Live:
    """Return an environment whose one service runs the old version while git has the new one."""
    live.record({"web.deployment": NEW})
    live.running("web", OLD)
    return live


def services(document: Any) -> dict[str, Any]:
    [environment] = document["environments"]
    return {service["service"]: service for service in environment["services"]}


def annotations(live: Live, service: str = "web", kind: str = "Deployment") -> dict[str, str]:
    found: dict[str, str] = live.kube.get(kind, live.namespace, service)["metadata"]["annotations"]
    return found


def test_the_cluster_follows_and_is_then_in_sync(behind: Live) -> None:
    commit = git(behind.remote, "rev-parse", "main")
    done = behind.sync("--wait").ok()
    assert "patched  ready" in done.stdout
    assert behind.image_of("web") == image("web", NEW)
    behind.diff().ok()
    noted = annotations(behind)
    assert noted["gitops-cli/commit"] == commit
    assert noted["gitops-cli/commit-time"].endswith("Z")
    assert noted["gitops-cli/actor"] == "Ada Lovelace"
    assert noted["kubernetes.io/change-cause"] == (
        f"gitops: web {OLD[:7]} → {NEW[:7]}, state {commit[:7]} by Ada Lovelace"
    )


def test_nothing_to_do_patches_nothing(behind: Live) -> None:
    behind.sync("--wait").ok()
    before = behind.kube.get("Deployment", behind.namespace, "web")["metadata"]["resourceVersion"]
    done = behind.sync().ok()
    assert "nothing to do" in done.stdout
    after = behind.kube.get("Deployment", behind.namespace, "web")["metadata"]["resourceVersion"]
    assert after == before


def test_only_as_many_requests_as_differences(behind: Live, api_proxy: ApiProxy) -> None:
    behind.record({"same.deployment": OLD})
    behind.running("same", OLD)
    through = behind.gitops.using(KUBECONFIG=api_proxy.kubeconfig)
    through("sync", behind.namespace).ok()
    assert sorted(r.method for r in api_proxy.seen()) == ["GET", "PATCH"]
    api_proxy.requests.clear()
    through("sync", behind.namespace).ok()
    assert [r.method for r in api_proxy.seen()] == ["GET"]


def test_the_document(behind: Live) -> None:
    behind.record({"same.deployment": OLD, "gone.deployment": OLD})
    behind.running("same", OLD)
    done = behind.sync("-o", "json", "--wait")
    assert done.code == 1, "one is missing"
    assert done.stderr == "" or "error" not in done.stderr
    document = done.json()
    assert (document["kind"], document["changed"], document["exit_code"]) == ("sync", True, 1)
    found = services(document)
    assert {name: one["action"] for name, one in found.items()} == {
        "web": "patched",
        "same": "unchanged",
        "gone": "missing",
    }
    assert (found["web"]["before"], found["web"]["wanted"]) == (
        image("web", OLD),
        image("web", NEW),
    )
    assert (found["web"]["rollout"], found["same"]["rollout"]) == ("ready", "ready")


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet", "CronJob"])
def test_other_kinds(live: Live, kind: str) -> None:
    live.record({f"db.{kind.lower()}": NEW})
    live.run(kind, "db", OLD)
    live.sync("--wait").ok()
    assert live.image_of("db", kind) == image("db", NEW)
    live.diff().ok()


def test_a_dry_run_changes_nothing_and_says_what_it_would(behind: Live, kube: Kube) -> None:
    for option in ("--dry-run", "--dry-run=client", "--dry-run=server"):
        done = behind.sync(option).ok()
        assert "would-patch" in done.stdout
        assert behind.image_of("web") == image("web", OLD)
    document = behind.sync("--dry-run=server", "-o", "json").json()
    assert (document["dry_run"], document["changed"]) == ("server", False)


def test_a_server_side_dry_run_hears_the_servers_objections(
    behind: Live, kube: Kube, control_plane: ControlPlane, tmp_path: Path
) -> None:
    token = kube.service_account(behind.namespace, "looker", LOOK)
    file = write_kubeconfig(
        tmp_path / "k", url=control_plane.url, ca_file=control_plane.ca_file, token=token
    )
    looker = behind.gitops.using(KUBECONFIG=file)
    assert looker("sync", behind.namespace, "--dry-run").code == 0
    assert looker("sync", behind.namespace, "--dry-run=server").code == 4


# --- which environments, and questions


def test_without_a_name_a_script_must_say_all(behind: Live) -> None:
    done = behind.gitops("sync")
    assert done.code == 2
    assert "--all" in done.stderr
    assert behind.image_of("web") == image("web", OLD)
    behind.gitops("sync", "--all").ok()
    assert behind.image_of("web") == image("web", NEW)


def test_on_a_terminal_the_plan_is_shown_and_confirmed(behind: Live) -> None:
    with behind.gitops.terminal("sync") as terminal:
        terminal.wait_for("would-patch")
        terminal.wait_for("Change 1 service in test?")
        terminal.type("n")
        terminal.press("enter")
        assert terminal.finish() == 1
    assert behind.image_of("web") == image("web", OLD)
    with behind.gitops.terminal("sync") as terminal:
        terminal.wait_for("Change 1 service in test?")
        terminal.type("y")
        terminal.press("enter")
        assert terminal.finish() == 0
    assert behind.image_of("web") == image("web", NEW)


def test_on_a_terminal_nothing_to_do_asks_nothing(behind: Live) -> None:
    behind.sync().ok()
    with behind.gitops.terminal("sync") as terminal:
        assert terminal.finish() == 0
        assert "nothing to do" in terminal.text


# --- waiting


def test_an_image_that_is_not_there_fails_before_the_time_out_with_the_pods_reason(
    behind: Live,
) -> None:
    behind.record({"web.deployment": ABSENT})
    begin = time.monotonic()
    done = behind.sync("--wait", "--timeout", "60s")
    assert done.code == 7
    assert time.monotonic() - begin < 20
    assert "not found" in done.stdout
    assert "kubectl describe pod web-" in done.stdout
    again = behind.sync("--wait", "--timeout", "60s", "-o", "json")
    assert again.code == 7, "the same command again tells the same"
    web = services(again.json())["web"]
    assert (web["action"], web["rollout"]) == ("unchanged", "failed")
    assert web["trouble"]["reason"] in ("ErrImagePull", "ImagePullBackOff")
    assert web["commands"][0].startswith("kubectl describe pod web-")


def test_a_back_off_alone_does_not_fail_before_the_deadline(live: Live) -> None:
    live.record({"web.deployment": NEW})
    fate = {"fake-node/fate": "unreachable", "fake-node/recover-after": "4s"}
    live.run("Deployment", "web", OLD, pod_annotations=fate)
    done = live.sync("--wait", "--timeout", "60s").ok()
    assert "ready" in done.stdout
    assert "i/o timeout" in done.stderr, "progress told what it waited for"


def test_a_crash_fails_at_the_progress_deadline_with_its_log(live: Live) -> None:
    live.record({"web.deployment": CRASHING})
    live.running("web", OLD, progressDeadlineSeconds=4)
    done = live.sync("--wait", "--timeout", "60s")
    assert done.code == 7
    assert "CrashLoopBackOff, exit code 1" in done.stdout
    assert "fatal, exit code 1" in done.stdout
    assert "--previous" in done.stdout


def test_a_rollout_that_takes_too_long_has_a_code_of_its_own(live: Live) -> None:
    live.record({"web.deployment": UNREADY})
    live.running("web", OLD)
    begin = time.monotonic()
    done = live.sync("--wait", "--timeout", "3s")
    assert done.code == 8
    assert 3 <= time.monotonic() - begin < 8
    assert "timed-out" in done.stdout


def test_one_service_failing_does_not_hide_the_others(behind: Live) -> None:
    behind.record({"api.deployment": ABSENT, "gone.deployment": NEW})
    behind.running("api", OLD)
    done = behind.sync("--wait", "-o", "json")
    assert done.code == 7
    assert {name: one["rollout"] for name, one in services(done.json()).items()} == {
        "api": "failed",
        "gone": None,
        "web": "ready",
    }


def test_what_its_own_settings_hold_back_ends_the_wait(live: Live) -> None:
    live.record({"db.statefulset": NEW})
    live.run("StatefulSet", "db", OLD, updateStrategy={"type": "OnDelete"})
    live.kube.wait_rolled_out("StatefulSet", live.namespace, "db")
    done = live.sync("--wait", "--timeout", "60s")
    assert done.code == 1
    assert "OnDelete" in done.stdout


# --- safety


def test_a_lock_protects_the_recorded_version_and_the_cluster_goes_on_following(
    behind: Live,
) -> None:
    behind.record({"web.lock": 'by = "Ada"\nreason = "rolled back"'})
    behind.sync().ok()
    assert behind.image_of("web") == image("web", NEW)


def test_a_newer_state_commit_is_left_alone(behind: Live) -> None:
    old = git(behind.remote, "rev-parse", "main")
    newer = behind.record({"web.deployment": OLD, "note.deployment": OLD})
    behind.kube.annotate("Deployment", behind.namespace, "web", **{"gitops-cli/commit": newer})
    git(behind.remote, "update-ref", "refs/heads/main", old)
    git(behind.clone, "fetch", "-q", behind.remote, newer)
    done = behind.sync()
    assert done.code == 1
    assert f"it records state commit {newer[:7]}, which is newer than {old[:7]}" in done.stdout
    assert behind.image_of("web") == image("web", OLD)
    behind.sync("--rev", old).ok()
    assert behind.image_of("web") == image("web", NEW)


def test_an_unknown_state_commit_counts_only_against_a_stale_one(behind: Live) -> None:
    git(behind.clone, "pull", "-q")
    behind.kube.annotate("Deployment", behind.namespace, "web", **{"gitops-cli/commit": "d" * 40})
    offline = behind.sync("--offline")
    assert offline.code == 1
    assert "unknown here" in offline.stdout
    assert behind.image_of("web") == image("web", OLD)
    behind.sync().ok()
    assert behind.image_of("web") == image("web", NEW)


def test_going_back_in_time_is_said_and_done(behind: Live) -> None:
    first = git(behind.remote, "rev-parse", "main")
    behind.record({"web.deployment": OLD})
    behind.sync().ok()
    behind.sync("--rev", first, "--wait").ok()
    assert behind.image_of("web") == image("web", NEW)


def test_a_missing_right_in_one_namespace_leaves_all_unchanged(
    behind: Live, kube: Kube, control_plane: ControlPlane, tmp_path: Path
) -> None:
    other = f"{behind.namespace}-b"
    kube.create_namespace(other)
    behind.record(
        {"images_path": "registry.example.com/shop/", "web.deployment": NEW}, environment=other
    )
    kube.create(deployment("web", image("web", OLD)), other)
    token = kube.service_account(behind.namespace, "bot", PATCH)
    role = {"kind": "Role", "apiGroup": "rbac.authorization.k8s.io", "name": "look"}
    metadata = {"name": "look", "namespace": other}
    version = "rbac.authorization.k8s.io/v1"
    kube.create({"apiVersion": version, "kind": "Role", "metadata": metadata, "rules": LOOK})
    account = {"kind": "ServiceAccount", "name": "bot", "namespace": behind.namespace}
    kube.create(
        {"apiVersion": version, "kind": "RoleBinding", "metadata": metadata}
        | {"subjects": [account], "roleRef": role}
    )
    file = write_kubeconfig(
        tmp_path / "k", url=control_plane.url, ca_file=control_plane.ca_file, token=token
    )
    bot = behind.gitops.using(KUBECONFIG=file)
    eventually(lambda: bot("diff", other).code == 1)
    done = bot("sync", behind.namespace, other)
    assert done.code == 4
    assert f"not permitted to patch deployments.apps in {other}; nothing was changed" in done.stderr
    assert behind.image_of("web") == image("web", OLD)
    bot("sync", behind.namespace).ok()
    assert behind.image_of("web") == image("web", NEW)
    kube.delete_namespace(other)


def test_a_role_that_names_its_workloads_is_enough(
    behind: Live, kube: Kube, control_plane: ControlPlane, tmp_path: Path
) -> None:
    behind.record({"db.statefulset": NEW})
    behind.run("StatefulSet", "db", OLD)
    rules: list[dict[str, list[str]]] = [
        {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets"], "verbs": ["list"]},
        {
            "apiGroups": ["apps"],
            "resources": ["deployments", "statefulsets"],
            "resourceNames": ["web", "db"],
            "verbs": ["get", "patch"],
        },
    ]
    token = kube.service_account(behind.namespace, "bot", rules)
    file = write_kubeconfig(
        tmp_path / "k", url=control_plane.url, ca_file=control_plane.ca_file, token=token
    )
    behind.gitops.using(KUBECONFIG=file)("sync", behind.namespace).ok()
    assert behind.image_of("db", "StatefulSet") == image("db", NEW)


def test_files_in_error_leave_their_environment_unchanged(behind: Live) -> None:
    behind.record({"api.deployment": "oops no"})
    done = behind.sync()
    assert done.code == 2
    assert f"{behind.namespace}/api.deployment:1" in done.stderr
    assert behind.image_of("web") == image("web", OLD)


def test_the_wrong_cluster_is_refused_before_anything_else(behind: Live) -> None:
    stage = behind.namespace.rpartition("-")[2]
    behind.record({"/gitops.toml": f'stages = ["{stage}"]\n[stage.{stage}]\ncluster = "prod"'})
    done = behind.sync("--context", "test", "--yes")
    assert done.code == 6
    assert behind.image_of("web") == image("web", OLD)


# --- races and faults


def test_a_kubectl_set_image_in_the_middle_is_seen_and_the_recorded_version_wins(
    behind: Live, kube: Kube, api_proxy: ApiProxy
) -> None:
    def somebody() -> None:
        kube.set_image("Deployment", behind.namespace, "web", "web", image("web", ABSENT))

    api_proxy.on(Meanwhile(somebody), "PATCH")
    through = behind.gitops.using(KUBECONFIG=api_proxy.kubeconfig)
    through("sync", behind.namespace).ok()
    assert behind.image_of("web") == image("web", NEW)
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


def test_two_syncs_at_once(behind: Live) -> None:
    names = [f"s{index}" for index in range(8)]
    behind.record({f"{name}.deployment": NEW for name in names})
    for name in names:
        behind.run("Deployment", name, OLD, replicas=0)
    with (
        behind.gitops.start("sync", behind.namespace, "-o", "json") as one,
        behind.gitops.start("sync", behind.namespace, "-o", "json") as other,
    ):
        outputs = [process.communicate(timeout=60) for process in (one, other)]
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


def test_a_server_that_dies_between_list_and_patch_is_no_success_and_again_finishes_it(
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


def test_fail_fast_begins_nothing_more(behind: Live, api_proxy: ApiProxy) -> None:
    names = [f"s{index:02}" for index in range(40)]
    behind.record({f"{name}.deployment": NEW for name in names})
    for name in names:
        behind.run("Deployment", name, OLD, replicas=0)
    api_proxy.on(Answer(400), "PATCH", times=1)
    through = behind.gitops.using(KUBECONFIG=api_proxy.kubeconfig)
    done = through("sync", behind.namespace, "--fail-fast", "-o", "json")
    assert done.code == 5
    actions = [one["action"] for one in services(done.json()).values()]
    assert actions.count("error") == 1
    assert actions.count("not-tried") > 5


def test_a_server_that_hangs_while_we_wait_ends_in_time(behind: Live, api_proxy: ApiProxy) -> None:
    api_proxy.on(Hang(3), "GET", "deployments", skip=1, times=100)
    api_proxy.on(Hang(3), "GET", "pods", times=100)
    through = behind.gitops.using(KUBECONFIG=api_proxy.kubeconfig)
    begin = time.monotonic()
    done = through("sync", behind.namespace, "--wait", "--timeout", "2s")
    assert done.code in (5, 8), str(done)
    assert time.monotonic() - begin < 8
    assert behind.image_of("web") == image("web", NEW)


POLICY = "admissionregistration.k8s.io/v1"


def test_a_patch_that_does_not_stick_is_reported_and_not_repeated(
    behind: Live, kube: Kube, mutate: Callable[[str, str], None]
) -> None:
    mutate(behind.namespace, image("web", OLD))
    done = behind.sync()
    assert done.code == 1
    assert "reverted" in done.stdout
    generation = kube.get("Deployment", behind.namespace, "web")["metadata"]["generation"]
    again = behind.sync()
    assert again.code == 1
    assert "not tried again" in again.stdout
    found = kube.get("Deployment", behind.namespace, "web")["metadata"]
    assert found["generation"] == generation


@pytest.fixture
def mutate(kube: Kube) -> Any:
    """Return what lets admission put an image into every Deployment of a namespace."""
    made: list[tuple[str, str]] = []

    def install(namespace: str, wanted: str) -> None:
        base = f"/apis/{POLICY}"
        name = f"mutate-{namespace}"
        constraints = {
            "resourceRules": [
                {
                    "apiGroups": ["apps"],
                    "apiVersions": ["v1"],
                    "operations": ["UPDATE"],
                    "resources": ["deployments"],
                }
            ],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        }
        expression = (
            '[JSONPatch{op: "replace", path: "/spec/template/spec/containers/0/image", '
            f'value: "{wanted}"}}]'
        )
        kube.request(
            "POST",
            f"{base}/mutatingadmissionpolicies",
            {
                "apiVersion": POLICY,
                "kind": "MutatingAdmissionPolicy",
                "metadata": {"name": name},
                "spec": {
                    "matchConstraints": constraints,
                    "failurePolicy": "Fail",
                    "reinvocationPolicy": "Never",
                    "mutations": [
                        {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}
                    ],
                },
            },
        )
        made.append((f"{base}/mutatingadmissionpolicies", name))
        kube.request(
            "POST",
            f"{base}/mutatingadmissionpolicybindings",
            {
                "apiVersion": POLICY,
                "kind": "MutatingAdmissionPolicyBinding",
                "metadata": {"name": name},
                "spec": {"policyName": name},
            },
        )
        made.append((f"{base}/mutatingadmissionpolicybindings", name))

        def holds() -> bool:
            probe = [{"op": "replace", "path": "/spec/template/spec/containers/0/image"}]
            probe[0]["value"] = "probe:1"
            answer = kube.patch("Deployment", namespace, "web", probe, dryRun="All")
            return bool(answer["spec"]["template"]["spec"]["containers"][0]["image"] == wanted)

        eventually(holds)

    yield install
    for collection, name in made:
        kube.request("DELETE", f"{collection}/{name}")
