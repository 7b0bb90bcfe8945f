"""Steps of real ansible, planned and applied through `diff` and `sync`; the example."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.cli.live import Live, make_live
from tests.cli.stepped import push, settings, stage_of, states, table, trust
from tests.testbed.ansible import ansible_directory
from tests.testbed.controlplane import ControlPlane
from tests.testbed.git import git, init_bare
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube

pytestmark = pytest.mark.node

EXAMPLE = Path(__file__).parents[2] / "examples" / "infrastructure" / "infra"


@pytest.fixture
def hosts(
    tmp_path: Path, gitops: Gitops, kube: Kube, namespace: str, control_plane: ControlPlane
) -> Live:
    """Return an environment on whose machine ansible-playbook is."""
    path = f"{ansible_directory()}{os.pathsep}{gitops.environment['PATH']}"
    return make_live(tmp_path, gitops.using(PATH=path), kube, namespace, control_plane.kubeconfig)


def test_ansible_is_checked_applied_and_then_unchanged(hosts: Live, tmp_path: Path) -> None:
    target = tmp_path / "network.json"
    text = 'ansible = "infra/hosts/site.yml"\ninventory = "infra/inventories/{stage}"'
    push(
        hosts,
        {
            "gitops.toml": settings(hosts, table(hosts, "hosts", text)),
            "infra/hosts/site.yml": (EXAMPLE / "hosts" / "site.yml").read_text(),
            "infra/hosts/network.json": "one\n",
            f"infra/inventories/{stage_of(hosts)}": "here ansible_connection=local "
            f"ansible_python_interpreter={sys.executable} network_file={target}\n",
        },
    )
    assert hosts.sync("--steps").code == 6
    assert not target.exists()
    trust(hosts.gitops)

    planned = hosts.diff("--steps")
    assert planned.code == 1, str(planned)
    assert "1 changed" in planned.stdout
    assert "+one" in planned.stdout, "what --diff says is shown"
    assert not target.exists()
    assert states(hosts.sync("--steps", "-o", "json").ok()) == {"hosts": "applied"}
    assert target.read_text() == "one\n"
    assert states(hosts.diff("--steps", "-o", "json").ok()) == {"hosts": "unchanged"}

    push(
        hosts,
        {f"infra/inventories/{stage_of(hosts)}": "away ansible_host=127.0.0.1 ansible_port=1\n"},
    )
    trust(hosts.gitops)
    broken = hosts.diff("--steps", "-v")
    assert broken.code == 7
    assert "unreachable" in broken.stdout.lower()


def test_the_example_is_accepted(gitops: Gitops, tmp_path: Path) -> None:
    """Its programs would do something to a machine of its own, so they are only looked at."""
    work = tmp_path / "work"
    shutil.copytree(EXAMPLE.parent, work)
    remote = init_bare(tmp_path / "state.git")
    git(work, "init", "-q", "-b", "main")
    git(work, "add", "-A")
    git(work, "commit", "-qm", "Example")
    git(work, "push", "-q", remote, "main")
    git(work, "remote", "add", "origin", remote)

    shown = gitops.at(work)("trust", "-R", remote)

    assert shown.code == 2
    assert "ansible-playbook" in shown.stdout
    assert "infra/network/shop-production.tfvars" in shown.stdout
    assert "--digest" in shown.stderr
