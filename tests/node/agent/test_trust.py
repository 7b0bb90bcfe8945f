"""An agent that follows signed commits only, by ssh and by GPG, with what its image has."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agent.signer import Signer, keys_of_signers
from tests.node.agent.company import ByHand, await_running, make_key, status, suspended
from tests.node.agent.site import FIRST, Site
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("kubelet")]

ENVIRONMENT = "vault-production"


def test_an_unsigned_tip_is_refused_and_the_newest_trusted_commit_followed(
    company: Site, gitops: Gitops, tmp_path: Path
) -> None:
    versions = ["b" * 40, "c" * 40, "d" * 40]
    for version in versions:
        company.build_service(version)
    company.environment(ENVIRONMENT)
    company.kube.wait_rolled_out("Deployment", ENVIRONMENT, "web")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(company.remote), str(clone))
    with keys_of_signers() as keys:
        ssh, gpg = (Signer(clone, keys, form) for form in ("ssh", "openpgp"))
        make_key(company, gitops, ENVIRONMENT)
        gitops(
            *("agent", "install", ENVIRONMENT, "--agent-repo", company.url, "--yes"),
            *("--image", company.images["baked"], "--no-verify-image"),
            *("--allowed-signers", ssh.signers / "allowed_signers"),
            *("--gpg-keyring", gpg.signers / "keyring.asc"),
        ).ok()
        file = f"{ENVIRONMENT}/web.deployment"
        with suspended(company, ENVIRONMENT):
            run = ByHand(company, ENVIRONMENT)
            assert run() == 6
            assert "no commit" in status(company, ENVIRONMENT)["error"]
            await_running(company, ENVIRONMENT, FIRST)

            good = ssh.record(file, versions[0], sign=True)
            assert run() == 0
            await_running(company, ENVIRONMENT, versions[0])
            assert status(company, ENVIRONMENT)["commit"] == good

            bad = ssh.record(file, versions[1], sign=False)
            assert run() == 6
            said = status(company, ENVIRONMENT)
            assert (said["commit"], said["tip"]) == (good, bad)
            assert f"{bad[:7]} is not signed" in said["error"]
            await_running(company, ENVIRONMENT, versions[0])

            again = gpg.record(file, versions[2], sign=True)
            assert run() == 0
            await_running(company, ENVIRONMENT, versions[2])
            assert status(company, ENVIRONMENT)["commit"] == again
    gitops("agent", "uninstall", ENVIRONMENT, "--yes").ok()
