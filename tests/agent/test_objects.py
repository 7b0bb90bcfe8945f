"""The agent and manifests, on the real API server with the agent's own token and Role."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops_cli.agent.model.manifests import manifests
from gitops_cli.agent.model.spec import NAME, AgentSpec, ManifestRights
from gitops_cli.agent.view import manifests_yaml
from gitops_cli.domain.names import EnvironmentName
from tests.agent.signer import Signer
from tests.agent.world import apply, spec_of
from tests.cli.live import NEW, OLD, Live, image, make_live
from tests.cli.manifested import Object, config_map, record
from tests.testbed import sops
from tests.testbed.controlplane import ControlPlane
from tests.testbed.git import git
from tests.testbed.gitops import Gitops, Ran
from tests.testbed.kube import Kube, path
from tests.testbed.kubeconfig import write_kubeconfig
from tests.testbed.manifests import deployment
from tests.testbed.sshd import Sshd

KINDS = frozenset({("", "configmaps"), ("apps", "deployments")})


@dataclass(frozen=True)
class Followed:
    """An environment with manifests, and an agent that follows it."""

    live: Live
    kubeconfig: Path

    def run(self, *options: str) -> Ran:
        """Run the agent once, as its pod would."""
        arguments = ["--repo", str(self.live.remote), "--env", self.live.namespace, *options]
        return self.live.gitops("agent", "run", *arguments, "--kubeconfig", str(self.kubeconfig))

    def status(self) -> Mapping[str, str]:
        """Return what the agent wrote last."""
        found: Mapping[str, str] = self.live.kube.get("ConfigMap", self.live.namespace, NAME)[
            "data"
        ]
        return found

    def data(self, name: str, kind: str = "ConfigMap") -> Any:
        return self.live.kube.get(kind, self.live.namespace, name).get("data")

    def exists(self, name: str, kind: str = "ConfigMap") -> bool:
        return self.live.kube.exists(kind, self.live.namespace, name)

    def settings(self, text: str) -> None:
        """Say something of the environment's stage."""
        stage = self.live.namespace.rpartition("-")[2]
        self.live.record({"/gitops.toml": f'stages = ["{stage}"]\n[stage.{stage}]\n{text}'})


@pytest.fixture
def live(
    tmp_path: Path, gitops: Gitops, kube: Kube, namespace: str, control_plane: ControlPlane
) -> Live:
    return make_live(tmp_path, gitops, kube, namespace, control_plane.kubeconfig)


def install(live: Live, rights: ManifestRights | None) -> None:
    """Give an environment's agent the rights for manifests; None: for images alone."""
    given = {} if rights is None else {EnvironmentName(live.namespace): rights}
    spec: AgentSpec = spec_of(live.namespace, manifests=given, applies=bool(given))
    apply(live.kube, manifests_yaml(manifests(spec)))
    live.kube.patch("CronJob", live.namespace, NAME, {"spec": {"suspend": True}})


@pytest.fixture
def followed(live: Live, control_plane: ControlPlane, tmp_path: Path) -> Followed:
    install(live, ManifestRights(KINDS, prune=True))
    kubeconfig = write_kubeconfig(
        tmp_path / "agent.kubeconfig",
        url=control_plane.url,
        ca_file=control_plane.ca_file,
        token=live.kube.token(live.namespace, NAME),
    )
    return Followed(live, kubeconfig)


def role_named(name: str) -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": name},
        "rules": [],
    }


def test_objects_follow_with_the_versions_in_them(followed: Followed) -> None:
    commit = record(followed.live, config_map(a="1"), deployment("web", image("web", OLD)), web=NEW)

    ran = followed.run().ok()

    assert followed.live.image_of("web") == image("web", NEW)
    assert followed.data("web") == {"a": "1"}
    status = followed.status()
    assert (status["commit"], status["result"]) == (commit, "changed")
    assert status["message"] == "web → " + NEW + ", 2 objects created"
    assert "2 objects created" in ran.stdout
    made = followed.live.kube.get("Deployment", followed.live.namespace, "web")
    assert made["metadata"]["annotations"]["gitops-cli/commit"] == commit
    followed.live.kube.wait_rolled_out("Deployment", followed.live.namespace, "web")
    followed.live.diff().ok()
    before = made["metadata"]["generation"]
    followed.run()
    again = followed.status()
    assert again["message"].endswith("1 service, 2 objects, nothing to change")
    made = followed.live.kube.get("Deployment", followed.live.namespace, "web")
    assert made["metadata"]["generation"] == before


def test_what_left_the_repository_goes_where_the_stage_says_so(followed: Followed) -> None:
    record(followed.live, config_map("a", a="1"), config_map("b", b="1"))
    followed.run().ok()
    record(followed.live, config_map("b", b="1"))
    followed.run().ok()
    assert followed.exists("a"), "nobody said prune"

    followed.settings("prune = true")
    followed.run().ok()

    assert not followed.exists("a")
    assert followed.exists("b")
    assert followed.status()["message"] == "1 object pruned"


def test_most_of_what_is_there_goes_by_no_push_alone(followed: Followed) -> None:
    followed.settings("prune = true")
    names = ["one", "two", "three", "four", "five"]
    record(followed.live, *(config_map(name, a="1") for name in names))
    followed.run().ok()
    record(followed.live, config_map("one", a="1"))

    ran = followed.run()

    assert ran.code == 6
    error = followed.status()["error"]
    assert "nothing is removed: 4 of its 5 objects would go" in error
    assert all(followed.exists(name) for name in names)
    followed.live.record({f"/{followed.live.namespace}/manifests/all.yaml": "# nothing"})
    assert followed.run().code == 2, "nor by an empty directory"
    assert all(followed.exists(name) for name in names)


def test_drift_is_put_back_or_reported(followed: Followed) -> None:
    live = followed.live
    record(live, config_map(a="1"), deployment("web", image("web", OLD)), web=NEW)
    followed.run().ok()

    def by_hand(manager: str = "kubectl-edit") -> None:
        change = {"data": {"a": f"by {manager}"}}
        where = path("ConfigMap", live.namespace, "web")
        merge = "application/merge-patch+json"
        live.kube.request("PATCH", where, change, content_type=merge, fieldManager=manager)
        pod = {"containers": [{"name": "web", "image": image("web", OLD)}]}
        if not manager.startswith("kubectl"):
            return
        where = path("Deployment", live.namespace, "web")
        live.kube.request(
            "PATCH",
            where,
            {"spec": {"template": {"spec": pod}}},
            content_type="application/strategic-merge-patch+json",
            fieldManager=manager,
        )

    by_hand("operator")
    assert followed.run().code == 6
    assert "operator has .data.a" in followed.status()["error"], "it would take it again"
    by_hand()
    followed.run()
    assert followed.data("web") == {"a": "1"}
    assert live.image_of("web") == image("web", NEW)

    followed.settings('drift = "report"')
    by_hand()
    ran = followed.run()

    assert ran.code == 1
    assert followed.data("web") == {"a": "by kubectl-edit"}
    assert live.image_of("web") == image("web", OLD)
    status = followed.status()
    assert status["result"] == "failed"
    assert "configmap/web: changed by hand, and left so" in status["error"]
    assert "web: changed by hand, and left so" in status["error"]
    record(live, config_map(a="2"), deployment("web", image("web", OLD)), web=NEW)
    assert followed.run().code == 6, "nor is it taken where git changes the same"
    assert "kubectl-edit has .data.a" in followed.status()["error"]


def test_a_kind_that_the_role_lacks_is_told_and_the_rest_goes_on(followed: Followed) -> None:
    live = followed.live
    record(live, config_map(a="1"), role_named("reads"))

    ran = followed.run()

    assert ran.code == 4
    assert followed.data("web") == {"a": "1"}
    assert followed.status()["error"] == (
        f"{live.namespace}: the agent's Role lacks get, list, create, patch on "
        f"roles.rbac.authorization.k8s.io; `gitops agent install {live.namespace}` gives it the "
        "rights"
    )
    install(live, ManifestRights(KINDS | {("rbac.authorization.k8s.io", "roles")}))
    followed.run().ok()
    assert followed.exists("reads", "Role")


def test_an_agent_with_a_role_for_images_goes_on_with_them(followed: Followed) -> None:
    live = followed.live
    install(live, None)
    live.running("web", OLD)
    record(live, config_map(a="1"), deployment("web", image("web", OLD)), web=NEW)

    ran = followed.run()

    assert ran.code == 4
    assert live.image_of("web") == image("web", NEW)
    assert not followed.exists("web")
    assert "the agent's Role is for images alone" in followed.status()["error"]
    live.running("other", OLD)
    followed.run("--images-only", live.namespace).ok()


def test_objects_of_the_whole_cluster_are_left_to_people(followed: Followed) -> None:
    space = {"apiVersion": "v1", "kind": "Namespace"}
    space["metadata"] = {"name": followed.live.namespace, "labels": {"team": "a"}}  # type: ignore[assignment]
    record(followed.live, space, config_map(a="1"))

    followed.run().ok()

    left = "1 object of the whole cluster left to `gitops sync`"
    assert followed.status()["message"] == f"1 object created, {left}"
    made = followed.live.kube.get("Namespace", None, followed.live.namespace)
    assert "team" not in made["metadata"]["labels"]
    seen = followed.live.gitops("diff", followed.live.namespace, "--as-agent").ok()
    assert "1 object in sync" in seen.stdout + seen.stderr


def test_a_shared_directory_is_read_anew_where_the_last_runs_pack_lacks_it(
    followed: Followed,
) -> None:
    live = followed.live
    followed.settings('manifests = "../shared"')
    live.record({"/shared/a.yaml": yaml.safe_dump(config_map(a="1"))})
    followed.run().ok()
    trace = followed.live.remote.parent / "trace"
    traced = replace(followed, live=replace(live, gitops=live.gitops.using(GIT_TRACE_PACKET=trace)))
    traced.run().ok()
    assert "command=fetch" not in trace.read_text(), "the pack had it"
    config = live.kube.get("ConfigMap", live.namespace, NAME)
    whole = config["binaryData"]
    listed = git(live.remote, "ls-tree", "-r", "main", "--", "gitops.toml", live.namespace)
    oids = [line.split()[2] for line in listed.splitlines()]
    oids += git(live.remote, "rev-parse", "main", "main^{tree}", f"main:{live.namespace}").split()
    less = subprocess.run(
        ["git", "-C", live.remote, "pack-objects", "--stdout", "-q"],
        input="\n".join(oids).encode(),
        capture_output=True,
        check=True,
    ).stdout
    patch = {"binaryData": {"tip.pack": base64.b64encode(less).decode()}}
    live.kube.patch("ConfigMap", live.namespace, NAME, patch)
    live.kube.delete("ConfigMap", live.namespace, "web")

    followed.run().ok()

    assert followed.data("web") == {"a": "1"}
    assert live.kube.get("ConfigMap", live.namespace, NAME)["binaryData"] == whole


def test_a_secret_of_sops_is_decrypted_once_and_not_again(
    followed: Followed, tmp_path: Path
) -> None:
    notes = sops.install(tmp_path / "tools")
    live = followed.live
    install(live, ManifestRights(KINDS | {("", "secrets")}))
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}}
    sealed = sops.sealed(secret | {"stringData": {"password": "hunter2"}})
    record(live, config_map(a="1"), sealed)
    missing = followed.run()
    assert missing.code == 2
    assert "`sops` is not on PATH" in followed.status()["error"]
    assert followed.data("web") == {"a": "1"}
    with_key = replace(
        followed,
        live=replace(
            live, gitops=live.gitops.using(PATH=f"{tmp_path / 'tools'}:{os.environ['PATH']}")
        ),
    )

    with_key.run().ok()
    with_key.run().ok()

    assert followed.data("db", "Secret") == {"password": "aHVudGVyMg=="}
    assert len(sops.starts(notes)) == 1
    assert "hunter2" not in str(followed.status())


def printed(live: Live, *options: str) -> dict[str, Object]:
    """Return what `agent manifests` prints, by kind; the ConfigMap is the set's."""
    url = ("--agent-repo", "ssh://git@git.example.com/state.git", "--image", "x/y:1")
    done = live.gitops("agent", "manifests", live.namespace, *url, "-o", "json", *options).ok()
    return {item["kind"]: item for item in done.json()["items"]}


def rights(role: Object) -> set[tuple[str, str, str]]:
    return {
        (group, resource, " ".join(rule["verbs"]))
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        if "resourceNames" not in rule
    }


def test_the_role_is_made_of_the_kinds_in_the_manifests(live: Live) -> None:
    settings = 'stages = ["{0}"]\n[stage.{0}]\nprune = true'
    live.record({"/gitops.toml": settings.format(live.namespace.rpartition("-")[2])})
    before = printed(live)["Role"]
    widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
    wide = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": live.namespace}}
    hidden = sops.sealed({"apiVersion": "v1", "kind": "Secret"}, only=("apiVersion", "kind"))
    record(live, config_map(a="1"), widget, wide)
    live.record({f"/{live.namespace}/manifests/hidden.yaml": sops.as_yaml(hidden)})

    made = printed(live)

    images = {("apps", "deployments", "get list patch"), ("", "pods", "list")}
    images.add(("", "events", "create"))
    assert rights(before) == images
    verbs = "get list create patch delete"
    kinds = {("", "configmaps"), ("", "secrets"), ("example.com", "widgets")}
    assert rights(made["Role"]) == images | {(*kind, verbs) for kind in kinds}
    assert made["ConfigMap"]["metadata"]["name"] == "gitops-manifests"
    pod = made["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert {volume["name"] for volume in pod["volumes"]} == {"key", "scratch", "notify", "sops"}
    restricted = printed(live, "--restrict")
    assert rights(restricted["Role"]) == images
    pod = restricted["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert f"--images-only={live.namespace}" in pod["containers"][0]["command"]


def test_manifests_that_cannot_be_rendered_install_nothing(live: Live) -> None:
    live.record({f"/{live.namespace}/manifests/kustomization.yaml": "resources: [../../away]"})
    done = live.gitops(
        "agent", "manifests", live.namespace, "--agent-repo", "ssh://git@x/y", "--image", "x/y:1"
    )
    assert done.code == 2
    assert "`../../away`" in done.stderr


@pytest.mark.node
def test_a_manifest_that_cannot_be_read_is_told_where_the_rights_are_made(live: Live) -> None:
    record(live, config_map(a="1"))
    live.record({f"/{live.namespace}/manifests/broken.yaml": "kind: Deployment\nmetadata: [b"})

    where = ("--agent-repo", "ssh://git@git.example.com/state", "--image", "x/y:1")
    ran = live.gitops("agent", "manifests", live.namespace, *where).ok()

    [told] = [line for line in ran.stderr.splitlines() if "broken.yaml" in line]
    assert f"{live.namespace}/manifests/broken.yaml:3: " in told
    assert "may be missing from the agent's Role: mend it, and install once more" in told


@pytest.mark.sweep
def test_install_shows_and_makes_the_rights_and_again_gives_a_new_kind(
    live: Live, sshd: Sshd
) -> None:
    record(live, config_map(a="1"))
    options = (
        *("--agent-repo", sshd.url(live.remote), "--key", str(sshd.add_reader("reader"))),
        *("--known-hosts", str(sshd.known_hosts), "--image", "x/y:1", "--no-verify-image"),
    )

    def install(*more: str) -> Ran:
        return live.gitops("agent", "install", live.namespace, *options, *more)

    shown = install("--dry-run", "-o", "json").ok().json()["objects"]
    [role] = [one for one in shown if one["kind"] == "Role"]
    assert "may get, list, create, patch: configmaps" in role["changes"]
    assert not live.kube.exists("Role", live.namespace, NAME)
    install("--yes").ok()
    assert live.kube.exists("ConfigMap", live.namespace, "gitops-manifests")
    live.kube.patch("CronJob", live.namespace, NAME, {"spec": {"suspend": True}})
    live.sync().ok()
    record(live, role_named("reads"))
    changed = install("--dry-run", "-o", "json").ok().json()["objects"]
    [role] = [one for one in changed if one["kind"] == "Role"]
    assert role["changes"] == ["more rights: get roles, list roles, create roles, patch roles"], (
        "configmaps stay: one was applied"
    )
    install("--yes").ok()
    live.record({f"/{live.namespace}/manifests/broken.yaml": "a: [b"})
    for ran in (install("--dry-run"), install("--yes")):
        assert f"{live.namespace}/manifests/broken.yaml:2:" in ran.ok().stderr
        assert "its kind may be missing from the agent's Role" in ran.stderr
    live.gitops("agent", "uninstall", live.namespace, "--yes").ok()
    assert live.kube.exists("ConfigMap", live.namespace, "gitops-manifests"), "it is sync's"


def test_only_what_a_trusted_commit_has_is_applied(followed: Followed, tmp_path: Path) -> None:
    live = followed.live
    record(live, config_map(a="0"))
    signer = Signer(live.clone, tmp_path, "ssh")
    trusted = f"--require-signed={signer.signers}"
    file = f"{live.namespace}/manifests/all.yaml"
    assert followed.run(trusted).code == 6, "nobody signed it"
    assert not followed.exists("web")
    good = signer.record(file, yaml.safe_dump(config_map(a="1")), sign=True)
    followed.run(trusted).ok()
    signer.record(file, yaml.safe_dump(config_map(a="2")), sign=False)

    ran = followed.run(trusted)

    assert ran.code == 6
    assert followed.data("web") == {"a": "1"}
    assert f"{good[:7]}, the newest that is, is followed instead" in followed.status()["error"]


def test_one_environment_in_error_keeps_no_other_from_its_objects(
    followed: Followed,
) -> None:
    record(followed.live, config_map(a="1"))

    ran = followed.run("--env", f"{followed.live.namespace}-away")

    assert ran.code == 2, "the other one is not in the repository"
    assert followed.data("web") == {"a": "1"}
