"""An environment of the article with an installed agent, run by hand with the agent's token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gitops_cli.agent.model.manifests import manifests
from gitops_cli.agent.model.spec import KEY_SECRET, NAME, SIGNERS, AgentMode, AgentSpec
from gitops_cli.agent.view import manifests_yaml
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Kind
from tests.testbed.article import Article, deploy
from tests.testbed.controlplane import ControlPlane
from tests.testbed.gitops import Gitops, Ran
from tests.testbed.kube import Kube, path
from tests.testbed.kubeconfig import write_kubeconfig
from tests.testbed.patience import eventually

UNSEEN = ("billing", "frontend")
"""Services whose pods no test of the agent looks at."""


def spec_of(*namespaces: str, **more: Any) -> AgentSpec:
    kinds = more.pop("kinds", frozenset({Kind.DEPLOYMENT}))
    given: dict[str, Any] = {
        "mode": AgentMode.CRONJOB,
        "url": "ssh://git@git.example.com/acme/environments-state.git",
        "image": "registry.example.com/tools/gitops-cli:1",
        "kinds": {EnvironmentName(name): kinds for name in namespaces},
        "namespace": namespaces[0],
    }
    return AgentSpec(**given | more)


REVISION = "deployment.kubernetes.io/revision"


def apply(kube: Kube, yaml_text: str) -> list[str]:
    """Do what `kubectl apply --server-side -f -` does; return what became of each object.

    The rights among them hold when it returns.
    """
    made = list(yaml.safe_load_all(yaml_text))
    done = [_apply(kube, manifest) for manifest in made]
    roles = {_place(one): one["rules"] for one in made if one["kind"] == "Role"}
    for binding in (one for one in made if one["kind"] == "RoleBinding"):
        namespace, _ = _place(binding)
        [subject] = binding["subjects"]
        account = f"{subject['namespace']}:{subject['name']}"
        for rule in roles[namespace, binding["roleRef"]["name"]]:
            eventually(lambda a=account, n=namespace, r=rule: kube.may(a, n, r))
    return done


def _place(manifest: dict[str, Any]) -> tuple[str, str]:
    return manifest["metadata"]["namespace"], manifest["metadata"]["name"]


def _apply(kube: Kube, manifest: dict[str, Any]) -> str:
    metadata = manifest["metadata"]
    target = path(manifest["kind"], metadata.get("namespace"), metadata["name"])
    before = kube.exists(manifest["kind"], metadata.get("namespace"), metadata["name"])
    old = _written(kube.request("GET", target)) if before else None
    made = kube.request(
        "PATCH",
        target,
        manifest,
        content_type="application/apply-patch+yaml",
        fieldManager="kubectl",
        fieldValidation="Strict",
    )
    if old is None:
        return "created"
    return "unchanged" if _written(made) == old else "configured"


def _written(one: dict[str, Any]) -> dict[str, Any]:
    """Return an object without what the server and its controllers write, at any moment."""
    metadata = one["metadata"]
    notes = {k: v for k, v in metadata.get("annotations", {}).items() if k != REVISION}
    rest = {key: value for key, value in one.items() if key not in ("metadata", "status")}
    return {**rest, "labels": metadata.get("labels", {}), "annotations": notes}


def installed_objects(kube: Kube, namespace: str) -> list[str]:
    """Return the kinds of the agent's objects that are in a namespace."""
    kinds = ["ServiceAccount", "Role", "RoleBinding", "CronJob", "Deployment"]
    names = [*((kind, NAME) for kind in kinds), ("ConfigMap", NAME), ("Secret", KEY_SECRET)]
    names.append(("ConfigMap", SIGNERS))
    return [f"{kind} {name}" for kind, name in names if kube.exists(kind, namespace, name)]


@dataclass(frozen=True)
class World:
    """`environment` has an agent with its real Role; its CronJob is suspended: tests run it."""

    article: Article
    kube: Kube
    gitops: Gitops
    environment: str
    kubeconfig: Path

    def run(self, *options: str, env: str | None = None) -> Ran:
        """Run the agent once, as its pod would."""
        name = env or self.environment
        arguments = ["--repo", str(self.article.remote), "--env", name, *options]
        return self.gitops("agent", "run", *arguments, "--kubeconfig", str(self.kubeconfig))

    def status(self) -> Mapping[str, str]:
        """Return what the agent wrote last."""
        config = self.kube.get("ConfigMap", self.environment, NAME)
        data: Mapping[str, str] = config.get("data") or {}
        return data

    def images(self) -> dict[str, str]:
        """Return what the Deployments' templates name."""
        found = self.kube.find("Deployment", self.environment)
        return {
            item["metadata"]["name"]: item["spec"]["template"]["spec"]["containers"][0]["image"]
            for item in found
        }

    def events(self) -> list[str]:
        """Return the reasons of the agent's Events, oldest first."""
        found = self.kube.find("Event", self.environment)
        mine = [event for event in found if event.get("source", {}).get("component") == NAME]
        # Not by time: that has whole seconds, and several runs go into one.
        mine.sort(key=lambda event: int(event["metadata"]["resourceVersion"]))
        return [event["reason"] for event in mine]


def build_world(
    control_plane: ControlPlane,
    kube: Kube,
    article: Article,
    gitops: Gitops,
    tmp_path: Path,
    **more: Any,
) -> World:
    """Deploy the article's development environment and install an agent there."""
    environment = article.environment("development")
    deploy(kube, article, environments=[environment], without_pods=UNSEEN)
    apply(kube, manifests_yaml(manifests(spec_of(environment, **more))))
    kube.patch("CronJob", environment, NAME, {"spec": {"suspend": True}})
    kubeconfig = write_kubeconfig(
        tmp_path / "agent.kubeconfig",
        url=control_plane.url,
        ca_file=control_plane.ca_file,
        token=kube.token(environment, NAME),
    )
    return World(article, kube, gitops, environment, kubeconfig)
