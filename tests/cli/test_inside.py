"""`gitops logs` and `gitops exec`: the container that matters, on the real API server.

The fake nodes have logs and run nothing, so that kubectl's part of `exec` is a stand-in here; with
a kubelet: tests/node/test_release_to_node.py.
"""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.live import ABSENT, CRASHING, NEW, OLD, UNREADY, Live, image
from tests.cli.synced import LOOK
from tests.testbed import controlplane
from tests.testbed.faults import ApiProxy, Trickle
from tests.testbed.kube import Kube
from tests.testbed.kubeconfig import write_kubeconfig
from tests.testbed.patience import PATIENCE, eventually

EVIL = "\x1b]0;owned\x07\x1b[2Jred: \x1b[31mR"


def told(stderr: str) -> str:
    """Return the kubectl line that was said."""
    [line] = [line for line in stderr.splitlines() if line.startswith("kubectl ")]
    return line


def pods(live: Live, version: str, service: str = "web") -> list[str]:
    return [
        pod["metadata"]["name"]
        for pod in live.kube.pods(live.namespace, service)
        if version in str(pod["spec"])
    ]


@pytest.fixture
def broken(live: Live) -> Live:
    """Return an environment whose service runs on while its new version crashes."""
    live.record({"web.deployment": CRASHING})
    live.running("web", OLD)
    live.sync().ok()
    eventually(lambda: live.rows()["web"]["state"] == "failed")
    return live


def test_the_log_is_what_kubectl_shows_by_the_line_that_is_said(live: Live) -> None:
    live.record({"web.deployment": NEW})
    live.running("web", NEW, replicas=2, images={"proxy": "r/proxy:1", "web": image("web", NEW)})

    done = live.gitops("logs", "web", "-e", live.namespace, "--tail", "1").ok()

    assert done.stdout == f"web: starting {image('web', NEW)}\n"
    assert f"container web: the newest pod of {NEW[:7]}" in done.stderr
    _, *words = shlex.split(told(done.stderr))
    same = subprocess.run(
        [controlplane.binary("kubectl"), *words],
        env=dict(live.gitops.environment),
        capture_output=True,
        text=True,
        check=True,
    )
    assert same.stdout == done.stdout
    named = live.gitops("logs", "web", live.namespace, "-c", "proxy").ok()
    assert named.stdout == "proxy: starting r/proxy:1\n"
    live.gitops("-q", "logs", "web", "-e", live.namespace).ok()
    live.gitops("logs", "web", live.namespace, "--tail", "9" * 30, "-o", "json").ok()


def test_of_a_version_that_crashes_it_is_the_run_that_crashed(broken: Live) -> None:
    done = broken.gitops("logs", "web", "-e", broken.namespace).ok()

    [new] = pods(broken, CRASHING)
    assert done.stdout.endswith("web: fatal, exit code 1\n")
    assert f"{new}, container web: CrashLoopBackOff, exit code 1" in done.stderr
    assert " --previous " in told(done.stderr)
    following = broken.gitops("logs", "web", "-e", broken.namespace, "-f").ok()
    assert "--previous" not in told(following.stderr), "nothing more comes of that"


def test_an_init_container_that_crashes_is_the_one(live: Live) -> None:
    live.record({"web.deployment": NEW})
    live.run("Deployment", "web", NEW, init={"migrate": "r/migrate:crash"})
    eventually(lambda: live.rows()["web"]["state"] == "failed")

    done = live.gitops("logs", "web", "-e", live.namespace, "-o", "json").ok().json()

    [one] = done["containers"]
    assert (one["container"], one["previous"]) == ("migrate", True)
    assert one["lines"] == ["migrate: starting r/migrate:crash", "migrate: fatal, exit code 1"]


def test_what_has_never_run_says_why_instead(live: Live) -> None:
    live.record({"web.deployment": ABSENT})
    live.run("Deployment", "web", ABSENT)
    eventually(lambda: live.rows()["web"]["state"] == "failed")

    for command in (("logs", "web"), ("logs", "web", "--all-pods", "-o", "json")):
        done = live.gitops(*command, "-e", live.namespace)
        assert (done.code, done.stdout) == (1, "")
        # Kubernetes says the two by turns; the one has the registry's words after it.
        assert "ImagePullBackOff" in done.stderr or "ErrImagePull" in done.stderr
        assert "kubectl describe pod web-" in done.stderr


def test_every_pod_has_its_name_in_front_also_where_they_are_followed(broken: Live) -> None:
    names = [*pods(broken, CRASHING), *pods(broken, OLD)]
    for more in ((), ("--follow",)):
        done = broken.gitops("logs", "web", "-e", broken.namespace, "--all-pods", *more).ok()
        begins = {line.partition(" ")[0] for line in done.stdout.splitlines()}
        assert begins == {f"[pod/{name}/web]" for name in names}


def test_ctrl_c_ends_a_log_that_is_followed(live: Live, api_proxy: ApiProxy) -> None:
    live.record({"web.deployment": NEW})
    live.running("web", NEW, pod_annotations={"fake-node/log": "one\n" + "two\n" * 5000})
    api_proxy.on(Trickle(0.01), "GET", r"/log\?")
    there = live.gitops.using(KUBECONFIG=api_proxy.kubeconfig)
    with there.start("logs", "web", "-e", live.namespace, "-f") as following:
        assert following.stdout is not None
        assert following.stdout.readline() == "one\n"
        following.send_signal(signal.SIGINT)
        _, said = following.communicate(timeout=PATIENCE)
    assert following.returncode == 130
    assert said.splitlines()[-1] == "interrupted"


def test_bytes_are_as_they_are_in_a_pipe_and_seen_but_harmless_where_they_would_act(
    live: Live,
) -> None:
    live.record({"web.deployment": NEW})
    log = f"{EVIL}\n::set-output name=a::b"
    live.running("web", NEW, pod_annotations={"fake-node/log": log})
    call = ("logs", "web", "-e", live.namespace)

    assert live.gitops(*call).ok().stdout == f"{log}\n"
    in_ci = live.gitops.using(CI="true")(*call).ok().stdout
    assert in_ci == "\\x1b]0;owned\\x07\\x1b[2Jred: \x1b[31mR\x1b[0m\n\\x3a:set-output name=a::b\n"
    plain = live.gitops.using(CI="true", NO_COLOR="1")(*call).ok().stdout
    assert "\x1b" not in plain
    with live.gitops.terminal(*call) as screen:
        assert screen.finish() == 0
        assert "\\x1b]0;owned" in screen.text
        assert "\x1b]0;" not in screen.transcript
    with live.gitops.terminal(*call, "--raw") as screen:
        assert screen.finish() == 0
        assert "\x1b]0;owned" in screen.transcript


def test_what_is_not_there_is_said_with_what_is(live: Live) -> None:
    live.record({"web.deployment": NEW, "job.cronjob": NEW})
    live.running("web", OLD, replicas=0)
    errors = {
        ("web",): "deployment/web in {} has no pod: scaled to 0: nothing of it runs",
        ("job",): "there is no CronJob `job` in namespace {}",
        ("wbe",): "{} has no service `wbe`",
        ("web", "--pod", "x"): "deployment/web has no pod `x`",
    }
    for words, message in errors.items():
        done = live.gitops("logs", *words, "-e", live.namespace)
        assert message.format(live.namespace) in done.stderr
        assert done.code in (1, 2)
        assert done.stderr.rstrip().splitlines()[-1].startswith("hint: ")
    refused = live.gitops("logs", "web", "-e", live.namespace, "-f", "-o", "json")
    assert refused.code == 2
    assert "--follow has no document" in json.loads(refused.stderr)["message"]


def test_another_version_than_git_records_is_said_first(behind: Live) -> None:
    done = behind.gitops("logs", "web", "-e", behind.namespace).ok()
    assert f"git records {image('web', NEW)}, deployment/web has {image('web', OLD)}" in done.stderr


@pytest.fixture
def kubectl(live: Live, tmp_path: Path) -> Path:
    """Return a file that says how kubectl was called; it ends with the code 7."""
    said, program = tmp_path / "said", tmp_path / "bin" / "kubectl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {said}\ncat >> {said}\nexit 7\n')
    program.chmod(0o755)
    path = f"{program.parent}:{live.gitops.environment['PATH']}"
    live.gitops = live.gitops.using(PATH=path)
    return said


def test_kubectl_runs_the_command_and_its_exit_code_is_ours(live: Live, kubectl: Path) -> None:
    live.record({"web.deployment": UNREADY})
    live.run("Deployment", "web", UNREADY)
    eventually(
        lambda: "running" in str([p["status"] for p in live.kube.pods(live.namespace, "web")])
    )
    [pod] = pods(live, UNREADY)

    done = live.gitops("exec", "web", live.namespace, "-i", "--", "ls", "-l", "a b", stdin="in\n")

    assert (done.code, done.stdout) == (7, "")
    words = ["exec", pod, "-c", "web", "--stdin", "-n", live.namespace, "--context", "test"]
    assert kubectl.read_text().splitlines() == [*words, "--", "ls", "-l", "a b", "in"]
    assert f"kubectl {shlex.join([*words, '--', 'ls', '-l', 'a b'])}" in done.stderr
    assert live.gitops("exec", "web", "-e", live.namespace).code == 2, "no shell without a terminal"
    with live.gitops.terminal("exec", "web", "-e", live.namespace) as screen:
        screen.press("ctrl-d")
        assert screen.finish() == 7
    assert kubectl.read_text().splitlines()[4:6] == ["--stdin", "--tty"]


def test_nothing_is_run_where_nothing_runs(broken: Live, kubectl: Path) -> None:
    done = broken.gitops("exec", "web", "-e", broken.namespace, "--", "ls")
    assert done.code == 1
    assert "has no process: CrashLoopBackOff, exit code 1" in done.stderr
    assert "kubectl debug -it web-" in done.stderr
    assert not kubectl.exists()

    [old] = pods(broken, OLD)
    broken.gitops("exec", "web", "-e", broken.namespace, "--pod", old, "--", "ls")
    assert old in kubectl.read_text()


def test_without_kubectl_that_is_what_is_said(behind: Live, tmp_path: Path) -> None:
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "git").symlink_to(shutil.which("git") or "")
    alone = behind.gitops.using(PATH=tmp_path / "only")
    done = alone("exec", "web", "-e", behind.namespace, "--", "ls")
    assert done.code == 2
    assert "needs kubectl, and there is none on PATH" in done.stderr


def test_without_the_right_to_list_pods_it_says_which_one_is_missing(
    behind: Live, kube: Kube, control_plane: controlplane.ControlPlane, tmp_path: Path
) -> None:
    config = write_kubeconfig(
        tmp_path / "bot",
        url=control_plane.url,
        ca_file=control_plane.ca_file,
        token=kube.service_account(behind.namespace, "bot", LOOK),
    )
    done = behind.gitops.using(KUBECONFIG=config)("logs", "web", "-e", behind.namespace)
    assert done.code == 4
    assert "not permitted to list pods" in done.stderr
    assert "hint: a Role must grant `list` on `pods`" in done.stderr
