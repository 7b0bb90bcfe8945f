"""`gitops agent key|manifests|install|status|uninstall` as a person types them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml

from gitops_cli.agent.model.spec import IDENTITY, KEY_SECRET, KNOWN_HOSTS, NAME
from tests.agent.world import UNSEEN, apply
from tests.testbed.article import Article, deploy
from tests.testbed.controlplane import ControlPlane
from tests.testbed.git import git
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube
from tests.testbed.kubeconfig import write_kubeconfig
from tests.testbed.patience import eventually

RBAC = "rbac.authorization.k8s.io"
URL = "ssh://git@git.example.com/acme/environments-state.git"
IMAGE = "registry.example.com/tools/gitops-cli:1"
HOST_KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


@pytest.fixture
def known_hosts(tmp_path: Path) -> Path:
    file = tmp_path / "known_hosts"
    file.write_text(f"git.example.com ssh-ed25519 {HOST_KEY}\nother.example.com ssh-rsa AAAA\n")
    return file


def test_manifests_are_what_kubectl_takes_and_hold_no_secret(
    cli: Gitops, kube: Kube, environment: str
) -> None:
    ran = cli("agent", "manifests", environment, "--agent-repo", URL, "--image", IMAGE).ok()

    kinds = [document["kind"] for document in yaml.safe_load_all(ran.stdout)]
    assert kinds == ["ServiceAccount", "Role", "RoleBinding", "ConfigMap", "CronJob"]
    assert set(apply(kube, ran.stdout)) == {"created"}
    [container] = kube.get("CronJob", environment, NAME)["spec"]["jobTemplate"]["spec"]["template"][
        "spec"
    ]["containers"]
    assert container["command"] == [
        "gitops",
        "agent",
        "run",
        f"--repo={URL}",
        f"--env={environment}",
    ]


def test_manifests_for_several_environments_share_the_policy(cli: Gitops, article: Article) -> None:
    names = [article.environment("development"), article.environment("staging")]
    said = cli(
        "agent", "manifests", *names, "--agent-repo", URL, "--seeded", "--restrict", "-o", "json"
    ).ok()

    found = said.json()["items"]
    kinds = [item["kind"] for item in found]
    assert kinds.count("ValidatingAdmissionPolicy") == 1
    assert kinds.count("ValidatingAdmissionPolicyBinding") == 2
    assert kinds.count("CronJob") == 2


def test_a_seeded_agent_that_trusts_gpg_keys_is_given_gpg(
    cli: Gitops, article: Article, tmp_path: Path
) -> None:
    command = ["agent", "manifests", article.environment("development"), "--agent-repo", URL]
    keyring = tmp_path / "keyring.asc"
    keyring.write_text("-----BEGIN PGP PUBLIC KEY BLOCK-----\n")

    ssh_only = cli(*command, "--seeded").ok().stdout
    trusting = cli(*command, "--seeded", "--gpg-keyring", keyring).ok().stdout

    assert "value: git openssh-client\n" in ssh_only
    assert "value: git openssh-client gpg\n" in trusting


def test_a_secret_is_printed_when_asked_for(
    cli: Gitops, article: Article, known_hosts: Path
) -> None:
    name = article.environment("development")
    options = ["--agent-repo", URL, "--image", IMAGE, "--with-secret"]
    ran = cli("agent", "manifests", name, *options, "--known-hosts", known_hosts).ok()

    [secret] = [d for d in yaml.safe_load_all(ran.stdout) if d["kind"] == "Secret"]
    assert set(secret["data"]) == {IDENTITY, KNOWN_HOSTS}
    assert "ssh-ed25519" in ran.stderr  # the public half, to be registered
    assert "PRIVATE" not in ran.stderr


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        pytest.param(["--image", IMAGE], 2, "--agent-repo", id="a path"),
        pytest.param(["--agent-repo", URL], 2, "--seeded", id="no image"),
        pytest.param(
            ["--agent-repo", "https://ada:secret@example.com/x.git", "--image", IMAGE],
            2,
            "",
            id="credentials",
        ),
        *(
            pytest.param(["--image", IMAGE, "--agent-repo", url], 2, "a deploy key", id=url)
            for url in (
                "https://h.example/x.git?access_token=secret@",
                "https://secret@h.example/x",
            )
        ),
        *(
            pytest.param(["--agent-repo", URL, "--seeded", option, text], 2, said, id=text)
            for option, text, said in (
                ("--seed-index", "https://ada:secret@idx.example/simple", "/etc/pip.conf"),
                ("--seed-index", "https://idx.example/simple?token=secret@", "/etc/pip.conf"),
                ("--seed-apt", "deb https://ada:secret@deb.example/ x main", "auth.conf.d"),
                ("--seed-package", "git; reboot", "is not the name of a Debian package"),
                ("--seed-package", "git=*", "is not the name of a Debian package"),
            )
        ),
    ],
)
def test_what_cannot_work_is_said_at_once(
    cli: Gitops, article: Article, options: list[str], code: int, said: str
) -> None:
    ran = cli("agent", "manifests", article.environment("development"), *options)

    assert ran.code == code
    assert said in " ".join(ran.stderr.split())
    assert "secret@" not in ran.stdout + ran.stderr


def test_a_key_goes_into_the_cluster_and_only_its_public_half_is_printed(
    cli: Gitops, kube: Kube, environment: str, known_hosts: Path
) -> None:
    options = ["--agent-repo", URL, "--known-hosts", known_hosts]
    ran = cli("agent", "key", environment, *options).ok()

    assert ran.stdout.startswith("ssh-ed25519 ")
    assert "PRIVATE" not in ran.stdout + ran.stderr
    assert set(kube.get("Secret", environment, KEY_SECRET)["data"]) == {IDENTITY, KNOWN_HOSTS}
    again = cli("agent", "key", environment, *options).ok()
    assert again.stdout == ran.stdout
    assert "--rotate" in again.stderr


def test_a_key_in_a_file_is_private_and_replaces_nothing(
    cli: Gitops, article: Article, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    command = ["agent", "key", article.environment("development"), "--agent-repo", URL]
    cli(*command, "--out", file).ok()

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_text()
    assert cli(*command, "--out", file).code == 2
    assert file.read_text() == before


def test_a_key_in_a_file_is_not_rotated(cli: Gitops, article: Article, tmp_path: Path) -> None:
    command = ["agent", "key", article.environment("development"), "--agent-repo", URL]

    ran = cli(*command, "--out", tmp_path / "key", "--rotate")

    assert ran.code == 2
    assert "--rotate" in ran.stderr
    assert not (tmp_path / "key").exists()


def test_a_host_that_is_not_pinned_is_not_trusted(
    cli: Gitops, environment: str, known_hosts: Path
) -> None:
    command = ["agent", "key", environment, "--known-hosts", known_hosts]
    ran = cli(*command, "--agent-repo", "ssh://git@elsewhere.example.com/x.git")

    assert ran.code == 2
    assert "has no key of elsewhere.example.com" in ran.stderr


def test_an_agent_that_may_not_be_looked_at_hides_no_other(
    cli: Gitops,
    kube: Kube,
    article: Article,
    environment: str,
    control_plane: ControlPlane,
    tmp_path: Path,
) -> None:
    other = article.environment("staging")
    deploy(kube, article, environments=[other], without_pods=UNSEEN)
    rules = [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]},
        {"apiGroups": ["batch"], "resources": ["cronjobs"], "verbs": ["get"]},
        {"apiGroups": [RBAC], "resources": ["rolebindings"], "verbs": ["get"]},
    ]
    limited = write_kubeconfig(
        tmp_path / "limited",
        url=control_plane.url,
        ca_file=control_plane.ca_file,
        token=kube.service_account(environment, "reader", rules),
    )
    command = ("agent", "status", environment, other, "--kubeconfig", limited, "-o", "json")

    eventually(lambda: cli(*command).json()["agents"])  # new rights take a moment
    ran = cli(*command)

    assert ran.code == 4
    assert [agent["environment"] for agent in ran.json()["agents"]] == [environment]
    assert f"namespace {other}" in ran.stderr or f"in {other}" in ran.stderr


def test_an_agent_that_is_not_there_or_never_ran_is_not_well(
    cli: Gitops, kube: Kube, environment: str
) -> None:
    ran = cli("agent", "status", environment, "-o", "json")
    assert ran.code == 1
    assert ran.json()["agents"][0]["health"] == "missing"
    assert f"gitops agent install {environment}" in ran.stderr

    yaml_text = cli("agent", "manifests", environment, "--agent-repo", URL, "--image", IMAGE).stdout
    apply(kube, yaml_text)
    kube.patch("CronJob", environment, NAME, {"spec": {"schedule": "0 0 1 1 *"}})
    ran = cli("agent", "status", environment)
    assert ran.code == 1
    assert "never ran" in ran.stdout

    kube.patch("CronJob", environment, NAME, {"spec": {"suspend": True}})
    assert "suspended" in cli("agent", "status", environment).stdout


def test_status_is_told_by_the_servers_clock(
    cli: Gitops,
    gitops: Gitops,
    kube: Kube,
    environment: str,
    article: Article,
    control_plane: ControlPlane,
    tmp_path: Path,
) -> None:
    """An agent whose clock is years off is neither stale nor for ever fresh."""
    apply(
        kube, cli("agent", "manifests", environment, "--agent-repo", URL, "--image", IMAGE).stdout
    )
    kube.patch("CronJob", environment, NAME, {"spec": {"schedule": "0 0 1 1 *"}})
    kubeconfig = write_kubeconfig(
        tmp_path / "agent",
        url=control_plane.url,
        ca_file=control_plane.ca_file,
        token=kube.token(environment, NAME),
    )
    run = ["agent", "run", "--repo", article.remote, "--env", environment]
    gitops(*run, "--kubeconfig", kubeconfig).ok()
    tip = git(article.remote, "rev-parse", "main").strip()

    ran = cli("agent", "status", environment, "-o", "json").ok()
    assert ran.json()["agents"][0]["commit"] == tip

    kube.request(
        "PATCH",
        f"/api/v1/namespaces/{environment}/configmaps/{NAME}",
        {"data": {"last-attempt": "1999-01-01T00:00:00Z"}},
        content_type="application/merge-patch+json",
        fieldManager=NAME,
    )
    cli("agent", "status", environment).ok()
    stale = cli("agent", "status", environment, "--stale-after", "0s")
    assert stale.code == 1
    assert "stale" in stale.stdout


def test_uninstalling_removes_all_that_was_installed(
    cli: Gitops, kube: Kube, environment: str, known_hosts: Path
) -> None:
    options = ["--agent-repo", URL, "--image", IMAGE, "--restrict", "--with-secret"]
    shown = cli("agent", "manifests", environment, *options, "--known-hosts", known_hosts).ok()
    apply(kube, shown.stdout)

    plan = cli("agent", "uninstall", environment, "--dry-run", "-o", "json").ok().json()
    assert not plan["done"]
    assert kube.exists("CronJob", environment, NAME)
    cli("agent", "uninstall", environment, "--yes").ok()

    for kind, name in [
        ("CronJob", NAME),
        ("ServiceAccount", NAME),
        ("Role", NAME),
        ("RoleBinding", NAME),
        ("ConfigMap", NAME),
        ("Secret", KEY_SECRET),
    ]:
        assert not kube.exists(kind, environment, name), kind
    binding = f"{NAME}-{environment}"
    assert not kube.exists("ValidatingAdmissionPolicyBinding", None, binding)
    assert kube.find("Deployment", environment)
    again = cli("agent", "uninstall", environment, "--yes", "-o", "json").ok().json()
    assert again["objects"] == []


def test_uninstalling_asks_first(cli: Gitops, environment: str) -> None:
    cli("agent", "uninstall", environment).ok()  # nothing there, so nothing to ask


def test_a_diff_as_the_agent_sees_what_its_rights_let_it(
    cli: Gitops, kube: Kube, environment: str
) -> None:
    assert "has no agent" in cli("diff", environment, "--as-agent").stderr
    shown = cli("agent", "manifests", environment, "--agent-repo", URL, "--image", IMAGE)
    apply(kube, shown.stdout)
    for name in ("authentication", "billing", "frontend", "orders"):
        kube.wait_rolled_out("Deployment", environment, name)

    assert cli("diff", environment, "--as-agent").ok().code == 0

    kube.delete("Role", environment, NAME)
    listing = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]}
    eventually(lambda: not kube.may(f"{environment}:{NAME}", environment, listing))
    refused = cli("diff", environment, "--as-agent")
    assert refused.code == 4
    assert "not permitted to list deployments.apps" in refused.stderr
    cli("diff", environment).ok()
