"""`gitops watch`: the difference as it changes, for a terminal and for a pipe."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.cli.live import NEW, OLD, Live, image, make_live
from tests.testbed.controlplane import ControlPlane
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube


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
        terminal.wait_for("in-sync")
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
        assert "in-sync" in process.stdout.readline()
        set_image(live, NEW)
        changed = process.stdout.readline()
        assert changed.startswith(f"{live.namespace} web git {OLD[:7]} workload {NEW[:7]} ")
        assert "differs" in changed
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode == 130


def test_as_documents(live: Live) -> None:
    with live.gitops.start("watch", live.namespace, "-o", "json", "--timeout", "4s") as process:
        decoder, text = json.JSONDecoder(), ""
        assert process.stdout is not None
        while "\n}\n" not in text:
            text += process.stdout.readline()
        set_image(live, NEW)
        rest, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    first, end = decoder.raw_decode(text)
    assert first["kind"] == "diff"
    second, _ = decoder.raw_decode((text[end:] + rest).lstrip())
    assert (second["kind"], second["environment"]) == ("watch", live.namespace)
    assert (second["row"]["service"], second["row"]["state"]) == ("web", "differs")


def test_what_is_recorded_meanwhile_is_seen_too(live: Live) -> None:
    with live.gitops.terminal("watch", live.namespace) as terminal:
        terminal.wait_for("in-sync")
        live.record({"web.deployment": NEW})
        terminal.wait_for("differs", timeout=30)
        terminal.press("ctrl-c")
        terminal.finish()
