"""`gitops wait`: an agent, or anybody else, does the work."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cli.live import ABSENT, NEW, OLD, Live, image, make_live
from tests.testbed.controlplane import ControlPlane
from tests.testbed.git import git
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube
from tests.testbed.kubeconfig import write_kubeconfig
from tests.testbed.patience import PATIENCE


@pytest.fixture
def behind(
    tmp_path: Path, gitops: Gitops, kube: Kube, namespace: str, control_plane: ControlPlane
) -> Live:
    live = make_live(tmp_path, gitops, kube, namespace, control_plane.kubeconfig)
    live.record({"web.deployment": NEW})
    live.running("web", OLD)
    return live


def test_it_returns_when_the_cluster_has_arrived(behind: Live) -> None:
    with behind.gitops.start("wait", behind.namespace, "--timeout", "2m", "-o", "json") as waiting:
        behind.sync("--wait").ok()
        out, err = waiting.communicate(timeout=PATIENCE)
    assert waiting.returncode == 0, err
    assert '"reached": true' in out
    assert git(behind.remote, "rev-parse", "main") in out


def test_it_changes_nothing_and_ends_in_time(behind: Live) -> None:
    done = behind.gitops("wait", behind.namespace, "--timeout", "6s")
    assert done.code == 8
    assert "timed out" in done.stdout
    assert f"the workload still has web:{OLD[:7]}" in done.stdout
    assert behind.image_of("web") == image("web", OLD)


def test_a_later_state_commit_has_reached_an_earlier_one(behind: Live) -> None:
    earlier = git(behind.remote, "rev-parse", "main")
    third = "c" * 40
    behind.record({"web.deployment": third})
    behind.sync("--wait").ok()
    done = behind.gitops("wait", behind.namespace, "--commit", earlier, "--timeout", "2m").ok()
    assert "at a later state commit" in done.stdout


def test_a_later_state_is_recognised_without_our_annotations(behind: Live) -> None:
    """The article's shell agent records nothing on the workload."""
    earlier = git(behind.remote, "rev-parse", "main")
    third = "c" * 40
    behind.record({"web.deployment": third})
    behind.kube.set_image("Deployment", behind.namespace, "web", "web", image("web", third))
    behind.gitops("wait", behind.namespace, "--commit", earlier, "--timeout", "2m").ok()


def test_an_earlier_state_has_not_reached_a_later_one(behind: Live) -> None:
    behind.sync("--wait").ok()
    behind.record({"web.deployment": "c" * 40})
    assert behind.gitops("wait", behind.namespace, "--timeout", "2s").code == 8


def test_a_rollout_that_fails_ends_the_wait_with_its_reason(behind: Live) -> None:
    behind.record({"web.deployment": ABSENT})
    behind.sync().ok()
    done = behind.gitops("wait", behind.namespace, "--timeout", "2m")
    assert done.code == 7
    assert "not found" in done.stdout
    assert "kubectl describe pod web-" in done.stdout


def test_an_unknown_commit_is_a_mistake(behind: Live) -> None:
    assert behind.gitops("wait", behind.namespace, "--commit", "f" * 40).code == 2


def test_without_an_environment_it_is_a_mistake(behind: Live) -> None:
    assert behind.gitops("wait").code == 2


def test_globs_that_leave_nothing_in_one_environment_wait_for_nothing_there(behind: Live) -> None:
    behind.record({"images_path": "r/", "api.deployment": OLD}, environment="other-production")
    behind.sync("--wait").ok()
    names = (behind.namespace, "other-production")
    behind.gitops("wait", *names, "--only", "web", "--timeout", "2m").ok()


def test_a_token_that_cannot_be_read_ends_it_at_once(
    behind: Live, control_plane: ControlPlane, tmp_path: Path
) -> None:
    file = write_kubeconfig(
        tmp_path / "k", url=control_plane.url, ca_file=control_plane.ca_file, token="t"
    )
    content = yaml.safe_load(file.read_text())
    content["users"][0]["user"] = {"tokenFile": "absent"}
    file.write_text(yaml.safe_dump(content))
    done = behind.gitops("wait", behind.namespace, "--kubeconfig", file)
    assert done.code == 2, str(done)
    assert f"{tmp_path}/absent: cannot read the token" in done.stderr
    assert "Traceback" not in done.stderr
