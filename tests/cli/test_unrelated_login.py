"""A login of a context that is not used holds nothing up, and is not even begun."""

from __future__ import annotations

import stat
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.cli.live import OLD, Live
from tests.testbed.patience import HANGING, eventually

_WAITS = """\
#!{python}
import os, sys, time
open({runs!r}, "a").write("run\\n")
print("open https://login.example", file=sys.stderr, flush=True)
while os.getppid() != 1:
    time.sleep(0.1)
"""


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Return the file to which the plugin writes that it runs."""
    return tmp_path / "runs"


@pytest.fixture
def elsewhere(live: Live, tmp_path: Path, runs: Path) -> Live:
    """Return an environment of cluster `two`; the current context has a plugin without an end."""
    plugin = tmp_path / "plugin"
    plugin.write_text(_WAITS.format(python=sys.executable, runs=str(runs)))
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    config = yaml.safe_load(Path(live.gitops.environment["KUBECONFIG"]).read_text())
    [real] = config["contexts"]
    executed = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": str(plugin),
        "interactiveMode": "Never",
    }
    config["users"].append({"name": "waits", "user": {"exec": executed}})
    config["contexts"] = [
        {"name": "one", "context": {**real["context"], "user": "waits"}},
        {"name": "two", "context": real["context"]},
    ]
    config["current-context"] = "one"
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump(config))
    file.chmod(0o600)
    stage = live.namespace.partition("-")[2]
    settings = f'stages = ["{stage}"]\n[stage.{stage}]\ncluster = "two"'
    live.record({"web.deployment": OLD, "/gitops.toml": settings})
    live.running("web", OLD)
    live.gitops = live.gitops.using(KUBECONFIG=file)
    return live


@pytest.mark.parametrize("command", [["diff"], ["sync", "--wait"], ["wait"]])
def test_a_plugin_of_another_context_is_not_run(
    elsewhere: Live, runs: Path, command: list[str]
) -> None:
    began = time.monotonic()

    elsewhere.gitops(*command, elsewhere.namespace, timeout=2 * HANGING).ok()

    assert time.monotonic() - began < HANGING
    assert not runs.exists()


def test_a_plugin_that_is_needed_is_waited_for_until_the_time_out(
    elsewhere: Live, runs: Path
) -> None:
    stage = elsewhere.namespace.partition("-")[2]
    elsewhere.record({"/gitops.toml": f'stages = ["{stage}"]'})
    began = time.monotonic()

    done = elsewhere.diff("--timeout", "5s")

    assert time.monotonic() - began < HANGING
    assert done.code == 8, str(done)
    assert "login | open https://login.example" in done.stderr, "somebody has to do something"
    assert "the login (exec of the kubeconfig) did not end in time" in done.stderr
    eventually(runs.exists)
