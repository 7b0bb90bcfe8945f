"""A cluster that nobody can reach: said once, not once for each service."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testbed.gitops import Gitops

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: away
contexts: [{name: away, context: {cluster: away, user: me}}]
clusters: [{name: away, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: me, user: {token: t}}]
"""


@pytest.fixture
def away(clone: Gitops, tmp_path: Path) -> Gitops:
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG)
    path.chmod(0o600)
    return clone.using(KUBECONFIG=path)


def test_each_environment_is_told_and_the_hint_once(away: Gitops) -> None:
    done = away("diff", "-p", "project1")

    assert done.code == 5
    told = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(told) == 3
    assert done.stderr.count("hint: ") == 1


def test_wait_does_not_repeat_it_for_each_service(away: Gitops) -> None:
    done = away("wait", "project1-staging", "--timeout", "5s")

    assert done.code == 5
    assert done.stdout == ""
    assert "127.0.0.1:1" in done.stderr
    assert done.stderr.count("error: ") == 1
