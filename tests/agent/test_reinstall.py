"""Installing once more: what the command does not speak of stays as it was."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gitops_cli.agent.model.spec import NAME, SIGNERS
from tests.agent.conftest import Images
from tests.agent.world import UNSEEN
from tests.cli.stepped import trust
from tests.testbed.article import Article, deploy
from tests.testbed.git import Commit, add_commits, git
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube

pytestmark = pytest.mark.node

SIGNER = "ada@example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsa\n"
KEYRING = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
SIGNED = "--require-signed=/etc/gitops-agent/signers"


@pytest.fixture
def names(article: Article, kube: Kube) -> list[str]:
    """Return two environments, deployed and without an agent; the remote has a second branch."""
    found = [article.environment("development"), article.environment("staging")]
    deploy(kube, article, environments=found, without_pods=UNSEEN)
    git(article.remote, "branch", "release", "main")
    return found


@pytest.fixture
def in_controller(article: Article) -> list[str]:
    return ["--mode=controller", "--agent-namespace", f"{article.prefix}home"]


@pytest.fixture
def newer(images: Images, baked: list[str]) -> list[str]:
    """Return `--image` with a newer one that the registry has."""
    images.paths.add("/v2/tools/gitops-cli/manifests/2")
    return ["--image", baked[-1].removesuffix("1") + "2"]


@pytest.fixture
def signers(tmp_path: Path) -> Path:
    file = tmp_path / "signers"
    file.write_text(SIGNER)
    return file


def pod(kube: Kube, namespace: str, kind: str = "CronJob") -> dict[str, Any]:
    spec = kube.get(kind, namespace, NAME)["spec"]
    found: dict[str, Any] = spec.get("jobTemplate", {"spec": spec})["spec"]["template"]["spec"]
    return found


def words(kube: Kube, namespace: str, kind: str = "CronJob") -> list[str]:
    found: list[str] = pod(kube, namespace, kind)["containers"][0]["command"]
    return found


def said_of(ran: Mapping[str, Any], kind: str) -> list[str]:
    [planned] = [o for o in ran["objects"] if o["kind"] == kind and o["step"] != "delete"]
    found: list[str] = planned["changes"]
    return found


def test_a_controller_keeps_what_it_was_told_when_an_environment_joins(
    cli: Gitops,
    kube: Kube,
    names: list[str],
    baked: list[str],
    in_controller: list[str],
    newer: list[str],
    signers: Path,
) -> None:
    told = ["--allowed-signers", signers, "--branch", "release", "--interval", "15s"]
    told += ["--pull-secret", "p"]
    cli("agent", "install", names[0], *baked, *in_controller, *told, "--yes").ok()
    home = in_controller[-1]
    rights = kube.get("Role", names[0], NAME)["metadata"]["resourceVersion"]

    ran = cli("agent", "install", names[1], *in_controller, *newer, "--yes", "-o", "json").ok()

    command = words(kube, home, "Deployment")
    assert {f"--env={name}" for name in names} < set(command)
    assert {"--branch=release", "--interval=15s", SIGNED} < set(command)
    assert f"--repo={baked[1]}" in command
    assert pod(kube, home, "Deployment")["imagePullSecrets"] == [{"name": "p"}]
    assert pod(kube, home, "Deployment")["containers"][0]["image"] == newer[1]
    assert kube.get("ConfigMap", home, SIGNERS)["data"] == {"allowed_signers": SIGNER}
    assert kube.get("Role", names[0], NAME)["metadata"]["resourceVersion"] == rights
    assert said_of(ran.json(), "Deployment") == [
        f"image {newer[1]} instead of {baked[-1]}",
        f"also for {names[1]}",
    ]


def test_a_cronjob_keeps_what_it_was_told(
    cli: Gitops, kube: Kube, names: list[str], baked: list[str], newer: list[str], signers: Path
) -> None:
    told = ["--allowed-signers", signers, "--branch", "release", "--without", "events"]
    cli("agent", "install", names[0], *baked, *told, "--pull-secret", "p", "--yes").ok()
    before = pod(kube, names[0])
    rules = kube.get("Role", names[0], NAME)["rules"]

    same = cli("agent", "install", names[0], "--yes", "-o", "json").ok().json()
    cli("agent", "install", names[0], *newer, "--yes").ok()

    assert {planned["step"] for planned in same["objects"]} == {"keep"}
    after = pod(kube, names[0])
    assert after["containers"][0].pop("image") == newer[1]
    before["containers"][0].pop("image")
    assert after == before
    assert {SIGNED, "--branch=release"} < set(words(kube, names[0]))
    assert kube.get("Role", names[0], NAME)["rules"] == rules


def test_what_is_told_anew_changes_and_is_shown_in_words(
    cli: Gitops, kube: Kube, names: list[str], baked: list[str], signers: Path
) -> None:
    cli("agent", "install", names[0], *baked, "--without", "events", "--yes").ok()

    told = ["--allowed-signers", signers, "--branch", "release", "--pull-secret", "p"]
    shown = cli("agent", "install", names[0], *told, "--with", "events", "--dry-run").ok().stdout
    plan = cli("agent", "install", names[0], *told, "--with", "events", "--yes", "-o", "json").ok()

    assert said_of(plan.json(), "CronJob") == [
        "follows signed commits only",
        "branch release instead of the remote's own",
        "pull secrets: p",
    ]
    assert said_of(plan.json(), "Role") == ["more rights: create events"]
    assert "follows signed commits only" in " ".join(shown.split())
    assert f"--repo={baked[1]}" in words(kube, names[0])
    back = cli("agent", "install", names[0], "--branch", "HEAD", "--yes", "-o", "json").ok().json()
    assert said_of(back, "CronJob") == ["branch the remote's own instead of release"]


def test_the_signature_check_is_switched_off_only_by_saying_so(
    cli: Gitops, kube: Kube, names: list[str], baked: list[str], signers: Path
) -> None:
    cli("agent", "install", names[0], *baked, "--allowed-signers", signers, "--yes").ok()
    off = ["agent", "install", names[0], "--no-require-signed"]

    both = cli(*off, "--allowed-signers", signers, "--yes")
    assert both.code == 2
    assert "--no-require-signed" in both.stderr
    with cli.terminal(*off) as terminal:
        terminal.wait_for("Install it?")
        assert "commits need no signature any more" in " ".join(terminal.text.split())
        terminal.type("n")
        terminal.press("enter")
        assert terminal.finish() == 1
    assert SIGNED in words(kube, names[0])

    ran = cli(*off, "--yes", "-o", "json").ok().json()

    assert said_of(ran, "CronJob") == ["commits need no signature any more"]
    assert SIGNED not in words(kube, names[0])
    assert not kube.exists("ConfigMap", names[0], SIGNERS)


def test_other_signers_are_shown_in_words(
    cli: Gitops, kube: Kube, names: list[str], baked: list[str], signers: Path, tmp_path: Path
) -> None:
    keyring = tmp_path / "keyring"
    keyring.write_text(KEYRING)
    cli("agent", "install", names[0], *baked, "--allowed-signers", signers, "--yes").ok()
    signers.write_text(SIGNER.replace("ada", "ben"))

    options = ["--allowed-signers", signers, "--gpg-keyring", keyring]
    ran = cli("agent", "install", names[0], *options, "--yes", "-o", "json").ok().json()

    said = [o["changes"] for o in ran["objects"] if o["name"] == SIGNERS]
    assert said == [["trusts others: allowed_signers changes", "trusts more: keyring.asc"]]
    cli("agent", "install", names[0], "--gpg-keyring", keyring, "--yes").ok()
    assert set(kube.get("ConfigMap", names[0], SIGNERS)["data"]) == {
        "allowed_signers",
        "keyring.asc",
    }


def test_a_signature_check_whose_signers_are_gone_is_not_dropped_either(
    cli: Gitops, kube: Kube, names: list[str], baked: list[str], signers: Path
) -> None:
    cli("agent", "install", names[0], *baked, "--allowed-signers", signers, "--yes").ok()
    kube.delete("ConfigMap", names[0], SIGNERS)

    ran = cli("agent", "install", names[0], "--yes")

    assert ran.code == 2, str(ran)
    assert "--allowed-signers" in ran.stderr
    assert SIGNED in words(kube, names[0])
    cli("agent", "install", names[0], "--allowed-signers", signers, "--yes").ok()
    assert kube.get("ConfigMap", names[0], SIGNERS)["data"] == {"allowed_signers": SIGNER}


def test_the_other_mode_keeps_it_too(
    cli: Gitops,
    kube: Kube,
    names: list[str],
    baked: list[str],
    in_controller: list[str],
    signers: Path,
) -> None:
    told = ["--allowed-signers", signers, "--branch", "release"]
    cli("agent", "install", names[0], *baked, *told, "--yes").ok()
    key = baked[2:6]

    cli("agent", "install", names[0], *in_controller, *key, "--yes").ok()
    assert {SIGNED, "--branch=release"} < set(words(kube, in_controller[-1], "Deployment"))

    cli("agent", "install", names[0], *key, "--mode=cronjob", "--yes").ok()
    assert {SIGNED, "--branch=release"} < set(words(kube, names[0]))
    assert kube.get("ConfigMap", names[0], SIGNERS)["data"] == {"allowed_signers": SIGNER}


def test_metrics_are_served_by_a_controllers_pod_until_somebody_ends_that(
    cli: Gitops, kube: Kube, names: list[str], baked: list[str], in_controller: list[str]
) -> None:
    home = in_controller[-1]
    served = "--metrics=0.0.0.0:9464"

    def template() -> dict[str, Any]:
        found: dict[str, Any] = kube.get("Deployment", home, NAME)["spec"]["template"]
        return found

    install = ("agent", "install", names[0], *in_controller)
    cli(*install, *baked, "--metrics", "9464", "--yes").ok()
    assert served in words(kube, home, "Deployment")
    [port] = pod(kube, home, "Deployment")["containers"][0]["ports"]
    assert (port["name"], port["containerPort"]) == ("metrics", 9464)
    assert template()["metadata"]["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "9464",
        "prometheus.io/path": "/metrics",
    }

    cli("agent", "install", names[1], *in_controller, *baked[2:6], "--yes").ok()
    assert served in words(kube, home, "Deployment"), "who speaks of something else keeps it"
    ended = cli(*install, *baked[2:6], "--metrics", "0", "--yes", "-o", "json").ok().json()
    assert said_of(ended, "Deployment") == ["metrics on port none instead of 9464"]
    assert not any(word.startswith("--metrics") for word in words(kube, home, "Deployment"))
    assert "annotations" not in template()["metadata"]
    assert "ports" not in pod(kube, home, "Deployment")["containers"][0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--metrics", "9464"], "a CronJob's pod is gone before anybody asks it"),
        (["--mode=controller", "--metrics", "80"], "is not a port from 1024 to 65535"),
        (["--mode=controller", "--metrics", "65536"], "is not a port from 1024 to 65535"),
    ],
)
def test_metrics_that_nobody_could_serve_install_nothing(
    cli: Gitops, kube: Kube, names: list[str], baked: list[str], options: list[str], said: str
) -> None:
    refused = cli("agent", "install", names[0], *baked, *options, "--yes")
    assert (refused.code, said in refused.stderr) == (2, True)
    assert not kube.exists("Role", names[0], NAME)


def test_an_environment_does_not_join_a_controller_that_trusts_others(
    cli: Gitops,
    kube: Kube,
    names: list[str],
    baked: list[str],
    in_controller: list[str],
    signers: Path,
) -> None:
    cli("agent", "install", names[0], *baked, *in_controller, "--yes").ok()
    cli("agent", "install", names[1], *baked, "--allowed-signers", signers, "--yes").ok()

    ran = cli("agent", "install", names[1], *in_controller, "--yes")

    assert ran.code == 6, str(ran)
    assert f"{names[1]} follows signed commits only" in ran.stderr
    assert "--no-require-signed" in ran.stderr
    assert kube.exists("CronJob", names[1], NAME)
    cli("agent", "install", names[1], *in_controller, "--no-require-signed", "--yes").ok()
    assert f"--env={names[1]}" in words(kube, in_controller[-1], "Deployment")


def test_a_seeded_agent_keeps_where_it_takes_packages_from(
    cli: Gitops, kube: Kube, names: list[str], reader: list[str]
) -> None:
    index = "https://packages.example.com/simple"
    sources = "deb https://packages.example.com/debian bookworm main"
    options = ["--seeded", "--no-verify-image", "--seed-index", index, "--seed-apt", sources]
    told = [*options, "--seed-package", "git=1:2.39.5-0", "--image", "python.example.com/p:3"]
    cli("agent", "install", names[0], *reader, *told, "--yes").ok()

    again = ["agent", "install", names[0], "--no-verify-image", "--yes", "-o", "json"]
    for more in ([], ["--seeded"]):
        ran = cli(*again, *more).ok().json()
        assert {planned["step"] for planned in ran["objects"]} == {"keep"}, more


def test_a_controller_keeps_an_environment_that_this_repository_lacks_and_says_so(
    cli: Gitops,
    kube: Kube,
    article: Article,
    names: list[str],
    baked: list[str],
    in_controller: list[str],
) -> None:
    cli("agent", "install", *names, *baked, *in_controller, "--yes").ok()
    gone = git(article.remote, "ls-tree", "--name-only", "main", f"{names[0]}/").splitlines()
    now = int(git(article.remote, "log", "-1", "--format=%ct", "main")) + 60
    add_commits(article.remote, [Commit("Remove it", dict.fromkeys(gone), now)])

    ran = cli("agent", "install", names[1], *in_controller, "--yes").ok()

    assert f"gitops agent uninstall {names[0]}" in ran.stderr
    assert {f"--env={name}" for name in names} < set(words(kube, in_controller[-1], "Deployment"))


STEPS = """
[stage.development.step.dns]
plan = ["true"]
apply = ["true"]
directory = "infra/dns"
"""


def test_steps_stay_as_they_were_trusted_until_somebody_speaks_of_them(
    cli: Gitops,
    kube: Kube,
    article: Article,
    names: list[str],
    baked: list[str],
    newer: list[str],
    in_controller: list[str],
) -> None:
    def push(subject: str, files: dict[str, str | None]) -> None:
        now = int(git(article.remote, "log", "-1", "--format=%ct", "main")) + 60
        add_commits(article.remote, [Commit(subject, files, now)])

    def pins(namespace: str, kind: str = "CronJob") -> list[str]:
        return [word for word in words(kube, namespace, kind) if word.startswith("--steps=")]

    push("Declare a step", {"gitops.toml": STEPS, "infra/dns/zone": "one\n"})
    refused = cli("agent", "install", names[0], *baked, "--steps", "--yes")
    assert refused.code == 6
    assert not kube.exists("CronJob", names[0], NAME)
    trust(cli)
    ran = cli("agent", "install", names[0], *baked, "--steps", "--yes", "-o", "json").ok()
    [first] = pins(names[0])
    [said] = said_of(ran.json(), "CronJob")
    assert said == f"runs the steps of {names[0]}, of digest {first[-64:-52]}"

    push("Change it", {"infra/dns/zone": "two\n"})
    cli("agent", "install", names[0], *newer, "--yes").ok()
    assert pins(names[0]) == [first], "an upgrade trusts nothing new"
    trust(cli)
    ran = cli("agent", "install", names[0], "--steps", "--yes", "-o", "json").ok()
    [second] = pins(names[0])
    assert second != first
    [said] = said_of(ran.json(), "CronJob")
    assert said.endswith(f"of digest {second[-64:-52]} instead of {first[-64:-52]}")

    cli("agent", "install", *names, *baked, *in_controller, "--yes").ok()
    home = in_controller[-1]
    assert pins(home, "Deployment") == [second], "nor does another mode"
    ran = cli("agent", "install", names[0], "--no-steps", "--yes", "-o", "json").ok()
    assert pins(home, "Deployment") == []
    assert said_of(ran.json(), "Deployment") == [f"no longer runs the steps of {names[0]}"]
