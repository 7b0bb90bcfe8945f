"""One controller and two hundred environments."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from gitops_cli.agent.model.manifests import manifests
from gitops_cli.agent.model.spec import NAME, AgentMode
from tests.agent.world import spec_of
from tests.testbed.controlplane import ControlPlane
from tests.testbed.git import Commit, add_commits, init_bare
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube, create_many, in_parallel
from tests.testbed.kubeconfig import write_kubeconfig
from tests.testbed.manifests import deployment
from tests.testbed.patience import eventually

COUNT = 200
OLD, NEW = "1" * 40, "2" * 40
TIME = 1_793_606_400


@pytest.fixture
def environments(kube: Kube) -> list[str]:
    """Return two hundred namespaces with a Deployment each.

    They stay until the control plane ends: to delete them keeps its controller busy for half a
    minute, in which no other test's namespace goes away.
    """
    prefix = f"many-{secrets.token_hex(3)}"
    names = [f"{prefix}-{index:03}-production" for index in range(COUNT)]
    create_many(kube, {n: [deployment("web", f"r/shop/web:{OLD}", replicas=0)] for n in names})
    return names


@pytest.mark.long
def test_two_hundred_environments_are_followed_by_one_controller(
    control_plane: ControlPlane,
    kube: Kube,
    environments: list[str],
    namespace: str,
    gitops: Gitops,
    tmp_path: Path,
) -> None:
    spec = spec_of(*environments, namespace=namespace, mode=AgentMode.CONTROLLER)
    objects = manifests(spec)
    in_parallel(kube.create, objects[1:-1])  # all but the namespace, which exists, and the pod
    listing = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]}
    for name in environments:
        eventually(lambda name=name: kube.may(f"{namespace}:{NAME}", name, listing))
    remote = init_bare(tmp_path / "state.git")
    files: dict[str, str | None] = {}
    for name in environments:
        files |= {f"{name}/images_path": "r/shop/\n", f"{name}/web.deployment": f"{NEW}\n"}
    broken = environments[7]
    files[f"{broken}/web.deployment"] = "no hash at all\n"
    add_commits(remote, [Commit("Begin", files, TIME)])
    kubeconfig = write_kubeconfig(
        tmp_path / "agent.kubeconfig",
        url=control_plane.url,
        ca_file=control_plane.ca_file,
        token=kube.token(namespace, NAME),
    )
    run = ["agent", "run", "--repo", str(remote), "--kubeconfig", str(kubeconfig), "-o", "json"]
    run += [f"--env={name}" for name in environments]

    first = gitops(*run, timeout=300)

    assert first.code == 2  # one environment's file is no version
    results = {e["environment"]: e["result"] for e in first.json()["environments"]}
    assert results.pop(broken) == "failed"
    assert set(results.values()) == {"changed"}
    add_commits(remote, [Commit("Mend", {f"{broken}/web.deployment": f"{NEW}\n"}, TIME + 60)])
    second = gitops(*run, timeout=300).ok().json()["environments"]
    assert [e["environment"] for e in second if e["result"] == "changed"] == [broken]
    found = kube.find("Deployment", labels="app=web")
    mine = [d for d in found if d["metadata"]["namespace"] in set(environments)]
    images = {d["spec"]["template"]["spec"]["containers"][0]["image"] for d in mine}
    assert (len(mine), images) == (COUNT, {f"r/shop/web:{NEW}"})
