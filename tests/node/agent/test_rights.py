"""What the key and the token of an agent let their holder do."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gitops_cli.agent.model.spec import CONTROLLER_NAMESPACE, IDENTITY, KEY_SECRET, NAME
from tests.node.agent.company import BAKED, CONTROLLED, SEEDED, kubectl
from tests.node.agent.site import FIRST, Site
from tests.testbed.gitops import Gitops
from tests.testbed.kube import ApiError, Kube, with_token

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("kubelet")]


def test_the_deploy_key_only_reads(company: Site, tmp_path: Path) -> None:
    secret = company.kube.get("Secret", BAKED, KEY_SECRET)["data"]
    key = tmp_path / "stolen"
    key.write_bytes(base64.b64decode(secret[IDENTITY]))
    key.chmod(0o600)
    url = company.sshd.url(company.remote)
    environment = {**os.environ, "GIT_SSH_COMMAND": company.sshd.command_with(key)}

    def with_key(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *arguments], env=environment, capture_output=True, text=True, check=False
        )

    assert with_key("ls-remote", url).returncode == 0
    clone = tmp_path / "clone"
    assert with_key("clone", "-q", url, str(clone)).returncode == 0
    pushed = with_key("-C", str(clone), "push", "origin", "HEAD:refs/heads/mine")
    assert pushed.returncode != 0
    assert "read-only" in pushed.stderr


def refused(call: Callable[[], object], match: str | None = None) -> int:
    """Return the code with which the API server refuses."""
    with pytest.raises(ApiError, match=match) as caught:
        call()
    return caught.value.code


def test_the_token_of_a_cronjob_is_confined(company: Site, gitops: Gitops) -> None:
    with closing(with_token(company.node.plane, company.kube.token(BAKED, NAME))) as agent:
        for call in (
            lambda: agent.find("Secret", BAKED),
            lambda: agent.get("Secret", BAKED, KEY_SECRET),
            lambda: agent.find("Deployment", SEEDED),
            lambda: agent.create(company.web(FIRST), BAKED),
            lambda: agent.delete("Deployment", BAKED, "web"),
            lambda: agent.patch("Deployment", SEEDED, "web", {"metadata": {"labels": {"a": "b"}}}),
        ):
            assert refused(call) == 403
    # What it may do is enough to look.
    gitops("diff", BAKED, "--as-agent").ok()


@pytest.mark.parametrize("mode", ["cronjob", "controller"])
def test_kubectl_takes_what_is_printed(company: Site, gitops: Gitops, mode: str) -> None:
    where = ["--agent-repo", company.url, "--host-key", company.sshd.fingerprint()]
    printed = gitops(
        *("agent", "manifests", *CONTROLLED, f"--mode={mode}", "--restrict", "--with-secret"),
        *(*where, "--image", company.images["baked"]),
    ).ok()

    said = kubectl(company, "apply", "--dry-run=server", "-f", "-", stdin=printed.stdout)

    assert len(said.splitlines()) == printed.stdout.count("\nkind: ")
    assert "validatingadmissionpolicy.admissionregistration.k8s.io/gitops-agent" in said


def test_the_token_of_a_controller_is_confined_to_its_environments(company: Site) -> None:
    token = company.kube.token(CONTROLLER_NAMESPACE, NAME)
    with closing(with_token(company.node.plane, token)) as agent:
        for name in CONTROLLED:
            assert agent.find("Deployment", name)
            assert refused(lambda name=name: agent.find("Secret", name)) == 403
        for call in (
            lambda: agent.get("Secret", CONTROLLER_NAMESPACE, KEY_SECRET),
            lambda: agent.find("Deployment", BAKED),
            lambda: agent.find("Deployment"),
            lambda: agent.find("Pod", CONTROLLER_NAMESPACE),
        ):
            assert refused(call) == 403


@pytest.mark.parametrize(
    "changed",
    [
        {"containers": [{"name": "web", "envFrom": [{"secretRef": {"name": KEY_SECRET}}]}]},
        {"containers": [{"name": "web", "command": ["sh", "-c", "env"]}]},
        {"containers": [{"name": "more", "image": "busybox"}]},
        {"serviceAccountName": "default", "hostNetwork": True},
    ],
    ids=["envFrom", "command", "another container", "host network"],
)
def test_restricted_the_token_changes_images_only(company: Site, changed: dict[str, Any]) -> None:
    before = company.kube.get("Deployment", BAKED, "web")
    with closing(with_token(company.node.plane, company.kube.token(BAKED, NAME))) as agent:

        def change(pod: dict[str, Any], **query: str) -> object:
            patch = {"spec": {"template": {"spec": pod}}}
            return agent.patch("Deployment", BAKED, "web", patch, strategic=True, **query)

        assert refused(lambda: change(changed), match="may not change") == 422
        image = {"containers": [{"name": "web", "image": "10.96.0.1/shop/web:other"}]}
        change(image, dryRun="All")
    assert company.kube.get("Deployment", BAKED, "web")["spec"] == before["spec"]
    _unrestricted_takes(company.kube, company, changed)


def _unrestricted_takes(kube: Kube, company: Site, changed: dict[str, Any]) -> None:
    """It is the policy that refuses: where there is none the same patch is accepted."""
    with closing(with_token(company.node.plane, kube.token(SEEDED, NAME))) as agent:
        patch = {"spec": {"template": {"spec": changed}}}
        agent.patch("Deployment", SEEDED, "web", patch, strategic=True, dryRun="All")
