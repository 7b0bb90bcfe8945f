"""Pipelines, whose text is package data: of the state repository itself, and for services."""

from __future__ import annotations

import re
from pathlib import Path

from gitops_cli.domain.recorded.blueprint import Pipelines

FOLDER = "service-pipelines"
_FOLDER = Path(__file__).parents[1] / "recipes"
_FILES = {
    Pipelines.GITHUB: "github.yml",
    Pipelines.GITLAB: "gitlab.yml",
    Pipelines.JENKINS: "Jenkinsfile",
    Pipelines.SHELL: "release.sh",
}
_OF_STATE = {
    Pipelines.GITHUB: {
        ".github/workflows/validate.yml": "github-validate.yml",
        ".github/workflows/deploy.yml": "github-deploy.yml",
        ".github/workflows/drift.yml": "github-drift.yml",
    },
    Pipelines.GITLAB: {
        ".gitlab-ci.yml": "gitlab-ci.yml",
        ".gitlab/deploy.yml": "gitlab-deploy.yml",
    },
}
# What the recipes say where nobody said more; each stands in every recipe.
_REPOSITORY = "git@example.com:acme/environments-state.git"
_REGISTRY = "registry.example.com"
_STAGE = "--env development"
# What needs no quotes in YAML, Groovy and shell. Anything else, the reader fills in.
_PLAIN = re.compile(r"[A-Za-z0-9@:/._~+-]+\Z")


def state_pipelines(forge: Pipelines) -> dict[str, str]:
    """Return path and content of the state repository's own: checks, deployments, drift."""
    files = _OF_STATE.get(forge, {})
    return {path: (_FOLDER / "state" / name).read_text() for path, name in files.items()}


def recipe_files(
    forge: Pipelines,
    *,
    repository: str | None = None,
    registry: str | None = None,
    stage: str | None = None,
) -> dict[str, str]:
    """Return path and content of the pipeline for each service, which builds HEAD, pushes its image
    and records its hash; none for Pipelines.NONE.
    """
    name = _FILES.get(forge)
    if name is None:
        return {}
    text = (_FOLDER / name).read_text()
    if repository and _PLAIN.match(repository):
        text = text.replace(_REPOSITORY, repository)
    text = text.replace(_REGISTRY, registry or _REGISTRY)
    text = text.replace(_STAGE, f"--env {stage}" if stage else _STAGE)
    return {f"{FOLDER}/{name}": text}
