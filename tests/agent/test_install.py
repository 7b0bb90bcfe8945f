"""`gitops agent install`: everything is tried before the first object is written."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gitops_cli.agent.model.spec import (
    IDENTITY,
    KEY_SECRET,
    KNOWN_HOSTS,
    NAME,
    NEXT_IDENTITY,
    SIGNERS,
)
from tests.agent.conftest import Images
from tests.agent.world import UNSEEN, installed_objects
from tests.testbed.article import Article, deploy
from tests.testbed.controlplane import ControlPlane
from tests.testbed.git import git
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube
from tests.testbed.kubeconfig import write_kubeconfig
from tests.testbed.patience import eventually
from tests.testbed.ports import free_port
from tests.testbed.sshd import Sshd

NOBODY = "ssh://git@127.0.0.1:{port}/state.git"
HOST_KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
SIGNER = "ada@example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsa\n"


def test_a_repository_that_does_not_answer_installs_nothing(
    cli: Gitops, kube: Kube, environment: str, tmp_path: Path
) -> None:
    url = NOBODY.format(port=free_port())
    key, known_hosts = tmp_path / "key", tmp_path / "known_hosts"
    cli("agent", "key", environment, "--agent-repo", url, "--out", key).ok()
    known_hosts.write_text(f"[127.0.0.1]:{url.split(':')[2].split('/')[0]} ssh-ed25519 {HOST_KEY}")
    options = ["--agent-repo", url, "--key", key, "--known-hosts", known_hosts, "--image", "x/y:1"]

    ran = cli("agent", "install", environment, *options, "--yes")

    assert ran.code == 3, str(ran)
    assert "Connection refused" in ran.stderr
    assert url in ran.stderr
    assert installed_objects(kube, environment) == []


def test_without_a_key_and_a_person_nothing_is_made(
    cli: Gitops, kube: Kube, environment: str
) -> None:
    options = ["--agent-repo", NOBODY.format(port=22), "--image", "x/y:1"]

    ran = cli("agent", "install", environment, *options, "--yes")

    assert ran.code == 2
    assert f"{environment} has no deploy key yet" in ran.stderr
    assert f"gitops agent key {environment}" in ran.stderr
    assert installed_objects(kube, environment) == []


@pytest.mark.node
def test_a_key_that_the_repository_does_not_know_installs_nothing(
    cli: Gitops, kube: Kube, environment: str, baked: list[str], sshd: Sshd
) -> None:
    (sshd.directory / "authorized_keys").write_text("")

    ran = cli("agent", "install", environment, *baked, "--yes")

    assert ran.code == 4, str(ran)
    assert "Permission denied" in ran.stderr
    assert "register the agent's key as a read-only deploy key" in ran.stderr
    assert "ssh-ed25519 " in ran.stderr
    assert "credentials" not in ran.stderr
    assert installed_objects(kube, environment) == []


@pytest.mark.node
def test_another_host_key_than_the_pinned_one_installs_nothing(
    cli: Gitops, kube: Kube, environment: str, baked: list[str], sshd: Sshd
) -> None:
    sshd.known_hosts.write_text(f"[127.0.0.1]:{sshd.port} ssh-ed25519 {HOST_KEY}\n")

    ran = cli("agent", "install", environment, *baked, "--yes")

    assert ran.code == 4, str(ran)
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in ran.stderr
    assert "`gitops agent key ENV` shows the server's host keys" in ran.stderr
    assert sshd.logins() == 0
    assert installed_objects(kube, environment) == []


@pytest.mark.node
def test_a_missing_image_installs_nothing(
    cli: Gitops, kube: Kube, environment: str, baked: list[str], images: Images
) -> None:
    images.paths.clear()

    ran = cli("agent", "install", environment, *baked, "--yes")

    assert ran.code == 6, str(ran)
    assert f"no image {baked[-1]}" in ran.stderr
    assert "--no-verify-image" in ran.stderr
    assert installed_objects(kube, environment) == []
    cli("agent", "install", environment, *baked, "--yes", "--no-verify-image").ok()
    assert kube.exists("CronJob", environment, NAME)


@pytest.mark.node
def test_a_right_missing_in_the_last_namespace_is_found_before_the_first_is_written(
    cli: Gitops,
    kube: Kube,
    article: Article,
    environment: str,
    baked: list[str],
    control_plane: ControlPlane,
    tmp_path: Path,
) -> None:
    last = article.environment("staging")
    deploy(kube, article, environments=[last], without_pods=UNSEEN)
    token = kube.service_account(environment, "installer", rights_to_install("create"))
    grant(kube, last, environment, "installer", rights_to_install())
    limited = write_kubeconfig(
        tmp_path / "limited", url=control_plane.url, ca_file=control_plane.ca_file, token=token
    )
    command = ["agent", "install", environment, last, *baked, "--yes", "--kubeconfig", limited]

    eventually(lambda: "roles.rbac" in cli(*command).stderr)  # new rights take a moment
    refused = cli(*command)

    assert refused.code == 4, str(refused)
    assert f"roles.rbac.authorization.k8s.io {NAME} in {last}" in refused.stderr
    assert installed_objects(kube, environment) == []
    assert installed_objects(kube, last) == []

    kube.patch("Role", last, "installer", {"rules": rights_to_install("create")})
    eventually(lambda: cli(*command).code == 0)
    assert installed_objects(kube, environment) == installed_objects(kube, last) != []


def rights_to_install(*more: str) -> list[dict[str, list[str]]]:
    """Return the rules of somebody who may install an agent if `more` is create on Roles."""
    but = ["get", "patch", "escalate", "bind"]
    rbac, usual = "rbac.authorization.k8s.io", ["get", "create", "patch"]
    core = ["serviceaccounts", "configmaps", "secrets"]
    return [
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": core, "verbs": usual},
        {"apiGroups": ["batch"], "resources": ["cronjobs"], "verbs": usual},
        {"apiGroups": [rbac], "resources": ["rolebindings"], "verbs": usual},
        # escalate and bind: a Role may grant what its maker does not have
        {"apiGroups": [rbac], "resources": ["roles"], "verbs": [*but, *more]},
    ]


def grant(
    kube: Kube, namespace: str, home: str, account: str, rules: list[dict[str, list[str]]]
) -> None:
    """Give an account of the namespace `home` rights in another one."""
    metadata = {"name": account, "namespace": namespace}
    api = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": metadata}
    role = {"kind": "Role", "apiGroup": "rbac.authorization.k8s.io", "name": account}
    subject = {"kind": "ServiceAccount", "name": account, "namespace": home}
    kube.create({**api, "kind": "Role", "rules": rules})
    kube.create({**api, "kind": "RoleBinding", "subjects": [subject], "roleRef": role})


@pytest.mark.node
def test_the_plan_is_shown_and_may_be_declined(
    cli: Gitops, kube: Kube, environment: str, baked: list[str]
) -> None:
    with cli.terminal("agent", "install", environment, *baked) as terminal:
        terminal.wait_for("Install it?")
        shown = terminal.text
        terminal.type("n")
        terminal.press("enter")
        assert terminal.finish() == 1
        said = terminal.text

    for kind in ("ServiceAccount", "Role", "RoleBinding", "ConfigMap", "Secret", "CronJob"):
        assert f"create {kind} {NAME}" in shown
    assert "declined; nothing was changed" in said
    assert installed_objects(kube, environment) == []


@pytest.mark.node
def test_the_plan_may_be_agreed_to(
    cli: Gitops, kube: Kube, environment: str, baked: list[str]
) -> None:
    with cli.terminal("agent", "install", environment, *baked) as terminal:
        terminal.wait_for("Install it?")
        terminal.type("y")
        terminal.press("enter")
        assert terminal.finish() == 0

    assert kube.exists("CronJob", environment, NAME)
    again = cli("agent", "install", environment, *baked, "-o", "json").ok()  # nothing to ask
    assert {planned["step"] for planned in again.json()["objects"]} == {"keep"}


@pytest.mark.node
def test_without_a_person_the_plan_needs_yes(
    cli: Gitops, kube: Kube, environment: str, baked: list[str]
) -> None:
    ran = cli("agent", "install", environment, *baked)

    assert ran.code == 2
    assert "--yes" in ran.stderr
    assert installed_objects(kube, environment) == []


@pytest.mark.node
def test_a_dry_run_says_what_it_would_write_and_writes_nothing(
    cli: Gitops, kube: Kube, environment: str, baked: list[str]
) -> None:
    ran = cli("agent", "install", environment, *baked, "--dry-run", "--restrict", "-o", "json").ok()

    plan = ran.json()
    assert plan["done"] is False
    mine = [planned for planned in plan["objects"] if planned["namespace"] == environment]
    assert len(mine) == 6
    assert {planned["step"] for planned in mine} == {"create"}
    assert installed_objects(kube, environment) == []


@pytest.mark.node
def test_the_given_key_and_host_keys_go_into_the_secret(
    cli: Gitops, kube: Kube, environment: str, baked: list[str], sshd: Sshd
) -> None:
    ran = cli("agent", "install", environment, *baked, "--yes").ok()

    private = (sshd.directory / "reader").read_bytes()
    data = decoded(kube.get("Secret", environment, KEY_SECRET))
    assert data[IDENTITY] == private
    # The comment of the public key file is none of known_hosts' business.
    assert data[KNOWN_HOSTS].split() == sshd.known_hosts.read_bytes().split()[:3]
    assert "PRIVATE" not in ran.stdout + ran.stderr


@pytest.mark.node
def test_a_key_given_during_a_rotation_leaves_the_second_one_there(
    cli: Gitops, kube: Kube, environment: str, baked: list[str]
) -> None:
    cli("agent", "install", environment, *baked, "--yes").ok()
    cli("agent", "key", environment, "--agent-repo", baked[1], "--rotate").ok()
    before = decoded(kube.get("Secret", environment, KEY_SECRET))

    cli("agent", "install", environment, *baked, "--yes").ok()

    assert NEXT_IDENTITY in before
    assert decoded(kube.get("Secret", environment, KEY_SECRET)) == before


@pytest.mark.node
def test_who_may_sign_goes_into_a_config_map_that_the_agent_mounts(
    cli: Gitops, kube: Kube, environment: str, baked: list[str], tmp_path: Path
) -> None:
    ssh, gpg = tmp_path / "signers", tmp_path / "keyring"
    ssh.write_text(SIGNER)
    gpg.write_text("-----BEGIN PGP PUBLIC KEY BLOCK-----\n")
    options = ["--allowed-signers", ssh, "--gpg-keyring", gpg]
    cli("agent", "install", environment, *baked, *options, "--yes").ok()

    config = kube.get("ConfigMap", environment, SIGNERS)
    assert config["data"] == {"allowed_signers": SIGNER, "keyring.asc": gpg.read_text()}
    pod = pod_of(kube.get("CronJob", environment, NAME))
    [directory] = [m["mountPath"] for m in mounts_of(pod) if m["name"] == "signers"]
    assert f"--require-signed={directory}" in pod["containers"][0]["command"]


@pytest.mark.node
def test_a_feature_that_is_left_out_has_no_right(
    cli: Gitops, kube: Kube, environment: str, baked: list[str]
) -> None:
    def resources() -> set[str]:
        rules = kube.get("Role", environment, NAME)["rules"]
        return {resource for rule in rules for resource in rule["resources"]}

    cli("agent", "install", environment, *baked, "--yes").ok()
    assert resources() == {"deployments", "configmaps", "pods", "events"}
    cli("agent", "install", environment, *baked, "--yes", "--without", "events").ok()
    assert resources() == {"deployments", "configmaps", "pods"}
    both = ["--without", "events", "--without", "reasons"]
    cli("agent", "install", environment, *baked, "--yes", *both).ok()
    assert resources() == {"deployments", "configmaps"}


@pytest.mark.node
def test_pull_secrets_are_the_pods(
    cli: Gitops, kube: Kube, environment: str, baked: list[str]
) -> None:
    options = ["--pull-secret", "first", "--pull-secret", "second"]
    cli("agent", "install", environment, *baked, *options, "--yes").ok()

    pod = pod_of(kube.get("CronJob", environment, NAME))
    assert pod["imagePullSecrets"] == [{"name": "first"}, {"name": "second"}]


@pytest.mark.node
def test_a_controller_lives_in_the_namespace_it_is_given(
    cli: Gitops, kube: Kube, article: Article, environment: str, baked: list[str]
) -> None:
    home = f"{article.prefix}home"
    options = ["--mode=controller", "--agent-namespace", home]
    cli("agent", "install", environment, *baked, *options, "--yes").ok()

    assert kube.exists("Deployment", home, NAME)
    assert kube.exists("Secret", home, KEY_SECRET)
    assert not kube.exists("Secret", environment, KEY_SECRET)
    [subject] = kube.get("RoleBinding", environment, NAME)["subjects"]
    assert (subject["namespace"], subject["name"]) == (home, NAME)


@pytest.mark.node
def test_a_seeded_agent_takes_packages_from_where_it_is_told(
    cli: Gitops, kube: Kube, environment: str, reader: list[str]
) -> None:
    sources = "deb https://packages.example.com/debian bookworm main"
    packages = ["--seed-package", "git=1:2.39.5-0", "--seed-package", "openssh-client"]
    options = ["--seeded", "--no-verify-image", "--seed-apt", sources, *packages]
    cli("agent", "install", environment, *reader, *options, "--yes").ok()

    [container] = pod_of(kube.get("CronJob", environment, NAME))["containers"]
    variables = {entry["name"]: entry["value"] for entry in container["env"]}
    assert variables["SEED_APT_SOURCES"] == sources
    assert variables["SEED_PACKAGES"].split() == ["git=1:2.39.5-0", "openssh-client"]


# --- a key that may do more than it should


@pytest.mark.node
def test_a_key_that_may_push_is_warned_of(
    cli: Gitops, kube: Kube, environment: str, baked: list[str], sshd: Sshd, article: Article
) -> None:
    before = git(article.remote, "for-each-ref")

    ran = cli("agent", "install", environment, *baked, "--key", sshd.add_key("writer"), "--yes")

    assert "this key may push" in ran.ok().stderr
    assert git(article.remote, "for-each-ref") == before, "trying must not do it"
    assert kube.exists("CronJob", environment, NAME)


@pytest.mark.node
def test_a_key_that_may_only_read_is_not(cli: Gitops, environment: str, baked: list[str]) -> None:
    ran = cli("agent", "install", environment, *baked, "--yes").ok()

    assert "may push" not in ran.stderr


def pod_of(cronjob: Mapping[str, Any]) -> dict[str, Any]:
    pod: dict[str, Any] = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return pod


def mounts_of(pod: Mapping[str, Any]) -> list[dict[str, Any]]:
    [container] = pod["containers"]
    mounts: list[dict[str, Any]] = container["volumeMounts"]
    return mounts


def decoded(secret: Mapping[str, Any]) -> dict[str, bytes]:
    return {name: base64.b64decode(value) for name, value in secret["data"].items()}
