"""The lines of the docs that are kubectl's or jq's, on a real API server.

All others are run by tests/e2e.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.cli.live import NEW, Live, make_live
from tests.cli.manifested import config_map
from tests.e2e.pages import KUBECTL
from tests.e2e.test_other_pages import ALL
from tests.testbed.controlplane import ControlPlane
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube

pytestmark = pytest.mark.node
LINES = [command for page in ALL for command, reason in page.elsewhere.items() if reason == KUBECTL]
OTHERS = re.compile(r"\b(shop-qa|shop-testing|rehearsal)\b")


@pytest.fixture
def live(
    tmp_path: Path, gitops: Gitops, kube: Kube, namespace: str, control_plane: ControlPlane
) -> Live:
    """Return an environment with a service, an agent and an object that is applied."""
    made = make_live(tmp_path, gitops, kube, namespace, control_plane.kubeconfig)
    made.running("web", NEW)
    objects = yaml.safe_dump(config_map(a="1"))
    made.record({"web.deployment": NEW, f"/{namespace}/manifests/a.yaml": objects})
    made.sync().ok()
    return made


def make_agent(live: Live) -> Callable[[str], str]:
    """Return what runs a line with the agent's manifests as its input."""
    printed = live.gitops(
        *("agent", "manifests", live.namespace, "--restrict", "--image", "agent:1"),
        *("--agent-repo", "https://git.example.com/acme/state.git"),
    ).ok()

    def run(line: str) -> str:
        shell = {**os.environ, **live.gitops.environment}
        done = subprocess.run(
            ["sh", "-c", line],
            input=printed.stdout,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            cwd=live.clone,
            env=shell,
        )
        return done.stdout

    return run


def test_what_is_said_to_other_programs_works(live: Live) -> None:
    run = make_agent(live)
    run("kubectl apply -f -")
    for line in LINES:
        mine = OTHERS.sub(f"{live.namespace}-other", line)
        mine = re.sub(r"\bENV\b|project1-(development|production)", live.namespace, mine)
        if "delete namespace" in mine:
            run(mine.replace("delete", "create"))
        said = run(mine)
        if "create namespace" in mine:
            run(mine.replace("create", "delete"))
        assert said.strip() or "jq" in line, line
