"""`gitops diff` on the real API server: which state, which services, which cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.live import (
    NEW,
    OLD,
    Live,
    image,
    line,
)
from tests.testbed.controlplane import ControlPlane
from tests.testbed.git import git
from tests.testbed.kube import Kube
from tests.testbed.kubeconfig import write_kubeconfig


def test_a_stale_clone_is_compared_by_the_remotes_tip(live: Live) -> None:
    first = live.record({"web.deployment": OLD})
    git(live.clone, "pull", "-q")
    live.running("web", NEW)
    live.record({"web.deployment": NEW})
    live.diff().ok()
    assert live.diff("--offline").code == 1
    assert live.diff("--rev", first).code == 1
    assert git(live.clone, "rev-parse", "HEAD") == first, "the clone was left as it is"


def test_the_working_tree_can_be_previewed(live: Live) -> None:
    live.record({"web.deployment": OLD})
    git(live.clone, "pull", "-q")
    live.running("web", OLD)
    (live.clone / live.namespace / "web.deployment").write_text(f"{NEW}\n")
    live.diff().ok()
    row = live.rows("--worktree")["web"]
    assert (row["state"], row["wanted"]) == ("differs", image("web", NEW))


def test_only_some_services(live: Live) -> None:
    live.record({"web.deployment": OLD, "api.deployment": NEW})
    live.running("web", OLD)
    live.running("api", OLD)
    live.diff("--only", "w*").ok()
    assert set(live.rows("--exclude", "web")) == {"api"}
    none = live.diff("--only", "nothing")
    assert none.code == 2
    assert "no service" in none.stderr


def test_a_remote_that_cannot_be_reached_names_the_way_out(live: Live) -> None:
    live.record({"web.deployment": OLD})
    git(live.clone, "pull", "-q")
    live.running("web", OLD)
    live.remote.rename(live.remote.with_name("moved"))
    done = live.diff()
    assert done.code == 3
    assert "--offline" in done.stderr
    live.diff("--offline").ok()


def test_bad_files_are_problems_of_their_own(live: Live) -> None:
    live.record({"web.deployment": OLD, "api.deployment": "oops no"})
    live.running("web", OLD)
    done = live.diff()
    assert done.code == 2
    assert "in sync" in line(done.stdout, "web")
    assert f"{live.namespace}/api.deployment:1" in done.stderr
    assert "1 in sync, 1 error" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--context", "nowhere"), 2, "no context `nowhere`"),
        (("--kubeconfig", "/nowhere"), 2, "/nowhere does not exist"),
    ],
)
def test_a_kubeconfig_that_does_not_lead_anywhere(
    live: Live, arguments: tuple[str, str], code: int, words: str
) -> None:
    live.record({"web.deployment": OLD})
    done = live.diff(*arguments)
    assert done.code == code
    assert words in done.stderr
    assert live.diff(*arguments, "-o", "json").json()["environments"][0]["problems"]


def test_the_wrong_cluster_is_refused(live: Live, kube: Kube) -> None:
    stage = live.namespace.rpartition("-")[2]
    settings = f'stages = ["{stage}"]\n[stage.{stage}]\n'
    live.record({"web.deployment": OLD, "/gitops.toml": f'{settings}cluster = "prod-eu"'})
    said = live.diff("--context", "test")
    assert said.code == 6
    assert "belongs to cluster `prod-eu` (gitops.toml:3), not to `test`" in said.stderr
    assert live.diff().code == 2, "no such context here"
    live.record({"/gitops.toml": f'{settings}cluster = "test"\ncluster_uid = "other"'})
    other = live.diff()
    assert other.code == 6
    assert "(gitops.toml:4)" in other.stderr
    uid = kube.get("Namespace", None, "kube-system")["metadata"]["uid"]
    live.record({"/gitops.toml": f'{settings}cluster = "test"\ncluster_uid = "{uid}"'})
    live.running("web", OLD)
    live.diff().ok()


def test_a_token_that_may_only_look_at_deployments(
    live: Live, kube: Kube, control_plane: ControlPlane, tmp_path: Path
) -> None:
    live.record({"web.deployment": OLD})
    live.running("web", OLD)
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "patch"]}
    file = write_kubeconfig(
        tmp_path / "bot",
        url=control_plane.url,
        ca_file=control_plane.ca_file,
        token=kube.service_account(live.namespace, "bot", [rule]),
    )
    bot = live.gitops.using(KUBECONFIG=file)
    done = bot("diff", live.namespace).ok()
    assert line(done.stdout, "web").split() == ["web", OLD[:7], OLD[:7], "in", "sync"]
    assert "not permitted to list pods" in done.stderr
    document = bot("diff", live.namespace, "-o", "json").json()
    assert document["environments"][0]["rows"][0]["running"] is None
    live.record({"db.statefulset": OLD})
    denied = bot("diff", live.namespace)
    assert denied.code == 4
    assert "in sync" in line(denied.stdout, "web")
    assert f"not permitted to list statefulsets.apps in {live.namespace}" in denied.stderr
    assert "a Role must grant `list` on `statefulsets.apps`" in denied.stderr


def test_several_environments_each_for_itself(live: Live) -> None:
    live.record({"web.deployment": OLD})
    live.running("web", OLD)
    live.record({"images_path": "r/", "web.deployment": OLD}, environment="nowhere-production")
    done = live.gitops("diff")
    assert done.code == 1
    assert {e["name"] for e in live.gitops("diff", "-o", "json").json()["environments"]} == {
        live.namespace,
        "nowhere-production",
    }
    markdown = live.gitops("diff", "-o", "markdown").stdout
    assert f"### {live.namespace}" in markdown.replace("\\", "")
    assert "| web |" in markdown
