"""`gitops demo`: from the first command to the last, and nothing left behind."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.testbed.controlplane import ControlPlane
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube
from tests.testbed.patience import PATIENCE

pytestmark = pytest.mark.sweep

COMMANDS = [
    "gitops status",
    "gitops promote authentication --from dev --to prod --yes",
    "gitops diff project1-production",
    "gitops sync project1-production --wait",
    "gitops set frontend=dead0cc71c376136bb8d52b3a0505917ba5b00d4 -e prod -m hotfix",
    "gitops sync project1-production --wait",
    "gitops rollback frontend -e prod --yes -m 'its image was never pushed'",
    "gitops sync project1-production --wait",
    "gitops history frontend -e prod",
]


@pytest.fixture
def servers(gitops: Gitops) -> Iterator[None]:
    """Fail a test that leaves a server running."""
    yield
    deadline = time.monotonic() + PATIENCE
    while left := _servers(gitops.home):
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.05)


def _servers(home: Path) -> list[str]:
    listed = subprocess.run(["ps", "-Ao", "pid=,args="], capture_output=True, text=True, check=True)
    lines = listed.stdout.splitlines()
    return [line for line in lines if " -m gitops_cli.sandbox " in line and str(home) in line]


def left_in_cache(gitops: Gitops) -> list[str]:
    cache = gitops.home / "cache" / "gitops"
    return [path.name for path in cache.iterdir()] if cache.exists() else []


def shown_commands(output: str) -> list[str]:
    return re.findall(r"^\$ (.*)$", output, re.MULTILINE)


@pytest.mark.usefixtures("servers")
def test_it_runs_through_in_a_pipe_again_and_whatever_the_user_has_set(
    gitops: Gitops, tmp_path: Path
):
    plays_in_a_pipe(gitops)
    (gitops.home / ".gitconfig").write_text("[commit]\n\tgpgSign = true\n")  # and no identity
    settings = gitops.home / "config" / "gitops" / "config.toml"
    settings.parent.mkdir()
    settings.write_text('output = "json"\nproject = "other"\n')
    mine = gitops.using(
        GITOPS_REPO="https://example.com/never.git",
        GITOPS_ENV="nowhere",
        GITOPS_OUTPUT="json",
        KUBECONFIG=tmp_path / "missing",
    )

    plays_in_a_pipe(mine, "-o", "table")


def plays_in_a_pipe(gitops: Gitops, *options: str) -> None:
    """Run the main story, and fail if it is not told to its end."""
    done = gitops("demo", *options, timeout=120)

    assert done.code == 0, str(done)
    assert shown_commands(done.stdout) == COMMANDS
    steps = re.split(r"^\$ .*$", done.stdout, flags=re.MULTILINE)
    assert "Cache the identity provider's public keys" in steps[2]  # promote: source commits
    assert {"4c43182", "31b8b7a", "differs"} <= set(steps[3].split())  # diff
    assert "exit code 1" in steps[3]
    assert re.search("ErrImagePull|ImagePullBackOff", steps[6])  # the failing sync
    assert "exit code 7: rollout failed" in steps[6]
    assert "its image was never pushed" in steps[9]  # history
    assert done.stdout.endswith("Nothing of it is left on this machine.\n")
    assert "\x1b" not in done.stdout + done.stderr
    assert left_in_cache(gitops) == []


STORIES = {
    "rollback": ["unlocked frontend", "exit code 6: blocked", "rollout failed: frontend: "],
    "adopt": ["recorded 4 services in project1-staging", "in sync", "PRODUCTION vs STAGING"],
    "ci": ["Round totals once (You)", "exit code 6: blocked", "from project1-development"],
    "agent": ["follows it", "roll back notifications", "ok      cronjob"],
}


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("story", STORIES)
def test_every_other_story_runs_through(gitops: Gitops, story: str):
    done = gitops("demo", "--story", story, timeout=180)

    assert done.code == 0, str(done)
    for shown in STORIES[story]:
        assert shown in done.stdout
    assert done.stdout.endswith("Nothing of it is left on this machine.\n")
    assert left_in_cache(gitops) == []


def test_other_stories_need_the_emulated_cluster(gitops: Gitops):
    done = gitops("demo", "--story", "ci", "--context", "nowhere")

    assert (done.code, done.stdout) == (2, "")
    assert "`ci` is played on an emulated cluster only" in done.stderr


@pytest.mark.usefixtures("servers")
def test_on_a_terminal_it_waits_for_enter(gitops: Gitops):
    with gitops.terminal("demo", rows=12) as terminal:  # no pager holds it up
        terminal.wait_for("Press Enter to go on.")
        assert shown_commands(terminal.text) == COMMANDS[:1]
        for count in range(2, len(COMMANDS) + 1):
            terminal.press("enter")
            # A heading is there once, and the line before it is gone by then.
            terminal.wait_for(f"[{count}/{len(COMMANDS)}]")
            if count < len(COMMANDS):
                terminal.wait_for("Press Enter to go on.")

        assert terminal.finish() == 0
        assert shown_commands(terminal.text) == COMMANDS
        assert "Press Enter" not in terminal.screen
    assert left_in_cache(gitops) == []


@pytest.mark.usefixtures("servers")
def test_ctrl_c_at_a_pause_cleans_up(gitops: Gitops):
    with gitops.terminal("demo", columns=60) as terminal:
        terminal.wait_for("Press Enter to go on.")
        assert left_in_cache(gitops) != []
        reason = terminal.text.partition("$ ")[0].splitlines()
        assert max(map(len, reason)) < 60, "it is broken at words"
        terminal.press("ctrl-c")

        assert terminal.finish() == 130
    assert left_in_cache(gitops) == []


@pytest.mark.usefixtures("servers")
def test_ctrl_c_in_the_middle_of_a_command_cleans_up(gitops: Gitops):
    with gitops.terminal("demo", "--no-pause") as terminal:
        terminal.wait_for("$ gitops sync project1-production --wait")
        terminal.press("ctrl-c")

        assert terminal.finish() == 130
    assert left_in_cache(gitops) == []


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_stop_cleans_up_even_when_it_comes_twice(
    gitops: Gitops, number: signal.Signals
):
    with gitops.terminal("demo") as terminal:
        terminal.wait_for("Press Enter to go on.")
        terminal.signal(number)
        terminal.signal(number)

        assert terminal.finish() == 130
    assert left_in_cache(gitops) == []


@pytest.mark.usefixtures("servers")
def test_a_demo_that_is_killed_leaves_nothing_either(gitops: Gitops):
    with gitops.terminal("demo") as terminal:
        terminal.wait_for("Press Enter to go on.")
        terminal.signal(signal.SIGKILL)
        assert terminal.finish() == -signal.SIGKILL

    deadline = time.monotonic() + PATIENCE
    while left := left_in_cache(gitops):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def test_keep_leaves_it_up_and_says_how_to_end_it(gitops: Gitops):
    done = gitops("demo", "--keep", timeout=120).ok()

    [command] = re.findall(r"^  gitops (sandbox down --dir \S+)$", done.stdout, re.MULTILINE)
    [name] = left_in_cache(gitops)
    directory = gitops.home / "cache" / "gitops" / name
    try:
        assert gitops("sandbox", "env", "--dir", directory).code == 0
        assert command.endswith(str(directory))
    finally:
        gitops(*command.split()).ok()
    assert left_in_cache(gitops) == []


# --- on a cluster of the user's


@pytest.fixture
def on_cluster(gitops: Gitops, control_plane: ControlPlane) -> Gitops:
    return gitops.using(KUBECONFIG=control_plane.kubeconfig)


def namespaces_of(kube: Kube, output: str) -> list[str]:
    """Return the stages that a demo, told by its output, still has on the cluster."""
    [project] = set(re.findall(r"gitops-demo-[0-9a-f]{6}", output))
    found = kube.find("Namespace", labels=f"gitops-cli/demo={project}")
    alive = [n["metadata"]["name"] for n in found if "deletionTimestamp" not in n["metadata"]]
    return [name.removeprefix(f"{project}-") for name in alive]


def test_on_a_real_cluster_it_uses_namespaces_of_its_own(
    gitops: Gitops, control_plane: ControlPlane, kube: Kube, namespace: str
):
    labels = {"gitops-cli/demo": "x", "app.kubernetes.io/managed-by": "gitops-demo"}
    kube.patch("Namespace", None, namespace, {"metadata": {"labels": labels}})

    done = gitops(
        "demo", "--context", "test", "--kubeconfig", control_plane.kubeconfig, timeout=120
    )

    assert done.code == 0, str(done)
    assert "exit code 7: rollout failed" in done.stdout
    assert namespaces_of(kube, done.stdout) == []
    assert "deletionTimestamp" not in kube.get("Namespace", None, namespace)["metadata"]
    assert left_in_cache(gitops) == []


def test_on_a_real_cluster_keep_leaves_everything(on_cluster: Gitops, kube: Kube):
    done = on_cluster("demo", "--context", "test", "--keep", timeout=120).ok()

    [project] = set(re.findall(r"gitops-demo-[0-9a-f]{6}", done.stdout))
    try:
        assert set(namespaces_of(kube, done.stdout)) == {"development", "staging", "production"}
        [pod] = kube.pods(f"{project}-development", "pause")
        [container] = pod["spec"]["containers"]
        assert re.fullmatch(
            r"registry\.k8s\.io/pause:[0-9a-f]{40}@sha256:[0-9a-f]{64}", container["image"]
        )
        assert (
            f"kubectl delete namespace -l gitops-cli/demo={project} --context test" in done.stdout
        )
        deployment = kube.get("Deployment", f"{project}-production", "pause")
        # Not every registry, nor every kubelet, says that an image is "not found".
        assert deployment["spec"]["progressDeadlineSeconds"] == 60
    finally:
        for stage in namespaces_of(kube, done.stdout):
            kube.delete_namespace(f"{project}-{stage}")
        [name] = left_in_cache(on_cluster)
        directory = on_cluster.home / "cache" / "gitops" / name
        on_cluster("sandbox", "down", "--dir", directory).ok()


def test_interrupted_on_a_real_cluster_it_still_deletes_its_namespaces(
    on_cluster: Gitops, kube: Kube
):
    with on_cluster.terminal("demo", "--context", "test") as terminal:
        terminal.wait_for("Press Enter to go on.")
        assert len(namespaces_of(kube, terminal.text)) == 3
        terminal.press("ctrl-c")

        assert terminal.finish() == 130
        assert namespaces_of(kube, terminal.text) == []
    assert left_in_cache(on_cluster) == []


def test_a_context_that_does_not_exist_is_one_error(on_cluster: Gitops):
    done = on_cluster("demo", "--context", "nowhere")

    assert (done.code, done.stdout) == (2, "")
    assert "nowhere" in done.stderr
    assert left_in_cache(on_cluster) == []


def test_a_kubeconfig_alone_is_not_enough(gitops: Gitops, tmp_path: Path):
    done = gitops("demo", "--kubeconfig", tmp_path / "any")

    assert done.code == 2
    assert "hint: add --context NAME" in done.stderr


def test_a_context_from_the_environment_is_not_taken(gitops: Gitops):
    # A variable alone must not make the demo write to a real cluster.
    with gitops.using(GITOPS_CONTEXT="production").terminal("demo") as terminal:
        terminal.wait_for("Press Enter to go on.")
        assert "project1" in terminal.text
        terminal.press("ctrl-c")
        assert terminal.finish() == 130
