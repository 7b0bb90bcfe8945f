"""An environment with a step, and an agent that is installed to run it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gitops_cli.agent.model.spec import NAME
from tests.agent.world import apply
from tests.cli.live import Live
from tests.cli.stepped import SCRIPT, command, push, settings, stage_of
from tests.testbed.controlplane import ControlPlane
from tests.testbed.gitops import Ran
from tests.testbed.kubeconfig import write_kubeconfig

WHERE = ["--agent-repo", "ssh://git@git.example.com/state.git", "--image", "r/gitops-cli:1"]


@dataclass
class Stepped:
    """An environment with one step, and an agent that was installed to run it."""

    live: Live
    target: Path
    variables: Path
    plane: ControlPlane
    pins: tuple[str, ...] = ()
    kubeconfig: Path = Path()

    def printed(self, *options: str) -> Ran:
        return self.live.gitops("agent", "manifests", self.live.namespace, *WHERE, *options)

    def install(self, *options: str) -> dict[str, Any]:
        """Apply what `agent manifests` prints; return the pod's specification."""
        text = self.printed(*options).ok().stdout
        apply(self.live.kube, text)
        [workload] = [o for o in yaml.safe_load_all(text) if o["kind"] == "CronJob"]
        self.live.kube.patch("CronJob", self.live.namespace, NAME, {"spec": {"suspend": True}})
        job: dict[str, Any] = workload["spec"]["jobTemplate"]["spec"]
        [container] = job["template"]["spec"]["containers"]
        self.pins = tuple(word for word in container["command"] if word.startswith("--steps="))
        self.kubeconfig = write_kubeconfig(
            self.variables.parent / "agent.kubeconfig",
            url=self.plane.url,
            ca_file=self.plane.ca_file,
            token=self.live.kube.token(self.live.namespace, NAME),
        )
        return job

    @property
    def words(self) -> list[str]:
        """The command of its pod, but for where repository and cluster are."""
        return [
            *("agent", "run", "--repo", str(self.live.remote), "--env", self.live.namespace),
            *self.pins,
            *("--step-variables", str(self.variables), "--kubeconfig", str(self.kubeconfig)),
        ]

    def run(self) -> Ran:
        return self.live.gitops(*self.words)

    def status(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.live.kube.get("ConfigMap", self.live.namespace, NAME)[
            "data"
        ]
        return found

    def said(self) -> Mapping[str, str]:
        """Return the same, also of an agent that has written nothing yet."""
        config = self.live.kube.get("ConfigMap", self.live.namespace, NAME)
        return config.get("data") or {}

    def let_time_pass(self) -> None:
        """Let the last run of the steps be a day ago."""
        data = {"data": {"steps-at": "2020-01-01T00:00:00Z"}}
        self.live.kube.patch("ConfigMap", self.live.namespace, NAME, data)

    def declare(self, script: str = SCRIPT, more: str = "", rules: str = "") -> None:
        stage = f"[stage.{stage_of(self.live)}]\n{rules}\n" if rules else ""
        table = command(self.live, self.target, more=more)
        push(
            self.live,
            {
                "gitops.toml": settings(self.live, stage, table),
                "infra/dns/write.sh": script,
                "infra/dns/wanted": "one\n",
            },
        )
