"""Pipelines for services: build HEAD, push its image, record its hash. The text is package data."""

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
# What the recipes say where nobody said more; each stands in every recipe.
_REPOSITORY = "git@example.com:acme/environments-state.git"
_REGISTRY = "registry.example.com"
_STAGE = "--env development"
# What needs no quotes in YAML, Groovy and shell. Anything else, the reader fills in.
_PLAIN = re.compile(r"[A-Za-z0-9@:/._~+-]+\Z")


def recipe_files(
    forge: Pipelines,
    *,
    repository: str | None = None,
    registry: str | None = None,
    stage: str | None = None,
) -> dict[str, str]:
    """Return path and content of the pipeline for each service; none for Pipelines.NONE."""
    name = _FILES.get(forge)
    if name is None:
        return {}
    text = (_FOLDER / name).read_text()
    if repository and _PLAIN.match(repository):
        text = text.replace(_REPOSITORY, repository)
    text = text.replace(_REGISTRY, registry or _REGISTRY)
    text = text.replace(_STAGE, f"--env {stage}" if stage else _STAGE)
    return {f"{FOLDER}/{name}": text}
