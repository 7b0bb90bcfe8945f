"""`gitops capture` where it cannot see everything: half a namespace is not recorded unsaid."""

from __future__ import annotations

import pytest

from tests.cli.live import NEW, OLD, Live
from tests.testbed.faults import Answer, ApiProxy
from tests.testbed.git import git


@pytest.fixture
def running(live: Live) -> Live:
    """Return a namespace with a Deployment and a StatefulSet that git does not know yet."""
    live.run("Deployment", "web", OLD)
    live.run("StatefulSet", "db", NEW)
    return live


def test_a_kind_that_may_not_be_listed_is_said(running: Live, api_proxy: ApiProxy) -> None:
    api_proxy.on(Answer(403), "GET", "/statefulsets", times=100)
    through = running.gitops.using(KUBECONFIG=api_proxy.kubeconfig)
    done = through("capture", running.namespace).ok()
    assert "not permitted to list statefulsets" in done.stderr
    assert "left out" in done.stderr
    listed = git(running.remote, "ls-tree", "--name-only", "main", f"{running.namespace}/")
    assert f"{running.namespace}/web.deployment" in listed.splitlines()
    assert "db.statefulset" not in listed


def test_a_kind_that_cannot_be_listed_ends_it(running: Live, api_proxy: ApiProxy) -> None:
    before = git(running.remote, "rev-parse", "main")
    api_proxy.on(Answer(503), "GET", "/statefulsets", times=100)
    through = running.gitops.using(KUBECONFIG=api_proxy.kubeconfig)
    done = through("capture", running.namespace)
    assert done.code == 5
    assert git(running.remote, "rev-parse", "main") == before
