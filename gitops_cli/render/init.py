"""Show a new state repository and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from gitops_cli.domain.recorded.blueprint import Blueprint
from gitops_cli.render.view import Line, Records, Style, View, verbatim


def view(
    blueprint: Blueprint,
    files: Mapping[str, str],
    *,
    directory: Path,
    branch: str,
    commit: str,
    remote: str | None,
) -> View:
    """Return what was made."""
    return View(
        "init",
        {
            "directory": str(directory),
            "branch": branch,
            "commit": commit,
            "environments": [
                {"environment": name, "images_path": images_path}
                for name, images_path in blueprint.environments.items()
            ],
            "files": sorted(files),
        },
        (
            Line(f"Made {directory} with {', '.join(blueprint.environments)}.", Style.GOOD),
            *(verbatim(step) for step in _steps(blueprint, directory, branch, remote)),
        ),
        records=Records(
            "environments",
            "environment images_path directory branch commit",
            "{environment}",
        ),
    )


def _steps(blueprint: Blueprint, directory: Path, branch: str, remote: str | None) -> Iterator[str]:
    project = "" if len(blueprint.projects) == 1 else f" -p {blueprint.projects[0]}"
    yield ""
    yield "Next:"
    if directory.absolute() != Path.cwd():
        yield f"  cd {shlex.quote(str(directory))}"
    if remote is None:
        yield "  git remote add origin URL"
    yield f"  git push -u origin {shlex.quote(branch)}"
    yield f"  gitops set SERVICE=HASH -e {blueprint.stages[0]}{project} --new"
    yield "  gitops status"
