"""What `sync` and `diff` spare: connections, processes, and waiting for one thing after another."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.live import Live
from tests.testbed.controlplane import ControlPlane
from tests.testbed.git import git
from tests.testbed.kube import PATIENCE
from tests.testbed.kubeconfig import write_kubeconfig
from tests.testbed.patience import eventually
from tests.testbed.tcp import TcpProxy

# An ssh that lets git wait until a file is there, and then serves it from this machine.
WAITING_SSH = """#!/bin/sh
while [ ! -e {marker} ]; do sleep 0.02; done
shift
exec sh -c "$*"
"""


def asked(live: Live, tmp_path: Path, *arguments: str) -> list[str]:
    """Run the command; return the subcommands of the git processes that it started."""
    trace = tmp_path / "trace"
    trace.unlink(missing_ok=True)
    live.gitops.using(GIT_TRACE=trace)(*arguments, live.namespace).ok()
    begun = (line.partition(" git ")[2] for line in trace.read_text().splitlines())
    return [line.split()[0] for line in begun if line]


@pytest.mark.parametrize("command", ["diff", "sync"])
def test_the_cluster_is_connected_to_while_git_is_asked(
    command: str,
    live: Live,
    tcp_proxy: TcpProxy,
    control_plane: ControlPlane,
    admin_token: str,
    tmp_path: Path,
) -> None:
    config, ssh, marker = tmp_path / "kubeconfig", tmp_path / "waiting-ssh", tmp_path / "go-on"
    write_kubeconfig(config, url=tcp_proxy.url, ca_file=control_plane.ca_file, token=admin_token)
    ssh.write_text(WAITING_SSH.format(marker=marker))
    ssh.chmod(0o755)
    git(live.clone, "remote", "set-url", "origin", f"ssh://localhost{live.remote}")
    waiting = live.gitops.using(KUBECONFIG=config, GIT_SSH_COMMAND=ssh, GIT_SSH_VARIANT="simple")
    with waiting.start(command, live.namespace) as started:
        eventually(lambda: tcp_proxy.bytes_down > 0)  # the TLS handshake
        marker.touch()
        _, said = started.communicate(timeout=PATIENCE)
    assert started.returncode == 0, said
    assert tcp_proxy.connections <= (2 if command == "diff" else 1), "diff lists pods too"


def test_who_we_are_is_asked_only_where_it_will_be_recorded(behind: Live, tmp_path: Path) -> None:
    assert "var" in asked(behind, tmp_path, "sync")
    assert "var" not in asked(behind, tmp_path, "sync")
