"""A deploy key is replaced while agents run, and each run has one that works."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops_cli.agent.model.spec import NEXT_IDENTITY
from gitops_cli.agent.rotating import SEEN_AFTER
from tests.node.agent.company import (
    BAKED,
    CONTROLLED,
    ByHand,
    await_commit,
    await_controller,
)
from tests.node.agent.site import Site
from tests.testbed.faults import ApiProxy, Later
from tests.testbed.git import git
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Manifest
from tests.testbed.patience import eventually

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("kubelet")]


def forget(site: Site, public: str) -> None:
    """Remove a key from the git server."""
    authorized = site.sshd.directory / "authorized_keys"
    lines = [line for line in authorized.read_text().splitlines() if public not in line]
    authorized.write_text("\n".join(lines) + "\n")


def sees_the_second_key(site: Site, pod: Manifest) -> bool:
    """Tell whether the kubelet has shown it to the pod."""
    secrets = f"kubelet/pods/{pod['metadata']['uid']}/volumes/kubernetes.io~secret"
    return any(site.node.directory.glob(f"{secrets}/*/{NEXT_IDENTITY}"))


def test_a_key_is_replaced_without_a_gap(company: Site, gitops: Gitops, by_hand: ByHand) -> None:
    rotate = ["agent", "key", BAKED, "--rotate", "--agent-repo", company.url]
    old = gitops("agent", "key", BAKED, "--agent-repo", company.url).ok().stdout.strip()

    new = gitops(*rotate).ok().stdout.strip()
    assert new != old
    assert by_hand() == 0, "before the server knows it"
    too_early = gitops(*rotate)
    assert too_early.code == 6
    assert new in too_early.stderr

    company.sshd.let_read(new)
    assert gitops(*rotate).ok().stdout.strip() == new
    forget(company, old)
    assert by_hand() == 0, "with the new key only"


def test_a_controllers_key_is_not_dropped_before_its_pod_has_the_new_one(
    company: Site, gitops: Gitops, tmp_path: Path
) -> None:
    name = CONTROLLED[0]
    which = ["agent", "key", name, "--agent-repo", company.url]
    old = gitops(*which).ok().stdout.strip()

    new = gitops(*which, "--rotate").ok().stdout.strip()
    company.sshd.let_read(new)
    too_early = gitops(*which, "--rotate")
    assert too_early.code == 6, "the kubelet takes its time to renew what a pod sees of a Secret"

    pod = await_controller(company)
    waits = SEEN_AFTER.total_seconds()
    eventually(lambda: sees_the_second_key(company, pod), timeout=waits)
    token = company.kube.cluster_admin("rotates")
    with ApiProxy(company.node.plane, tmp_path, token) as proxy:
        proxy.on(Later(waits), target="^/version")  # it is seen: no need for the rest of the wait
        gitops.using(KUBECONFIG=proxy.kubeconfig)(*which, "--rotate").ok()
    forget(company, old)
    commit = company.commit("Say hello", {"README.md": f"{new}\n"})
    await_commit(company, name, commit)
    same = await_controller(company)
    assert same["metadata"]["uid"] == pod["metadata"]["uid"]
    assert same["status"]["containerStatuses"][0]["restartCount"] == 0, "its probe is content"
    assert git(company.remote, "rev-parse", "main") == commit
