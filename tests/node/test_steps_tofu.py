"""Steps of real OpenTofu, planned and applied through `diff` and `sync`."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.cli.live import Live, make_live
from tests.cli.stepped import push, settings, states, steps, table, trust
from tests.testbed.controlplane import ControlPlane
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube
from tests.testbed.patience import eventually
from tests.testbed.programs import program

pytestmark = [pytest.mark.node, pytest.mark.programs]

MAIN = """terraform {
  backend "local" {
    path          = "STATE/terraform.tfstate"
    workspace_dir = "STATE/workspaces"
  }
}

variable "wanted" {
  type = string
}

resource "terraform_data" "it" {
  input = var.wanted
  provisioner "local-exec" {
    command = "echo ${var.wanted} >>STATE/done"
  }
}

output "it" {
  value = terraform_data.it.output
}
"""


@pytest.fixture
def infra(
    tmp_path: Path, gitops: Gitops, kube: Kube, namespace: str, control_plane: ControlPlane
) -> Live:
    """Return an environment on whose machine tofu is."""
    empty = tmp_path / "tofurc"
    empty.touch()
    path = f"{program('tofu').parent}{os.pathsep}{gitops.environment['PATH']}"
    mine = gitops.using(PATH=path, TF_CLI_CONFIG_FILE=empty)
    return make_live(tmp_path, mine, kube, namespace, control_plane.kubeconfig)


def network(live: Live, tmp_path: Path, *, wanted: str, main: str = MAIN, more: str = "") -> None:
    """Push a step of OpenTofu that keeps its state on this machine."""
    state = tmp_path / "state"
    state.mkdir(exist_ok=True)
    text = f'tofu = "infra/network"\nvars = ["infra/{{environment}}.tfvars"]\n{more}'
    push(
        live,
        {
            "gitops.toml": settings(live, table(live, "network", text)),
            "infra/network/main.tf": main.replace("STATE", str(state)),
            f"infra/{live.namespace}.tfvars": f'wanted = "{wanted}"\n',
        },
    )


def test_opentofu_is_planned_applied_and_then_unchanged(infra: Live, tmp_path: Path) -> None:
    network(infra, tmp_path, wanted="one")
    done = tmp_path / "state" / "done"
    refused = infra.sync("--steps")
    assert (refused.code, done.exists()) == (6, False)
    trust(infra.gitops)

    planned = infra.diff("--steps", "-o", "json")
    assert planned.code == 1
    assert steps(planned)["network"]["says"] == "Plan: 1 to add, 0 to change, 0 to destroy."
    assert not done.exists()
    applied = infra.sync("--steps", "-o", "json").ok()
    assert states(applied) == {"network": "applied"}
    assert done.read_text() == "one\n"
    again = infra.diff("--steps", "-o", "json").ok()
    assert states(again) == {"network": "unchanged"}
    assert steps(again)["network"]["says"].startswith("No changes.")

    network(infra, tmp_path, wanted="two")
    assert infra.diff("--steps").code == 6, "another value is another content"
    trust(infra.gitops)
    shown = infra.sync("--steps", "-v").ok()
    assert 'input  = "one" -> "two"' in shown.stdout
    assert infra.diff("--steps").ok()


def test_a_workspace_is_made_and_outputs_reach_the_next_step(infra: Live, tmp_path: Path) -> None:
    more = 'workspace = "{environment}"\nproduces = ["infra/next/out.json"]'
    network(infra, tmp_path, wanted="one", more=more)
    reads = table(
        infra,
        "reads",
        'plan = ["sh", "-c", "exit 2"]\n'
        f'apply = ["cp", "out.json", "{tmp_path}/out.json"]\ndirectory = "infra/next"',
    )
    work = infra.remote.parent / "colleague"
    push(
        infra,
        {
            "gitops.toml": (work / "gitops.toml").read_text() + reads,
            "infra/next/README": "what the network is\n",
        },
    )
    trust(infra.gitops)

    assert states(infra.sync("--steps", "-o", "json").ok()) == {
        "network": "applied",
        "reads": "applied",
    }

    assert json.loads((tmp_path / "out.json").read_text())["it"]["value"] == "one"
    assert (tmp_path / "state" / "workspaces" / infra.namespace).is_dir()


@pytest.mark.parametrize(
    "backend", ["", 'backend "local" {\n    path = "terraform.tfstate"\n  }'], ids=["none", "here"]
)
def test_a_state_that_would_be_lost_is_refused(infra: Live, tmp_path: Path, backend: str) -> None:
    main = f"terraform {{\n  {backend}\n}}\n" + MAIN.partition("\n}\n\n")[2]
    network(infra, tmp_path, wanted="one", main=main)
    trust(infra.gitops)

    refused = infra.sync("--steps")

    assert refused.code == 2
    assert "infra/network declares no backend that keeps its state" in refused.stderr
    assert not (tmp_path / "state" / "done").exists()


def test_what_opentofu_refuses_is_a_failed_step(infra: Live, tmp_path: Path) -> None:
    network(infra, tmp_path, wanted="one", main=MAIN.replace("var.wanted\n", "var.wantd\n", 1))
    trust(infra.gitops)

    failed = infra.sync("--steps", "-o", "json")

    assert failed.code == 7
    assert states(failed) == {"network": "failed"}
    assert any("wantd" in line for line in steps(failed)["network"]["output"])


def test_ctrl_c_gives_the_lock_of_the_state_back(infra: Live, tmp_path: Path) -> None:
    slow = MAIN.replace("echo ${var.wanted} >>STATE/done", "touch STATE/began; sleep 600")
    network(infra, tmp_path, wanted="one", main=slow)
    trust(infra.gitops)
    state = tmp_path / "state"

    with infra.gitops.start("sync", infra.namespace, "--steps") as running:
        eventually((state / "began").exists)
        assert (state / ".terraform.tfstate.lock.info").exists()
        running.send_signal(signal.SIGINT)
        running.communicate()

    assert running.returncode == 130
    assert not (state / ".terraform.tfstate.lock.info").exists()
