"""`gitops validate`."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.options import Images, Limit
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import ExitCode, worst
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.findings import Finding, Severity
from gitops_cli.domain.recorded.validation import Validation
from gitops_cli.operations.images import MissingImage, exit_code, image_findings, missing_images
from gitops_cli.operations.validate import validate_repository
from gitops_cli.render.validate import github_commands, gitlab_report, view


class Annotations(StrEnum):
    """Where findings are to appear beside the changed lines."""

    GITHUB = "github"
    GITLAB = "gitlab"
    NONE = "none"


@command
def validate(
    session: Session,
    staged: Annotated[
        bool, typer.Option("--staged", help="Judge what is staged, as a pre-commit hook must.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Let warnings fail it as errors do.")
    ] = False,
    images: Images = False,
    schema: Annotated[
        bool,
        typer.Option(
            "--schema/--no-schema",
            help="Hold objects of manifests against the fields that Kubernetes has.",
        ),
    ] = True,
    annotations: Annotated[
        Annotations | None,
        typer.Option(
            help="`github`: also annotate the lines (by itself in GitHub Actions); "
            "`gitlab`: write a Code Quality report to stdout.",
            show_default=False,
        ),
    ] = None,
    timeout: Limit = None,
) -> None:
    """Find what is wrong: versions, paths, locks, manifests, gitops.toml. Exit 1 on errors.

    Examples:
    gitops validate
    gitops validate --annotations gitlab > gl-code-quality-report.json
    """
    session.limits.begin(timeout)
    missing: list[MissingImage] = []

    def ask(snapshot: Snapshot) -> list[Finding]:
        missing.extend(missing_images(session.registries, snapshot) if images else ())
        return image_findings(missing)

    session.state.has_told = True  # of gitops.toml, as of all else, the findings do
    found = validate_repository(
        session.state, staged=staged, now=session.now(), schema=schema, more=ask
    )
    _show(session, found, annotations)
    failed = found.count(Severity.ERROR) or (strict and found.findings)
    session.finish(worst((ExitCode.NO if failed else ExitCode.OK, exit_code(missing))))


def _show(session: Session, found: Validation, annotations: Annotations | None) -> None:
    if annotations is Annotations.GITLAB:
        session.output.print_report(gitlab_report(found.findings))
        return
    session.show(view(found))
    here = Annotations.GITHUB if os.environ.get("GITHUB_ACTIONS") == "true" else Annotations.NONE
    if (annotations or here) is Annotations.GITHUB:
        session.output.print_commands(github_commands(found.findings))
