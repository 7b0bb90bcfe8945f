"""What `gitops sync` leaves alone: newer commits, other clusters, what it may not."""

from __future__ import annotations

from pathlib import Path

from tests.cli.live import NEW, OLD, Live, image
from tests.cli.synced import LOOK, PATCH
from tests.testbed.controlplane import ControlPlane
from tests.testbed.git import git
from tests.testbed.kube import Kube
from tests.testbed.kubeconfig import write_kubeconfig
from tests.testbed.manifests import deployment
from tests.testbed.patience import eventually


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


def test_with_get_list_and_patch_everything_works_but_explanations(
    behind: Live, kube: Kube, control_plane: ControlPlane, tmp_path: Path
) -> None:
    token = kube.service_account(behind.namespace, "bot", PATCH)
    file = write_kubeconfig(
        tmp_path / "k", url=control_plane.url, ca_file=control_plane.ca_file, token=token
    )
    bot = behind.gitops.using(KUBECONFIG=file)
    missing = f"{behind.namespace}: not permitted to list pods"
    for command in (["diff"], ["sync", "--wait", "--timeout", "2m"], ["wait"], ["diff"]):
        done = bot(*command[:1], behind.namespace, *command[1:])
        assert done.code == (1 if "differs" in done.stdout else 0), done
        assert missing in done.stderr, command
    assert behind.image_of("web") == image("web", NEW)
    captured = bot("capture", behind.namespace).ok()
    assert "not permitted to list statefulsets.apps" in captured.stderr


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
