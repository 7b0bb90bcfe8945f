"""`gitops watch`: the difference as it changes, for a terminal and for a pipe."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
import yaml

from tests.cli.live import NEW, OLD, Live, image, make_live
from tests.testbed import schemas
from tests.testbed.controlplane import ControlPlane
from tests.testbed.gitops import Gitops, Started
from tests.testbed.kube import PATIENCE, Kube
from tests.testbed.ports import free_port


@pytest.fixture
def live(
    tmp_path: Path, gitops: Gitops, kube: Kube, namespace: str, control_plane: ControlPlane
) -> Live:
    live = make_live(tmp_path, gitops, kube, namespace, control_plane.kubeconfig)
    live.record({"web.deployment": OLD})
    live.running("web", OLD)
    return live


def set_image(live: Live, version: str) -> None:
    live.kube.set_image("Deployment", live.namespace, "web", "web", image("web", version))


def test_on_a_terminal_rows_change_and_are_marked(live: Live) -> None:
    with live.gitops.terminal("watch", live.namespace) as terminal:
        terminal.wait_for("in sync")
        assert "● web" not in terminal.screen
        set_image(live, NEW)
        terminal.wait_for("differs")
        terminal.wait_for("● web")
        terminal.press("ctrl-c")
        assert terminal.finish() == 130


def test_in_a_pipe_each_change_is_a_line(live: Live) -> None:
    with live.gitops.start("watch", live.namespace) as process:
        assert process.stdout is not None
        assert live.namespace in process.stdout.readline()
        assert "SERVICE" in process.stdout.readline()
        assert "in sync" in process.stdout.readline()
        set_image(live, NEW)
        changed = process.stdout.readline()
        assert changed.startswith(f"{live.namespace} web git {OLD[:7]} workload {NEW[:7]} ")
        assert "differs" in changed
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 130


def test_as_documents(live: Live) -> None:
    with live.gitops.start("watch", live.namespace, "-o", "json", "--timeout", "15s") as process:
        decoder, text = json.JSONDecoder(), ""
        assert process.stdout is not None
        while "\n}\n" not in text and (line := process.stdout.readline()):
            text += line
        set_image(live, NEW)
        rest, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    first, end = decoder.raw_decode(text)
    assert first["kind"] == "diff"
    second, _ = decoder.raw_decode((text[end:] + rest).lstrip())
    assert (second["kind"], second["environment"]) == ("watch", live.namespace)
    assert (second["row"]["service"], second["row"]["state"]) == ("web", "differs")
    assert second["gone"] is False
    assert schemas.check(second) is None


def test_a_row_that_goes_is_gone(live: Live) -> None:
    live.record({"job.deployment": NEW})
    with live.gitops.start("watch", live.namespace) as process:
        assert process.stdout is not None
        shown_until(process, "in sync")
        live.record({"job.deployment": None})
        assert process.stdout.readline() == f"{live.namespace} job is gone\n"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)


def test_without_any_cluster_it_ends(live: Live) -> None:
    done = live.gitops.using(KUBECONFIG="/nowhere")("watch", live.namespace)

    assert (done.code, done.stdout) == (2, "")
    assert "no kubeconfig: /nowhere does not exist" in done.stderr


def test_a_cluster_out_of_reach_is_said(live: Live, tmp_path: Path) -> None:
    config = yaml.safe_load(Path(live.gitops.environment["KUBECONFIG"]).read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{free_port()}"
    (tmp_path / "closed").write_text(yaml.safe_dump(config))
    closed = live.gitops.using(KUBECONFIG=tmp_path / "closed")

    with closed.start("watch", live.namespace) as process:
        assert process.stderr is not None
        assert "127.0.0.1" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 130


def test_a_remote_out_of_reach_is_said_once(live: Live) -> None:
    remote, hidden = live.remote, live.remote.with_name("hidden.git")
    with live.gitops.start("watch", live.namespace) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        shown_until(process, "in sync")
        remote.rename(hidden)
        assert "showing the last known" in process.stderr.readline()
        hidden.rename(remote)
        live.record({"web.deployment": NEW})
        assert "differs" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE)
    assert "last known" not in said


def test_what_is_recorded_meanwhile_is_seen_too(live: Live) -> None:
    with live.gitops.terminal("watch", live.namespace) as terminal:
        terminal.wait_for("in sync")
        live.record({"web.deployment": NEW})
        terminal.wait_for("differs")
        terminal.press("ctrl-c")
        terminal.finish()


def shown_until(process: Started, *words: str) -> str:
    """Read lines until one has all the words; return that one."""
    assert process.stdout is not None
    while line := process.stdout.readline():
        if all(word in line for word in words):
            return line
    raise AssertionError(f"it ended without {words}")


def test_a_kind_that_is_new_there_is_looked_for(live: Live) -> None:
    live.run("StatefulSet", "db", OLD)
    live.kube.wait_rolled_out("StatefulSet", live.namespace, "db")
    with live.gitops.start("watch", live.namespace, "--timeout", "1h") as process:
        shown_until(process, "web", "in sync")
        live.record({"db.statefulset": OLD})
        assert "missing" not in shown_until(process, f"{live.namespace} db ")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)


def test_what_gitops_toml_says_now_holds(live: Live, tmp_path: Path) -> None:
    """The container that it names is compared from then on; one that is broken changes nothing."""
    other = image("sidecar", NEW)
    live.run("Deployment", "two", OLD, images={"app": image("else", OLD), "other": other})
    live.record({"two.deployment": OLD})
    with live.gitops.start("watch", live.namespace, "--timeout", "1h") as process:
        assert process.stderr is not None
        shown_until(process, "two", "unclear")
        live.record({"/gitops.toml": "this is no TOML"})
        assert "gitops.toml:1: Expected '='" in process.stderr.readline()
        assert "going on as before" in process.stderr.readline()
        live.record({"/gitops.toml": '[service.two]\ncontainer = "app"'})
        shown_until(process, f"{live.namespace} two", "differs")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)


def test_without_a_name_a_new_environment_is_shown(live: Live) -> None:
    with live.gitops.start("watch", "--timeout", "1h") as process:
        shown_until(process, "web", "in sync")
        new = f"{live.namespace}-b"
        live.record({"images_path": "r/", "api.deployment": OLD}, environment=new)
        assert "missing" in shown_until(process, f"{new} api ")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
